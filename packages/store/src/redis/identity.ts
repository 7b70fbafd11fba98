// The identity of the log: a random text, written by the first process that finds the log without it. A Redis that was
// emptied, or replaced by an empty one, has another identity. Ids, cursors and leases of the former log mean nothing in it.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { identityKey } from './keys.js';
import { agreeOnLayout } from './layout.js';
import type { Store } from './store.js';

const POLL_MS = 1_000;

/** Rejects when Redis does not answer, or can't store a missing identity. */
export async function logIdentity({ redis, namespace }: Store): Promise<string> {
  const key = identityKey(namespace);
  const known = await redis.get(key);
  if (known !== null) return known;
  await redis.setnx(key, randomUUID());
  return (await redis.get(key)) ?? '';
}

export interface LogIdentityOptions {
  store: Store;
  /** Called once per replacement. */
  onReplaced: (change: { before: string; now: string }) => void;
  /** Begins again with the new log. Called until it resolves. */
  restart: () => Promise<unknown>;
  /** After `restart`. */
  onRestarted: () => void;
  /** `restart` has failed, or the layout could not be stored. Called for each attempt. */
  onFailure: (error: unknown) => void;
  pollMs?: number;
}

/** Follows the identity of the log until it is stopped. The first identity found is the known one, also when it was just given to an old log. */
export function watchLogIdentity(options: LogIdentityOptions): { stop(): Promise<void> } {
  const { store, onReplaced, restart, onRestarted, onFailure, pollMs = POLL_MS } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let known: string | undefined;
  let mustRestart = false;

  async function poll(): Promise<void> {
    // Redis does not answer, or is full: the identity is still the known one, as far as anyone can see
    const now = await logIdentity(store).catch(() => '');
    if (now === '' || signal.aborted) return;
    if (known !== undefined && known !== now) {
      onReplaced({ before: known, now });
      mustRestart = true;
    }
    known = now;
    if (!mustRestart) return;
    try {
      await agreeOnLayout(store);
      await restart();
      mustRestart = false;
      onRestarted();
    } catch (error) {
      onFailure(error);
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await poll();
      await delay(pollMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  const running = run();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
