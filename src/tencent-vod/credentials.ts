import { readCredentialFile } from '../config/credential-file.js';
import { keyPairOf, keyPairProblem } from '../config/vendor-credentials.js';
import type { CredentialSource, Credentials, FoundCredentials } from './credential-source.js';
import { MachineRole } from './machine-role.js';
import { PodRole } from './pod-role.js';

export interface CredentialProvider {
  /**
   * Null when it has none. May refresh them; is asked before every call.
   * @throws CredentialsAwayError when there are none at the moment, which may pass
   */
  getCredential(): Promise<Credentials | null>;
}

/** There are no credentials at the moment. Nothing can have been sent. */
export class CredentialsAwayError extends Error {
  override readonly name = 'CredentialsAwayError';
}

/** They are not used in their last seconds, in milliseconds: a call is on its way for as long, and a late one trips the breaker. */
const LAST_MOMENTS_MS = 10_000;
/** New ones are asked for so long before the end, in milliseconds, or in the second half of their time if that is shorter. */
const AHEAD_MS = 600_000;
/** The sources are left alone for so long after a failure, in milliseconds: while there are old ones, and else. */
const AGAIN_MS = 5_000;
const AGAIN_WITHOUT_MS = 1_000;
/**
 * "None" for as long as this, in milliseconds, is no passing trouble any more. Ours: a machine that starts, or a metadata
 * service that restarts, has its answer well before.
 */
export const LASTING_MS = 300_000;
/** Two failures further apart than this, in milliseconds, are not one trouble: between them nothing was asked. */
const SAME_TROUBLE_MS = 120_000;
/** A file is read again after this, in milliseconds, and what it had is used for as long as the second when it is gone. */
const FILE_AGAIN_MS = 10_000;
const FILE_HOLDS_MS = 60_000;

export interface ChainOptions {
  /** Sources, in this order. Default: the credential file, the role of the machine, the role of the pod. */
  sources?: readonly CredentialSource[];
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * The SDK's own chain: environment, credential file, role of the machine, role of the pod. Its `DefaultCredentialProvider`
 * prints stack traces, has no time limit, keeps a failed role for ever and lets every caller ask by itself.
 */
export function sdkCredentialChain(
  environment: NodeJS.ProcessEnv = process.env,
  { sources = [new CredentialFile(), new MachineRole(), new PodRole()], now = Date.now }: ChainOptions = {},
): CredentialProvider {
  const refreshed = new RefreshedCredentials(sources, now);
  return { getCredential: async () => keyPairOf(environment) ?? (await refreshed.get()) };
}

type Held = Required<FoundCredentials>;

/** One request for all callers, ahead of the end of what it brought before; a failed one has no effect while that holds. */
class RefreshedCredentials {
  #held: Held | null = null;
  /** What gave the last ones. Another role may lack the rights: no other is asked while this one may come back. */
  #from: CredentialSource | null = null;
  #asking: Promise<void> | null = null;
  #againAt = 0;
  #trouble: { since: number; last: number; why: string } | null = null;

  constructor(
    private readonly sources: readonly CredentialSource[],
    private readonly now: () => number,
  ) {}

  async get(): Promise<Credentials> {
    const held = this.#held;
    if (held !== null && held.until - LAST_MOMENTS_MS > this.now()) {
      if (held.refreshAt <= this.now()) void this.#refresh();
      return held.credentials;
    }
    await this.#refresh();
    if (this.#held !== null && this.#held.until > this.now()) return this.#held.credentials;
    throw this.#noneError();
  }

  #refresh(): Promise<void> {
    if (this.#asking === null && this.#againAt <= this.now()) {
      this.#asking = this.#ask().finally(() => {
        this.#asking = null;
      });
    }
    return this.#asking ?? Promise.resolve();
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const whys: string[] = [];
    const asked = this.#from === null ? this.sources : [this.#from, ...this.sources.filter((s) => s !== this.#from)];
    for (const source of asked) {
      try {
        const found = await source.ask();
        if (found === null) whys.push(`${source.name} has none`);
        else return this.#take(source, found);
      } catch (error) {
        whys.push(`${source.name} ${wordsOf(error)}`);
        if (source === this.#from) break;
      }
    }
    const now = this.now();
    const holds = this.#held !== null && this.#held.until > now;
    this.#againAt = now + (holds ? AGAIN_MS : AGAIN_WITHOUT_MS);
    if (holds) return;
    const before = this.#trouble;
    const since = before !== null && now - before.last <= SAME_TROUBLE_MS ? before.since : now;
    this.#trouble = { since, last: now, why: whys.join('; ') };
    if (this.#lasts()) this.#from = null;
  }

  #take(source: CredentialSource, found: FoundCredentials): void {
    const now = this.now();
    const problem = keyPairProblem(found.credentials);
    if (problem !== null) throw new Error(`gave what cannot be used: ${problem}`);
    if (found.until <= now) throw new Error('gave some that have ended');
    this.#held = { ...found, refreshAt: found.refreshAt ?? found.until - Math.min(AHEAD_MS, (found.until - now) / 2) };
    this.#againAt = now + AGAIN_WITHOUT_MS;
    this.#from = source;
    this.#trouble = null;
  }

  #lasts(): boolean {
    return this.#trouble !== null && this.#trouble.last - this.#trouble.since >= LASTING_MS;
  }

  /** What has lasted is a matter of the settings; before, it may pass. */
  #noneError(): Error {
    const why = this.#trouble?.why ?? 'none was found';
    if (!this.#lasts()) return new CredentialsAwayError(why);
    return new Error(`${why}; so for ${LASTING_MS / 60_000} minutes and more`);
  }
}

/** The credential file of the vendor's SDKs. Read again and again: who changes it need not start anything anew. */
class CredentialFile implements CredentialSource {
  readonly name = 'the credential file';

  async ask(): Promise<FoundCredentials | null> {
    const found = readCredentialFile();
    if (found === null) return null;
    const { file: _file, ...credentials } = found;
    const now = Date.now();
    return { credentials, until: now + FILE_HOLDS_MS, refreshAt: now + FILE_AGAIN_MS };
  }
}

/** The errno where there is one: its text may be longer than what it says. */
function wordsOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return `cannot be reached (${code})`;
  return typeof message === 'string' && message !== '' ? message : 'cannot be asked';
}
