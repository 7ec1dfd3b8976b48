import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type OwnedProcess, type ProcessEnd, startProcess } from '../../src/local/owned-process.js';
import type { Reaper } from '../../src/local/stack/reaper.js';

export interface ContainerSpec {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Of the service: `unless-stopped`, or `on-failure:10`. */
  readonly restart: string;
  readonly stopSignal: NodeJS.Signals;
  readonly stopGraceMs: number;
  /** argv of the health check. */
  readonly health?: readonly string[];
  readonly onLine: (line: string) => void;
}

/** The container engine waits 100 ms before it starts again, and doubles that each time up to a minute. */
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 60_000;
/** … and begins anew after a run of this length. */
const GOOD_RUN_MS = 10_000;
const SHOWN_LINES = 6;
const SHOWN_CHARACTERS = 300;
const HEALTH_TIMEOUT_MS = 10_000;

/** As the kernel tells them: an init has one, the program. */
function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}

/** A process that is started, checked, started again and stopped as the container engine would do it. */
export class NativeContainer {
  private current: OwnedProcess | undefined;
  private stopping = false;
  /** How often it was started again. */
  restarts = 0;
  /** Settles when it has ended for good. */
  readonly ended: Promise<ProcessEnd>;

  private constructor(
    readonly spec: ContainerSpec,
    private readonly reaper: Reaper,
  ) {
    this.ended = this.run();
  }

  static start(spec: ContainerSpec, reaper: Reaper): NativeContainer {
    return new NativeContainer(spec, reaper);
  }

  get pid(): number | undefined {
    return this.current?.hasEnded() ? undefined : this.current?.pid;
  }

  lastLines(): string {
    const lines = this.current?.lastLines().slice(-SHOWN_LINES) ?? [];
    return lines.map((line) => line.slice(0, SHOWN_CHARACTERS)).join(' | ');
  }

  private async run(): Promise<ProcessEnd> {
    const [, tries] = /^on-failure:(\d+)$/.exec(this.spec.restart) ?? [];
    let waitMs = FIRST_RESTART_MS;
    for (;;) {
      const startedAt = Date.now();
      const end = await this.once();
      const again = tries === undefined ? true : end.code !== 0 && this.restarts < Number(tries);
      if (this.stopping || !again) return end;
      if (Date.now() - startedAt > GOOD_RUN_MS) waitMs = FIRST_RESTART_MS;
      await delay(waitMs);
      if (this.stopping) return end;
      waitMs = Math.min(2 * waitMs, LONGEST_RESTART_MS);
      this.restarts += 1;
    }
  }

  private async once(): Promise<ProcessEnd> {
    const { name, argv, env, cwd, uid, gid, stopSignal, onLine } = this.spec;
    const [command = '', ...args] = argv;
    this.current = await startProcess({
      name,
      command,
      args,
      env,
      cwd,
      uid,
      gid,
      onLine,
      onSpawn: (pid) => this.reaper.add(pid, stopSignal),
      onExit: (pid) => this.reaper.remove(pid),
    });
    return this.current.ended;
  }

  /** Without a word, as a crash of its machine would. With the first process of a container the others are killed, too. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    const { pid } = this;
    if (pid === undefined) return;
    const others = signal === 'SIGKILL' ? childrenOf(pid) : [];
    for (const each of [...others, pid]) process.kill(each, signal);
  }

  async isHealthy(): Promise<boolean> {
    const [command, ...args] = this.spec.health ?? [];
    if (command === undefined || this.pid === undefined) return this.pid !== undefined;
    const { env, cwd } = this.spec;
    return new Promise((resolve) => {
      execFile(command, args, { env, cwd, timeout: HEALTH_TIMEOUT_MS }, (error) => resolve(error === null));
    });
  }

  /** @returns how it ended, and how long that took in milliseconds */
  async stop(): Promise<ProcessEnd & { tookMs: number }> {
    this.stopping = true;
    const startedAt = Date.now();
    const { stopSignal: signal, stopGraceMs: graceMs } = this.spec;
    await this.current?.stop({ signal, graceMs });
    return { ...(await this.ended), tookMs: Date.now() - startedAt };
  }
}
