// The configuration that a vehicle should have: the fields of a profile or of a file, as far as its firmware knows them.
import {
  buildConfiguration,
  fitToFirmware,
  type LeftOut,
  profileFields,
  profiles,
  type SignalRate,
  signalRate,
  type TelemetryConfiguration,
  type Wanted,
} from '@fleetbridge/telemetry-config';
import type { FieldsSource, WantedConfiguration } from './vehicle-configuration.js';

export interface DesiredConfiguration {
  readonly configuration: TelemetryConfiguration;
  /** Because the firmware has not shown that it knows them. */
  readonly leftOut: readonly LeftOut[];
  readonly rate: SignalRate;
}

/** `firmware`: what the vehicle has shown (shownFirmware). */
export function desiredConfiguration(wanted: WantedConfiguration, firmware: string): DesiredConfiguration {
  const { source, hostname, port, ca, exp } = wanted;
  const { fields, leftOut } = fittedFields(source, firmware);
  const destination = { hostname, port, ca, ...(exp === undefined ? {} : { exp }) };
  return {
    configuration: buildConfiguration(destination, { ...optionsOf(source), fields }),
    leftOut,
    rate: signalRate(fields),
  };
}

function fittedFields(source: FieldsSource, firmware: string) {
  return source.kind === 'profile'
    ? profileFields(profiles[source.profile], firmware)
    : fitToFirmware(source.wanted.fields, firmware);
}

function optionsOf(source: FieldsSource): Omit<Wanted, 'fields'> {
  if (source.kind === 'file') return source.wanted;
  const { alertTypes, deliveryPolicy } = profiles[source.profile];
  return { alertTypes, deliveryPolicy };
}
