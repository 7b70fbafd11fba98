// An entry on which the processing fails: it must not stall its partition for the other clients.
import { expect } from 'vitest';
import { OTHER_VIN, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';

it('skips an entry that a listener fails to process, logs its id, and continues with the next one', async ({
  startRig,
}) => {
  const rig = await startRig();
  const received: string[] = [];
  rig.records.listen([VIN], () => {
    throw new Error('cannot process this');
  });
  rig.records.listen([OTHER_VIN], ({ entry }) => void received.push(entry.id));
  const bad = await rig.soc(70);
  const good = await rig.soc(71, { vin: OTHER_VIN });
  expect(received).toEqual([good]);
  expect(rig.counts.skippedEntries).toBe(1);
  expect(rig.lines.filter(({ event }) => event === 'entry_skipped')).toMatchObject([{ entry: bad, partition: 0 }]);
  expect(rig.lines.some(({ event }) => event === 'log_unreadable')).toBe(false);
  expect(rig.feeds.of(OTHER_VIN).state.readings.get('Soc')?.value).toBe(71);
});
