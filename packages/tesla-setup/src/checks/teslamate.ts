// Verdicts on the clients that read: TeslaMate's polls and its stream.
import { green, notChecked, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { durationText } from './text.js';

/** TeslaMate polls at least every 30 s while a vehicle is known. */
const POLL_MS = 15 * 60_000;

export interface PollFacts {
  readonly clients: number;
  readonly lastPollMs: number | undefined;
  readonly nowMs: number;
}

export function pollVerdict({ clients, lastPollMs, nowMs }: PollFacts): Verdict {
  if (clients === 0) return notChecked('no client of the gateway; `fleetbridge teslamate create` makes one');
  if (lastPollMs === undefined) return problem('teslamate_not_polling', '(never)');
  const last = `last poll ${durationText(nowMs - lastPollMs)} ago`;
  return nowMs - lastPollMs > POLL_MS ? problem('teslamate_not_polling', `(${last})`) : green(last);
}

export interface StreamFacts {
  /** Vehicles that a client of the streaming server follows, or has followed a short time ago. */
  readonly followedVehicles: number;
  readonly connectedVehicles: number;
  /** Grants of tokens, clients of the gateway included. */
  readonly tokens: number;
}

export function streamVerdict({ followedVehicles, connectedVehicles, tokens }: StreamFacts): Verdict {
  if (followedVehicles > 0)
    return green(`clients follow ${followedVehicles} vehicle${followedVehicles === 1 ? '' : 's'}`);
  if (tokens === 0) return notChecked('no token was created');
  if (connectedVehicles === 0) return notChecked('TeslaMate subscribes while a vehicle is awake');
  return problem('teslamate_not_streaming', `(${connectedVehicles} connected)`);
}
