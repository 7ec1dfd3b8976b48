import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { credentialFileProblems, readCredentialFile } from '../../src/config/credential-file.js';
import { loadSettings } from '../../src/config/settings.js';
import { ConfigurationError } from '../../src/errors.js';

const BASE = {
  TEMPORAL_CONFIG_FILE: '/dev/null',
  DATABASE_URL: 'postgresql://books:hidden@db.example:5432/erase',
  TENCENTCLOUD_SECRET_ID: 'AKIDexample',
  TENCENTCLOUD_SECRET_KEY: 'hiddenkey',
};

const folder = mkdtempSync(join(tmpdir(), 'smart-erase-unfit-'));
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadSettings({ ...BASE, ...env });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
  return [];
}

/** Everything that is used as it stands. */
const VARIABLES: Record<string, string> = {
  TENCENTCLOUD_SECRET_ID: 'AKIDhidden',
  TENCENTCLOUD_SECRET_KEY: 'hiddenkey',
  TENCENTCLOUD_TOKEN: 'hiddentoken',
  TENCENTCLOUD_SESSION_TOKEN: 'hiddentoken',
  TENCENTCLOUD_SECURITY_TOKEN: 'hiddentoken',
  VOD_ENDPOINT: 'vod.hidden.example',
  VOD_PRICE_FILE: '/hidden/prices.json',
  TEMPORAL_ADDRESS: 'hidden.example:7233',
  TEMPORAL_NAMESPACE: 'hidden',
  TEMPORAL_API_KEY: 'hiddenkey',
  TEMPORAL_TLS: 'true',
  TEMPORAL_TLS_SERVER_NAME: 'hidden.example',
  TEMPORAL_TLS_CLIENT_CERT_PATH: '/hidden/client.pem',
  TEMPORAL_GRPC_META_TEAM: 'hidden',
  DATABASE_URL: 'postgresql://books:hidden@db.example:5432/erase',
  SMART_ERASE_PREFIX: 'hidden',
  SMART_ERASE_WEBHOOK_SECRETS: `shop=whsec_${Buffer.alloc(24, 'hidden').toString('base64')}`,
  SMART_ERASE_LOG_LEVEL: 'warn',
  SMART_ERASE_LOG_FORMAT: 'json',
  SMART_ERASE_METRICS_HOST: '127.0.0.1',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://hidden.example:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hidden',
};

describe.each(Object.entries(VARIABLES))('%s', (name, value) => {
  it.each([
    ['a line end behind it', `${value}\n`, 'ends with a line end'],
    ['a Windows line end', `${value}\r`, 'ends with a carriage return, as in files with Windows line ends'],
    ['CR LF', `${value}\r\n`, 'ends with a carriage return, as in files with Windows line ends'],
    ['a blank before it', ` ${value}`, 'begins with a blank'],
    ['a tab behind it', `${value}\t`, 'ends with a tab'],
    ['a no-break space', `${value}\u00a0`, 'ends with a blank (U+00A0)'],
    ['quotes', `"${value}"`, 'is in quotes: take them off'],
    ['single quotes and CR', `'${value}'\r`, 'is in quotes: take them off'],
    ['typographic quotes', `“${value}”`, 'is in quotes: take them off'],
    ['a quote that was not closed', `"${value}`, 'begins with a quote'],
    ['a line end in it', `${value.slice(0, 3)}\n${value.slice(3)}`, 'has a line end inside'],
    ['a zero-width space', `${value}\u200b`, 'has a character that cannot be seen (U+200B)'],
  ])('with %s is told by name, and is not shown', (_what, text, words) => {
    const problems = problemsOf({ [name]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} `));
    expect(problems[0]).toContain(words);
    expect(problems.join()).not.toMatch(/hidden|aGlkZGVu/);
  });
});

describe('what goes into a header or is an address', () => {
  it.each(['TENCENTCLOUD_SECRET_ID', 'TENCENTCLOUD_SECRET_KEY', 'TENCENTCLOUD_TOKEN', 'TEMPORAL_API_KEY'])(
    '%s is plain ASCII',
    (name) => {
      expect(problemsOf({ [name]: 'hid“den' })).toEqual([`${name} has a character outside of ASCII (U+201C)`]);
      expect(problemsOf({ [name]: 'hidé' })).toEqual([`${name} has a character outside of ASCII (U+00E9)`]);
      expect(problemsOf({ [name]: 'hid den' })).toEqual([`${name} has a blank inside`]);
      expect(problemsOf({ [name]: ' \n' })).toEqual([`${name} has nothing but blanks or line ends`]);
    },
  );
});

describe('what is right', () => {
  it.each([
    ['a number with a carriage return behind it', { VOD_SUB_APP_ID: '1500000001\r', VOD_SUBMIT_RPS: ' 10' }],
    ['a list of numbers with blanks', { VOD_ALLOWED_SUB_APP_IDS: '1500000001, 1500000002 ' }],
    ['a password with quotes inside', { DATABASE_URL: `postgresql://books:hid%20"den'@db.example/erase` }],
    ['a variable of somebody else', { TENCENTCLOUD_REGION: '"x"\n', TEMPORAL_CLI_NOTE: '"x"' }],
    ['one and the same token under two names', { TENCENTCLOUD_TOKEN: 't', TENCENTCLOUD_SESSION_TOKEN: 't' }],
  ])('%s is taken', (_what, env) => {
    expect(problemsOf(env)).toEqual([]);
  });
});

describe('the token of temporary credentials', () => {
  it.each(['TENCENTCLOUD_TOKEN', 'TENCENTCLOUD_SESSION_TOKEN', 'TENCENTCLOUD_SECURITY_TOKEN'])(
    'is read as %s',
    (name) => {
      expect(loadSettings({ ...BASE, [name]: 'tok' }).vendor.credentials?.token?.reveal()).toBe('tok');
      expect(problemsOf({ [name]: 'tok', TENCENTCLOUD_SECRET_ID: '', TENCENTCLOUD_SECRET_KEY: '' })).toEqual([
        `${name} is set without TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY`,
      ]);
    },
  );

  it('is a problem where two names have different ones', () => {
    expect(problemsOf({ TENCENTCLOUD_TOKEN: 'hidden1', TENCENTCLOUD_SECURITY_TOKEN: 'hidden2' })).toEqual([
      'TENCENTCLOUD_TOKEN and TENCENTCLOUD_SECURITY_TOKEN are different tokens: they mean the same, so set one of them',
    ]);
  });
});

describe("Temporal's own settings", () => {
  it('are told where they stand in its file', () => {
    const file = join(folder, 'temporal.toml');
    writeFileSync(file, '[profile.default]\naddress = "hidden:7233\\n"\napi_key = " hidden"\n');
    expect(problemsOf({ TEMPORAL_CONFIG_FILE: file })).toEqual([
      "In Temporal's configuration file, address ends with a line end",
      "In Temporal's configuration file, api_key begins with a blank",
    ]);
  });

  it('have TLS on or off, and nothing that is taken for off without a word', () => {
    expect(problemsOf({ TEMPORAL_TLS: 'yes' })).toEqual(['TEMPORAL_TLS must be true or false']);
    expect(problemsOf({ TEMPORAL_TLS: '0' })).toEqual([]);
  });

  it('have a client certificate with its key, or neither', () => {
    const path = join(folder, 'half.pem');
    writeFileSync(path, 'x');
    expect(problemsOf({ TEMPORAL_TLS_CLIENT_CERT_PATH: path })).toEqual([
      'TEMPORAL_TLS_CLIENT_CERT_PATH is set without the key that belongs to it',
    ]);
    expect(problemsOf({ TEMPORAL_TLS_CLIENT_CERT_PATH: path, TEMPORAL_TLS_CLIENT_KEY_PATH: path })).toEqual([
      'The client certificate or its key for Temporal is not PEM that can be read',
    ]);
  });

  it.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])('name %s when it cannot be read', (name) => {
    expect(problemsOf({ TEMPORAL_TLS: 'true', [name]: '/nowhere/ca.pem' })).toEqual([
      `${name} is /nowhere/ca.pem, which cannot be read`,
    ]);
    expect(problemsOf({ TEMPORAL_TLS: 'false', [name]: '/nowhere/ca.pem' })).toEqual([]);
  });

  it('name what has no CA certificate in it', () => {
    expect(problemsOf({ TEMPORAL_TLS: 'true', SSL_CERT_FILE: '/dev/null', SSL_CERT_DIR: '/nowhere' })).toEqual([
      'There are no CA certificates in SSL_CERT_FILE=/dev/null and SSL_CERT_DIR=/nowhere',
    ]);
  });
});

describe("the vendor's credential file", () => {
  const file = (text: string | Buffer) => {
    const path = join(mkdtempSync(join(folder, 'home-')), 'credentials');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
    return path;
  };

  it.each([
    ['plain', '[default]\nsecret_id = AKID\nsecret_key = key\n'],
    ['with Windows line ends', '[default]\r\nsecret_id = AKID\r\nsecret_key = key\r\n'],
    ['with a byte order mark', '\ufeff[default]\nsecret_id = AKID\nsecret_key = key\n'],
    ['with quotes, which belong to the file', '[default]\nsecret_id = "AKID"\nsecret_key = \'key\'\n'],
  ])('%s is read', (_what, text) => {
    const path = file(text);
    expect(readCredentialFile([path])).toEqual({ file: path, secretId: 'AKID', secretKey: 'key' });
    expect(credentialFileProblems([path])).toEqual([]);
  });

  it('tells what no header takes, without showing it', () => {
    const path = file('[default]\nsecret_id = AKID\nsecret_key = “hidden”\n');
    expect(credentialFileProblems([path])).toEqual([`${path}: the secret key is in quotes: take them off`]);
  });

  it('without a pair in it counts as none', () => {
    expect(readCredentialFile([file('[other]\nsecret_id = AKID\n'), file('')])).toBeNull();
    expect(readCredentialFile([join(folder, 'nowhere')])).toBeNull();
  });
});
