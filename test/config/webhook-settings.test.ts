import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../../src/config/describe-settings.js';
import { loadSettings } from '../../src/config/settings.js';
import { ConfigurationError } from '../../src/errors.js';

const key = (text: string) => `whsec_${Buffer.from(text).toString('base64')}`;
const [KEY_A, KEY_B] = [key('a key of thirty-two bytes, or so.'), key('another key of many bytes, or so')];

const load = (env: NodeJS.ProcessEnv) => loadSettings(env, { need: ['vendor'] });

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    load(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
  return [];
}

describe('the settings of webhooks', () => {
  it('allow nothing unless they are set', () => {
    expect(load({}).webhooks).toEqual({ secrets: new Map(), allowHttp: false, networks: [] });
  });

  it('have secrets by name, and several for one name', () => {
    const { webhooks } = load({ SMART_ERASE_WEBHOOK_SECRETS: `shop=${KEY_A}, media.v2=${KEY_B},shop=${KEY_B}` });
    expect(webhooks.secrets.get('shop')?.reveal()).toEqual([KEY_A, KEY_B]);
    expect(webhooks.secrets.get('media.v2')?.reveal()).toEqual([KEY_B]);
  });

  it('never show a secret', () => {
    const settings = load({ SMART_ERASE_WEBHOOK_SECRETS: `shop=${KEY_A}` });
    const shown = describeSettings(settings);
    expect(shown.SMART_ERASE_WEBHOOK_SECRETS).toBe('shop=set');
    const texts = [JSON.stringify(settings), inspect(settings, { depth: 10, showHidden: true }), JSON.stringify(shown)];
    for (const text of texts) expect(text).not.toContain(KEY_A.slice(6));
  });

  it.each([
    [{ SMART_ERASE_WEBHOOK_SECRETS: KEY_A }, 'entry 1 has no name'],
    [{ SMART_ERASE_WEBHOOK_SECRETS: `=${KEY_A}` }, 'entry 1 has no name'],
    [{ SMART_ERASE_WEBHOOK_SECRETS: `ok=${KEY_A},` }, 'entry 2 has no name'],
    [{ SMART_ERASE_WEBHOOK_SECRETS: 'shop=c2VjcmV0LXZhbHVl' }, 'the secret of shop is not whsec_'],
    [{ SMART_ERASE_WEBHOOK_SECRETS: 'shop=whsec_c2VjcmV0LXZhbHVl' }, 'the secret of shop has 12 bytes'],
    [{ SMART_ERASE_WEBHOOK_SECRETS: 'shop=whsec_c2VjcmV0LXZhbHV' }, 'the secret of shop is not whsec_'],
    [{ SMART_ERASE_WEBHOOK_ALLOW_HTTP: 'yes' }, 'must be true or false'],
    [{ SMART_ERASE_WEBHOOK_NETWORKS: '10.0.0.0' }, '"10.0.0.0" is not a network'],
    [{ SMART_ERASE_WEBHOOK_NETWORKS: '10.0.0.0/33' }, '"10.0.0.0/33" is not a network'],
    [{ SMART_ERASE_WEBHOOK_NETWORKS: 'localhost/8' }, '"localhost/8" is not a network'],
  ])('refuse %j, without the secret', (env, words) => {
    const problems = problemsOf(env);
    expect(problems).toEqual([expect.stringContaining(words)]);
    expect(problems.join()).not.toMatch(/c2VjcmV0|YSBrZXkg/);
  });

  it('take networks of both families', () => {
    const { networks } = load({ SMART_ERASE_WEBHOOK_NETWORKS: '10.1.0.0/16, fd00::/8,::1/128' }).webhooks;
    expect(networks).toEqual([
      { address: '10.1.0.0', prefix: 16 },
      { address: 'fd00::', prefix: 8 },
      { address: '::1', prefix: 128 },
    ]);
  });
});
