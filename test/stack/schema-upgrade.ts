import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Claims } from './claims.js';
import { NativeStack, type NativeStackOptions } from './native-stack.js';

/** Schema versions: what server 1.29 left, the first that docker-compose.yml had, and what the server of now needs. */
const SCHEMA: readonly { database: string; name: string; before: string; now: string }[] = [
  { database: 'temporal', name: 'postgresql/v12/temporal', before: '1.18', now: '1.19' },
  { database: 'temporal_visibility', name: 'postgresql/v12/visibility', before: '1.9', now: '1.14' },
];

/** A volume of the first docker-compose.yml under the one of now: the schema is brought up by itself, and the server starts on it. */
export async function checkSchemaUpgrade(options: NativeStackOptions, claims: Claims): Promise<void> {
  const folder = join(options.folder, 'upgrade');
  await mkdir(folder);
  const stack = await NativeStack.create({ ...options, folder });
  try {
    await stack.up('postgresql');
    await stack.healthy('postgresql');
    const env = stack.serviceEnvironment('temporal-schema');
    for (const { database, name, before } of SCHEMA) {
      const tool = (...args: string[]) =>
        promisify(execFile)('temporal-sql-tool', ['--database', database, ...args], { env });
      await tool('setup-schema', '--version', '0.0');
      await tool('update-schema', '--schema-name', name, '--version', before);
    }
    const before = await versions(stack);
    await stack.up('temporal');
    await stack.healthy('temporal');
    const now = await versions(stack);
    const well = SCHEMA.every((each, at) => before[at] === each.before && now[at] === each.now);
    claims.hold('the server starts on a volume with the schema of 1.29, which is brought up first', well, {
      before,
      now,
    });
  } finally {
    await stack.down();
  }
}

async function versions(stack: NativeStack): Promise<string[]> {
  const found: string[] = [];
  for (const { database } of SCHEMA) {
    const client = new pg.Client({ connectionString: stack.databaseUrl(database) });
    await client.connect();
    try {
      const { rows } = await client.query<{ curr_version: string }>('select curr_version from schema_version');
      found.push(...rows.map(({ curr_version }) => curr_version));
    } finally {
      await client.end();
    }
  }
  return found;
}
