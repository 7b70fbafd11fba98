// Translates a configuration of Tesla's Go server into the files of a fleetbridge installation with Docker Compose: `.env`
// for infra/compose.yaml and `subscriptions.yaml` for DISPATCHER_CONFIG. Pure; the command writes the files.
import { checkDefinition } from '@fleetbridge/delivery';
import type { GoConfigReading } from '@fleetbridge/service';
import { composeEnvironment } from './compose-environment.js';
import { deliveryOf } from './go-delivery.js';
import type { OutputFile, Report } from './report.js';

export interface Migration extends Report {
  files: OutputFile[];
  /** Names of the subscriptions that were written. */
  subscriptions: string[];
}

/** `reading` has no mistakes. `redisPassword` is the password for the Redis of compose, a text of letters and digits. */
export function migrateGoConfig(
  reading: GoConfigReading,
  { source, redisPassword }: { source: string; redisPassword: string },
): Migration {
  const report: Report = { carried: [], different: [], lost: [], steps: [] };
  const definitions: Record<string, unknown>[] = [];
  const files: OutputFile[] = [];
  const settled = new Set(REPORTED_HERE);
  for (const dispatcher of reading.dispatchers) {
    const { name, topics } = dispatcher;
    const delivery = deliveryOf(dispatcher, report);
    if (delivery === undefined) continue;
    settled.add(name);
    const payload = name === 'mqtt' ? {} : { payload: reading.isDecoded ? 'protojson' : 'protobuf' };
    const definition = { name, topics, ...payload, [name]: delivery.settings };
    const checked = checkDefinition(definition, '');
    if ('mistakes' in checked) {
      for (const { path, problem } of checked.mistakes) report.lost.push(`${path}: ${problem}`);
      continue;
    }
    definitions.push(definition);
    files.push(...delivery.secrets);
    report.carried.push(`${name} (${topics.join(', ')}): subscription ${name} in subscriptions.yaml`);
  }
  const environment = composeEnvironment(
    reading,
    { source, redisPassword, hasDeliveries: definitions.length > 0 },
    report,
  );
  for (const { key, isLoss, sentence } of reading.notices) {
    if (!settled.has(key)) report[isLoss ? 'lost' : 'different'].push(`${key}: ${sentence}`);
  }
  for (const { key, nearest } of reading.unknownKeys) {
    report.lost.push(`${key}: unknown key${nearest === undefined ? '' : `; did you mean ${nearest}?`}`);
  }
  files.unshift({ name: '.env', text: environment });
  if (definitions.length > 0) files.splice(1, 0, { name: 'subscriptions.yaml', text: yamlOf(definitions, source) });
  return { ...report, files, subscriptions: definitions.map(({ name }) => String(name)) };
}

/** Keys whose notices do not apply: compose or subscriptions.yaml covers them, or a sentence here replaces them. */
const REPORTED_HERE = ['pubsub', 'namespace', 'monitoring.prometheus_metrics_port', 'transmit_decoded_records'];

/** Each value as JSON, which YAML contains. */
function yamlOf(definitions: readonly Record<string, unknown>[], source: string): string {
  const items = definitions.map((definition) =>
    Object.entries(definition)
      .map(([key, value], index) => `${index === 0 ? '  - ' : '    '}${key}: ${flow(value)}`)
      .join('\n'),
  );
  return [
    `# Subscriptions of the dispatcher, from ${source}. docs/dispatcher.md describes every setting.`,
    'subscriptions:',
    ...items,
    '',
  ].join('\n');
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')} }`;
}
