import { type Envelope, readEnvelope, STREAM_ACK } from '@fleetbridge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Receiver } from '../../test/ws-parts.js';
import { AckQueue } from './ack-queue.js';

describe('AckQueue', () => {
  it('returns the acks of settled records in order as frames that ws can read, without those that were sent before', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            txid: txid(),
            isAcknowledged: fc.boolean(),
            hasAck: fc.boolean(),
            isFlushed: fc.boolean(),
            ahead: fc.nat(5),
          }),
          {
            maxLength: 60,
          },
        ),
        (records) => {
          const queue = new AckQueue();
          const written: Buffer[] = [];
          const waiting: { isAcknowledged: boolean; hasAck: boolean }[] = [];
          const expected: string[] = [];
          const settleOne = () => {
            const { isAcknowledged, hasAck } = waiting.shift()!;
            expect(queue.settle(isAcknowledged)).toBe(!hasAck);
          };
          for (const { txid, isAcknowledged, hasAck, isFlushed, ahead } of records) {
            const message = Buffer.from(`..${txid}V`);
            if (hasAck) queue.addWithoutAck(message.length);
            else queue.add(message.length, message, 2, 2 + txid.length, 2 + txid.length, 3 + txid.length);
            waiting.push({ isAcknowledged, hasAck });
            if (isAcknowledged && !hasAck) expected.push(txid);
            while (waiting.length > ahead) settleOne();
            if (isFlushed) written.push(queue.take() ?? Buffer.alloc(0));
            expect(queue.unsettledRecords).toBe(waiting.length);
          }
          while (waiting.length > 0) settleOne();
          written.push(queue.take() ?? Buffer.alloc(0));
          expect(txidsOf(Buffer.concat(written))).toEqual(expected);
          expect([queue.unsettledRecords, queue.unsettledBytes, queue.take()]).toEqual([0, 0, undefined]);
        },
      ),
    );
  });

  it('does not modify frames that it has returned', () => {
    const queue = new AckQueue();
    const add = (txid: string) => queue.add(100, Buffer.from(`${txid}V`), 0, txid.length, txid.length, txid.length + 1);
    add('first');
    queue.settle(true);
    const frames = queue.take()!;
    const copy = Buffer.from(frames);
    for (let n = 0; n < 100; n++) add(`more-${n}`);
    for (let n = 0; n < 100; n++) queue.settle(n % 2 === 0);
    queue.take();
    expect(frames.equals(copy)).toBe(true);
  });
});

function txid(): fc.Arbitrary<string> {
  return fc.oneof(fc.stringMatching(/^[a-z0-9-]{36}$/), fc.stringMatching(/^[a-z]{0,300}$/));
}

function txidsOf(frames: Buffer): string[] {
  const txids: string[] = [];
  const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true });
  receiver.on('message', (data: Buffer) => {
    const envelope = readEnvelope(data) as Envelope;
    expect(envelope.messageType).toBe(STREAM_ACK);
    txids.push(envelope.txid.toString());
  });
  receiver.write(frames);
  return txids;
}
