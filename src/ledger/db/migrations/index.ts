import type { Migration } from 'kysely';
import * as books from './0001-books.js';
import * as breakerAndHolds from './0002-breaker-and-holds.js';
import * as costsAndCaps from './0003-costs-and-caps.js';
import * as watch from './0004-watch.js';
import * as pace from './0005-pace.js';
import * as batches from './0006-batches.js';
import * as monitoring from './0007-monitoring.js';
import * as runPhases from './0008-run-phases.js';
import * as reasons from './0009-reasons.js';
import * as distances from './0010-distances.js';
import * as crossings from './0011-crossings.js';
import * as breakers from './0012-breakers.js';
import * as backlogs from './0013-backlogs.js';
import * as rateLimit from './0014-rate-limit.js';

/**
 * Every migration in order. The names are stored in the database: never rename one that was released. None has a
 * way down: the ledger is never thrown away, and a backup is restored instead.
 */
export const MIGRATIONS: Record<string, Migration> = {
  '0001-books': books,
  '0002-breaker-and-holds': breakerAndHolds,
  '0003-costs-and-caps': costsAndCaps,
  '0004-watch': watch,
  '0005-pace': pace,
  '0006-batches': batches,
  '0007-monitoring': monitoring,
  '0008-run-phases': runPhases,
  '0009-reasons': reasons,
  '0010-distances': distances,
  '0011-crossings': crossings,
  '0012-breakers': breakers,
  '0013-backlogs': backlogs,
  '0014-rate-limit': rateLimit,
};
