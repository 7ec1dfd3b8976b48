import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { buildProgram } from '../../src/cli/program.js';
import { words } from './words.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const scripts = Object.keys((JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: object }).scripts);
interface ComposeFile {
  name: string;
  services: Record<string, { image?: string; build?: unknown }>;
}

/** Its tags (`!reset`) are for Compose only. */
const composeFile = (path: string) =>
  parse(readFileSync(ROOT + path, 'utf8'), { merge: true, logLevel: 'error' }) as ComposeFile;
const compose = composeFile('docker-compose.yml');

/** Of `docker compose`, what the pages use: flags, and those of them that take a value. */
const COMPOSE: Readonly<Record<string, { flags: string[]; values: string[] }>> = {
  up: { flags: ['-d', '--build', '--wait'], values: ['--scale'] },
  down: { flags: [], values: [] },
  build: { flags: [], values: [] },
  rm: { flags: ['--stop', '--force'], values: [] },
  run: { flags: ['--rm', '-T'], values: ['-e'] },
  exec: { flags: ['-T'], values: ['-u', '--index'] },
  ps: { flags: ['-a'], values: [] },
  logs: { flags: ['-f'], values: ['--tail', '--since'] },
  stop: { flags: [], values: [] },
  start: { flags: [], values: [] },
  restart: { flags: [], values: [] },
  pull: { flags: [], values: [] },
  config: { flags: ['--quiet'], values: [] },
};

/** What is wrong with a command that is not executed, in a sentence; null when nothing is. A mention may be cut short. */
export async function lint(text: string, temporalCli: string): Promise<string | null> {
  for (const part of text.split(' && ')) {
    const [program = '', ...args] = words(part);
    const problem = await lintOne(program, args, temporalCli);
    if (problem !== null) return problem;
  }
  return null;
}

async function lintOne(program: string, args: string[], temporalCli: string): Promise<string | null> {
  switch (program) {
    case 'smart-erase':
      return lintSmartErase(args);
    case 'npx':
      return lintNpx(args);
    case 'npm':
      return lintNpm(args);
    case 'node':
    case 'curl':
      return null;
    case 'docker':
      return lintDocker(args);
    case 'temporal':
      return lintTemporal(args, temporalCli);
    default:
      return `${program} is a program that this test does not know: teach test/docs/lint.ts what is right for it.`;
  }
}

function lintNpx(args: string[]): string | null {
  const [program = '', ...rest] = args;
  if (program === 'smart-erase') return lintSmartErase(rest);
  if (program === 'tsx') return existsSync(`${ROOT}${rest[0]}`) ? null : `there is no ${rest[0]}`;
  return existsSync(`${ROOT}node_modules/.bin/${program}`) ? null : `npx ${program}: there is no such program here`;
}

/** Scripts that exist, and paths of tests that do. */
function lintNpm(args: string[]): string | null {
  const [what = '', ...rest] = args.filter((arg) => !/^-s$|^--silent$/.test(arg));
  if (what === 'run') {
    const [script = ''] = rest;
    return scripts.includes(script) ? null : `package.json has no script ${script}; it has ${scripts.join(', ')}`;
  }
  if (what === 'test') {
    const missing = rest.filter((arg) => /^(test|src)\//.test(arg) && !existsSync(ROOT + arg));
    return missing.length === 0 ? null : `there is no ${missing.join(', ')}`;
  }
  return ['ci', 'install', 'pack'].includes(what) ? null : `npm ${what} is not known to this test`;
}

/** Commands and options of the real program; arguments that are left out are none of its business. */
export function lintSmartErase(args: string[]): string | null {
  let command: Command = buildProgram();
  const path = ['smart-erase'];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('-') && word !== '-') {
      const [flag = '', inlineValue] = word.split('=');
      const option = optionsOf(command).find((each) => each.short === flag || each.long === flag);
      if (option === undefined) return `${path.join(' ')} has no option ${flag}`;
      if ((option.required || option.optional) && inlineValue === undefined) {
        const value = rest.shift();
        const problem = value === undefined ? null : wrongValue(option, value);
        if (problem !== null) return problem;
      }
    } else if (command.commands.length > 0) {
      // `set|list|remove` names several at once.
      const found = word.split('|').map((name) => command.commands.find((each) => each.name() === name));
      const unknown = word.split('|').filter((_, index) => found[index] === undefined);
      if (unknown.length > 0) return `${path.join(' ')} has no command ${unknown.join(', ')}`;
      command = found[0] as Command;
      path.push(word);
    } else if (command.registeredArguments.length === 0) {
      return `${path.join(' ')} takes no argument ${word}`;
    }
  }
  return null;
}

function optionsOf(command: Command): Command['options'][number][] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...command.options, ...(command.parent ? optionsOf(command.parent) : [])];
}

function wrongValue(option: Command['options'][number], value: string): string | null {
  const choices = option.argChoices;
  if (choices !== undefined && !choices.includes(value))
    return `${option.long} is one of ${choices.join(', ')}, not ${value}`;
  // Words in capitals and `…` stand for something.
  if (option.parseArg === undefined || /^[A-Z_]+$|…/.test(value)) return null;
  try {
    option.parseArg(value, undefined);
    return null;
  } catch (error) {
    return `${option.long} ${value}: ${error instanceof Error ? error.message : error}`;
  }
}

function lintDocker(args: string[]): string | null {
  const [what = '', ...others] = args;
  if (what === 'compose') return lintCompose(others);
  const [sub = ''] = others;
  if (what === 'build') return existsSync(`${ROOT}Dockerfile`) ? null : 'there is no Dockerfile';
  if (what === 'restart') return lintContainer(sub);
  if (what === 'stats') return null;
  if (what === 'tag') return lintImage(sub);
  return `docker ${what} is not known to this test`;
}

function lintCompose(args: string[]): string | null {
  const given = [...args];
  const files: string[] = [];
  while (given[0] === '-f') files.push(...given.splice(0, 2).slice(1));
  const missing = files.find((path) => !existsSync(ROOT + path));
  if (missing !== undefined) return `there is no ${missing}`;
  const services =
    files.length === 0 ? compose.services : Object.assign({}, ...files.map((f) => composeFile(f).services));
  return lintSubcommand(given, files[files.length - 1] ?? 'docker-compose.yml', services);
}

function lintSubcommand(args: string[], file: string, services: ComposeFile['services']): string | null {
  const [sub = '', ...rest] = args;
  const known = COMPOSE[sub];
  if (known === undefined)
    return `docker compose ${sub} is not known to this test: add it to COMPOSE in test/docs/lint.ts`;
  while (rest.length > 0 && rest[0]?.startsWith('-')) {
    const [flag = '', inlineValue] = (rest.shift() ?? '').split('=');
    if (known.flags.includes(flag)) continue;
    if (!known.values.includes(flag)) return `docker compose ${sub} ${flag} is not known to this test`;
    const value = inlineValue ?? rest.shift() ?? '';
    if (flag === '--scale' && !/^[\w-]+=\d+$/.test(value)) return `--scale is SERVICE=NUMBER, not ${value}`;
    if (flag === '--scale') rest.push(value.split('=')[0] ?? '');
  }
  const [service, ...command] = rest;
  if (service === undefined) return null;
  const defined = services[service];
  if (defined === undefined) return `${file} has no service ${service}`;
  // Our image's entry point is the command line.
  if (sub === 'run' && defined.build !== undefined && command.length > 0) return lintSmartErase(command);
  return null;
}

function lintImage(image: string): string | null {
  const known = Object.values(compose.services).some((service) => service.image === image);
  return known ? null : `docker-compose.yml makes no image ${image}`;
}

/** Compose calls the second of a service `project-service-2`. */
function lintContainer(name: string): string | null {
  const known = Object.keys(compose.services).map((service) => `${compose.name}-${service}`);
  return known.includes(name.replace(/-\d+$/, '')) ? null : `docker-compose.yml makes no container ${name}`;
}

const helps = new Map<string, Promise<string>>();

/** Its own help names the commands and the flags. */
async function lintTemporal(args: string[], cli: string): Promise<string | null> {
  const path: string[] = [];
  for (const arg of args) {
    if (!/^[a-z][a-z-]*$/.test(arg)) break;
    path.push(arg);
  }
  const key = path.join(' ');
  const help = helps.get(key) ?? promisify(execFile)(cli, [...path, '--help']).then(({ stdout }) => stdout);
  helps.set(key, help);
  const text = await help.catch(() => '');
  if (!text.includes(`temporal ${key} `)) return `temporal has no command ${key}`;
  const flags = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.split('=')[0] ?? '');
  const unknown = flags.filter((flag) => !new RegExp(`${flag}\\b`).test(text));
  return unknown.length === 0 ? null : `temporal ${key} has no ${unknown.join(', ')}`;
}
