import { readCredentialFile } from '../config/credential-file.js';
import { keyPairOf, keyPairProblem } from '../config/vendor-credentials.js';
import type { CredentialSource, Credentials, FoundCredentials } from './credential-source.js';
import { MachineRole } from './machine-role.js';
import { PodRole } from './pod-role.js';

export interface CredentialProvider {
  /**
   * Null when there are none. Called before every call; may refresh them.
   * @throws CredentialsAwayError when they are temporarily unavailable
   */
  getCredential(): Promise<Credentials | null>;
}

/** Credentials are temporarily unavailable. Nothing was sent. */
export class CredentialsAwayError extends Error {
  override readonly name = 'CredentialsAwayError';
}

/** Credentials are not used for their last seconds, in milliseconds: a call takes as long, and a late one opens the breaker. */
const LAST_MOMENTS_MS = 10_000;
/** Refresh this long before the expiry, in milliseconds, or after half of the lifetime if that is later. */
const AHEAD_MS = 600_000;
/** Pause after a failed refresh, in milliseconds: while valid credentials remain, and without any. */
const AGAIN_MS = 5_000;
const AGAIN_WITHOUT_MS = 1_000;
/**
 * A failure lasting this long, in milliseconds, is permanent. Ours: a starting machine, or a restarting metadata service, answers
 * well before.
 */
export const LASTING_MS = 300_000;
/** Failures further apart than this, in milliseconds, are separate, since no call was made between them. */
const SAME_TROUBLE_MS = 120_000;
/** A file is read again after this, in milliseconds; if it has gone, its content remains valid for the second time. */
const FILE_AGAIN_MS = 10_000;
const FILE_HOLDS_MS = 60_000;

export interface ChainOptions {
  /** Sources in order of precedence. Default: the credential file, the machine's role, the pod's role. */
  sources?: readonly CredentialSource[];
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * Replaces the SDK's own chain: environment, credential file, machine role, pod role. The SDK's `DefaultCredentialProvider`
 * prints stack traces, has no timeout, keeps a failed role permanently, and lets concurrent callers refresh separately.
 */
export function sdkCredentialChain(
  environment: NodeJS.ProcessEnv = process.env,
  { sources = [new CredentialFile(), new MachineRole(), new PodRole()], now = Date.now }: ChainOptions = {},
): CredentialProvider {
  const refreshed = new RefreshedCredentials(sources, now);
  return { getCredential: async () => keyPairOf(environment) ?? (await refreshed.get()) };
}

type Held = Required<FoundCredentials>;

/** One refresh for all callers, ahead of the expiry; a failed one has no effect while the current credentials are valid. */
class RefreshedCredentials {
  #held: Held | null = null;
  /** Source of the last credentials. Another role may lack the rights, so no other source is used while this one may recover. */
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

  /** A lasting failure is a configuration error; a recent one may pass. */
  #noneError(): Error {
    const why = this.#trouble?.why ?? 'none was found';
    if (!this.#lasts()) return new CredentialsAwayError(why);
    return new Error(`${why}; so for ${LASTING_MS / 60_000} minutes and more`);
  }
}

/** The credential file of the vendor's SDKs. Read periodically, so that a change needs no restart. */
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

/** The errno where there is one, since the message may be longer without more information. */
function wordsOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return `cannot be reached (${code})`;
  return typeof message === 'string' && message !== '' ? message : 'cannot be asked';
}
