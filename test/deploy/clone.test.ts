import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CR = 13;
/** git's mode of a symbolic link, which Windows does not make without more rights; and of a program. */
const MODE = { link: '120000', program: '100755' } as const;
/** Windows opens a device under these names, whatever their ending. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Windows has 260 characters for a whole path; half of them are left to the folder of the clone. */
const LONGEST_PATH = 130;
/** Text that is better with CRLF; a shell of Windows reads it. */
const FOR_WINDOWS = /\.(bat|cmd)$/;

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', args, { cwd, encoding: 'utf8', env: withoutGit(), maxBuffer: 1e8 });

/** A hook of git, or a worktree, would point these at another repository. */
function withoutGit(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  return { ...Object.fromEntries(kept), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}

interface Tracked {
  mode: string;
  path: string;
}

/** A folder that came as an archive has nothing to clone. */
const isClone = existsSync(join(ROOT, '.git'));
const tracked: Tracked[] = (isClone ? git(ROOT, 'ls-files', '--stage', '-z') : '')
  .split('\0')
  .filter((line) => line !== '')
  .map((line) => ({ mode: line.slice(0, 6), path: line.slice(line.indexOf('\t') + 1) }));
const scripts = tracked.filter(({ path }) => path.endsWith('.sh') || path === '.ci/run');

const folder = mkdtempSync(join(tmpdir(), 'clone-'));
const source = join(folder, 'source');

/** A repository of what stands in the index, so that a change is tried before it is committed. */
beforeAll(() => {
  if (!isClone) return;
  mkdirSync(source);
  git(source, 'init', '--quiet');
  git(ROOT, 'checkout-index', '--all', '--force', `--prefix=${source}/`);
  git(source, '-c', 'core.autocrlf=false', 'add', '--all', '--force');
  git(source, '-c', 'user.name=a', '-c', 'user.email=a@example.test', 'commit', '--quiet', '--message', 'all');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(isClone).each([
  ['as Git for Windows is installed: core.autocrlf = true', ['core.autocrlf=true']],
  ['core.eol = crlf', ['core.eol=crlf', 'core.autocrlf=false']],
  ['core.autocrlf = input, and no executable bits', ['core.autocrlf=input', 'core.fileMode=false']],
])('a clone, %s', (_name, settings) => {
  const clone = join(folder, String(settings).replace(/\W+/g, '-'));

  beforeAll(() => {
    mkdirSync(clone);
    const options = settings.flatMap((setting) => ['--config', setting]);
    git(clone, 'clone', '--quiet', ...options, source, 'copy');
  });

  it('has no CR in any text', () => {
    const withCr = git(join(clone, 'copy'), 'ls-files', '--eol')
      .split('\n')
      .filter((line) => /w\/(crlf|mixed)/.test(line) && !FOR_WINDOWS.test(line));
    expect(withCr).toEqual([]);
    for (const { path } of scripts) expect(readFileSync(join(clone, 'copy', path)).includes(CR), path).toBe(false);
  });

  it('has pictures and films as they were', () => {
    for (const { path } of tracked.filter((file) => /\.(png|mp4)$/.test(file.path))) {
      expect(readFileSync(join(clone, 'copy', path)).equals(readFileSync(join(ROOT, path))), path).toBe(true);
    }
  });

  it('has nothing to commit', () => {
    expect(git(join(clone, 'copy'), 'status', '--porcelain')).toBe('');
  });
});

describe.runIf(isClone)('what is tracked', () => {
  it('has names that every system can write', () => {
    const bad = tracked.filter(({ path }) => {
      const parts = path.split('/');
      const unfit = parts.some((part) => DEVICE.test(part) || /[<>:"\\|?*\p{Cc}]|[. ]$/u.test(part));
      return unfit || path.length > LONGEST_PATH || path !== path.normalize('NFC');
    });
    expect(bad).toEqual([]);
  });

  it('has no two names that differ by case alone', () => {
    const seen = new Map<string, string>();
    const twice: string[] = [];
    for (const { path } of tracked) {
      // Folders count: two that differ by case are one on a Mac.
      const parts = path.split('/');
      parts.forEach((_, at) => {
        const name = parts.slice(0, at + 1).join('/');
        const other = seen.get(name.toLowerCase());
        if (other !== undefined && other !== name) twice.push(`${other}, ${name}`);
        seen.set(name.toLowerCase(), name);
      });
    }
    expect(twice).toEqual([]);
  });

  it('has no symbolic links, and marks as programs what begins as one', () => {
    expect(tracked.filter(({ mode }) => mode === MODE.link)).toEqual([]);
    const programs = tracked.filter(({ mode }) => mode === MODE.program).map(({ path }) => path);
    expect(programs.toSorted()).toEqual(scripts.map(({ path }) => path).toSorted());
    for (const path of programs) expect(readFileSync(join(ROOT, path), 'utf8'), path).toMatch(/^#!\/(bin|usr\/bin)\//);
  });
});

/** What the image of each script has beside its shell. With busybox come more, but none of them is needed. */
const RUNS: { script: string; shell: string[]; programs: string[]; env: Record<string, string>; calls: RegExp[] }[] = [
  {
    script: 'deploy/temporal-schema.sh',
    shell: ['/bin/sh'],
    programs: ['temporal-sql-tool'],
    env: {},
    calls: [
      /^temporal-sql-tool --database temporal setup-schema --version 0\.0$/,
      /^temporal-sql-tool --database temporal update-schema --schema-name postgresql\/v12\/temporal$/,
      /^temporal-sql-tool --database temporal_visibility setup-schema --version 0\.0$/,
      /^temporal-sql-tool --database temporal_visibility update-schema --schema-name postgresql\/v12\/visibility$/,
    ],
  },
  {
    script: 'deploy/temporal-namespace.sh',
    shell: ['/bin/sh'],
    programs: ['temporal'],
    env: { TEMPORAL_NAMESPACE: 'media', NAMESPACE_RETENTION: '30d', FAILS: 'describe' },
    calls: [
      /^temporal operator namespace describe --namespace media$/,
      /^temporal operator namespace create --namespace media --retention 30d$/,
    ],
  },
  {
    script: 'deploy/postgres/create-databases.sh',
    shell: ['/bin/bash', '--norc'],
    programs: ['psql'],
    env: { POSTGRES_USER: 'postgres', TEMPORAL_DB_PASSWORD: 'one', LEDGER_DB_PASSWORD: 'two' },
    calls: [/^psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres -v temporal_password=one /],
  },
];

/** Runs a shell of a script's image in the Windows clone, with nothing on PATH but stand-ins that note how they are called. */
function runIn({ script, shell, programs, env }: (typeof RUNS)[number], args: string[]) {
  const bin = join(folder, `bin-${basename(script)}`);
  const log = join(bin, 'calls');
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
  for (const name of programs) {
    const note = `#!/bin/sh\necho "${name} $*" >>'${log}'\ncase "$*" in *"\${FAILS:-none}"*) exit 1 ;; esac\n`;
    writeFileSync(join(bin, name), note);
    chmodSync(join(bin, name), 0o755);
  }
  const [command = '', ...options] = shell;
  const cwd = join(folder, 'core-autocrlf-true', 'copy');
  const stdout = execFileSync(command, [...options, ...args], { cwd, env: { ...env, PATH: bin }, encoding: 'utf8' });
  return { stdout, calls: existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [] };
}

describe.runIf(isClone)('of a clone with core.autocrlf', () => {
  it.each(RUNS)('$script runs, with no program but those of its image', (run) => {
    const { calls } = runIn(run, [run.script]);
    expect(calls).toHaveLength(run.calls.length);
    for (const [at, call] of calls.entries()) expect(call).toMatch(run.calls[at] as RegExp);
  });

  it('what PostgreSQL runs changes nothing in a shell that reads it into itself, as that of the image may', () => {
    const run = RUNS.find(({ script }) => script.includes('postgres')) as (typeof RUNS)[number];
    const { stdout, calls } = runIn(run, ['-c', `before=$-; . ${run.script}; [ "$before" = "$-" ] && echo same`]);
    expect(calls).toHaveLength(run.calls.length);
    expect(stdout).toBe('same\n');
  });
});
