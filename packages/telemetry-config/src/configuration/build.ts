import type { FieldSettings, Fields, TelemetryConfiguration } from './types.js';

/** Where the vehicle connects to, and until when. */
export interface Destination {
  hostname: string;
  port: number;
  /** PEM text of the chain that signs the server's certificate. */
  ca: string;
  /** Epoch seconds. */
  exp?: number;
}

/** What to send: of a profile, or of a file. */
export interface Wanted {
  fields: Fields;
  alertTypes?: readonly string[] | undefined;
  deliveryPolicy?: 'latest' | undefined;
}

/** The configuration to send. A minimum_delta of 0 is left out: it has no effect. */
export function buildConfiguration(
  { hostname, port, ca, exp }: Destination,
  { fields, alertTypes, deliveryPolicy }: Wanted,
): TelemetryConfiguration {
  const wanted: Fields = Object.fromEntries(
    Object.entries(fields).map(([name, settings]) => [name, withoutZero(settings)]),
  );
  return {
    hostname,
    port,
    ca,
    fields: wanted,
    ...(alertTypes === undefined ? {} : { alert_types: alertTypes }),
    prefer_typed: true,
    ...(deliveryPolicy === undefined ? {} : { delivery_policy: deliveryPolicy }),
    ...(exp === undefined ? {} : { exp }),
  };
}

function withoutZero({ minimum_delta, ...rest }: FieldSettings): FieldSettings {
  return minimum_delta === undefined || minimum_delta === 0 ? rest : { ...rest, minimum_delta };
}
