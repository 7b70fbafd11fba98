// Damaged messages: a million through the reader, and some of them through a live socket next to a valid vehicle.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EnvelopeError, readEnvelope, writeRecordEnvelope } from '@fleetbridge/protocol';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { createSender, receive } from '../src/socket/receive.js';
import { OTHER_VIN, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';
import { mutated, originals, seeded } from './mutations.js';
import { vehicleRecord } from './test-vehicle.js';

const isLong = process.env.TEST_LONG !== undefined;
const READ = isLong ? 1_000_000 : 100_000;
const SENT = isLong ? 50_000 : 5_000;
if (!isLong)
  console.log(`a tenth of the damaged messages (${READ} read, ${SENT} sent); all of them: npm run test:long`);
const SEED = 20_261_124;

/** Megabytes in use after a full garbage collection. */
function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1e6;
}

describe('a damaged message', () => {
  it(`results in a decision, throws no exception, and leaks no memory (${READ} messages)`, { timeout: 300_000 }, () => {
    const random = seeded(SEED);
    const good = originals();
    const sender = createSender({ deviceId: VIN, senderId: `vehicle_device.${VIN}` }, '2026.20');
    const decisions: Record<string, number> = {};
    let before = 0;
    for (let n = 0; n < READ; n++) {
      if (n === READ / 10) before = heapMegabytes();
      const bytes = mutated(good[n % good.length]!, random);
      const decision = receive(bytes, sender, { receivedMs: 1_700_000_000_000, repeats: 'unlikely' });
      const what = decision.kind === 'append' ? 'append' : decision.reason;
      decisions[what] = (decisions[what] ?? 0) + 1;
      if (decision.kind === 'append') continue;
      // every answer must be readable by a vehicle
      if (readEnvelope(decision.answer) instanceof EnvelopeError) {
        throw new Error(`message ${n} of seed ${SEED}: unreadable answer to ${bytes.toString('hex')}`);
      }
    }
    expect(heapMegabytes() - before).toBeLessThan(10);
    // the damaged messages reach every check
    expect(Object.keys(decisions).sort()).toEqual([
      'append',
      'envelope_unreadable',
      'payload_unreadable',
      'unauthorized_sender_id',
      'unknown_message_type',
      'unknown_topic',
    ]);
  });
});

describe('damaged messages on a live socket', () => {
  it(`are answered one by one, and a valid vehicle loses no record (${SENT} messages)`, {
    timeout: 300_000,
  }, async ({ startIngest }) => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const ingest = await startIngest();
    const [hostile, good] = [await ingest.connect(), await ingest.connect({ vin: OTHER_VIN })];
    const random = seeded(SEED);
    const messages = [...originals(), writeRecordEnvelope(vehicleRecord({ textLength: 60 }))];
    // the recorded answers would use most of the memory
    let answers = 0;
    hostile.connection.onMessage(() => answers++);
    let before = 0;
    for (let n = 0; n < SENT; n++) {
      hostile.connection.sendBytes(mutated(messages[n % messages.length]!, random));
      if (n % 50 === 0) good.send({ txid: `good-${n}` });
      if (n % 500 !== 499) continue;
      await eventually(() => answers === n + 1);
      hostile.answers.length = 0;
      ingest.lines.length = 0;
      if (n + 1 === SENT / 5) before = heapMegabytes();
    }
    await eventually(() => good.acks().length === SENT / 50);
    expect(heapMegabytes() - before).toBeLessThan(15);
    await hostile.fence('still here');
    const kept = (await ingest.entries()).filter(({ vin, topic }) => vin === OTHER_VIN && topic === 'V');
    expect(kept.map(({ txid }) => txid)).toEqual(Array.from({ length: SENT / 50 }, (_, n) => `good-${n * 50}`));
    await ingest.dispose();
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });
});
