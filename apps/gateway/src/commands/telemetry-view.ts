// What telemetry knows that commands need: whether the vehicle is connected, and whether a command had its effect.
import { BEGINNING, isAfter } from '@fleetbridge/protocol';
import type { Confirmation } from '@fleetbridge/vehicle-command';
import type { LiveVehicles } from '@fleetbridge/vehicle-feed';
import { correctedValue, newestEntryId, type VehicleState } from '@fleetbridge/vehicle-state';

export interface TelemetryViewOptions {
  live: Pick<LiveVehicles, 'read'>;
  now: () => number;
  sleep: (milliseconds: number) => Promise<void>;
}

/** The moment before a command is sent. */
export interface Moment {
  entryId: string;
  timeMs: number;
}

/** A vehicle that is disconnected for this long is asleep or out of reach; a shorter time can be a change of network. */
const AWAY_AFTER_MS = 180_000;
/** A reading that was made before the command can arrive after it. */
const CLOCK_TOLERANCE_MS = 1_000;
const POLL_MS = 250;

/** Methods reject when Redis does not answer. */
export class TelemetryView {
  readonly #options: TelemetryViewOptions;

  constructor(options: TelemetryViewOptions) {
    this.#options = options;
  }

  /** With `after`: and something of it was received after that moment. */
  async isConnected(vin: string, after?: Moment): Promise<boolean> {
    const state = await this.#state(vin);
    if (state.connectivity?.isConnected !== true) return false;
    return after === undefined || isAfter(newestOf(state), after.entryId);
  }

  /** Known to be disconnected for minutes. A vehicle that never sent telemetry is not known to be away. */
  async isAway(vin: string): Promise<boolean> {
    const state = await this.#state(vin);
    const { connectivity } = state;
    if (connectivity === undefined || connectivity.isConnected) return false;
    const newest = newestEntryId(state);
    if (newest !== undefined && isAfter(newest, connectivity.entryId)) return false;
    return this.#options.now() - connectivity.timeMs > AWAY_AFTER_MS;
  }

  async moment(vin: string): Promise<Moment> {
    return { entryId: newestOf(await this.#state(vin)), timeMs: this.#options.now() };
  }

  /** Whether one of the signals shows the effect, in a reading that was made and received after the moment. */
  async isConfirmed(vin: string, confirmations: readonly Confirmation[], after: Moment): Promise<boolean> {
    const state = await this.#state(vin);
    return confirmations.some(({ signal, isConfirmedBy }) => {
      const reading = state.readings.get(signal);
      if (reading === undefined || !isAfter(reading.entryId, after.entryId)) return false;
      return reading.timeMs >= after.timeMs - CLOCK_TOLERANCE_MS && isConfirmedBy(correctedValue(state, signal));
    });
  }

  /** Checks again and again until it is true, or the time is over; at least once. */
  async waitFor(check: () => Promise<boolean>, isTimeLeft: () => boolean): Promise<boolean> {
    for (;;) {
      if (await check()) return true;
      if (!isTimeLeft()) return false;
      await this.#options.sleep(POLL_MS);
    }
  }

  async #state(vin: string): Promise<VehicleState> {
    return (await this.#options.live.read(vin)).state as VehicleState;
  }
}

/** Of records and connections. */
function newestOf(state: VehicleState): string {
  const record = newestEntryId(state) ?? BEGINNING;
  const { entryId = BEGINNING } = state.connectivity ?? {};
  return isAfter(entryId, record) ? entryId : record;
}
