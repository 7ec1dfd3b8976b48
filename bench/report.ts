import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rounded } from './measure/numbers.js';

export type Figures = Record<string, number | string | null>;

export interface Check {
  what: string;
  kept: boolean;
}

/** One line of the table: what was run, what was measured, and what had to hold. */
export interface Row {
  group: string;
  name: string;
  figures: Figures;
  /** Hard: one that is broken fails the run. Empty for a peer. */
  promises: Check[];
  /** Speed, for a quiet machine: broken ones fail the run only with `--strict`. */
  goals: Check[];
}

export interface Report {
  date: string;
  /** What was asked for, as on the command line. */
  settings: Figures;
  node: string;
  cores: number;
  /** Of the machine over the minute before the run began. */
  loadBefore: number;
  rows: Row[];
}

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

export function newReport(settings: Figures): Report {
  const load = rounded(loadavg()[0] ?? 0) ?? 0;
  return {
    date: new Date().toISOString(),
    settings,
    node: process.version,
    cores: cpus().length,
    loadBefore: load,
    rows: [],
  };
}

/** @returns the path of the file, in bench/results */
export function writeReport(report: Report, name: string): string {
  mkdirSync(RESULTS, { recursive: true });
  const path = join(RESULTS, `${report.date.slice(0, 19).replaceAll(':', '')}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

/** The whole report as one table, a group after the other. */
export function tableOf(report: Report): string {
  const groups = [...new Set(report.rows.map(({ group }) => group))];
  const parts = groups.map((group) => {
    const rows = report.rows.filter((row) => row.group === group);
    // Few programs with many figures read better the other way round.
    return `${group}\n${grid(group === 'peers' ? turned(cellsOf(rows)) : cellsOf(rows))}`;
  });
  const heading = `node ${report.node}, ${report.cores} cores, load ${report.loadBefore} before the run`;
  return [heading, ...parts].join('\n\n');
}

function cellsOf(rows: readonly Row[]): string[][] {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const lines = rows.map(({ name, figures }) => [name, ...names.map((each) => shown(figures[each]))]);
  return [['', ...names], ...lines];
}

/** A note can be long; the JSON has all of it. */
const WIDEST = 40;

function shown(value: number | string | null | undefined): string {
  const text = value === null || value === undefined ? '–' : String(value);
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text;
}

function turned(cells: readonly string[][]): string[][] {
  return (cells[0] ?? []).map((_, column) => cells.map((line) => line[column] ?? ''));
}

function grid(cells: readonly string[][]): string {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const line = (some: readonly string[]) =>
    some.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return cells.map((each) => `  ${line(each)}`.trimEnd()).join('\n');
}

/** One sentence for each promise that was broken, and each goal that was missed. */
export function brokenOf(report: Report): { promises: string[]; goals: string[] } {
  const told = (kind: 'promises' | 'goals') =>
    report.rows.flatMap((row) =>
      row[kind].filter(({ kept }) => !kept).map(({ what }) => `${row.group}, ${row.name}: not kept: ${what}`),
    );
  return { promises: told('promises'), goals: told('goals') };
}
