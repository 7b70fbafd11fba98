// The signed telemetry configuration: a JWT whose claims are the configuration itself (docs/protocol/configuration.md).
import { type ApplicationKey, signSchnorr } from './schnorr.js';

/** A configuration as Tesla's API takes it: hostname, port, ca, fields and the rest. */
export type ConfigurationClaims = Readonly<Record<string, unknown>>;

const HEADER = base64url('{"alg":"Tesla.SS256","typ":"JWT"}');

/**
 * The token for `fleet_telemetry_config_jws`. With `vin` only that vehicle accepts it, otherwise each vehicle that it is
 * sent to. Claims named `iss` and `aud` are replaced. The order of keys does not matter: the same configuration has the
 * same token.
 */
export function signConfiguration(
  claims: ConfigurationClaims,
  { key, vin }: { key: ApplicationKey; vin?: string },
): string {
  const payload = {
    ...claims,
    iss: Buffer.from(key.publicKey).toString('base64'),
    aud: vin === undefined ? 'com.tesla.fleet.TelemetryClient' : `com.tesla.vehicle.${vin}.TelemetryClient`,
  };
  const signingInput = `${HEADER}.${base64url(sortedJson(payload))}`;
  const signature = signSchnorr(Buffer.from(signingInput), key);
  return `${signingInput}.${signature.toString('base64url')}`;
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
