import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandKeyFromScalar,
  Domain,
  faultOf,
  readAnswer,
  routableMessage,
  type SentCommand,
  SignatureMethod,
  sharedKeys,
  verdictOfInfotainment,
  verdictOfSecurity,
} from '../src/index.js';
import { hex, vectors } from './vectors.js';

describe('answers of the vectors', () => {
  it.each(vectors.answers)('to command $of_command: $note', (vector) => {
    const sent = sentCommand(vector.of_command);
    const { answer } = readAnswer(sent, hex(vector.routable_message));
    expect(answer).toEqual(expectedAnswer(vector.note));
    expect(readAnswer(sent, hex(vector.routable_message)).answer).toEqual({ kind: 'unreadable', why: 'repeated' });
  });

  it('discards an answer to another command, and one whose fault was changed', () => {
    const [ok] = vectors.answers;
    const other = readAnswer(sentCommand(1), hex(ok!.routable_message));
    expect(other.answer).toEqual({ kind: 'unreadable', why: 'foreign' });
    const message = routableMessage.decode(hex(ok!.routable_message))!;
    const tampered = routableMessage.encode({ ...message, signedMessageStatus: { signedMessageFault: 6 } });
    expect(readAnswer(sentCommand(0), tampered).answer).toEqual({ kind: 'unreadable', why: 'decryption' });
  });
});

describe('plain answers', () => {
  const sent = sentCommand(3);
  const plain = (content: object) =>
    readAnswer(
      sent,
      routableMessage.encode({
        toDestination: { routingAddress: sent.routingAddress },
        fromDestination: { domain: sent.domain },
        ...content,
      }),
    );

  it('are accepted, and without content the command is done', () => {
    expect(plain({ protobufMessageAsBytes: hex('0a00') }).answer).toEqual({ kind: 'done' });
    expect(plain({}).answer).toEqual({ kind: 'done' });
  });

  it('with session info alone, nothing is known about the command', () => {
    const reading = plain({ sessionInfo: hex('0801') });
    expect(reading.answer).toEqual({ kind: 'unreadable', why: 'no_payload' });
    expect(reading.sessionInfo).toEqual({ encoded: hex('0801'), tag: new Uint8Array() });
  });

  it('with WAIT in the envelope, the command has no result yet', () => {
    expect(plain({ signedMessageStatus: { operationStatus: 1 } }).answer).toEqual({ kind: 'wait' });
  });

  it('with ERROR and without a fault, the payload decides', () => {
    const status = { operationStatus: 2 };
    expect(plain({ signedMessageStatus: status, protobufMessageAsBytes: hex('0a00') }).answer.kind).toBe('done');
  });
});

describe('verdicts', () => {
  it('infotainment refuses with and without a reason', () => {
    expect(verdictOfInfotainment(hex('0a120801120e0a0c6e6f745f6368617267696e67'))).toEqual({
      kind: 'refused',
      reason: 'car could not execute command: not_charging',
    });
    expect(verdictOfInfotainment(hex('0a020801'))).toMatchObject({
      reason: 'car could not execute command: unspecified error',
    });
    expect(verdictOfInfotainment(hex('ffff')).kind).toBe('unparsable');
  });

  it('VCSEC: nominal errors, command status', () => {
    const verdict = (bytes: string) => verdictOfSecurity(hex(bytes));
    expect(verdict('')).toEqual({ kind: 'done' });
    expect(verdict('2200')).toEqual({ kind: 'done' });
    expect(verdict('22020801')).toEqual({ kind: 'wait' });
    expect(verdict('f202020802')).toMatchObject({
      reason: 'vcsec could not execute command: genericError:GENERICERROR_CLOSURES_OPEN',
    });
    expect(verdict('f20200')).toMatchObject({ reason: 'vcsec could not execute command: GENERICERROR_NONE' });
    expect(verdict('22020802')).toMatchObject({ text: 'vehicle responded with an unrecognized status code' });
    expect(verdict('220608021a020807')).toMatchObject({
      text: 'keychain operation failed: WHITELISTOPERATION_INFORMATION_NO_PERMISSION_TO_REMOVE',
    });
    expect(verdict('2206080212021004')).toMatchObject({ text: 'SIGNEDMESSAGE_INFORMATION_FAULT_INVALID_TOKEN' });
    expect(verdict('ffff').kind).toBe('unparsable');
  });

  it('a fault without a known number is final', () => {
    expect(faultOf(29)).toMatchObject({ name: 'unrecognized error code 29', remedy: 'final' });
  });
});

it('any bytes, and any change of a byte, give a typed answer', () => {
  const kinds = ['done', 'refused', 'failed', 'wait', 'unparsable', 'fault', 'unreadable'];
  const changed = fc
    .tuple(fc.constantFrom(...vectors.answers), fc.nat(), fc.nat(255))
    .map(([vector, position, byte]) => {
      const bytes = hex(vector.routable_message);
      bytes[position % bytes.length] = byte;
      return { command: vector.of_command, bytes };
    });
  const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ command: 3, bytes }));
  fc.assert(
    fc.property(fc.oneof(changed, anything), ({ command, bytes }) => {
      expect(kinds).toContain(readAnswer(sentCommand(command), bytes).answer.kind);
    }),
  );
});

function sentCommand(index: number): SentCommand {
  const vector = vectors.commandsSigned[index]!;
  const client = commandKeyFromScalar(hex(vector.client_private_scalar));
  const vehicle = commandKeyFromScalar(hex(vector.vehicle_private_scalar));
  return {
    domain: vector.domain === 2 ? Domain.VEHICLE_SECURITY : Domain.INFOTAINMENT,
    vin: vector.vin,
    uuid: hex(vector.uuid),
    routingAddress: hex(vector.routing_address),
    keys: sharedKeys(client, vehicle.publicKey)!,
    method: vector.method === 'hmac' ? SignatureMethod.HMAC_PERSONALIZED : SignatureMethod.AES_GCM_PERSONALIZED,
    tag: hex(vector.tag),
    answerCounters: new Set(),
  };
}

function expectedAnswer(note: string): object {
  if (note.includes('busy, fault 1')) return { kind: 'fault', fault: faultOf(1) };
  if (note.includes('error with reason')) {
    return { kind: 'refused', reason: 'car could not execute command: not_charging' };
  }
  return { kind: 'done' };
}
