import type { CallDetail } from './call-log.js';
import type { Media } from './media-library.js';
import type { Task } from './task.js';

export interface SavedState {
  ageMs: number;
  tasks: Task[];
  media: Media[];
  calls: CallDetail[];
}

/** Where the simulator's memory is kept. Each write is done when it returns, so that a killed process loses nothing. */
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

/** Raise it when a stored shape changes: an older file is then refused instead of misread. */
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS tasks (seq INTEGER PRIMARY KEY, doc TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS media (sub_app_id INTEGER NOT NULL, file_id TEXT NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (sub_app_id, file_id));
  CREATE TABLE IF NOT EXISTS calls (seq INTEGER PRIMARY KEY, doc TEXT NOT NULL);
`;

export async function openStateFile(path: string): Promise<StateStore> {
  // Only loaded when a file is asked for: the driver is native code that most runs do not need.
  const { default: Database } = await import('libsql');
  let database: InstanceType<typeof Database>;
  try {
    database = new Database(path);
    // The system's page cache outlives a killed process, so no write needs to wait for the disk.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 2000');
    database.exec(SCHEMA);
  } catch (cause) {
    throw new Error(
      `The state file ${path} cannot be opened: ${(cause as Error).message}. Give another path, or remove it.`,
      { cause },
    );
  }
  const setting = database.prepare('SELECT value FROM settings WHERE name = ?');
  const putSetting = database.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
  const read = (name: string) => (setting.get(name) as { value: string } | undefined)?.value;
  const format = read('format');
  if (format !== undefined && Number(format) !== FORMAT) {
    database.close();
    throw new Error(
      `The state file ${path} has format ${format}, this version writes ${FORMAT}. Remove it to start anew.`,
    );
  }
  putSetting.run('format', String(FORMAT));

  const putTask = database.prepare('INSERT OR REPLACE INTO tasks (seq, doc) VALUES (?, ?)');
  const putMedia = database.prepare('INSERT OR REPLACE INTO media (sub_app_id, file_id, doc) VALUES (?, ?, ?)');
  const dropMedia = database.prepare('DELETE FROM media WHERE sub_app_id = ? AND file_id = ?');
  const putCall = database.prepare('INSERT INTO calls (doc) VALUES (?)');
  const docs = <T>(table: string, order: string) =>
    (database.prepare(`SELECT doc FROM ${table} ORDER BY ${order}`).all() as { doc: string }[]).map(
      ({ doc }) => JSON.parse(doc) as T,
    );
  const putAllMedia = database.transaction((media: Media[]) => {
    for (const item of media) putMedia.run(item.subAppId, item.fileId, JSON.stringify(item));
  });
  return {
    load: () => ({
      ageMs: Number(read('ageMs') ?? 0),
      tasks: docs<Task>('tasks', 'seq'),
      media: docs<Media>('media', 'rowid'),
      calls: docs<CallDetail>('calls', 'seq'),
    }),
    saveTask: (task) => void putTask.run(task.seq, JSON.stringify(task)),
    saveMedia: (media) => putAllMedia(media),
    deleteMedia: (subAppId, fileId) => void dropMedia.run(subAppId, fileId),
    saveCall: (call) => void putCall.run(JSON.stringify(call)),
    saveAge: (ageMs) => void putSetting.run('ageMs', String(ageMs)),
    close: () => void database.close(),
  };
}
