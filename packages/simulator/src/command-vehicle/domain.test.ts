import { readFileSync } from 'node:fs';
import {
  MessageFault,
  type RoutableMessage,
  routableMessage,
  sessionInfo as sessionInfoCodec,
} from '@fleetbridge/vehicle-command';
import { describe, expect, it } from 'vitest';
import {
  type AnswerFacts,
  answerMetadata,
  encrypt,
  hmacTag,
  method,
  signedMetadata,
  vehicleKeyOf,
} from './authentication.js';
import { acceptCounter, windowFrom } from './counter-window.js';
import { type Computer, receive } from './domain.js';

const vectors = JSON.parse(
  readFileSync(new URL('../../../vehicle-command/fixtures/vectors.json', import.meta.url), 'utf8'),
);
const hex = (text: string) => Buffer.from(text, 'hex');
const VIN = '5YJ30123456789ABC';
const EPOCH = hex('4c463f9cc0d3d26906e982ed224adde6');
const OWNER = 2;

interface SignedVector {
  [name: string]: unknown;
  note: string;
  method: 'gcm' | 'hmac';
  domain: number;
  counter: number;
  expires_at: number;
  flags: number;
  plaintext: string;
  metadata: string;
  tag: string;
  nonce?: string;
  uuid: string;
  routable_message: string;
  vehicle_private_scalar: string;
  refused?: { change: string; fault: string }[];
}
const signedVectors = vectors.commandsSigned as SignedVector[];

describe('keys', () => {
  it.each(vectors.keys as Record<string, string>[])('$source', (vector) => {
    const key = vehicleKeyOf(hex(vector.vehicle_private_scalar!));
    expect(key.publicKey.toString('hex')).toBe(vector.vehicle_public);
    expect(key.sharedKey(hex(vector.client_public!))?.toString('hex')).toBe(vector.shared_key);
  });

  it.each(vectors.invalidPublicKeys as { note: string; publicKey: string }[])(
    'rejects a public key that is not valid: $note',
    ({ publicKey }) => {
      const key = vehicleKeyOf(hex(vectors.keys[0].vehicle_private_scalar));
      expect(key.sharedKey(hex(publicKey))).toBeUndefined();
    },
  );
});

it('answers a handshake with the recorded session info and tag', () => {
  const { request, response } = vectors.handshake as { request: string; response: string };
  const message = routableMessage.decode(hex(request))!;
  const computer = computerOf(signedVectors[0]!, { highest: 6 });
  const { answer } = receive(computer, message, at(2650));
  const expected = routableMessage.decode(hex(response))!;
  expect(sessionInfoCodec.decode(answer.sessionInfo!)).toEqual(sessionInfoCodec.decode(expected.sessionInfo!));
  expect(routableMessage.decode(routableMessage.encode(answer))).toEqual(expected);
});

describe('signed commands', () => {
  it.each(signedVectors)('$method: $note', (vector) => {
    const facts = {
      method: method[vector.method],
      domain: vector.domain,
      vin: VIN,
      epoch: EPOCH,
      expiresAt: vector.expires_at,
      counter: vector.counter,
      flags: vector.flags,
    };
    expect(signedMetadata(facts).toString('hex')).toBe(vector.metadata);
    if (vector.method === 'hmac') {
      const shared = computerOf(vector).key.sharedKey(clientKeyOf(vector))!;
      expect(hmacTag(shared, facts, hex(vector.plaintext)).toString('hex')).toBe(vector.tag);
    }
    const { execution, answer } = receive(computerOf(vector), messageOf(vector), at(vector.expires_at));
    if (execution) {
      expect(execution).toMatchObject({ counter: vector.counter, payload: hex(vector.plaintext) });
    } else {
      // authenticated, but neither of these is an action
      const fault = vector.plaintext === '' ? 9 : 10;
      expect(answer.signedMessageStatus?.signedMessageFault).toBe(fault);
    }
  });

  const refusals = signedVectors.flatMap((vector) =>
    (vector.refused ?? []).map((refusal) => ({ ...refusal, vector, of: `${vector.method} ${vector.note}` })),
  );
  it.each(refusals)('$of, $change: "$fault"', ({ change, fault, vector }) => {
    const { computer, message, clock } = changed(vector, change);
    const { answer, execution } = receive(computer, message, at(clock));
    expectFault(answer, fault);
    expect(execution === undefined).toBe(fault !== '');
  });
});

describe('answers', () => {
  it.each(vectors.answers as Record<string, string>[])('encrypts as recorded: $note', (vector) => {
    const named = vector as unknown as { domain: number; counter: number; flags: number; fault: number };
    const command = signedVectors[Number(vector.of_command)]!;
    const facts: AnswerFacts = { ...named, vin: VIN, requestHash: hex(command.request_hash as string) };
    expect(answerMetadata(facts).toString('hex')).toBe(vector.metadata);
    const shared = computerOf(command).key.sharedKey(clientKeyOf(command))!;
    const sealed = encrypt(shared, answerMetadata(facts), hex(vector.nonce!), hex(vector.plaintext!));
    expect(sealed.ciphertext.toString('hex')).toBe(vector.ciphertext);
    expect(sealed.tag.toString('hex')).toBe(vector.tag);
  });
});

describe('order of time and counter', () => {
  type Case = {
    note: string;
    counter: number;
    expires_at: number;
    vehicle_clock: number;
    vehicle_counter: number;
    fault: string;
  };
  it.each(vectors.verifier as Case[])('$note: "$fault"', ({ counter, expires_at, vehicle_clock, ...rest }) => {
    const computer = computerOf(signedVectors[3]!, { highest: rest.vehicle_counter });
    const message = signed(computer, { counter, expiresAt: expires_at });
    expectFault(receive(computer, message, at(vehicle_clock)).answer, rest.fault);
  });
});

it('accepts each counter once, within 32 of the highest', () => {
  let window = windowFrom(100);
  for (const step of vectors.slidingWindow as { counter: number; accepted: boolean; highest_after: number }[]) {
    const next = acceptCounter(window, step.counter, { ordered: false });
    expect(next !== undefined, `counter ${step.counter}`).toBe(step.accepted);
    window = next ?? window;
    expect(window.highest).toBe(step.highest_after);
  }
});

it('takes only rising counters in VCSEC of real vehicles', () => {
  const window = acceptCounter(windowFrom(100), 103, { ordered: true })!;
  expect(acceptCounter(window, 102, { ordered: true })).toBeUndefined();
  expect(acceptCounter(window, 104, { ordered: true })?.highest).toBe(104);
});

it('executes by role: a charging manager charges, and does not honk', () => {
  const paired = (role: number) => new Map([[clientKeyOf(signedVectors[0]!).toString('hex'), role]]);
  const computer = { ...computerOf(signedVectors[3]!), paired: paired(6) };
  const charge = receive(computer, signed(computer, { payload: hex('120432021200') }), at(10));
  expect(charge.execution?.action).toBe('chargingStartStopAction');
  const honk = receive(computer, signed(computer, { payload: hex('1203da0100') }), at(10));
  expect(honk.execution).toBeUndefined();
  expectFault(honk.answer, 'MESSAGEFAULT_ERROR_INSUFFICIENT_PRIVILEGES');
});

function clientKeyOf(vector: SignedVector): Buffer {
  return vehicleKeyOf(hex(vector.client_private_scalar as string)).publicKey;
}

function computerOf(vector: SignedVector, { highest = vector.counter - 1 } = {}): Computer {
  return {
    domain: vector.domain,
    vin: VIN,
    key: vehicleKeyOf(hex(vector.vehicle_private_scalar ?? vectors.keys[0].vehicle_private_scalar)),
    epoch: EPOCH,
    counters: windowFrom(highest),
    isOrdered: false,
    paired: new Map([[clientKeyOf(vector).toString('hex'), OWNER]]),
  };
}

function messageOf(vector: SignedVector): RoutableMessage {
  return routableMessage.decode(hex(vector.routable_message))!;
}

/** A command of the vectors' client, signed by the key that it shares with the computer. */
function signed(
  computer: Computer,
  { counter = computer.counters.highest + 1, expiresAt = 20, payload = hex('120452020801') },
): RoutableMessage {
  const { domain, vin, epoch } = computer;
  const publicKey = clientKeyOf(signedVectors[0]!);
  const facts = { method: method.hmac, domain, vin, epoch, expiresAt, counter, flags: 0 };
  const tag = hmacTag(computer.key.sharedKey(publicKey)!, facts, payload);
  return {
    toDestination: { domain: domain as 3 },
    fromDestination: { routingAddress: Buffer.alloc(16, 1) },
    uuid: Buffer.alloc(16, 2),
    protobufMessageAsBytes: payload,
    signatureData: { signerIdentity: { publicKey }, HMAC_PersonalizedData: { epoch, counter, expiresAt, tag } },
  };
}

function changed(vector: SignedVector, change: string) {
  const message = messageOf(vector);
  let computer = computerOf(vector);
  let clock = vector.expires_at - 5;
  const data = (message.signatureData!.HMAC_PersonalizedData ?? message.signatureData!.AES_GCM_PersonalizedData)!;
  const flip = (bytes: Uint8Array) => {
    const copy = Buffer.from(bytes);
    copy[copy.length - 1]! ^= 1;
    return copy;
  };
  const changes: Record<string, () => void> = {
    'last byte of payload': () => {
      message.protobufMessageAsBytes = flip(message.protobufMessageAsBytes!);
    },
    tag: () => {
      data.tag = flip(data.tag!);
    },
    'flags cleared': () => {
      message.flags = 0;
    },
    'counter + 1': () => {
      data.counter! += 1;
    },
    'expires_at + 1': () => {
      data.expiresAt! += 1;
    },
    'epoch in the message changed': () => {
      data.epoch = flip(data.epoch!);
    },
    'epoch left out of the message (still inside the metadata)': () => {
      delete (data as { epoch?: unknown }).epoch;
    },
    'sent to the other domain, verifier of that domain': () => {
      computer = { ...computer, domain: 5 - computer.domain };
    },
    'same counter a second time': () => {
      computer = receive(computer, message, at(clock)).computer;
    },
    'arrives after it expired': () => {
      clock = vector.expires_at + 1;
    },
    'uuid or routing address changed (not signed)': () => {
      message.uuid = flip(message.uuid!);
      message.fromDestination = { routingAddress: flip(message.fromDestination!.routingAddress!) };
    },
    'signature data removed': () => {
      delete (message as { signatureData?: unknown }).signatureData;
    },
  };
  changes[change]!();
  return { computer, message, clock };
}

function at(clock: number) {
  return { clock, randomBytes: (count: number) => Buffer.alloc(count, 7) };
}

/** `fault` as in the vectors: a name, with ` (with session info)`; empty without a fault. */
function expectFault(answer: RoutableMessage, fault: string): void {
  const number = answer.signedMessageStatus?.signedMessageFault ?? 0;
  const name = number === 0 ? '' : MessageFault[number]!;
  expect(name + (answer.sessionInfo ? ' (with session info)' : '')).toBe(fault);
}
