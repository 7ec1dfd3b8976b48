/**
 * The reaper: outlives a killed `smart-erase dev` by a few seconds, and ends its children. It reads commands from stdin, one a line:
 * `add PID SIGNAL`, `remove PID`, `folder PATH`; the end of stdin means that its owner has ended.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Grace period before SIGKILL, in milliseconds: a server on a slow disk needs time to close its files. */
const GRACE_MS = 2_500;
const LOOK_EVERY_MS = 50;

/** The stop signal of each pid. */
const children = new Map<number, NodeJS.Signals>();
/** Temporary folders to remove. */
const folders: string[] = [];

const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  const [order, pid, signal = 'SIGTERM'] = line.split(' ');
  if (order === 'add') children.set(Number(pid), signal as NodeJS.Signals);
  if (order === 'remove') children.delete(Number(pid));
  if (order === 'folder') folders.push(line.slice('folder '.length));
});
orders.once('close', () => {
  for (const [pid, signal] of children) send(pid, signal);
  const deadline = performance.now() + GRACE_MS;
  const looking = setInterval(() => {
    for (const pid of children.keys()) if (!send(pid, 0)) children.delete(pid);
    if (children.size > 0 && performance.now() < deadline) return;
    for (const pid of children.keys()) send(pid, 'SIGKILL');
    clearInterval(looking);
    for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }, LOOK_EVERY_MS);
});

// It ends only after its owner: a Ctrl-C or a closed terminal reaches the owner, which then stops in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
