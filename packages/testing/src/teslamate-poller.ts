// A client that follows TeslaMate's state machine of a car: what it polls in which state, what it stores, and the rules
// whose violation ends TeslaMate (docs/protocol/teslamate.md#clocks).
import assert from 'node:assert/strict';
import { vehicleDataMistakes, vehicleMistakes } from './vehicle-data-check.js';

/** The gateway of one vehicle. It can be another process after a restart. */
export interface PolledGateway {
  /** The clock of TeslaMate's machine. */
  now(): number;
  /** `GET /api/1/vehicles/{id}/vehicle_data` */
  // biome-ignore lint/suspicious/noExplicitAny: the documents are checked by vehicleDataMistakes
  data(): Promise<{ status: number; headers: Headers; body: any }>;
  /** The vehicle of `GET /api/1/vehicles/{id}` */
  // biome-ignore lint/suspicious/noExplicitAny: checked by vehicleMistakes
  vehicle(): Promise<any>;
}

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
  readonly #gateway: PolledGateway;
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

  constructor(gateway: PolledGateway) {
    this.#gateway = gateway;
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
    const { status, headers, body } = await this.#gateway.data();
    assert.match(headers.get('content-type') ?? '', /^application\/json/);
    if (status === 405) return this.#enter('in_service', this.#gateway.now());
    if (status === 408) {
      await this.#vehicleState();
      return;
    }
    assert.equal(status, 200);
    this.#document(body.response);
  }

  async #vehicleState(): Promise<string> {
    this.requests++;
    const vehicle = await this.#gateway.vehicle();
    assert.deepEqual(vehicleMistakes(vehicle), []);
    if (vehicle.state === 'online') return 'online';
    // ends the session of a charge, or crashes in an update
    if (this.#state === 'charging' || this.#state === 'updating') assert.equal(vehicle.state, 'offline');
    if (!(this.#state === 'charging' || this.#state === 'updating')) this.#enter(vehicle.state, this.#gateway.now());
    return vehicle.state;
  }

  // biome-ignore lint/suspicious/noExplicitAny: checked by vehicleDataMistakes
  #document(document: any): void {
    assert.deepEqual(vehicleDataMistakes(document), []);
    const { drive_state: drive, charge_state: charge, vehicle_state: vehicle, climate_state: climate } = document;
    // lower: fetched again without a pause; later than now: the next `asleep` ends TeslaMate
    assert.ok(drive.timestamp >= this.#timestampMs, `${drive.timestamp} after ${this.#timestampMs}`);
    assert.ok(drive.timestamp <= this.#gateway.now(), `${drive.timestamp} is later than now`);
    this.#timestampMs = drive.timestamp;
    const { status } = vehicle.software_update;
    if (this.#updateStatus === 'installing') {
      assert.ok(['installing', ''].includes(status), `${status} after installing`);
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
      atMs: this.#gateway.now(),
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
    if (isNewRow) assert.ok(startMs >= this.#startMs, `${state} begins before ${this.#state}`);
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
