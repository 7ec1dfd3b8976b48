#!/usr/bin/env node
// `npm run pack:client [-- FOLDER]`: the client as a package of its own, for services that start erases: what dist/client.js reaches, and
// only the packages that this imports. FOLDER, by default the current one, gets the .tgz; its path is printed.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { build } from './build.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
export const CLIENT_PACKAGE = 'vod-smart-erase-client';
const ENTRIES = ['client.js', 'client.d.ts'];

/** Files below dist/ that the entries reach, and the packages that they import; a type counts as an import. */
function reach() {
  const files = new Set(ENTRIES.map((name) => join(DIST, name)));
  const packages = new Set();
  for (const file of files) {
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.')) {
        const path = resolve(dirname(file), fileName);
        files.add(file.endsWith('.d.ts') ? path.replace(/\.js$/, '.d.ts') : path);
      } else if (!fileName.startsWith('node:') && !builtinModules.includes(fileName)) {
        packages.add(fileName.split('/', fileName.startsWith('@') ? 2 : 1).join('/'));
      }
    }
  }
  return { files: [...files], packages: [...packages].sort() };
}

/** @param {string} folder gets the package @returns {string} path of the .tgz */
export function packClient(folder) {
  const staged = mkdtempSync(join(tmpdir(), 'smart-erase-client-'));
  try {
    const { files, packages } = reach();
    for (const file of files) {
      const to = join(staged, 'dist', relative(DIST, file));
      mkdirSync(dirname(to), { recursive: true });
      cpSync(file, to);
      if (existsSync(`${file}.map`)) cpSync(`${file}.map`, `${to}.map`);
    }
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const dependencies = Object.fromEntries(packages.map((name) => [name, versionOf(manifest, name)]));
    const { version, type, license, engines, exports } = manifest;
    const about = 'Starts and follows erases of vod-smart-erase from a service: no worker, no ledger, no vendor SDK.';
    const own = { name: CLIENT_PACKAGE, version, description: about, type, license, engines };
    const shape = { ...own, exports: { '.': exports['.'] }, files: ['dist'], dependencies };
    writeFileSync(join(staged, 'package.json'), `${JSON.stringify(shape, null, 2)}\n`);
    cpSync(join(ROOT, 'LICENSE'), join(staged, 'LICENSE'));
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', resolve(folder)];
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: staged, encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
    return join(resolve(folder), JSON.parse(stdout)[0].filename);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

function versionOf(manifest, name) {
  const version = manifest.dependencies[name];
  if (version === undefined) throw new Error(`The client imports ${name}, which package.json does not list.`);
  return version;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${packClient(process.argv[2] ?? '.')}\n`);
}
