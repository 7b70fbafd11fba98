import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandKeyFromScalar,
  Domain,
  handshakeRequest,
  MAX_COUNTER,
  memorySessionStore,
  readHandshakeAnswer,
  readSessionInfo,
  routableMessage,
  sessionOf,
  updateSession,
  vehicleClock,
} from '../src/index.js';
import { hex, type SessionInfoVector, vectors } from './vectors.js';

const key = commandKeyFromScalar(hex(vectors.keys[0]!.client_private_scalar));
const vehicleKey = hex(vectors.keys[0]!.vehicle_public);
const VIN = '5YJ30123456789ABC';
const NOW = 1_790_000_000_000;

describe('handshake', () => {
  const sent = routableMessage.decode(hex(vectors.handshake.request))!;
  const request = {
    domain: Domain.INFOTAINMENT,
    uuid: sent.uuid!,
    routingAddress: sent.fromDestination!.routingAddress!,
    vin: VIN,
    key,
  };

  it('writes the request of the vectors', () => {
    const bytes = handshakeRequest(request, key.publicKey);
    expect(routableMessage.decode(bytes)).toEqual(sent);
  });

  it('reads the answer of the vectors', () => {
    expect(readHandshakeAnswer(request, hex(vectors.handshake.response))).toEqual({
      kind: 'verified',
      info: { vehicleKey, epoch: hex('4c463f9cc0d3d26906e982ed224adde6'), counter: 6, clockTime: 2650 },
    });
  });

  it('discards an answer for another address, uuid or domain', () => {
    const answer = hex(vectors.handshake.response);
    const foreign = { kind: 'discarded', why: 'foreign' };
    expect(readHandshakeAnswer({ ...request, routingAddress: hex('00') }, answer)).toEqual(foreign);
    expect(readHandshakeAnswer({ ...request, uuid: hex('00') }, answer)).toEqual(foreign);
    expect(readHandshakeAnswer({ ...request, domain: Domain.VEHICLE_SECURITY }, answer)).toEqual(foreign);
  });

  it.each(vectors.sessionInfo)('$note', (vector) => {
    const answer = routableMessage.encode({
      toDestination: { routingAddress: request.routingAddress },
      fromDestination: { domain: request.domain },
      requestUuid: hex(vector.request_uuid),
      sessionInfo: hex(vector.session_info),
      signatureData: { sessionInfoTag: { tag: hex(vector.tag) } },
    });
    const asked = { ...request, vin: vector.vin, uuid: hex(vector.request_uuid) };
    expect(readHandshakeAnswer(asked, answer).kind).toBe(expectedKind(vector));
  });

  it('reports a key that is not paired, with and without session info', () => {
    const fault = routableMessage.encode({ signedMessageStatus: { signedMessageFault: 3 } });
    expect(readHandshakeAnswer(request, fault)).toEqual({ kind: 'not_paired' });
    const status = routableMessage.encode({
      toDestination: { routingAddress: request.routingAddress },
      fromDestination: { domain: request.domain },
      sessionInfo: hex('2801'),
    });
    expect(readHandshakeAnswer(request, status)).toEqual({ kind: 'not_paired' });
  });

  it('any bytes, and any change of a byte, give an answer', () => {
    const answer = hex(vectors.handshake.response);
    const changed = fc.tuple(fc.nat(answer.length - 1), fc.nat(255)).map(([index, byte]) => {
      const bytes = Buffer.from(answer);
      bytes[index] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed), (bytes) => {
        const { kind } = readHandshakeAnswer(request, bytes);
        expect(['verified', 'not_paired', 'fault', 'discarded']).toContain(kind);
        if (kind === 'verified') expect(readHandshakeAnswer(request, bytes)).toMatchObject({ info: { counter: 6 } });
      }),
    );
  });
});

describe('session info on an established session', () => {
  it('follows the vectors; session info with another key never changes a session', () => {
    const { steps, vin } = vectors.sessionUpdates;
    const epoch = hex('4c463f9cc0d3d26906e982ed224adde6');
    let session = sessionOf({ vehicleKey, epoch, counter: 10, clockTime: 1000 }, NOW);
    for (const step of steps) {
      const request = { key, vin, uuid: hex(step.request_uuid) };
      const reading = readSessionInfo(request, hex(step.session_info), hex(step.tag));
      if (reading.kind === 'verified') {
        const update = updateSession(session, reading.info, NOW);
        if (step.note.startsWith('new vehicle key')) expect(update.kind).toBe('replaced');
        if (step.note.includes('stale')) expect(update.kind).toBe('stale');
        if (update.kind === 'updated') session = update.session;
      }
      expect([step.note, session.counter, Buffer.from(session.epoch).toString('hex')]).toEqual([
        step.note,
        step.counter_after,
        step.epoch_after,
      ]);
    }
  });

  it('counts seconds of the vehicle from the arrival of session info', () => {
    const session = sessionOf({ vehicleKey, epoch: hex('00'), counter: 0, clockTime: 2650 }, NOW);
    expect([NOW - 3_000_000_000, NOW, NOW + 999, NOW + 5000].map((ms) => vehicleClock(session, ms))).toEqual([
      0, 2650, 2650, 2655,
    ]);
  });
});

describe('memory store', () => {
  it('allocates each counter once per epoch, also at once, until the last one', async () => {
    const store = memorySessionStore();
    const allocate = (epoch: string, atLeast: number) =>
      store.allocateCounter(VIN, Domain.INFOTAINMENT, hex(epoch), atLeast);
    expect(await Promise.all([allocate('aa', 7), allocate('aa', 7), allocate('aa', 3)])).toEqual([7, 8, 9]);
    await store.drop(VIN, Domain.INFOTAINMENT);
    expect(await allocate('aa', 7)).toBe(10);
    expect([await allocate('bb', 1), await allocate('aa', 1)]).toEqual([1, 11]);
    expect([await allocate('bb', MAX_COUNTER), await allocate('bb', 1)]).toEqual([MAX_COUNTER, undefined]);
  });
});

function expectedKind({ valid, note }: SessionInfoVector): string {
  if (note.startsWith('status KEY_NOT_ON_WHITELIST')) return 'not_paired';
  return valid ? 'verified' : 'discarded';
}
