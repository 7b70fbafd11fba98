// Dashboards and alert rules against what is really there: every metric and label that they name is in the live /metrics of
// the three processes, and a real Prometheus (Debian's package `prometheus`) reads our configuration, evaluates every
// expression, and finds data where there should be some.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@fleetbridge/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { referencesOf, withValues } from './monitoring-promql.js';
import { type AdminPorts, chooseAdminPorts, type MonitoredFleet, startMonitoredFleet } from './monitoring-rig.js';

const prometheusFolder = join(import.meta.dirname, '../prometheus');
const dashboardsFolder = join(import.meta.dirname, '../grafana/dashboards');
const root = join(import.meta.dirname, '../..');

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string; refId: string; datasource: { uid: string } }[];
}

interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  links: { url: string }[];
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
}

interface Expression {
  /** Where it stands. */
  at: string;
  text: string;
  isAlert: boolean;
}

const rules: Rule[] = parse(readFileSync(join(prometheusFolder, 'rules.yml'), 'utf8')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const dashboards: Dashboard[] = readdirSync(dashboardsFolder).map((file) =>
  JSON.parse(readFileSync(join(dashboardsFolder, file), 'utf8')),
);

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's variable
const CHOSEN_SOURCE = '${datasource}';
/** What Prometheus makes itself. */
const PROMETHEUS_OWN: Record<string, string[]> = { up: [], ALERTS: ['alertname', 'alertstate', 'severity'] };
/** What Prometheus adds to every series. */
const TARGET_LABELS = ['job', 'instance'];

/** Nothing is to be seen of these in a fleet that is well: no value is the right one. */
const EMPTY_WHEN_WELL = [
  /^ALERTS\{/,
  /^count\(fleetbridge_ready == 0 or /,
  // connections of TeslaMate that the server ended
  /fleetbridge_streaming_ended_total/,
];

describe('each alert', () => {
  it.each(rules)('$alert says how bad it is, since when, what it is, and what to do', (rule) => {
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(['info', 'warning', 'critical']).toContain(rule.labels.severity);
    expect(rule.annotations.summary!.length).toBeGreaterThan(20);
    expect(rule.annotations.description!.length).toBeGreaterThan(60);
  });

  it('has an example in which it fires and one in which it does not', () => {
    const tests: {
      name: string;
      promql_expr_test?: { expr: string; exp_samples?: unknown[] }[];
    }[] = parse(readFileSync(join(prometheusFolder, 'rules.test.yml'), 'utf8')).tests;
    for (const { alert } of rules) {
      const examples = tests
        .filter(({ name }) => name === alert)
        .flatMap(({ promql_expr_test = [] }) => promql_expr_test)
        .filter(({ expr }) => expr.includes(`alertname="${alert}"`));
      const fires = examples.filter(({ exp_samples = [] }) => exp_samples.length > 0);
      expect([alert, fires.length > 0, fires.length < examples.length]).toEqual([alert, true, true]);
    }
  });

  it('is explained in docs/monitoring.md, and nothing else is', () => {
    const [, section = ''] =
      /\n## Alerts\n(.*?)\n## /s.exec(readFileSync(join(root, 'docs/monitoring.md'), 'utf8')) ?? [];
    const explained = [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, severity]) => [name, severity]);
    expect(explained).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
  });

  it('speaks of variables, log lines, alerts and metrics that there are', () => {
    const configuration = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
    const source = ['ingest', 'dispatcher', 'streaming'].map(sourceOf).join('\n');
    const texts = rules.flatMap(({ annotations }) => Object.values(annotations)).join('\n');
    const variables = new Set(texts.match(/\b[A-Z]+_[A-Z_]+\b/g));
    expect([...variables].filter((name) => !configuration.includes(`\`${name}\``))).toEqual([]);
    const words = new Set(texts.match(/\b[a-z]+_[a-z_]+\b/g));
    expect([...words].filter((word) => !source.includes(word))).toEqual([]);
    const alerts = new Set(texts.match(/\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b/g));
    const known = ['TeslaMate', ...rules.map(({ alert }) => alert)];
    expect([...alerts].filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe.each(dashboards)('dashboard $title', (dashboard) => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('asks the data source that is chosen, and explains each panel', () => {
    expect(dashboard.schemaVersion).toBe(41);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    for (const { title, description, datasource, targets } of panels) {
      expect([title, (description ?? '').length > 10]).toEqual([title, true]);
      const uids = [datasource?.uid, ...targets!.map((target) => target.datasource.uid)];
      expect([title, ...new Set(uids)]).toEqual([title, CHOSEN_SOURCE]);
      expect(new Set(targets!.map(({ refId }) => refId)).size).toBe(targets!.length);
    }
  });

  it('has no two panels with one id or in one place', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.get(`${x},${y}`)]).toEqual([title, undefined]);
          taken.set(`${x},${y}`, title);
        }
    }
  });

  it('uses variables that it has, and links to dashboards that there are', () => {
    const text = JSON.stringify(dashboard);
    const uids = [...text.matchAll(/"\/d\/([\w-]+)/g)].map(([, uid]) => uid);
    expect(uids.filter((uid) => !dashboards.some((one) => one.uid === uid))).toEqual([]);
    const used = [...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!).filter((name) => !name.startsWith('__'));
    const defined = dashboard.templating.list.map(({ name }) => name);
    expect([...new Set(used)].sort()).toEqual([...defined].sort());
  });
});

it('Grafana finds its data source and the dashboards', () => {
  const provisioning = join(root, 'infra/grafana/provisioning');
  const { datasources } = parse(readFileSync(join(provisioning, 'datasources/prometheus.yml'), 'utf8'));
  expect(datasources).toMatchObject([{ uid: 'prometheus', type: 'prometheus', isDefault: true }]);
  const { providers } = parse(readFileSync(join(provisioning, 'dashboards/fleetbridge.yml'), 'utf8'));
  expect(providers).toMatchObject([{ type: 'file', options: { path: '/var/lib/grafana/dashboards' } }]);
});

describe.skipIf(!isInstalled('promtool'))('promtool', () => {
  it.each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ])('%s %s accepts %s', (...args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: prometheusFolder, encoding: 'utf8' });
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  });
});

describe('in a running fleet', () => {
  const hasPrometheus = isInstalled('prometheus');
  let fleet: MonitoredFleet;
  let prometheus: RunningPrometheus | undefined;
  beforeAll(async () => {
    const ports = await chooseAdminPorts();
    // it needs five seconds until it asks for the first time, which is what the processes take to start
    if (hasPrometheus) prometheus = await startPrometheus(ports);
    fleet = await startMonitoredFleet(ports);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await fleet?.stop();
  });

  it('every metric that a dashboard or a rule names is there, with the labels that are asked of it', async () => {
    const live = readMetrics(await fleet.pages());
    const missing: string[] = [];
    for (const { at, text } of expressions(fleet, fleet.vins.driving)) {
      const { selectors, grouping } = referencesOf(text);
      expect([at, selectors.length > 0]).toEqual([at, true]);
      const known = new Set(TARGET_LABELS);
      for (const { metric, labels } of selectors) {
        const own = labelsOf(metric, live);
        if (own === undefined) missing.push(`${at}: ${metric}`);
        for (const label of own ?? []) known.add(label);
        for (const label of labels)
          if (own !== undefined && !own.has(label) && !TARGET_LABELS.includes(label))
            missing.push(`${at}: ${metric}{${label}}`);
      }
      for (const label of grouping) if (!known.has(label)) missing.push(`${at}: label ${label}`);
    }
    expect(missing).toEqual([]);
  });

  it('no VIN is in any page but that of the vehicles', async () => {
    const [ingest, dispatcher, streaming, vehicles] = await fleet.pages();
    for (const page of [ingest, dispatcher, streaming]) expect(page).not.toMatch(/5YJ3E1EA7KF/);
    expect(vehicles).toContain(`vin="${fleet.vins.driving}"`);
  });

  it.skipIf(!hasPrometheus)(
    'a real Prometheus reaches all that it is told to ask, takes every rule, and finds data for every panel',
    async () => {
      const { query, ruleHealth } = prometheus!;
      const asked = [fleet.vins.driving, fleet.vins.charging].flatMap((vin) => expressions(fleet, vin));
      // all of them are evaluated, also where data is not to be expected
      await Promise.all(asked.map(({ text }) => query(text)));
      let without = asked.filter(
        ({ text, isAlert }) => !isAlert && !EMPTY_WHEN_WELL.some((pattern) => pattern.test(text)),
      );
      await eventually(async () => {
        const answers = await Promise.all(without.map(({ text }) => query(text)));
        // what one vehicle has not, the other has
        const found = new Set(without.filter((_, index) => answers[index]!.length > 0).map(({ at }) => at));
        without = without.filter(({ at }) => !found.has(at));
        if (without.length > 0) throw new Error(`no data: ${without.map(({ at }) => at).join('\n')}`);
      });
      const up = await query('up == 1');
      expect(up.map(({ metric }) => metric.job).sort()).toEqual(['dispatcher', 'ingest', 'streaming', 'vehicles']);
      await eventually(async () => {
        expect(await ruleHealth()).toEqual(new Map(rules.map(({ alert }) => [alert, 'ok'])));
      });
    },
  );
});

/** All of them, with values for Grafana's variables. */
function expressions({ subscription }: MonitoredFleet, vin: string): Expression[] {
  const values = { __rate_interval: '1m', subscription, vin, distance: '0.621371192' };
  const ofPanels = dashboards.flatMap(({ title, panels, templating }) => [
    ...panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr, refId }) => ({
        at: `${title} / ${panel.title} / ${refId}`,
        text: withValues(expr, values),
        isAlert: false,
      })),
    ),
    ...templating.list.flatMap(({ name, type, query }) => {
      const [, metric, label] =
        /^label_values\((\w+), (\w+)\)$/.exec(typeof query === 'string' ? query : query.query) ?? [];
      if (type !== 'query') return [];
      return [{ at: `${title} / variable ${name}`, text: `group by (${label}) (${metric})`, isAlert: false }];
    }),
  ]);
  const ofRules = rules.map(({ alert, expr }) => ({ at: `alert ${alert}`, text: expr, isAlert: true }));
  return [...ofPanels, ...ofRules];
}

interface LiveMetric {
  type: string;
  labels: Set<string>;
}

/** By name; a histogram by its own. */
function readMetrics(pages: readonly string[]): Map<string, LiveMetric> {
  const live = new Map<string, LiveMetric>();
  for (const line of pages.join('\n').split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && !live.has(name)) live.set(name, { type: type!, labels: new Set() });
    const [, sample = '', labels = ''] = /^(\w+)\{(.*)\} \S+$/.exec(line) ?? [];
    const metric = live.get(sample) ?? live.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label] of labels.matchAll(/(\w+)="/g)) metric?.labels.add(label!);
  }
  return live;
}

/** undefined: there is no such metric. */
function labelsOf(metric: string, live: Map<string, LiveMetric>): Set<string> | undefined {
  const own = PROMETHEUS_OWN[metric];
  if (own) return new Set(own);
  const found = live.get(metric);
  if (found?.type === 'histogram') return undefined;
  const histogram = live.get(metric.replace(/_(bucket|sum|count)$/, ''));
  const labels = (found ?? (histogram?.type === 'histogram' ? histogram : undefined))?.labels;
  if (labels?.size !== 0) return labels;
  // counted by something, and nothing has happened yet: the label is in the source
  const byName = new RegExp(`totalByName\\(\\s*'${metric}',\\s*(?:'[^']*'|"[^"]*"),\\s*'(\\w+)'`);
  const label = ['ingest', 'dispatcher', 'streaming'].map((app) => byName.exec(sourceOf(app))?.[1]).find(Boolean);
  return label === undefined ? labels : new Set([label, 'app']);
}

function sourceOf(app: string): string {
  const folder = join(root, 'apps', app, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
}

type RunningPrometheus = Awaited<ReturnType<typeof startPrometheus>>;

/** With our own configuration; only where the processes are, and how often it looks, is another. */
async function startPrometheus({ ingest, dispatcher, streaming }: AdminPorts) {
  const places: Record<string, number> = {
    'ingest:8081': ingest,
    'dispatcher:8083': dispatcher,
    'streaming:8082': streaming,
  };
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-prometheus-'));
  const configuration = parse(readFileSync(join(prometheusFolder, 'prometheus.yml'), 'utf8'));
  Object.assign(configuration.global, {
    scrape_interval: '500ms',
    scrape_timeout: '500ms',
    evaluation_interval: '500ms',
  });
  configuration.rule_files = configuration.rule_files.map((file: string) => join(prometheusFolder, file));
  for (const { static_configs } of configuration.scrape_configs)
    for (const group of static_configs)
      group.targets = group.targets.map((target: string) => `127.0.0.1:${places[target] ?? 9}`);
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, JSON.stringify(configuration));
  const port = await freePort();
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${folder}`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn('prometheus', args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const ask = async (path: string, body?: URLSearchParams) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? {} : { method: 'POST', body });
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== 'success') throw new Error(`${body ?? path}: ${answer.error}`);
    return answer.data;
  };
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
  return {
    query: async (query: string) => {
      const { result } = (await ask('/api/v1/query', new URLSearchParams({ query }))) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result;
    },
    ruleHealth: async () => {
      const { groups } = (await ask('/api/v1/rules')) as { groups: { rules: { name: string; health: string }[] }[] };
      return new Map(groups.flatMap((group) => group.rules.map(({ name, health }) => [name, health] as const)));
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isInstalled(command: string): boolean {
  const isThere = spawnSync(command, ['--version']).error === undefined;
  if (!isThere) console.log(`skipped: ${command} is not here (Debian's package prometheus brings it)`);
  return isThere;
}
