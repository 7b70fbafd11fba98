import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConnectionHandoff, type PendingConnection } from './connection-handoff.js';

const cleanup: (() => unknown)[] = [];
beforeEach(() => {
  // Only the timers of the hand-off; sockets keep the real ones.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const dispose of cleanup.splice(0).reverse()) dispose();
});

it('closes a connection that no worker accepts within 60 s', async () => {
  const { handoff, client } = await open({ hand: () => false });
  const closed = once(await client(), 'close');
  await whenWaiting(handoff, 1);
  vi.advanceTimersByTime(59_000);
  expect(handoff.waiting).toBe(1);
  vi.advanceTimersByTime(1_001);
  expect(handoff.waiting).toBe(0);
  await closed;
});

it('counts the 60 s from the accept, also for a connection that a dead worker gave back', async () => {
  const handed: PendingConnection[] = [];
  let isAccepting = true;
  const { handoff, client } = await open({
    hand: (connection) => {
      if (isAccepting) handed.push(connection);
      return isAccepting;
    },
  });
  const closed = once(await client(), 'close');
  await untilTrue(() => handed.length === 1);
  isAccepting = false;
  vi.advanceTimersByTime(40_000);
  handed[0]!.giveBack();
  await client();
  await whenWaiting(handoff, 2);
  vi.advanceTimersByTime(20_001);
  expect(handoff.waiting).toBe(1);
  await closed;
  vi.advanceTimersByTime(40_000);
  expect(handoff.waiting).toBe(0);
});

async function open({ hand }: { hand: (connection: PendingConnection) => boolean }) {
  const handoff = new ConnectionHandoff({ host: '127.0.0.1', port: 0, variable: 'STREAMING_PORT', hand });
  const port = await handoff.listen();
  cleanup.push(() => handoff.close());
  const client = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    cleanup.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket.resume();
  };
  return { handoff, client };
}

function whenWaiting(handoff: ConnectionHandoff, count: number): Promise<unknown> {
  return untilTrue(() => handoff.waiting === count);
}

/** Polls per turn of the event loop, because the clock is a fake. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
