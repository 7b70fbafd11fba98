// What a vehicle has reported to Tesla since its configuration was sent: the reason, for a failure that is seen elsewhere.
import { type FleetApi, FleetApiError, type TelemetryReport } from '@fleetbridge/fleet-api';
import type { ConfigurationStore } from '@fleetbridge/store';
import type { TeslaApplication } from '@fleetbridge/tesla-account';
import { readVehicleConfiguration } from './vehicle-configuration.js';

export interface ReportParts {
  readonly fleet: Pick<FleetApi, 'partner'>;
  readonly application: TeslaApplication;
  readonly configurations: ConfigurationStore;
}

/** Between Tesla's clock and the one of this machine. */
const CLOCK_TOLERANCE_MS = 300_000;

/** Undefined without one, and when Tesla does not answer: the reason is an addition. */
export async function newestReport(
  { fleet, application, configurations }: ReportParts,
  vin: string,
): Promise<TelemetryReport | undefined> {
  const { sent } = await readVehicleConfiguration(configurations, vin);
  const sinceMs = (sent?.sentMs ?? 0) - CLOCK_TOLERANCE_MS;
  try {
    const partner = await fleet.partner(application);
    const reports = (await partner.telemetryErrors()).filter(
      (report) => report.vin === vin && (timeOf(report) ?? sinceMs) >= sinceMs,
    );
    return reports.sort((one, other) => (timeOf(other) ?? 0) - (timeOf(one) ?? 0))[0];
  } catch (error) {
    if (error instanceof FleetApiError) return undefined;
    throw error;
  }
}

function timeOf({ createdAt }: TelemetryReport): number | undefined {
  const ms = Date.parse(createdAt ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
