// Hostile clients from the address of a legitimate one: it is served throughout.
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { it, parked, VIN } from './gateway-rig.js';

it('serves a client beside 400 silent and 400 slow connections and 1,000 wrong tokens of its address', async ({
  startRig,
  cleanup,
}) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  const sockets: Socket[] = [];
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let n = 0; n < 800; n++) {
    const socket = connect(rig.port, '127.0.0.1');
    socket.on('error', () => {});
    if (n % 2 === 0) socket.write('GET /api/1/products HTTP/1.1\r\nhost: x\r\nx-slow: ');
    sockets.push(socket);
  }
  expect((await rig.data()).status).toBe(200);
  for (let n = 0; n < 20; n++) {
    const wrong = await Promise.all(
      Array.from({ length: 50 }, () => rig.request(`/api/1/vehicles/${VIN}`, { token: 'wrong' })),
    );
    expect(wrong.every(({ status }) => status === 401)).toBe(true);
    expect((await rig.data()).status).toBe(200);
  }
  expect((await rig.one()).state).toBe('online');
});

it('begins again with a log that has replaced the former one', async ({ startRig, redis }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  expect((await rig.data()).status).toBe(200);
  await redis.flushall();
  await expect.poll(() => rig.lines.some(({ event }) => event === 'log_restarted'), { timeout: 10_000 }).toBe(true);
  expect((await rig.one()).state).toBe('offline');
  rig.clock.nowMs += 60_000;
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  expect((await rig.data()).status).toBe(200);
});
