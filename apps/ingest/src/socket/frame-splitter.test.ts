import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Receiver, Sender } from '../../test/ws-parts.js';
import { FrameSplitter } from './frame-splitter.js';

describe('FrameSplitter', () => {
  it('emits the same messages as ws in the same order, however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(frame(), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames);
          expect(throughSplitter(bytes, cuts)).toEqual(throughWs(bytes));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('reads whole binary messages and passes all other frames to ws', () => {
    const seen = throughSplitter(
      Buffer.concat([
        masked(0x82, Buffer.from('abc')),
        masked(0x89, Buffer.from('ping')),
        masked(0x82, Buffer.alloc(70_000)),
      ]),
      [100_000],
    );
    expect(seen.map(({ by, kind }) => [by, kind])).toEqual([
      ['us', 'message'],
      ['ws', 'ping'],
      ['ws', 'message'],
    ]);
  });

  it('passes invalid frames to ws and ignores the bytes behind them', async () => {
    for (const invalid of ['8203616263', 'c28000000000', '83 80 00000000', '82ff ffffffffffffffff 00000000']) {
      const bytes = Buffer.concat([
        Buffer.from(invalid.replaceAll(' ', ''), 'hex'),
        masked(0x82, Buffer.from('after')),
      ]);
      const seen = throughSplitter(bytes, [3]);
      // a stream emits its error in the next turn
      await new Promise((resolve) => setImmediate(resolve));
      expect(seen.map(({ kind }) => kind)).toEqual(['error']);
    }
  });

  it('accepts arbitrary bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 200 }), (bytes, cut) => {
        expect(() => throughSplitter(Buffer.from(bytes), [cut])).not.toThrow();
      }),
      { numRuns: 3_000 },
    );
  });

  it('stops when the handler returns false', () => {
    let messages = 0;
    const splitter = new FrameSplitter({
      message: () => {
        messages++;
        return false;
      },
      other: () => {},
    });
    splitter.push(Buffer.concat([masked(0x82, Buffer.from('a')), masked(0x82, Buffer.from('b'))]));
    expect(messages).toBe(1);
  });
});

interface Seen {
  by: 'us' | 'ws';
  kind: string;
  data: string;
}

function throughSplitter(bytes: Buffer, cuts: number[]): Seen[] {
  const seen: Seen[] = [];
  const receiver = wsReceiver(seen);
  const splitter = new FrameSplitter({
    message: (message, start, end) => {
      seen.push({ by: 'us', kind: 'message', data: message.toString('hex', start, end) });
      return true;
    },
    other: (other) => {
      if (!seen.some(({ kind }) => kind === 'error')) receiver.write(other);
    },
  });
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + cuts[turn % cuts.length]!;
    // as a socket gives them: buffers of their own
    splitter.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return seen;
}

function throughWs(bytes: Buffer): unknown[] {
  const seen: Seen[] = [];
  wsReceiver(seen).write(Buffer.from(bytes));
  return seen.map((one) => ({ ...one, by: expect.anything() }));
}

function wsReceiver(seen: Seen[]) {
  const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true, maxPayload: 4_000_000 });
  for (const kind of ['message', 'ping', 'pong']) {
    receiver.on(kind, (data: Buffer) => seen.push({ by: 'ws', kind, data: data.toString('hex') }));
  }
  receiver.on('conclude', (code: number) => seen.push({ by: 'ws', kind: 'close', data: String(code) }));
  receiver.on('error', () => seen.push({ by: 'ws', kind: 'error', data: '' }));
  return receiver;
}

function frame(): fc.Arbitrary<Buffer> {
  const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const long = fc.constant(Buffer.alloc(65_600, 7));
  const whole = fc
    .oneof({ weight: 8, arbitrary: payload }, { weight: 1, arbitrary: long })
    .map((bytes) => masked(0x82, bytes));
  const control = fc
    .tuple(fc.constantFrom(0x89, 0x8a), payload)
    .map(([first, bytes]) => masked(first, bytes.subarray(0, 125)));
  const fragments = fc
    .tuple(payload, control, payload)
    .map(([a, between, b]) => Buffer.concat([masked(0x02, a), between, masked(0x80, b)]));
  return fc.oneof(
    { weight: 6, arbitrary: whole },
    { weight: 2, arbitrary: control },
    { weight: 2, arbitrary: fragments },
  );
}

function masked(first: number, payload: Buffer): Buffer {
  const options = { fin: (first & 0x80) !== 0, opcode: first & 0x0f, mask: true, readOnly: true, rsv1: false };
  return Buffer.concat(Sender.frame(payload, options));
}
