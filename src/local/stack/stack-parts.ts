import type { EmbeddedPostgres } from '../embedded-postgres.js';
import type { OwnedProcess } from '../owned-process.js';
import type { DevServer } from '../temporal-dev-server.js';
import { type Reaper, startReaper } from './reaper.js';
import type { ReadyChild } from './start-child.js';

/** Shares of the 5 s in which `dev` must end, in milliseconds. Idle servers need 1.2 s. */
const STOP_GRACE_MS = { worker: 2_000, servers: 1_500, database: 1_000 } as const;
/** The started parts, and their stop order. */
export class StackParts {
  readonly reaper: Reaper = startReaper();
  readonly pids: Record<string, number> = {};
  readonly failed: Promise<string>;
  temporal?: DevServer;
  database?: EmbeddedPostgres;
  simulator?: ReadyChild;
  worker?: ReadyChild;
  unlock?: () => Promise<void>;
  private fail: (sentence: string) => void = () => undefined;
  private stopping?: Promise<void>;

  constructor(private readonly onLine?: (part: string, line: string) => void) {
    this.failed = new Promise((tell) => {
      this.fail = tell;
    });
  }

  /** Hooks that keep the reaper informed from the start of a process to its end. */
  hooks(part: string, signal: NodeJS.Signals = 'SIGTERM') {
    return {
      onSpawn: (pid: number) => this.reaper.add(pid, signal),
      onExit: (pid: number) => this.reaper.remove(pid),
      onLine: (line: string) => this.onLine?.(part, line),
    };
  }

  add(part: string, owned: OwnedProcess): void {
    this.pids[part] = owned.pid;
    void owned.ended.then(({ code, signal }) => {
      delete this.pids[part];
      if (this.stopping !== undefined) return;
      const name = owned.name.charAt(0).toUpperCase() + owned.name.slice(1);
      this.fail(`${name} ended by itself (${signal ?? `exit code ${code}`}): ${owned.lastLines().at(-1) ?? ''}`);
    });
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  private async stopInOrder(): Promise<void> {
    await this.worker?.process.stop({ graceMs: STOP_GRACE_MS.worker });
    await Promise.all([
      this.simulator?.process.stop({ graceMs: STOP_GRACE_MS.servers }),
      this.temporal?.process.stop({ graceMs: STOP_GRACE_MS.servers }),
    ]);
    await this.database?.stop({ graceMs: STOP_GRACE_MS.database });
    await this.unlock?.();
    await this.reaper.close();
  }
}
