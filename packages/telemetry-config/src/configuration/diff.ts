// Is the configuration that Tesla holds the wanted one? Differences without a meaning don't count: the order of keys and
// lists, line ends of `ca`, defaults that are written out (null, 0, an empty list, delivery to all), prefer_typed (vehicles
// ignore it), an `exp` that is far enough away.
import { createHash } from 'node:crypto';
import type { FieldSettings, TelemetryConfiguration } from './types.js';

export interface Difference {
  /** `port`, `fields.Soc`, `fields.Soc.interval_seconds`. */
  path: string;
  wanted: unknown;
  stored: unknown;
}

export interface DiffOptions {
  nowSeconds: number;
  /** A stored configuration that ends sooner than this counts as different. Default: 7 days. */
  renewSeconds?: number;
}

const WEEK_SECONDS = 604_800;

/** Empty when nothing has to be sent. */
export function diffConfigurations(
  wanted: TelemetryConfiguration,
  stored: Partial<TelemetryConfiguration> | null,
  { nowSeconds, renewSeconds = WEEK_SECONDS }: DiffOptions,
): Difference[] {
  if (stored === null) return [{ path: '', wanted, stored: null }];
  const differences: Difference[] = [];
  const compare = (path: string, one: unknown, other: unknown) => {
    if (canonical(one) !== canonical(other)) differences.push({ path, wanted: one, stored: other });
  };
  compare('hostname', wanted.hostname, stored.hostname);
  compare('port', wanted.port, stored.port);
  compare('ca', plainPem(wanted.ca), plainPem(stored.ca));
  compare('alert_types', sorted(wanted.alert_types), sorted(stored.alert_types));
  compare('delivery_policy', plainPolicy(wanted.delivery_policy), plainPolicy(stored.delivery_policy));
  const storedExp = stored.exp || undefined;
  // one that Tesla adds does no harm until it comes near
  const isExpMissing = wanted.exp !== undefined && storedExp === undefined;
  const isEnding = storedExp !== undefined && storedExp - nowSeconds < renewSeconds;
  if (isExpMissing || isEnding) differences.push({ path: 'exp', wanted: wanted.exp, stored: storedExp });
  const storedFields = stored.fields ?? {};
  for (const name of new Set([...Object.keys(wanted.fields), ...Object.keys(storedFields)])) {
    const one = wanted.fields[name];
    const other = storedFields[name];
    if (one === undefined || other === undefined) compare(`fields.${name}`, one, other);
    else compareField(name, one, other, compare);
  }
  return differences;
}

/** SHA-256 of the whole configuration, independent of the order of its keys and lists. */
export function configurationHash(configuration: TelemetryConfiguration): string {
  const { fields, ca, alert_types, delivery_policy, ...rest } = configuration;
  const plain = {
    ...rest,
    ca: plainPem(ca),
    delivery_policy: plainPolicy(delivery_policy),
    alert_types: sorted(alert_types),
    fields: Object.fromEntries(Object.entries(fields).map(([name, settings]) => [name, plainField(settings)])),
  };
  return createHash('sha256').update(canonical(plain)).digest('hex');
}

function compareField(
  name: string,
  wanted: FieldSettings,
  stored: FieldSettings,
  compare: (path: string, one: unknown, other: unknown) => void,
): void {
  const one = plainField(wanted);
  const other = plainField(stored);
  for (const key of ['interval_seconds', 'minimum_delta', 'resend_interval_seconds', 'include_fields'] as const)
    compare(`fields.${name}.${key}`, one[key], other[key]);
}

function plainField({ interval_seconds, minimum_delta, resend_interval_seconds, include_fields }: FieldSettings) {
  return {
    interval_seconds,
    minimum_delta: minimum_delta || undefined,
    resend_interval_seconds: resend_interval_seconds || undefined,
    include_fields: include_fields?.length ? sorted(include_fields) : undefined,
  };
}

function plainPem(text: string | null | undefined): string | undefined {
  return text
    ?.split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n');
}

/** `all` is Tesla's default. */
function plainPolicy(policy: string | null | undefined): string | undefined {
  return policy && policy !== 'all' ? policy : undefined;
}

function sorted(list: readonly string[] | null | undefined): string[] | undefined {
  return list?.length ? [...list].sort() : undefined;
}

/** JSON with sorted keys, without undefined values. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      part !== null && typeof part === 'object' && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
        : part,
    ) ?? ''
  );
}
