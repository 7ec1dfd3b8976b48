import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config/settings.js';
import { workerLogger } from '../../src/worker/log.js';
import { redactor, secretsOf } from '../../src/worker/redact.js';

const SECRETS = {
  key: 'key-of-"quoted"-tencent',
  token: 'token-of-tencent',
  password: 'pass/of books',
  api: 'key-of-temporal',
  webhook: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',
  collector: 'pass-of-collector',
};
const settings = loadSettings({
  TEMPORAL_CONFIG_FILE: '/dev/null',
  TEMPORAL_ADDRESS: 'temporal.example:7233',
  TEMPORAL_API_KEY: SECRETS.api,
  DATABASE_URL: `postgresql://books:${encodeURIComponent(SECRETS.password)}@db.example:5432/erase`,
  TENCENTCLOUD_SECRET_ID: 'AKIDexampleexample',
  TENCENTCLOUD_SECRET_KEY: SECRETS.key,
  TENCENTCLOUD_TOKEN: SECRETS.token,
  SMART_ERASE_WEBHOOK_SECRETS: `shop=${SECRETS.webhook}`,
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://me:${SECRETS.collector}@collector:4318`,
});

function logged(format: 'json' | 'pretty', write: (log: ReturnType<typeof workerLogger>) => void): string {
  let text = '';
  const add = (line: string) => {
    text += line;
  };
  write(workerLogger({ level: 'info', format }, redactor(secretsOf(settings)), add));
  return text;
}

describe('the log of a worker', () => {
  it.each(['json', 'pretty'] as const)('has no secret of the settings in it, whoever quotes one (%s)', (format) => {
    const text = logged(format, (log) => {
      for (const secret of [...Object.values(SECRETS), encodeURIComponent(SECRETS.password)]) {
        log.warn(`refused ${secret}`, { note: secret, deep: { list: [secret] }, error: new Error(`bad ${secret}`) });
        const details = [{ code: secret, class: 'account' }];
        log.error('failed', { error: ApplicationFailure.create({ message: secret, details }) });
      }
    });
    expect(text.match(/refused \*\*\*/g)).toHaveLength(Object.keys(SECRETS).length + 1);
    for (const secret of Object.values(SECRETS)) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
      expect(text).not.toContain(encodeURIComponent(secret));
    }
  });

  it('is a line of JSON an entry, with what a failure knows where a search looks first', () => {
    const failure = ApplicationFailure.create({
      type: 'throttled',
      message: 'too fast',
      details: [{ class: 'throttled', code: 'RequestLimitExceeded', taskId: null, requestId: 'r-1', message: 'm' }],
    });
    const lines = logged('json', (log) => log.warn('Activity failed', { workflowId: 'erase/1', error: failure }))
      .trim()
      .split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'warn',
      msg: 'Activity failed',
      workflowId: 'erase/1',
      code: 'RequestLimitExceeded',
      requestId: 'r-1',
      error: { type: 'throttled', message: 'too fast' },
    });
    // Thrown on purpose: where is of no use to anyone.
    expect(lines[0]).not.toContain('log.test.ts');
  });

  it('keeps the stack of what nobody expected', () => {
    const text = logged('json', (log) => log.error('broken', { error: new TypeError('of undefined') }));
    expect(JSON.parse(text)).toMatchObject({
      error: { type: 'TypeError', stack: expect.stringContaining('log.test.ts') },
    });
  });

  it('is quiet below its level', () => {
    expect(logged('json', (log) => log.debug('noise'))).toBe('');
  });
});
