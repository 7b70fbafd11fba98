// Commands while Redis fails: an outcome is not hidden, nothing is sent without a stored counter, nothing is executed twice.
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { holdFirstCommand, it } from './command-rig.js';
import { VIN } from './gateway-rig.js';

const done = { response: { result: true, reason: '' } };

it('reports a command that was executed while Redis died, and sends nothing until Redis is back', async ({
  startRig,
  redisServer,
}) => {
  const rig = await startRig();
  const { vehicle, fleet } = rig.fleet;
  const release = holdFirstCommand(rig.fleet);
  const answer = rig.command('door_lock');
  await eventually(() => fleet.calls.length === 2);
  await redisServer.kill();
  release();
  expect(await answer).toMatchObject({ status: 200, body: done });
  const whileAway = rig.command('door_unlock');
  await eventually(() => rig.lines.some((line) => JSON.stringify(line).includes('command_audit_failed')));
  expect(fleet.calls).toHaveLength(2);
  await redisServer.start();
  // as if the turn had expired, which could not be released
  const turn = rig.store.keysOf(VIN).commandTurnPrefix + VIN;
  await eventually(async () => (await rig.store.redis.del(turn)) >= 0, 30_000);
  const { status } = await whileAway;
  expect([200, 503]).toContain(status);
  const executed = vehicle.executions.length;
  expect(executed).toBe(status === 200 ? 2 : 1);
  await eventually(async () => (await rig.command('charge_start')).status === 200, 30_000);
  expect(vehicle.executions).toHaveLength(executed + 1);
});

it('continues when Redis has lost the newest counters, or all of them', async ({ startRig }) => {
  const rig = await startRig();
  const { vehicle, fleet } = rig.fleet;
  const { redis } = rig.store;
  const { commandCountersPrefix: counters, commandSessionsPrefix: sessions } = rig.store.keysOf(VIN);
  await rig.command('charge_start');
  const saved = await redis.dumpBuffer(counters + VIN);
  for (let n = 0; n < 2; n++) await rig.command('charge_stop');
  await redis.restore(counters + VIN, 0, saved as Buffer, 'REPLACE');
  expect(await rig.command('charge_start')).toMatchObject({ status: 200, body: done });
  await redis.del(counters + VIN, sessions + VIN);
  expect(await rig.command('charge_stop')).toMatchObject({ status: 200, body: done });
  expect(vehicle.executions).toHaveLength(5);
  expect(fleet.calls).toHaveLength(2 + 2 + 2 + 2);
});
