// Problems that Tesla reports inside an answer with status 200, per vehicle.
import type { Problem } from './problems.js';

const skipReasons: Readonly<Record<string, Problem>> = {
  missing_key: 'missing_key',
  unsupported_hardware: 'unsupported_hardware',
  unsupported_firmware: 'unsupported_firmware',
  max_configs: 'max_configs',
};

/** A reason of `skipped_vehicles`. */
export function problemOfSkipped(reason: string): Problem {
  return skipReasons[reason] ?? 'request_rejected';
}

/** Before it is sent: what Tesla accepts and vehicles ignore. */
export function problemOfClaims({ port }: Readonly<Record<string, unknown>>): Problem | undefined {
  return typeof port === 'string' ? 'port_is_text' : undefined;
}

export interface ConfigurationState {
  readonly synced: boolean;
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly limitReached: boolean;
  readonly keyPaired: boolean | undefined;
}

/** Undefined if the vehicle has the configuration, and while it waits for it. */
export function problemOfState({ synced, config, limitReached, keyPaired }: ConfigurationState): Problem | undefined {
  if (limitReached) return 'limit_reached';
  if (keyPaired === false) return 'missing_key';
  if (synced && config === undefined) return 'configuration_refused';
  return config === undefined ? undefined : problemOfClaims(config);
}

/** An entry of `fleet_telemetry_errors`. */
export function problemOfReport({ error, errorName }: { error: string; errorName: string }): Problem | undefined {
  const text = `${errorName} ${error}`;
  return reports.find(([pattern]) => pattern.test(text))?.[1];
}

/** The cause comes before `config_manager_error`, which only names the part of the vehicle that failed. */
const reports: readonly (readonly [RegExp, Problem])[] = [
  [/invalid.?signature|mailbox public key|NIST-?P256/i, 'invalid_signature'],
  [/certificate required|no client certificate|client didn't provide a certificate/i, 'no_client_certificate'],
  [/x509|certificate|tls/i, 'server_not_trusted'],
  [/config_manager_error/i, 'config_manager_error'],
];

/** Of `fleet_status`. Null and absent: the vehicle has no switch. */
export function problemOfStatus(info: {
  isKeyPaired: boolean;
  isStreamingAllowed: boolean | undefined;
}): Problem | undefined {
  if (!info.isKeyPaired) return 'missing_key';
  return info.isStreamingAllowed === false ? 'streaming_toggle_off' : undefined;
}
