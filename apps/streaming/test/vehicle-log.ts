// A vehicle that writes to the log as ingest does, and the frames that its subscribers should receive, computed from the
// signals alone.
import { setTimeout as delay } from 'node:timers/promises';
import { type Datum, encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { connectivityPayload, partitionKeys, type RedisConnection } from '@fleetbridge/store';

export type Signals = { Location?: readonly [number, number]; Gear?: 'P' | 'D' | 'R' | 'N' } & Partial<
  Record<'VehicleSpeed' | 'Soc' | 'Odometer' | 'GpsHeading' | 'PackVoltage' | 'PackCurrent', number>
>;

export const driving = {
  Location: [48.1, 11.5],
  Gear: 'D',
  VehicleSpeed: 30,
  Soc: 71.6,
  Odometer: 12_345.678,
  GpsHeading: 271.2,
  PackVoltage: 400,
  PackCurrent: -52.3,
} as const satisfies Signals;

export class VehicleLog {
  readonly vin: string;
  readonly #redis: RedisConnection;
  readonly #records: string;
  static #lastMs = 0;
  static #sequence = 0;
  /** Id of the last entry that was written. */
  lastEntry = '0-0';
  hasDriven = false;

  constructor(redis: RedisConnection, namespace: string, vin: string) {
    this.#redis = redis;
    this.#records = partitionKeys(namespace, 0).records;
    this.vin = vin;
  }

  connect(): Promise<string> {
    return this.#presence(true);
  }

  disconnect({ agoMs = 0 } = {}): Promise<string> {
    return this.#presence(false, agoMs);
  }

  send(signals: Signals, createdMs: number): Promise<string> {
    return this.sendData(dataOf(signals), createdMs);
  }

  sendData(data: Datum[], createdMs: number): Promise<string> {
    return this.#append('V', encodeMessage('V', { data, createdAt: timestampOf(createdMs), vin: this.vin }), createdMs);
  }

  #presence(isConnected: boolean, agoMs = 0): Promise<string> {
    const atMs = Date.now() - agoMs;
    const payload = connectivityPayload({
      vin: this.vin,
      connectionId: 'c-1',
      isConnected,
      atMs,
      networkInterface: 'wifi',
    });
    return this.#append('connectivity', payload, atMs);
  }

  /** With an id of our own, so that it can be retried until it is stored exactly once. */
  async #append(topic: string, payload: Buffer, createdMs: number): Promise<string> {
    const id = VehicleLog.#nextId();
    const fields = ['vin', this.vin, 'topic', topic, 'txid', id, 'created', createdMs, 'received', Date.now()];
    for (;;) {
      try {
        await this.#redis.xadd(this.#records, id, ...fields, 'version', '', 'payload', payload);
        break;
      } catch (error) {
        // the entry was stored, the answer was lost
        if ((error as Error).message.includes('equal or smaller')) break;
        await delay(20);
      }
    }
    this.lastEntry = id;
    return id;
  }

  static #nextId(): string {
    const ms = Math.max(Date.now(), VehicleLog.#lastMs);
    VehicleLog.#sequence = ms === VehicleLog.#lastMs ? VehicleLog.#sequence + 1 : 0;
    VehicleLog.#lastMs = ms;
    return `${ms}-${VehicleLog.#sequence}`;
  }
}

export function dataOf({ Location, Gear, ...numbers }: Signals): Datum[] {
  const data: Datum[] = Object.entries(numbers).map(([name, value]) => ({
    key: Field[name as 'Soc'],
    value: { doubleValue: value },
  }));
  if (Location)
    data.push({ key: Field.Location, value: { locationValue: { latitude: Location[0], longitude: Location[1] } } });
  if (Gear) data.push({ key: Field.Gear, value: { shiftStateValue: ShiftState[`ShiftState${Gear}`] } });
  return data;
}

/** What TeslaMate stores of a frame. */
export interface ExpectedFrame {
  timeMs: number;
  speed: number | null;
  odometer: number | null;
  soc: number | null;
  heading: number | null;
  lat: number;
  lng: number;
  power: number | null;
  shift: string | null;
  range: number | null;
  estRange: number | null;
}

/** The frames of a vehicle's records, computed from the contract without code of the server. */
export class FrameOracle {
  readonly frames: ExpectedFrame[] = [];
  readonly #values = new Map<number, Datum['value']>();

  add(data: Datum[], timeMs: number): void {
    for (const { key, value } of data) this.#values.set(key!, value);
    const location = this.#values.get(Field.Location)?.locationValue;
    if (!location) return;
    const gear = this.#values.get(Field.Gear)?.shiftStateValue;
    const volts = this.#number(Field.PackVoltage);
    const amperes = this.#number(Field.PackCurrent);
    const shift =
      gear === ShiftState.ShiftStateP
        ? 'P'
        : gear === ShiftState.ShiftStateD
          ? 'D'
          : gear === ShiftState.ShiftStateR
            ? 'R'
            : null;
    const heading = this.#number(Field.GpsHeading);
    const frame: ExpectedFrame = {
      timeMs,
      speed: rounded(this.#number(Field.VehicleSpeed)),
      odometer: this.#number(Field.Odometer),
      soc: rounded(this.#number(Field.BatteryLevel) ?? this.#number(Field.Soc)),
      heading: heading === null ? null : rounded(heading)! % 360,
      lat: location.latitude!,
      lng: location.longitude!,
      power: volts === null || amperes === null ? (shift === 'P' ? 0 : null) : rounded((-volts * amperes) / 1000),
      shift,
      range: rounded(this.#number(Field.RatedRange)),
      estRange: rounded(this.#number(Field.EstBatteryRange)),
    };
    const last = this.frames.at(-1);
    if (last && JSON.stringify({ ...frame, timeMs: 0 }) === JSON.stringify({ ...last, timeMs: 0 })) return;
    this.frames.push(frame);
  }

  #number(field: number): number | null {
    return this.#values.get(field)?.doubleValue ?? null;
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.sign(value) * Math.round(Math.abs(value)) + 0;
}
