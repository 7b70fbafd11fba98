// The documents of the answers, from the present state of a vehicle. The text of vehicle_data is kept until the state
// changes, all but its timestamps: clients poll more often than a parked car sends, and the document has 250 fields.

import type { LiveVehicle } from '@fleetbridge/vehicle-feed';
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

export interface VehicleDataText {
  /** The whole answer as JSON. */
  text: string;
  /** Its vehicle_config if it was made again; undefined: as in the answer before. */
  config: Section | undefined;
}

interface KeptText {
  key: string;
  seed: PresentVehicle['seed'];
  lastConfig: PresentVehicle['lastConfig'];
  /** The timestamp belongs between them. */
  pieces: readonly string[];
}

/** A few fields depend on the time alone: a location that is held in a tunnel, a schedule that is over. */
const TIME_STEP_MS = 10_000;

export class VehicleDataDocuments {
  readonly #kept = new WeakMap<LiveVehicle, KeptText>();

  text(present: PresentVehicle): VehicleDataText {
    const { live, seed, lastConfig, nowMs, updateStatus, timestampMs } = present;
    const key = `${live.version} ${updateStatus} ${Math.floor(nowMs / TIME_STEP_MS)}`;
    const kept = this.#kept.get(live);
    if (kept?.key === key && kept.seed === seed && kept.lastConfig === lastConfig) {
      return { text: kept.pieces.join(String(timestampMs)), config: undefined };
    }
    const facts = factsOf(present);
    const sections = vehicleDataSections(facts);
    const state = sections.vehicle_state!;
    state.software_update = { ...(state.software_update as Record<string, string>), status: updateStatus };
    const pieces = piecesOf(vehicleTop(facts), sections);
    this.#kept.set(live, { key, seed, lastConfig, pieces });
    return { text: pieces.join(String(timestampMs)), config: sections.vehicle_config };
  }
}

function piecesOf(top: VehicleEntry, sections: Readonly<Record<string, Section>>): string[] {
  const pieces: string[] = [];
  let piece = `{"response":${JSON.stringify(top).slice(0, -1)}`;
  for (const [name, section] of Object.entries(sections)) {
    pieces.push(`${piece},"${name}":{"timestamp":`);
    piece = `,${JSON.stringify(section).slice(1)}`;
  }
  return [...pieces, `${piece}}}`];
}

function factsOf(present: PresentVehicle) {
  const { live, seed, lastConfig, ids, nowMs, isInService, status } = present;
  return { state: live.state, seed, lastConfig, ids, nowMs, isInService, status };
}
