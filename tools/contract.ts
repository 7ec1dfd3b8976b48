/** What other programs hold on to, entry by entry, and what the changelog has to say when one changes. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import { DATABASE_VARIABLES, LOG_VARIABLES, VENDOR_VARIABLES } from '../src/config/environment.js';
import { MONITOR_VARIABLES } from '../src/config/monitor-settings.js';
import { WEBHOOK_VARIABLES } from '../src/config/webhook-settings.js';
import { BATCH_ITEM_STATES, batchWorkflowId } from '../src/contract/batch.js';
import { EVENT } from '../src/contract/erase-event.js';
import { ERROR_CLASSES, EXIT } from '../src/contract/error-classes.js';
import { canonicalJson } from '../src/contract/identity.js';
import {
  ACTIVITY,
  ACTIVITY_ID,
  BATCH_UPDATE,
  MEMO,
  PHASE,
  QUERY,
  QUEUE,
  REQUIRED_SEARCH_ATTRIBUTES,
  REVIEW_UPDATE,
  SEARCH_ATTRIBUTE,
  type SearchAttributeKey,
  UPDATE,
  WORKFLOW,
  watchWorkflowId,
} from '../src/contract/names.js';
import { RECIPE_NAMES } from '../src/contract/recipes.js';
import * as errors from '../src/errors.js';
import { LedgerGauges } from '../src/metrics/ledger-gauges.js';
import { WorkerMetrics } from '../src/metrics/worker-metrics.js';
import { ERROR_CODES, NETWORK_CODES } from '../src/tencent-vod/error-codes.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What an entry is called, such as `update retry` → what it is, as a short text or the hash of a long one. */
export type Contract = Readonly<Record<string, string>>;

/** contract.lock.json: the contract as it was last released. */
export interface ContractLock {
  /** Heading of that release in the changelog; null: before the first one. */
  release: string | null;
  /** Paragraphs of the changelog that speak of what is in `entries` already, by their hashes. */
  told: string[];
  entries: Contract;
}

/** As the code has it now. */
export async function contractNow(): Promise<Contract> {
  const entries: Record<string, string> = {};
  const add = (kind: string, name: string, what: unknown = '') => {
    const key = `${kind} ${name}`;
    const text = typeof what === 'string' ? what : hash(canonicalJson(what));
    // One code may stand in several rows: for reads, for submits.
    entries[key] = key in entries && entries[key] !== text ? `${entries[key]}; ${text}` : text;
  };
  for (const name of Object.values(WORKFLOW)) add('workflow', name);
  for (const name of Object.values(QUEUE)) add('queue', name);
  for (const name of Object.values(ACTIVITY)) add('activity', name);
  for (const name of Object.values(ACTIVITY_ID)) add('activity id', name);
  for (const name of Object.values({ ...UPDATE, ...REVIEW_UPDATE })) add('update', name);
  for (const name of Object.values(BATCH_UPDATE)) add('update of a batch', name);
  for (const name of Object.values(QUERY)) add('query', name);
  for (const name of Object.values(MEMO)) add('memo', name);
  for (const [key, name] of Object.entries(SEARCH_ATTRIBUTE)) {
    const required = REQUIRED_SEARCH_ATTRIBUTES.includes(key as SearchAttributeKey);
    add('search attribute', name, required ? 'Keyword, required' : 'Keyword');
  }
  add('workflow id', watchWorkflowId(0));
  add('workflow id', batchWorkflowId('ID'));
  for (const name of Object.values(PHASE)) add('phase', name);
  for (const name of BATCH_ITEM_STATES) add('state of an item', name);
  for (const name of Object.values(EVENT)) add('event', name);
  for (const name of RECIPE_NAMES) add('recipe', name);
  for (const [name, { onSubmit, onRead, exitCode }] of Object.entries(ERROR_CLASSES)) {
    add('error class', name, `submit: ${onSubmit}, read: ${onRead}, exit code ${exitCode}`);
  }
  for (const { code, class: errorClass, only } of [...ERROR_CODES, ...NETWORK_CODES]) {
    add('vendor code', code, only === undefined ? errorClass : `${errorClass} (${only})`);
  }
  for (const code of ownCodes()) add('code', code);
  for (const [name, code] of Object.entries(EXIT)) add('exit code', String(code), name);
  for (const name of Object.keys(errors).filter((each) => each.endsWith('Error'))) add('error', name);
  for (const [name, shape] of settings()) add('setting', name, shape);
  for (const [name, shape] of await metrics()) add('metric', name, shape);
  for (const [name, target] of entryPoints()) add('entry point', name, target);
  for (const file of readdirSync(join(ROOT, 'schema'))) {
    add('schema', file, JSON.parse(readFileSync(join(ROOT, 'schema', file), 'utf8')));
  }
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Codes that are ours, not the vendor's, wherever the source gives one by name. */
function ownCodes(): string[] {
  const folders = ['activities', 'backlog', 'client', 'config', 'contract', 'workflows'].map((name) =>
    join(ROOT, 'src', name),
  );
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const sources = [...files, join(ROOT, 'src', 'errors.ts')].filter((file) => file.endsWith('.ts'));
  const found = sources.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...text.matchAll(/(?:\bcode: |\bconst [A-Z_]+ = )'([A-Z][a-z]+(?:[A-Z][a-z]+)*)'/g)].map(
      ([, code]) => code,
    );
  });
  return [...new Set(found as string[])];
}

/** Environment variables, and what each is when it is not set. */
function settings(): (readonly [string, string])[] {
  const groups = [DATABASE_VARIABLES, LOG_VARIABLES, VENDOR_VARIABLES, WEBHOOK_VARIABLES, MONITOR_VARIABLES];
  return groups.flatMap((group) =>
    Object.entries(group.shape).map(([name, schema]) => {
      const { success, data } = (schema as z.ZodType).safeParse(undefined);
      if (!success) return [name, 'required'] as const;
      return [name, data === undefined ? 'not set' : `default ${JSON.stringify(data)}`] as const;
    }),
  );
}

/** Our series with their labels, from the very objects that a worker answers with. */
async function metrics(): Promise<(readonly [string, string])[]> {
  const { registry } = new WorkerMetrics({ submitsPerSecond: 1 });
  const nothing = { count: 0, oldestSeconds: 0 };
  const state = {
    ...{ breakers: [], holds: [], outcomes: [], caps: [], batches: [], batchItems: [], latePhases: [] },
    ...{ asOf: new Date(0), sending: nothing, unread: nothing, forgotten: 0, watchAgeSeconds: 0, throttledSeconds: 0 },
    spentUsd: { day: 0, total: 0 },
  };
  const gauges = new LedgerGauges(registry, { read: async () => state }, 0);
  await gauges.refresh();
  return labelled(registry).filter(([name]) => name.startsWith('smart_erase_'));
}

function labelled(registry: Registry): (readonly [string, string])[] {
  return registry.getMetricsAsArray().map((metric) => {
    const { name, type, labelNames = [] } = metric as unknown as { name: string; type?: string; labelNames?: string[] };
    return [name, `${type ?? metric.constructor.name.toLowerCase()} {${[...labelNames].sort().join(',')}}`] as const;
  });
}

function entryPoints(): (readonly [string, string])[] {
  const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { exports, bin } = JSON.parse(text) as { exports: Record<string, unknown>; bin: Record<string, string> };
  const programs = Object.entries(bin).map(([name, target]) => [`bin ${name}`, target] as const);
  return [...Object.entries(exports).map(([name, target]) => [name, canonicalJson(target)] as const), ...programs];
}

/** Sentences, one for each change that the changelog does not tell. Empty when all is well. */
export function untold(lock: ContractLock, now: Contract, changelog: string): string[] {
  const told = contractParagraphs(changelog).filter((paragraph) => !lock.told.includes(hash(paragraph)));
  const isTold = (entry: string) => told.some((paragraph) => paragraph.includes(`\`${entry}\``));
  return changes(lock.entries, now)
    .filter(({ entry }) => !isTold(entry))
    .map(
      ({ entry, what }) =>
        `\`${entry}\` ${what}, and nothing in CHANGELOG.md says so. Where that is meant, add under "Unreleased" a paragraph ` +
        `that begins with **Contract** or has it, names \`${entry}\`, and says what callers have to do.`,
    );
}

/** What differs from the last release. */
export function changes(before: Contract, now: Contract): { entry: string; what: string }[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].sort().flatMap((entry) => {
    const [was, is] = [before[entry], now[entry]];
    if (was === is) return [];
    if (was === undefined) return [{ entry, what: 'is new' }];
    if (is === undefined) return [{ entry, what: 'is gone' }];
    return [{ entry, what: `was "${was}" and is "${is}"` }];
  });
}

/** Of the unreleased section: each paragraph or item that says **Contract**, in one line. */
export function contractParagraphs(changelog: string): string[] {
  const [, unreleased = ''] = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? [];
  return unreleased
    .split(/\n\s*\n|\n(?=- )/)
    .filter((paragraph) => paragraph.includes('**Contract**'))
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim());
}

/** The newest release that the changelog has a section for; null before the first one. */
export function newestRelease(changelog: string): string | null {
  return /^## (\d\S*)/m.exec(changelog)?.[1] ?? null;
}

export function lockOf(now: Contract, changelog: string): ContractLock {
  return {
    release: newestRelease(changelog),
    told: contractParagraphs(changelog).map((paragraph) => hash(paragraph)),
    entries: now,
  };
}

function hash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 16);
}
