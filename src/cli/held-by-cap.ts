import type { EraseHandle } from '../client.js';
import { EraseError } from '../errors.js';

/** Interval of cap checks, in milliseconds. */
const LOOK_EVERY_MS = 3_000;

/** The error of class `cap` while a cap holds the erase; else null. */
export async function capHolding(handle: EraseHandle): Promise<EraseError | null> {
  const { held } = await handle.status();
  if (held?.class !== 'cap') return null;
  const { message, code, requestId } = held;
  return new EraseError('cap', message, { code, requestId, workflowId: handle.workflowId });
}

/**
 * Calls `onCapped` once a cap holds every open erase: only an operator can let them continue, so waiting is pointless.
 *
 * @param open the erases that have not ended
 * @returns stops the checks
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

/** Null at the first erase that is not held: each check costs a query to a worker. */
async function allHeld(handles: readonly EraseHandle[]): Promise<Map<string, EraseError> | null> {
  const held = new Map<string, EraseError>();
  for (const handle of handles) {
    const cap = await capHolding(handle);
    if (cap === null) return null;
    held.set(handle.workflowId, cap);
  }
  return held.size === 0 ? null : held;
}
