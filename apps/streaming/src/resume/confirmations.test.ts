import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@fleetbridge/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Confirmations, type ConfirmationsOptions } from './confirmations.js';

const started: Confirmations[] = [];
afterEach(() => {
  for (const one of started.splice(0)) one.stop();
});

describe('confirmations', () => {
  it('ping with the current position, and not more often than allowed', async () => {
    const { confirmations, pings, at } = begin({ everyMs: 40 });
    at.position = '1-0';
    confirmations.ask();
    confirmations.ask();
    at.position = '2-0';
    await eventually(() => pings.length === 1);
    for (let n = 0; n < 5; n++) confirmations.ask();
    at.position = '3-0';
    await eventually(() => pings.length === 2);
    expect(pings.map(({ cursor }) => cursor)).toEqual(['2-0', '3-0']);
    // a timer can be a millisecond early
    expect(pings[1]!.atMs - pings[0]!.atMs).toBeGreaterThanOrEqual(39);
  });

  it('ping repeatedly, and report a client that does not answer', async () => {
    const { confirmations, pings, at } = begin({ everyMs: 1, idleEveryMs: 5, silentMs: 200 });
    confirmations.ask();
    await eventually(() => at.silences === 1);
    expect(pings.length).toBeGreaterThan(2);
    const count = pings.length;
    await eventually(() => true);
    expect(pings).toHaveLength(count);
  });

  it('accept a pong for all earlier pings, and ignore a pong to no ping', () => {
    const { confirmations, confirmed, at, ask } = begin({ everyMs: 0 });
    return (async () => {
      for (const position of ['1-0', '2-0', '3-0']) {
        at.position = position;
        await ask();
      }
      confirmations.pong('9-0');
      confirmations.pong('2-0');
      confirmations.pong('1-0');
      confirmations.pong('');
      expect(confirmed).toEqual(['2-0']);
      confirmations.pong('3-0');
      expect(confirmed).toEqual(['2-0', '3-0']);
    })();
  });

  it('ignore a pong to a ping before a stop', async () => {
    const { confirmations, confirmed, ask } = begin({ everyMs: 0 });
    await ask();
    confirmations.stop();
    confirmations.pong('1-0');
    expect(confirmed).toEqual([]);
  });

  it('report a ping that throws', async () => {
    const mistake = new TypeError('a mistake');
    const ping = () => {
      throw mistake;
    };
    const { confirmations, failures } = begin({ everyMs: 0 }, { ping });
    confirmations.ask();
    await eventually(() => failures.length === 1);
    expect(failures).toEqual([mistake]);
  });

  it('do not ping while there is nothing to confirm', async () => {
    const { confirmations, pings, at } = begin({ everyMs: 0 });
    at.position = undefined;
    confirmations.ask();
    await delay(5);
    expect(pings).toEqual([]);
  });
});

function begin(
  times: { everyMs: number; idleEveryMs?: number; silentMs?: number },
  callbacks: Partial<ConfirmationsOptions> = {},
) {
  const failures: unknown[] = [];
  const pings: { cursor: string; atMs: number }[] = [];
  const confirmed: string[] = [];
  const at = { position: '1-0' as string | undefined, silences: 0 };
  const confirmations = new Confirmations({
    ping: (cursor) => pings.push({ cursor, atMs: Date.now() }),
    position: () => at.position,
    onConfirmed: (cursor) => confirmed.push(cursor),
    onSilence: () => at.silences++,
    onError: (error) => failures.push(error),
    ...callbacks,
    now: Date.now,
    idleEveryMs: 3_600_000,
    silentMs: 3_600_000,
    ...times,
  });
  started.push(confirmations);
  const ask = async () => {
    const count = pings.length;
    confirmations.ask();
    await eventually(() => pings.length > count);
  };
  return { confirmations, pings, confirmed, at, ask, failures };
}
