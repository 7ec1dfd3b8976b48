import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { databaseAddress, secretsOfDatabaseUrl, shownDatabase } from '../../src/config/database-address.js';

const folder = mkdtempSync(join(tmpdir(), 'database-url-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const read = (text: string, env: NodeJS.ProcessEnv = {}) => {
  const address = databaseAddress(text, env);
  if ('problems' in address) throw new Error(address.problems.join('; '));
  return address;
};
const problems = (text: string, env: NodeJS.ProcessEnv = {}) => {
  const address = databaseAddress(text, env);
  return 'problems' in address ? address.problems : [];
};
const DB = { user: 'u', hosts: [{ host: 'host', port: 5432 }], database: 'db' };

describe('a password that nobody encoded', () => {
  it.each([
    ['p@ss#word', 'p@ss#word'],
    ['p@ss/word', 'p@ss/word'],
    ['p@s@s/w@rd', 'p@s@s/w@rd'],
    ['a/b', 'a/b'],
    ['1/2', '1/2'],
    ['12#3', '12#3'],
    ['p?q', 'p?q'],
    ['12?q', '12?q'],
    ['p?q=1', 'p?q=1'],
    ['a:b:c', 'a:b:c'],
    ['50%', '50%'],
    ['100%sure', '100%sure'],
    ['a b', 'a b'],
    ['a+b', 'a+b'],
    ['a&b=c;d', 'a&b=c;d'],
    ['it\'s"', 'it\'s"'],
    ['[x]', '[x]'],
    ['密码', '密码'],
    ['a\\b|c^d`e{f}', 'a\\b|c^d`e{f}'],
    // Encoded, as the standard has it.
    ['p%40ss%2Fw%3Fo%23r%25d%20x', 'p@ss/w?o#r%d x'],
    ['p%23x@y', 'p#x@y'],
  ])('%s is read as it is meant', (written, meant) => {
    for (const tail of ['host/db', 'host:5432/db?sslmode=disable', 'host/db?application_name=a@b']) {
      expect(read(`postgresql://u:${written}@${tail}`)).toMatchObject({ ...DB, password: meant });
    }
  });

  it.each([
    'postgresql://u:se%40cr%et@host/db',
    'postgresql://u:se%ffcret@host/db',
    'postgresql://u:secret/1@host/my@db',
    'postgresql://u:secret@host:port/db',
    'postgresql://u:secret',
    'postgresql://u:secret?secret=1',
    'postgresql://u:secret@ho st/db',
    'postgresql://u:secret@host:99999/db',
  ])('%s is refused, and nothing of it is shown', (text) => {
    const told = problems(text);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/percent-encode|%/i);
    expect(told.join()).not.toMatch(/secret|se%|cr%|cret|99999|ho st/);
    expect(shownDatabase(text)).not.toMatch(/secret|cret/);
  });
});

describe('an address as other programs write it', () => {
  it.each([
    ['"postgresql://u:secret@host/db"', /quote/],
    ["'postgresql://u:secret@host/db'", /quote/],
    ['“postgresql://u:secret@host/db”', /quote/],
    [' postgresql://u:secret@host/db', /blank/],
    ['postgresql://u:secret@host/db\r', /line end/],
    ['postgresql://u:sec\u0000ret@host/db', /control/],
    ['postgresql+asyncpg://u:secret@host/db', /SQLAlchemy.*postgresql:\/\//],
    ['jdbc:postgresql://host/db?user=u&password=secret', /JDBC/],
    ['mysql://u:secret@host/db', /begins with mysql/],
    ['https://host/db', /begins with https/],
    ['postgres:/host/db', /slash/],
    ['u:secret@host/db', /begins with postgresql:\/\//],
    ['host/db', /begins with postgresql:\/\//],
    ['postgresql://u:secret@host', /names no database/],
    ['postgresql://u:secret@host/', /names no database/],
    ['postgresql://u:secret@host/db?sslmod=require', /the parameter sslmod, .*sslmode/],
    ['postgresql://host/db?ssl_mode=require', /the parameter ssl_mode/],
    ['postgresql://u:secret@host/db?sslmode=on', /the sslmode on: it must be one of disable,/],
    ['postgresql://u:secret@h1,h2/db?port=1,2,3', /3 ports for 2 hosts/],
    ['postgresql://u:secret@h1,h2/db?target_session_attrs=standby', /has to be written/],
    ['postgresql://u:secret@host/db?client_encoding=LATIN1', /UTF8/],
    [
      'postgresql://u:secret@host/db?sslrootcert=/no/such/file&sslmode=verify-full',
      /sslrootcert=\/no\/such\/file .ENOENT/,
    ],
    ['postgresql://u:secret@host/db?sslmode=verify-ca', /sslrootcert=FILE/],
    ['postgresql://u:secret@host/db?sslcert=/no/such/file', /sslcert without sslkey/],
    ['host=h user=u password=secret', /names no database/],
    ["host=h user=u password='secret dbname=db", /quote a value/],
    ['host=h usr=u dbname=db password=secret', /the parameter usr, .*user/],
  ])('%s is told in one sentence', (text, sentence) => {
    const told = problems(text);
    expect(told.join('; ')).toMatch(sentence);
    expect(told.join()).not.toContain('secret');
  });

  it('may be what psql takes: sockets, several hosts, keywords', () => {
    const socket = { hosts: [{ host: '/var/run/postgresql', port: 5432 }], database: 'db' };
    expect(read('postgresql:///db?host=/var/run/postgresql')).toMatchObject(socket);
    expect(read('postgresql://%2Fvar%2Frun%2Fpostgresql/db')).toMatchObject(socket);
    expect(read('postgresql://u@%2Ftmp:5433/db').hosts).toEqual([{ host: '/tmp', port: 5433 }]);
    expect(read('postgresql://u:p@h1:5432,h2:5433,[::1]/db').hosts).toEqual([
      { host: 'h1', port: 5432 },
      { host: 'h2', port: 5433 },
      { host: '::1', port: 5432 },
    ]);
    expect(read('postgresql://u:p@h1,h2/db?target_session_attrs=read-write').writable).toBe(true);
    expect(read('postgresql://h1,h2/db?target_session_attrs=any').writable).toBe(false);
    expect(read('postgresql://h/db').writable).toBe(false);
    const keywords = "host=h port=5433 user=u password='p\\'w x' dbname=db sslmode=require";
    expect(read(keywords)).toMatchObject({ password: "p'w x", hosts: [{ host: 'h', port: 5433 }], database: 'db' });
    expect(shownDatabase(keywords)).toBe('postgresql://u@h:5433/db');
    expect(shownDatabase('postgresql://u:p@/db?host=/tmp&port=5433')).toBe('postgresql://u@/db?host=/tmp&port=5433');
  });

  it('gets what it leaves out from the variables of psql, and nothing from those where it says it itself', () => {
    const env = {
      PGUSER: 'eu',
      PGPASSWORD: 'ep',
      PGHOST: 'eh',
      PGPORT: '5433',
      PGDATABASE: 'ed',
      PGSSLMODE: 'disable',
    };
    expect(read('postgresql://', env)).toMatchObject({
      user: 'eu',
      password: 'ep',
      hosts: [{ host: 'eh', port: 5433 }],
      database: 'ed',
      tls: { mode: 'disable' },
    });
    const own = read('postgresql://u:p@h:1/db?sslmode=require', env);
    expect(own).toMatchObject({ user: 'u', password: 'p', hosts: [{ host: 'h', port: 1 }], database: 'db' });
    expect(own.tls.mode).toBe('require');
    expect(secretsOfDatabaseUrl('postgresql://u:p@h/db', env)).toContain('ep');
  });

  it('names a schema in the words of each program', () => {
    const options = '-c search_path=erase';
    for (const query of [
      'options=-c%20search_path%3Derase',
      'options=-c+search_path=erase',
      'schema=erase',
      'currentSchema=erase',
      'search_path=erase',
    ]) {
      expect(read(`postgresql://h/db?${query}`).options).toBe(options);
    }
    expect(read('postgresql://h/db?pgbouncer=true&connection_limit=1&channel_binding=require').options).toBeUndefined();
  });
});

describe('TLS', () => {
  const verified = (query: string, env: NodeJS.ProcessEnv = {}) => {
    const { options } = read(`postgresql://h/db?${query}`, env).tls;
    if (options === false) return 'none';
    if (options.rejectUnauthorized !== true) return 'encrypted';
    return options.checkServerIdentity === undefined ? 'authority and name' : 'authority';
  };
  const ca = file('ca.pem', '-----BEGIN CERTIFICATE-----\n');

  it('means what it means to psql', () => {
    expect(verified('sslmode=disable')).toBe('none');
    for (const query of [
      '',
      'sslmode=allow',
      'sslmode=prefer',
      'sslmode=require',
      'sslmode=no-verify',
      'ssl=no-verify',
    ]) {
      expect(verified(query), query).toBe('encrypted');
    }
    for (const query of ['sslmode=verify-full', 'ssl=true', 'sslmode=verify-full&sslrootcert=system']) {
      expect(verified(query), query).toBe('authority and name');
    }
    expect(verified('', { PGSSLMODE: 'verify-full' })).toBe('authority and name');
    expect(verified('sslmode=require&uselibpqcompat=true')).toBe('encrypted');
  });

  it('looks at certificates and keys before it is needed', () => {
    const der = file('ca.der', '\u0001\u0002');
    expect(problems(`postgresql://h/db?sslmode=verify-full&sslrootcert=${der}`).join()).toMatch(/not in PEM/);
    expect(problems(`postgresql://h/db?sslmode=require&sslcert=${ca}&sslkey=${ca}`).join()).toMatch(
      /do not fit together/,
    );
  });
});
