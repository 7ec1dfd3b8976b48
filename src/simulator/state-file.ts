import {
  closeSync,
  createReadStream,
  createWriteStream,
  ftruncateSync,
  openSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CallDetail } from './call-log.js';
import type { Media } from './media-library.js';
import { lockHolder, lockOf, takeLock } from './state-lock.js';
import type { Task } from './task.js';

export interface SavedState {
  ageMs: number;
  tasks: Task[];
  media: Media[];
  calls: CallDetail[];
}

/** The simulator's persistent state. Each write completes before it returns, so that a killed process loses nothing. */
export interface StateStore {
  load(): SavedState;
  saveTask(task: Task): void;
  saveMedia(media: Media[]): void;
  deleteMedia(subAppId: number, fileId: string): void;
  saveCall(call: CallDetail): void;
  saveAge(ageMs: number): void;
  close(): void;
}

export const memoryOnly: StateStore = {
  load: () => ({ ageMs: 0, tasks: [], media: [], calls: [] }),
  saveTask() {},
  saveMedia() {},
  deleteMedia() {},
  saveCall() {},
  saveAge() {},
  close() {},
};

/** Raise it when a stored shape changes, so that older files are refused instead of misread. */
const FORMAT = 1;

/** The first line of a journal, which identifies its format. */
interface Header {
  simulatorState: number;
}

/** Every other line. One call's changes are one line, so that a kill keeps all of them or none. */
type Change =
  | { task: Task }
  | { media: Media[] }
  | { removed: { subAppId: number; fileId: string } }
  | { call: CallDetail }
  | { ageMs: number };

/** A journal of JSON lines, compacted at each start and appended to afterwards. */
export async function openStateFile(path: string): Promise<StateStore> {
  const holder = lockHolder(path);
  if (holder !== null) {
    throw new Error(
      `The state file ${path} is in use by process ${holder}. Give another path, or end that process. If it is no simulator, remove ${lockOf(path)}.`,
    );
  }
  let unlock: (() => void) | undefined;
  try {
    unlock = takeLock(path);
    const saved = await readJournal(path);
    await writeJournal(path, saved);
    return appendTo(path, saved, unlock);
  } catch (cause) {
    unlock?.();
    throw new Error(
      `The state file ${path} cannot be opened: ${(cause as Error).message}. Give another path, or remove it.`,
      { cause },
    );
  }
}

function appendTo(path: string, saved: SavedState, unlock: () => void): StateStore {
  const file = openSync(path, 'a');
  let { size } = statSync(path);
  let open = true;
  const append = (change: Change) => {
    // After the close, the descriptor may belong to another file.
    if (!open) return;
    const line = Buffer.from(lineOf(change));
    try {
      // The page cache survives a killed process, so no write needs to wait for the disk.
      writeFileSync(file, line);
    } catch (error) {
      // A full disk may leave a partial line, which must be removed before the next one.
      ftruncateSync(file, size);
      throw error;
    }
    size += line.length;
  };
  return {
    load: () => saved,
    saveTask: (task) => append({ task }),
    saveMedia: (media) => append({ media }),
    deleteMedia: (subAppId, fileId) => append({ removed: { subAppId, fileId } }),
    saveCall: (call) => append({ call }),
    saveAge: (ageMs) => append({ ageMs }),
    close: () => {
      if (!open) return;
      open = false;
      closeSync(file);
      unlock();
    },
  };
}

async function readJournal(path: string): Promise<SavedState> {
  const tasks = new Map<number, Task>();
  const media = new Map<string, Media>();
  const calls: CallDetail[] = [];
  let ageMs = 0;
  let first = true;
  for await (const line of completeLines(path)) {
    const entry = parsed(line);
    if (first) checkHeader(entry);
    else if ('task' in entry) tasks.set(entry.task.seq, entry.task);
    else if ('media' in entry) for (const item of entry.media) media.set(mediaKey(item), item);
    else if ('removed' in entry) media.delete(mediaKey(entry.removed));
    else if ('call' in entry) calls.push(entry.call);
    else if ('ageMs' in entry) ageMs = entry.ageMs;
    first = false;
  }
  if (first && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) throw new Error(NOT_OURS);
  return { ageMs, tasks: [...tasks.values()], media: [...media.values()], calls };
}

const mediaKey = ({ subAppId, fileId }: { subAppId: number; fileId: string }) => `${subAppId}/${fileId}`;

const NOT_OURS = 'it is not a journal of the simulator';

function parsed(line: string): Header | Change {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === 'object' && entry !== null) return entry as Header | Change;
  } catch {}
  throw new Error(NOT_OURS);
}

function checkHeader(entry: Header | Change): void {
  if (!('simulatorState' in entry)) throw new Error(NOT_OURS);
  const { simulatorState: format } = entry;
  if (format !== FORMAT) throw new Error(`it has format ${format}, and this version writes ${FORMAT}`);
}

/** All complete lines; a killed process may have left a partial one. Empty when there is no file. */
async function* completeLines(path: string): AsyncGenerator<string> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const end = chunk.lastIndexOf('\n');
    if (end === -1) {
      rest += chunk;
      continue;
    }
    yield* (rest + chunk.slice(0, end)).split('\n');
    rest = chunk.slice(end + 1);
  }
}

/** Written to a temporary file and renamed, so that a kill leaves the old journal or the new one. */
async function writeJournal(path: string, saved: SavedState): Promise<void> {
  const fresh = `${path}.new`;
  try {
    await pipeline(Readable.from(linesOf(saved)), createWriteStream(fresh, { flush: true }));
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

function* linesOf({ ageMs, tasks, media, calls }: SavedState): Generator<string> {
  yield lineOf({ simulatorState: FORMAT });
  yield lineOf({ ageMs });
  for (const task of tasks) yield lineOf({ task });
  for (const item of media) yield lineOf({ media: [item] });
  for (const call of calls) yield lineOf({ call });
}

const lineOf = (entry: Header | Change) => `${JSON.stringify(entry)}\n`;
