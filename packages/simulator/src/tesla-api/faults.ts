// Faults of the network and of Tesla's servers, per endpoint. Faults of the account and of vehicles are switches of their
// state (account.ts).
import { type Answer, failure } from './answer.js';
import type { Endpoint } from './endpoints.js';

export interface Fault {
  readonly endpoint: Endpoint | '*';
  /** Number of requests; default 1. Infinity in process, a large number over HTTP. */
  readonly times?: number;
  /** Number of requests that pass before it. */
  readonly after?: number;
  readonly play: FaultPlay;
}

export type FaultPlay =
  /** Answered without doing anything. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly error?: string;
      /** In place of Tesla's form of an error. */
      readonly body?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Done, but the connection ends before the answer. */
  | { readonly kind: 'lose_answer' }
  /** The connection ends, and nothing is done. */
  | { readonly kind: 'cut' }
  /** Done and answered later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Nothing is done, and there is never an answer. */
  | { readonly kind: 'hang' };

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault of this request; counts it. */
  next(endpoint: Endpoint): FaultPlay | undefined;
}

export function createFaults(): Faults {
  let faults: { fault: Fault; toPass: number; left: number }[] = [];
  return {
    add(fault) {
      faults.push({ fault, toPass: fault.after ?? 0, left: fault.times ?? 1 });
    },
    clear() {
      faults = [];
    },
    next(endpoint) {
      for (const entry of faults) {
        if (entry.fault.endpoint !== '*' && entry.fault.endpoint !== endpoint) continue;
        if (entry.toPass > 0) {
          entry.toPass--;
          continue;
        }
        if (--entry.left <= 0) faults = faults.filter((other) => other !== entry);
        return entry.fault.play;
      }
      return undefined;
    },
  };
}

export function faultAnswer(play: Extract<FaultPlay, { kind: 'answer' }>): Answer {
  const { headers, ...answer } = failure(play.status, play.error ?? '');
  return {
    ...answer,
    ...(play.body === undefined ? {} : { body: play.body }),
    headers: {
      ...headers,
      ...(play.retryAfterSeconds === undefined ? {} : { 'retry-after': String(play.retryAfterSeconds) }),
    },
  };
}
