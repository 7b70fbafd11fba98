// Redis is emptied under a running streaming server, and its clock is behind: the ids of the new log are lower.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { TOKEN, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';
import { driving, VehicleLog } from './vehicle-log.js';

it('begins again with the first record of a new log, ends the clients, and accepts BRIDGE_TOKEN', async ({
  startRig,
  connect,
  redis,
  namespace,
}) => {
  const rig = await startRig({ identityPollMs: 5 });
  const vehicle = new VehicleLog(redis, namespace, VIN);
  await vehicle.connect();
  await vehicle.send(driving, 1_000);
  const subscribe = async () => {
    const client = await connect(rig.wsUrl);
    client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: '', tag: VIN });
    await eventually(() => client.messages.some((text) => text.includes('data:update')));
    return client;
  };
  const client = await subscribe();
  const { records } = rig.store.keysOf(VIN);
  await redis.del(await redis.keys(`${namespace}:*`));
  const data = [
    { key: Field.Soc, value: { doubleValue: 12 } },
    { key: Field.Location, value: { locationValue: { latitude: 1, longitude: 2 } } },
  ];
  const payload = encodeMessage('V', { vin: VIN, createdAt: timestampOf(5_000), data });
  const fields = { vin: VIN, topic: 'V', txid: 't', created: 5_000, received: 5_000, version: '' };
  await redis.xadd(records, '5000-0', ...Object.entries(fields).flat(), 'payload', payload);

  await eventually(() => client.closes.length === 1);
  expect(client.closes).toEqual([1006]);
  await eventually(() => rig.readiness.report().checks.log_identity?.ready === true);
  expect(rig.readiness.report().checks.log_identity).toEqual({ ready: true, reason: 'log_replaced' });
  const events = rig.lines.map(({ event, level }) => `${level} ${event}`);
  expect(events.filter((text) => text.includes('log_re'))).toEqual(['error log_replaced', 'info log_restarted']);
  // of the former log nothing is left
  expect([...rig.feeds.of(VIN).state.readings.keys()].sort()).toEqual(['Location', 'Soc']);
  // presence is reported again by ingest
  await vehicle.connect();
  const again = await subscribe();
  expect(again.messages.join()).toContain('12');
});
