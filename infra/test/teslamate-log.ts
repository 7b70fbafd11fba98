// What a vehicle has sent, read from `GET /events`: its drives with their places, and its charges with their energy.
import { get } from 'node:https';

export interface Drive {
  /** The first record in gear. */
  readonly startMs: number;
  /** The record with P. */
  endMs: number;
  readonly startMiles: number;
  endMiles: number;
  /** The records with a location, by their time. */
  readonly places: Map<number, { latitude: number; longitude: number }>;
}

export interface Charge {
  readonly startMs: number;
  endMs: number;
  /** Of the counter of the charger. */
  kwh: number;
}

export interface VehicleHistory {
  readonly drives: Drive[];
  readonly charges: Charge[];
  /** Epoch milliseconds, by the receiver's clock. */
  readonly connectivity: { atMs: number; isConnected: boolean }[];
}

interface LogEvent {
  topic: string;
  created_at: string;
  data: { status?: string; data?: { key: string; value: Record<string, unknown> }[] };
}

export function historyOf(events: LogEvent[]): VehicleHistory {
  const drives: Drive[] = [];
  const charges: Charge[] = [];
  const connectivity: VehicleHistory['connectivity'] = [];
  let drive: Drive | undefined;
  let charge: Charge | undefined;
  let miles = 0;
  for (const { topic, created_at, data } of events) {
    const atMs = Date.parse(created_at);
    if (topic === 'connectivity') connectivity.push({ atMs, isConnected: data.status === 'CONNECTED' });
    if (topic !== 'V') continue;
    const signals = new Map(data.data?.map(({ key, value }) => [key, Object.values(value)[0]]));
    miles = Number(signals.get('Odometer') ?? miles);
    const gear = signals.get('Gear');
    if (gear === 'ShiftStateP' && drive) {
      Object.assign(drive, { endMs: atMs, endMiles: miles });
      drive = undefined;
    } else if (gear !== undefined && gear !== 'ShiftStateP' && !drive) {
      drive = { startMs: atMs, endMs: Number.POSITIVE_INFINITY, startMiles: miles, endMiles: miles, places: new Map() };
      drives.push(drive);
    }
    const place = signals.get('Location');
    if (drive) drive.endMiles = miles;
    if (drive && place) drive.places.set(atMs, place as { latitude: number; longitude: number });

    const state = signals.get('DetailedChargeState');
    if (state === 'DetailedChargeStateCharging' && !charge) {
      charge = { startMs: atMs, endMs: Number.POSITIVE_INFINITY, kwh: 0 };
      charges.push(charge);
    } else if (charge && state !== undefined && state !== 'DetailedChargeStateCharging') {
      charge.endMs = atMs;
      charge = undefined;
    }
    const counter = signals.get('ACChargingEnergyIn');
    const last = charges.at(-1);
    if (last && counter !== undefined && Number(counter) > 0) last.kwh = Number(counter);
  }
  return { drives, charges, connectivity };
}

/** All records of a vehicle up to now: until a second passes without one. */
export function readEvents({ url, caPem }: { url: string; caPem: string }): Promise<LogEvent[]> {
  return new Promise((resolve, reject) => {
    const request = get(url, { ca: caPem }, (response) => {
      let text = '';
      const end = () => {
        request.destroy();
        const messages = text.split('\n').filter((line) => line.startsWith('data: '));
        resolve(messages.map((line) => JSON.parse(line.slice('data: '.length))));
      };
      let quiet = setTimeout(end, 5_000);
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        clearTimeout(quiet);
        quiet = setTimeout(end, 1_000);
      });
      response.on('error', () => {});
    });
    request.on('error', reject);
  });
}
