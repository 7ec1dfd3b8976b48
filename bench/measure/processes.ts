import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/<pid>/stat: 100 on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;
const KB_PER_MB = 1_024;

/** The most memory that a process ever held, in MB (VmHWM); null when it is gone or the system has no /proc. */
export function peakMegabytes(pid: number): number | null {
  return statusField(pid, 'VmHWM');
}

/** What it holds now, in MB (VmRSS). */
export function residentMegabytes(pid: number): number | null {
  return statusField(pid, 'VmRSS');
}

function statusField(pid: number, name: string): number | null {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readProc(pid, 'status') ?? '');
  return found === null ? null : Number(found[1]) / KB_PER_MB;
}

/** CPU seconds that it has used so far, in user and system time. */
export function cpuSeconds(pid: number): number | null {
  // After the name, which is in brackets and may have blanks in it, come the state and then 10 fields before utime.
  const fields = readProc(pid, 'stat')?.split(') ').at(-1)?.split(' ');
  if (fields === undefined) return null;
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A server of many processes that share memory, such as PostgreSQL: its proportional share (Pss), in MB. */
export function proportionalMegabytes(parentPid: number): number | null {
  let sum: number | null = null;
  for (const pid of [parentPid, ...childrenOf(parentPid)]) {
    const kb = /^Pss:\s+(\d+) kB/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1];
    if (kb !== undefined) sum = (sum ?? 0) + Number(kb) / KB_PER_MB;
  }
  return sum;
}

export function childrenOf(parentPid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(parentPid)], { encoding: 'utf8' });
  return stdout.split(/\s+/).filter(Boolean).map(Number);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Follows processes that come and go, and keeps the largest sum of their peaks at any one time. */
export class MemoryWatch {
  private largest: number | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly measure: () => number | null,
    everyMs = 1_000,
  ) {
    this.timer = setInterval(() => this.look(), everyMs);
  }

  look(): void {
    const now = this.measure();
    if (now !== null) this.largest = Math.max(this.largest ?? 0, now);
  }

  /** The last sample, and the largest of all, in MB. */
  stop(): number | null {
    this.look();
    clearInterval(this.timer);
    return this.largest;
  }
}

export function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}
