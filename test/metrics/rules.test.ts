import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { blocksOf } from '../docs/markdown.js';
import { findPrometheus, NO_PROMETHEUS, promtool } from '../support/prometheus.js';

interface Rule {
  alert?: string;
  expr: string;
  labels?: { severity?: string };
  annotations?: { summary?: string; description?: string; runbook_url?: string };
}

/** Of alerts.test.yml: what is looked at, and what is to be seen. */
interface Case {
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[];
  promql_expr_test?: { expr: string; exp_samples: { labels: string }[] }[];
}

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const groups = (parse(read('deploy/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups;
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
const runbook = read('docs/operate.md');

const blocks = blocksOf('docs/operate.md', runbook);
const commandsBelow = (alert: string) =>
  blocks
    .filter(({ name }) => name.replace(/ \(\d+\)$/, '') === `docs/operate.md ### ${alert}`)
    .flatMap(({ commands }) => commands);

const path = findPrometheus('promtool');
if (path === undefined) console.error(NO_PROMETHEUS);

describe('the alerts', () => {
  it('page for four things only', () => {
    const paging = alerts.filter(({ labels }) => labels?.severity === 'page').map(({ alert }) => alert);
    expect(paging).toEqual([
      'SmartEraseBreakerOpen',
      'SmartEraseCapReached',
      'SmartEraseTaskNearlyForgotten',
      'SmartEraseNoWorker',
    ]);
    expect(alerts.filter(({ labels }) => !['page', 'ticket'].includes(labels?.severity ?? ''))).toEqual([]);
  });

  it.each(alerts.map((rule) => [rule.alert ?? '', rule] as const))(
    '%s says what it is, and the runbook what to do',
    (name, rule) => {
      expect(rule.annotations?.summary).toBeTruthy();
      expect(rule.annotations?.description).toBeTruthy();
      expect(rule.annotations?.runbook_url).toBe(
        `{{ with $externalLabels.runbooks }}{{ . }}/{{ end }}docs/operate.md#${name.toLowerCase()}`,
      );
      const section = runbook.split(/^### /m).find((each) => each.startsWith(`${name}\n`));
      expect(section?.length ?? 0).toBeGreaterThan(name.length + 60);
      // Something to type, whatever the workers run on; test/docs/commands.test.ts runs it.
      expect(commandsBelow(name).filter(({ needs }) => needs === null)).not.toEqual([]);
    },
  );

  it('are all that the runbook knows', () => {
    const sections = [...runbook.matchAll(/^### (SmartErase\w+)$/gm)].map(([, name]) => name);
    expect(sections.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });
});

describe('the runbook', () => {
  it('names every series of ours that alerts and dashboard read', () => {
    const text = read('deploy/alerts.yml') + read('deploy/grafana/dashboards/smart-erase.json');
    const used = new Set([...text.matchAll(/\bsmart_erase_[a-z_]+/g)].map(([name]) => name));
    const base = (name: string) => name.replace(/_(bucket|count|sum)$/, '');
    expect([...used].map(base).filter((name) => !runbook.includes(`\`${name}`))).toEqual([]);
  });

  it('uses commands that exist', async () => {
    const { buildProgram } = await import('../../src/cli/program.js');
    const known = buildProgram().commands.map((each) => each.name());
    const used = [...runbook.matchAll(/npx smart-erase ([a-z]+)/g)].map(([, name]) => name ?? '');
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe.skipIf(path === undefined)('promtool', () => {
  it('accepts the rules and the configuration', () => {
    expect(promtool(path ?? '', 'check', 'rules', 'alerts.yml')).toContain('SUCCESS');
    expect(promtool(path ?? '', 'check', 'config', 'prometheus.yml')).toContain('SUCCESS');
  });

  it('has a case in which each alert fires, and one in which it does not', () => {
    const { tests } = parse(readFileSync(new URL('alerts.test.yml', import.meta.url), 'utf8')) as { tests: Case[] };
    const firing = new Set<string>();
    const quiet = new Set<string>();
    for (const { alert_rule_test: rules = [], promql_expr_test: exprs = [] } of tests) {
      for (const { alertname, exp_alerts } of rules) (exp_alerts.length > 0 ? firing : quiet).add(alertname);
      for (const { expr, exp_samples } of exprs) {
        const seen = exp_samples.length > 0 ? firing : quiet;
        // Of a pattern each alert is looked at, so what is not named in the labels is taken for quiet.
        const labels = exp_samples.map((sample) => sample.labels).join();
        const [, operator, named = ''] = /alertname(=~?)"([^"]+)"/.exec(expr) ?? [];
        for (const { alert: name = '' } of alerts) {
          if (operator === '=' ? name !== named : !new RegExp(`^(${named})$`).test(name)) continue;
          (operator === '=' || labels.includes(`"${name}"`) ? seen : quiet).add(name);
        }
      }
    }
    const names = alerts.map(({ alert = '' }) => alert);
    expect(names.filter((name) => !firing.has(name))).toEqual([]);
    expect(names.filter((name) => !quiet.has(name))).toEqual([]);
  });

  it('sees each case fire when it should, and not before', () => {
    const cases = fileURLToPath(new URL('alerts.test.yml', import.meta.url));
    expect(promtool(path ?? '', 'test', 'rules', cases)).toContain('SUCCESS');
  });
});
