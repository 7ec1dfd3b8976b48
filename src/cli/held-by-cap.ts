import type { EraseHandle } from '../client.js';
import { EraseError } from '../errors.js';

/** How often those who wait look for a cap, in milliseconds. */
const LOOK_EVERY_MS = 3_000;

/** Why the erase waits, when it waits for a cap to be raised; else null. */
export async function capHolding(handle: EraseHandle): Promise<EraseError | null> {
  const { held } = await handle.status();
  if (held?.class !== 'cap') return null;
  const { message, code, requestId } = held;
  return new EraseError('cap', message, { code, requestId, workflowId: handle.workflowId });
}

/**
 * Calls `onCapped` once every erase that has not ended is held by a cap: nothing goes on then without an operator, and
 * whoever waits would wait for ever.
 *
 * @param open those that have not ended
 * @returns stops looking
 */
export function watchForCap(
  open: () => readonly EraseHandle[],
  onCapped: (held: ReadonlyMap<string, EraseError>) => void,
): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    const held = await allHeld(open()).catch(() => null);
    if (stopped) return;
    if (held !== null) onCapped(held);
    else timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Null as soon as one of them can go on: each look is a question to a worker. */
async function allHeld(handles: readonly EraseHandle[]): Promise<Map<string, EraseError> | null> {
  const held = new Map<string, EraseError>();
  for (const handle of handles) {
    const cap = await capHolding(handle);
    if (cap === null) return null;
    held.set(handle.workflowId, cap);
  }
  return held.size === 0 ? null : held;
}
