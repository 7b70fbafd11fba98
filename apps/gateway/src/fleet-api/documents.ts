// The documents of the answers, from the present state of a vehicle.
import {
  type Section,
  type VehicleEntry,
  vehicleDataSections,
  vehicleEntry,
  vehicleTop,
} from '@fleetbridge/vehicle-state';
import type { PresentVehicle } from '../vehicles/index.js';

/** An entry of products and vehicles. */
export function vehicleDocument(present: PresentVehicle): VehicleEntry {
  return vehicleEntry(factsOf(present));
}

/** The `response` of vehicle_data. */
export function vehicleDataDocument(present: PresentVehicle): Record<string, unknown> {
  const { timestampMs, updateStatus } = present;
  const facts = factsOf(present);
  const sections = vehicleDataSections(facts);
  const update = sections.vehicle_state?.software_update as Section;
  sections.vehicle_state!.software_update = { ...update, status: updateStatus } as never;
  for (const section of Object.values(sections)) section.timestamp = timestampMs;
  return { ...vehicleTop(facts), ...sections };
}

function factsOf(present: PresentVehicle) {
  const { live, seed, lastConfig, ids, nowMs, isInService, status } = present;
  return { state: live.state, seed, lastConfig, ids, nowMs, isInService, status };
}
