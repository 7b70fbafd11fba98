// A client that follows TeslaMate's state machine of a car: what it polls in which state, what it stores, and the rules
// whose violation ends TeslaMate (docs/protocol/teslamate.md#clocks).
import { vehicleDataMistakes, vehicleMistakes } from '@fleetbridge/testing';
import { expect } from 'vitest';
import type { Rig } from './gateway-rig.js';

export type CarState = 'start' | 'online' | 'driving' | 'charging' | 'updating' | 'asleep' | 'offline' | 'in_service';

export interface ChargeRow {
  atMs: number;
  energyKwh: number;
  powerKw: number;
  phases: number | null;
  voltage: number;
  amperes: number;
}

export class TeslaMatePoller {
  /** The gateway can be another process after a restart. */
  readonly #rig: () => Rig;
  #state: CarState = 'start';
  /** Start of the state in TeslaMate's table: `online` by the document's time, others by its own clock. */
  #startMs = 0;
  #timestampMs = 0;
  #updateStatus = '';
  /** Each state that was entered, in order. */
  readonly entered: CarState[] = [];
  readonly charges: ChargeRow[][] = [];
  readonly installed: string[] = [];
  readonly seen = new Set<string>();
  requests = 0;

  constructor(rig: () => Rig) {
    this.#rig = rig;
  }

  get state(): CarState {
    return this.#state;
  }

  /** Seconds until the next poll. */
  get intervalSeconds(): number {
    if (this.#state === 'driving') return 2.5;
    if (this.#state === 'charging') return 5;
    return this.#state === 'updating' ? 15 : 30;
  }

  async poll(): Promise<void> {
    if (['start', 'asleep', 'offline'].includes(this.#state) && (await this.#vehicleState()) !== 'online') return;
    this.requests++;
    const { status, headers, body } = await this.#rig().data();
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    if (status === 405) return this.#enter('in_service', this.#rig().clock.nowMs);
    if (status === 408) {
      await this.#vehicleState();
      return;
    }
    expect(status).toBe(200);
    this.#document(body.response);
  }

  async #vehicleState(): Promise<string> {
    this.requests++;
    const vehicle = await this.#rig().one();
    expect(vehicleMistakes(vehicle)).toEqual([]);
    if (vehicle.state === 'online') return 'online';
    // ends the session of a charge, or crashes in an update
    if (this.#state === 'charging' || this.#state === 'updating') expect(vehicle.state).toBe('offline');
    if (!(this.#state === 'charging' || this.#state === 'updating'))
      this.#enter(vehicle.state, this.#rig().clock.nowMs);
    return vehicle.state;
  }

  // biome-ignore lint/suspicious/noExplicitAny: checked by vehicleDataMistakes
  #document(document: any): void {
    expect(vehicleDataMistakes(document)).toEqual([]);
    const { drive_state: drive, charge_state: charge, vehicle_state: vehicle, climate_state: climate } = document;
    // lower: fetched again without a pause; later than now: the next `asleep` ends TeslaMate
    expect(drive.timestamp).toBeGreaterThanOrEqual(this.#timestampMs);
    expect(drive.timestamp).toBeLessThanOrEqual(this.#rig().clock.nowMs);
    this.#timestampMs = drive.timestamp;
    const { status } = vehicle.software_update;
    if (this.#updateStatus === 'installing') {
      expect(['installing', '']).toContain(status);
      if (status === '') this.installed.push(vehicle.car_version.split(' ')[0]);
    }
    this.#updateStatus = status;
    if (vehicle.sentry_mode) this.seen.add('sentry');
    if (vehicle.df + vehicle.rt > 0) this.seen.add('door');
    if (vehicle.fd_window > 0) this.seen.add('window');
    if (climate.is_climate_on) this.seen.add('climate');
    if (climate.is_preconditioning) this.seen.add('preconditioning');
    const next = stateOf({ drive, charge, status });
    if (next === 'charging') this.#charge(charge);
    this.#enter(next, drive.timestamp);
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  #charge(charge: any): void {
    if (this.#state !== 'charging') this.charges.push([]);
    this.charges.at(-1)!.push({
      atMs: this.#rig().clock.nowMs,
      energyKwh: charge.charge_energy_added,
      powerKw: charge.charger_power,
      phases: charge.charger_phases,
      voltage: charge.charger_voltage,
      amperes: charge.charger_actual_current,
    });
  }

  #enter(state: CarState, startMs: number): void {
    if (state === this.#state) return;
    const isNewRow = tableState(state) !== tableState(this.#state);
    // the constraint of the table: a state ends after it began
    if (isNewRow) expect(startMs).toBeGreaterThanOrEqual(this.#startMs);
    if (isNewRow) this.#startMs = startMs;
    this.#state = state;
    this.entered.push(state);
  }
}

function tableState(state: CarState): string {
  return state === 'asleep' || state === 'offline' ? state : 'online';
}

interface Facts {
  drive: { shift_state: string | null };
  charge: { charging_state: string | null };
  status: string;
}

function stateOf({ drive, charge, status }: Facts): CarState {
  if (status === 'installing') return 'updating';
  if (charge.charging_state === 'Starting' || charge.charging_state === 'Charging') return 'charging';
  return drive.shift_state !== null && drive.shift_state !== 'P' ? 'driving' : 'online';
}
