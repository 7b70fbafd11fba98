// How a connection gets its slot, the resume position in Redis: it asks until Redis answers, and until the last holder of
// the slot has proved that it is connected or has not.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { justBefore } from '@fleetbridge/protocol';
import type { VehicleFeed } from '../frames/index.js';
import { HeldSlot, type ResumePositions } from '../resume/index.js';
import type { Pace } from './pace.js';

export interface SlotAcquisition {
  feed: VehicleFeed;
  slots: ResumePositions;
  vin: string;
  subscriber: string;
  /** Pings the client of this connection. */
  prove: () => void;
  isWanted: () => boolean;
  /** Resolves to undefined while Redis does not answer. */
  ask: <T>(request: Promise<T>) => Promise<T | undefined>;
  pace: Pace;
}

/** undefined: no longer wanted. */
export async function acquireSlot({
  feed,
  slots,
  ask,
  pace,
  ...wanted
}: SlotAcquisition): Promise<HeldSlot | undefined> {
  // a new subscriber begins with the present frame; of an offline vehicle, with what comes next
  const cursor = feed.present && feed.isOnline ? justBefore(feed.present.entryId) : feed.readUpTo;
  const request = { ...wanted, connectionId: randomUUID(), cursor };
  let askedMs: number | undefined;
  for (;;) {
    const answer = await retryWhile(request.isWanted, pace.retryMs, () => ask(slots.acquire({ ...request, askedMs })));
    if (answer === undefined || answer instanceof HeldSlot) return answer;
    askedMs = answer.askedMs;
    await delay(pace.slotAskEveryMs);
  }
}

/** Repeats while the answer is undefined and still wanted. */
export async function retryWhile<T>(
  isWanted: () => boolean,
  retryMs: number,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  while (isWanted()) {
    const answer = await ask();
    if (answer !== undefined) return isWanted() ? answer : undefined;
    await delay(retryMs);
  }
  return undefined;
}
