import { type Kysely, sql } from 'kysely';
import { toLedgerError } from '../db/ledger-error.js';
import type { LedgerDatabase } from '../db/schema.js';

/** What DescribeMediaInfos or SearchMedia returned for a file. Null: not given. */
export interface KnownMedia {
  fileId: string;
  /** Seconds. */
  durationSeconds: number | null;
  /** Pixels. */
  width: number | null;
  height: number | null;
}

/**
 * Lengths and sizes of files: read once, priced often. Knowledge, not state: it may be emptied at any time. Every method
 * throws a `LedgerError`.
 */
export interface MediaStore {
  /** Of these files those that are known, by FileId. */
  find(subAppId: number, fileIds: readonly string[]): Promise<Map<string, KnownMedia>>;
  /** The vendor just returned these files. Earlier values are replaced. */
  remember(subAppId: number, media: readonly KnownMedia[]): Promise<void>;
}

export function openMediaStore(db: Kysely<LedgerDatabase>): MediaStore {
  return {
    async find(subAppId, fileIds) {
      if (fileIds.length === 0) return new Map();
      try {
        const rows = await db
          .selectFrom('media')
          .select(['file_id', 'duration_seconds', 'width', 'height'])
          .where('sub_app_id', '=', String(subAppId))
          .where('file_id', 'in', [...fileIds])
          .execute();
        return new Map(
          rows.map(({ file_id: fileId, duration_seconds: durationSeconds, width, height }) => [
            fileId,
            { fileId, durationSeconds, width, height },
          ]),
        );
      } catch (error) {
        throw toLedgerError(error, 'look up what is known of media files');
      }
    },

    async remember(subAppId, media) {
      // One statement must not meet a row twice. In one order everywhere: two writers then never wait for each other.
      const rows = [...new Map(media.map((one) => [one.fileId, one])).values()].sort((a, b) =>
        a.fileId < b.fileId ? -1 : 1,
      );
      if (rows.length === 0) return;
      const whole = (value: number | null) => (value === null ? null : Math.round(value));
      try {
        await sql`
          insert into media (sub_app_id, file_id, duration_seconds, width, height, read_at)
          select ${String(subAppId)}::bigint, f.file_id, f.duration_seconds, f.width, f.height, clock_timestamp()
          from unnest(${rows.map((row) => row.fileId)}::text[], ${rows.map((row) => row.durationSeconds)}::float8[],
                      ${rows.map((row) => whole(row.width))}::integer[], ${rows.map((row) => whole(row.height))}::integer[])
            as f (file_id, duration_seconds, width, height)
          on conflict (sub_app_id, file_id) do update set
            duration_seconds = excluded.duration_seconds, width = excluded.width, height = excluded.height,
            read_at = excluded.read_at`.execute(db);
      } catch (error) {
        throw toLedgerError(error, 'remember media files');
      }
    },
  };
}
