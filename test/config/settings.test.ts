import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { describeSettings } from '../../src/config/describe-settings.js';
import { loadSettings } from '../../src/config/settings.js';
import { PRICE_LIST } from '../../src/contract/price-list.js';
import { ConfigurationError } from '../../src/errors.js';

const NO_FILE = { TEMPORAL_CONFIG_FILE: '/dev/null' };
const COMPLETE = {
  ...NO_FILE,
  TEMPORAL_ADDRESS: 'temporal.example:7233',
  TEMPORAL_NAMESPACE: 'media',
  TEMPORAL_API_KEY: 'key-of-temporal',
  DATABASE_URL: 'postgresql://books:pass-of-books@db.example:5432/erase?sslmode=require&password=also-secret',
  TENCENTCLOUD_SECRET_ID: 'AKIDexampleexample',
  TENCENTCLOUD_SECRET_KEY: 'key-of-tencent',
  TENCENTCLOUD_TOKEN: 'token-of-tencent',
};
const SECRETS = /key-of-temporal|pass-of-books|also-secret|key-of-tencent|token-of-tencent/;

const folder = mkdtempSync(join(tmpdir(), 'smart-erase-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function configFile(text: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.toml`);
  writeFileSync(path, text);
  return path;
}

function problemsOf(env: NodeJS.ProcessEnv, need?: ('temporal' | 'database' | 'vendor')[]): readonly string[] {
  try {
    loadSettings(env, need ? { need } : {});
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
  return [];
}

describe('settings', () => {
  it('have the documented defaults', () => {
    const settings = loadSettings({ ...NO_FILE, DATABASE_URL: 'postgres://127.0.0.1/erase' });
    expect(settings.vendor).toEqual({
      endpoint: 'vod.intl.tencentcloudapi.com',
      credentials: undefined,
      subAppId: undefined,
      submitsPerSecond: 20,
      requestTimeoutSeconds: 20,
      settleSeconds: 60,
      throttledTooLongSeconds: 1_800,
      pollFirstSeconds: 60,
      pollMaxSeconds: 600,
      watchIntervalSeconds: 5,
      priceFile: undefined,
      prices: PRICE_LIST,
    });
    expect(settings.worker).toEqual({
      submitConcurrency: 80,
      activityConcurrency: 100,
      shutdownGraceSeconds: 50,
      deployment: undefined,
      batchOldestTaskHours: 6,
      watch: true,
    });
    expect(settings.log).toEqual({ level: 'info', format: 'json' });
    expect(settings.monitor).toEqual({ port: undefined, host: '127.0.0.1', otlpEndpoint: undefined });
    expect(settings.temporal).toMatchObject({ address: 'localhost:7233', namespace: 'default', tls: false });
  });

  it('tell every problem at once, each by the name of its variable', () => {
    const problems = problemsOf({
      ...NO_FILE,
      VOD_SUBMIT_RPS: '0',
      VOD_SUB_APP_ID: '1.5',
      VOD_ENDPOINT: 'https://host/with/path',
      VOD_POLL_MAX_SECONDS: 'soon',
      SMART_ERASE_LOG_LEVEL: 'loud',
    });
    for (const name of [
      'VOD_SUBMIT_RPS',
      'VOD_SUB_APP_ID',
      'VOD_ENDPOINT',
      'VOD_POLL_MAX_SECONDS',
      'SMART_ERASE_LOG_LEVEL',
      'DATABASE_URL',
    ]) {
      expect(problems.filter((problem) => problem.startsWith(`${name} `))).toHaveLength(1);
    }
    expect(problems).toHaveLength(6);
  });

  it('need only what is asked for', () => {
    expect(problemsOf({ ...NO_FILE, VOD_SUBMIT_RPS: 'many' }, ['temporal'])).toEqual([]);
    expect(Object.keys(loadSettings(NO_FILE, { need: ['temporal'] })).sort()).toEqual(['log', 'temporal']);
  });

  it('take a variable that is set to nothing as not set', () => {
    const settings = loadSettings({
      ...NO_FILE,
      VOD_SUBMIT_RPS: '',
      TENCENTCLOUD_SECRET_ID: '',
      DATABASE_URL: 'postgres://h/d',
    });
    expect(settings.vendor.submitsPerSecond).toBe(20);
    expect(settings.vendor.credentials).toBeUndefined();
  });

  it.each([
    ['a settle time that a slow submit could outlive', { VOD_REQUEST_TIMEOUT_SECONDS: '30' }, 'VOD_SETTLE_SECONDS'],
    [
      'a grace that cuts a submit off',
      { SMART_ERASE_SHUTDOWN_GRACE_SECONDS: '40' },
      'SMART_ERASE_SHUTDOWN_GRACE_SECONDS',
    ],
    ['polls that get quicker', { VOD_POLL_FIRST_SECONDS: '700' }, 'VOD_POLL_MAX_SECONDS'],
    ['half of the credentials', { TENCENTCLOUD_SECRET_ID: 'AKID' }, 'TENCENTCLOUD_SECRET_KEY'],
    ['a token alone', { TENCENTCLOUD_TOKEN: 'token' }, 'TENCENTCLOUD_TOKEN'],
  ])('refuse %s', (_what, env, name) => {
    expect(problemsOf({ ...NO_FILE, ...env }, ['vendor'])).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  });

  it('take a settle time and a grace just above their limits', () => {
    const env = { ...NO_FILE, VOD_SETTLE_SECONDS: '45.1', SMART_ERASE_SHUTDOWN_GRACE_SECONDS: '41' };
    expect(problemsOf(env, ['vendor'])).toEqual([]);
    expect(problemsOf({ ...env, VOD_SETTLE_SECONDS: '45' }, ['vendor'])).toHaveLength(1);
  });

  it.each(['9lives', 'a b', 'media-', 'TemporalX', 'twentyonecharacterslong'])('refuse the prefix "%s"', (prefix) => {
    const env = { ...NO_FILE, SMART_ERASE_PREFIX: prefix };
    expect(problemsOf(env, ['temporal'])).toEqual([
      `SMART_ERASE_PREFIX must be 1 to 20 letters and digits, a letter first, and not begin with Temporal, like media (gives media-smart-erase), not "${prefix}"`,
    ]);
    expect(problemsOf({ ...env, DATABASE_URL: 'postgres://h/d' })).toHaveLength(1);
  });

  it('take a prefix for all that is named in the namespace, worker deployments too', () => {
    const env = { ...COMPLETE, SMART_ERASE_BUILD_ID: 'one' };
    expect(loadSettings(env).temporal.prefix).toBe('');
    expect(loadSettings(env).worker.deployment?.name).toBe('smart-erase');
    const settings = loadSettings({ ...env, SMART_ERASE_PREFIX: 'media' });
    expect(settings.temporal.prefix).toBe('media');
    expect(settings.worker.deployment?.name).toBe('media-smart-erase');
    expect(describeSettings(settings).SMART_ERASE_PREFIX).toBe('media');
    const named = loadSettings({ ...env, SMART_ERASE_PREFIX: 'media', SMART_ERASE_DEPLOYMENT_NAME: 'mine' });
    expect(named.worker.deployment?.name).toBe('mine');
  });

  it('never show a secret: not printed, not as JSON, not in the description, not in a problem', () => {
    const settings = loadSettings(COMPLETE);
    expect(JSON.stringify(settings)).not.toMatch(SECRETS);
    expect(inspect(settings, { depth: 10, showHidden: true })).not.toMatch(SECRETS);
    expect(`${settings.databaseUrl} ${settings.vendor.credentials?.secretKey}`).not.toMatch(SECRETS);
    const shown = describeSettings(settings);
    expect(JSON.stringify(shown)).not.toMatch(SECRETS);
    expect(shown.DATABASE_URL).toBe('postgresql://books@db.example:5432/erase');
    expect(shown.TEMPORAL_API_KEY).toBe('set');
    const wrong = problemsOf({ ...COMPLETE, DATABASE_URL: 'mysql://books:pass-of-books@h/d' }, ['database']);
    expect(wrong).toHaveLength(1);
    expect(wrong.join()).not.toMatch(SECRETS);
    expect(settings.databaseUrl.reveal()).toBe(COMPLETE.DATABASE_URL);
  });

  it("read Temporal's own file and profiles, and let variables win", () => {
    const file = configFile(`
      [profile.default]
      address = "one:7233"
      [profile.other]
      address = "two:7233"
      namespace = "films"
      [profile.other.tls]
      server_name = "two"
    `);
    const load = (env: NodeJS.ProcessEnv) =>
      loadSettings({ TEMPORAL_CONFIG_FILE: file, ...env }, { need: ['temporal'] }).temporal;
    expect(load({})).toMatchObject({ address: 'one:7233', namespace: 'default', tls: false });
    expect(load({ TEMPORAL_PROFILE: 'other' })).toMatchObject({ address: 'two:7233', namespace: 'films', tls: true });
    expect(load({ TEMPORAL_ADDRESS: 'three:7233' }).address).toBe('three:7233');
  });

  it('turn TLS on with an API key', () => {
    expect(loadSettings(COMPLETE, { need: ['temporal'] }).temporal.tls).toBe(true);
  });

  it.each([
    ['a file without any profile', '', {}, []],
    ['a profile that is not there', '[profile.default]', { TEMPORAL_PROFILE: 'nope' }, ['nope']],
    ['a profile asked of an empty file', '', { TEMPORAL_PROFILE: 'nope' }, ['nope']],
    ['a file that is not TOML', 'address = = 1', {}, ['cannot be read']],
  ])('say plainly what is wrong with %s', (_what, text, env, words) => {
    const problems = problemsOf({ TEMPORAL_CONFIG_FILE: configFile(text), ...env }, ['temporal']);
    expect(problems).toHaveLength(words.length);
    for (const [index, word] of words.entries()) expect(problems[index]).toContain(word);
  });
});
