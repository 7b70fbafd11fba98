// What is kept of each vehicle's telemetry configuration: which one is wanted, and which one was sent.
import type { ConfigurationStore, StoredConfiguration } from '@fleetbridge/store';
import type { ProfileName, TelemetryConfiguration, Wanted } from '@fleetbridge/telemetry-config';
import type { ServerPlace } from '../chain/index.js';

/** A profile follows new versions and the firmware of the vehicle; the fields of a file are sent as they are. */
export type FieldsSource =
  | { readonly kind: 'profile'; readonly profile: ProfileName }
  | { readonly kind: 'file'; readonly wanted: Wanted };

export interface WantedConfiguration {
  readonly source: FieldsSource;
  readonly hostname: string;
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  /** Where the certificates of the server can be seen from inside; undefined with a `ca` from a file. */
  readonly server?: ServerPlace | undefined;
  /** Epoch seconds. */
  readonly exp?: number | undefined;
}

export interface SentConfiguration {
  readonly configuration: TelemetryConfiguration;
  /** configurationHash of it. */
  readonly hash: string;
  readonly sentMs: number;
  /** While it is not known whether Tesla has this one. */
  readonly previous?: TelemetryConfiguration | undefined;
}

export interface VehicleConfiguration {
  readonly wanted: WantedConfiguration | undefined;
  readonly sent: SentConfiguration | undefined;
}

export async function readVehicleConfiguration(store: ConfigurationStore, vin: string): Promise<VehicleConfiguration> {
  return vehicleConfigurationOf(await store.read(vin));
}

export async function listVehicleConfigurations(store: ConfigurationStore): Promise<Map<string, VehicleConfiguration>> {
  return new Map([...(await store.list())].map(([vin, stored]) => [vin, vehicleConfigurationOf(stored)]));
}

export async function writeWanted(store: ConfigurationStore, vin: string, wanted: WantedConfiguration): Promise<void> {
  await store.write(vin, 'wanted', JSON.stringify(wanted));
}

export async function writeSent(
  store: ConfigurationStore,
  vin: string,
  sent: SentConfiguration | undefined,
): Promise<void> {
  if (sent === undefined) await store.removePart(vin, 'sent');
  else await store.write(vin, 'sent', JSON.stringify(sent));
}

export function vehicleConfigurationOf({ wanted, sent }: StoredConfiguration): VehicleConfiguration {
  return { wanted: parsed(wanted), sent: parsed(sent) };
}

function parsed<T>(json: string | undefined): T | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as T);
}
