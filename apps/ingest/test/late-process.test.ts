// A process that is suspended while its vehicle connects to another process: the records that it finds in its sockets after
// resuming have already been stored.
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { readEntries } from './ingest-rig.js';
import { it } from './ingest-test.js';

it('stores no record again that its vehicle has sent to another process meanwhile', async ({ store, processes }) => {
  const [first, second] = [processes.start(), processes.start()];
  const old = await processes.connect((await first.ready).ports.vehicles);
  await old.fence('before');
  first.child.kill('SIGSTOP');
  const txids = Array.from({ length: 50 }, (_, n) => `tx-${n}`);
  for (const txid of txids) old.send({ txid });
  const current = await processes.connect((await second.ready).ports.vehicles);
  for (const txid of txids) current.send({ txid, isResend: true });
  await current.fence('last');
  first.child.kill('SIGCONT');
  await eventually(() => first.events().includes('vehicle_disconnected'));
  await current.fence('after');
  const records = (await readEntries(store)).filter(({ topic }) => topic === 'V');
  expect(records.map(({ txid }) => txid)).toEqual(['before', ...txids, 'last', 'after']);
});

it('looks for repeats when its clock has jumped, even on an old connection', async ({ startIngest }) => {
  let nowMs = Date.now();
  let jumpMs = 0;
  const ingest = await startIngest({
    now: () => {
      nowMs += jumpMs;
      return nowMs;
    },
    monotonicNow: () => nowMs,
  });
  const vehicle = await ingest.connect();
  await vehicle.fence('a');
  // long after repeats are expected
  nowMs += 3_600_000;
  jumpMs = 300;
  vehicle.send({ txid: 'a' });
  await vehicle.fence('b');
  expect(await ingest.story()).toEqual(['CONNECTED', 'a', 'b']);
  expect(ingest.counts.repeats).toBe(1);
});
