// Metadata: what a tag covers besides the message. A sequence of tag (1 byte), length (1 byte) and value by ascending
// tag, then ff. Numbers are 4 bytes big-endian, unlike the same numbers in protobuf. docs/protocol/commands.md#metadata
import type { Domain } from '../messages/index.js';

/** How a message is signed; also the first byte of the request hash. */
export const SignatureMethod = {
  AES_GCM_PERSONALIZED: 5,
  HMAC: 6,
  HMAC_PERSONALIZED: 8,
  AES_GCM_RESPONSE: 9,
} as const;

export type CommandMethod = typeof SignatureMethod.AES_GCM_PERSONALIZED | typeof SignatureMethod.HMAC_PERSONALIZED;

export interface SessionInfoFacts {
  vin: string;
  /** The uuid of the request that the session info answers. */
  challenge: Uint8Array;
}

export interface CommandFacts {
  method: CommandMethod;
  domain: Domain;
  vin: string;
  epoch: Uint8Array;
  /** Seconds of the vehicle's clock. */
  expiresAt: number;
  counter: number;
  flags: number;
}

export interface AnswerFacts {
  /** The domain that answers. */
  domain: Domain;
  vin: string;
  /** The counter in the answer's signature data. */
  counter: number;
  flags: number;
  requestHash: Uint8Array;
  fault: number;
}

export function sessionInfoMetadata({ vin, challenge }: SessionInfoFacts): Buffer {
  return metadata([
    [0, Buffer.of(SignatureMethod.HMAC)],
    [2, Buffer.from(vin, 'latin1')],
    [6, challenge],
  ]);
}

export function commandMetadata(facts: CommandFacts): Buffer {
  return metadata([
    [0, Buffer.of(facts.method)],
    [1, Buffer.of(facts.domain)],
    [2, Buffer.from(facts.vin, 'latin1')],
    [3, facts.epoch],
    [4, uint32(facts.expiresAt)],
    [5, uint32(facts.counter)],
    // Vehicles that predate flags expect metadata without them.
    ...(facts.flags === 0 ? [] : [[7, uint32(facts.flags)] as const]),
  ]);
}

export function answerMetadata(facts: AnswerFacts): Buffer {
  return metadata([
    [0, Buffer.of(SignatureMethod.AES_GCM_RESPONSE)],
    [1, Buffer.of(facts.domain)],
    [2, Buffer.from(facts.vin, 'latin1')],
    [5, uint32(facts.counter)],
    [7, uint32(facts.flags)],
    [8, facts.requestHash],
    [9, uint32(facts.fault)],
  ]);
}

function metadata(entries: (readonly [tag: number, value: Uint8Array])[]): Buffer {
  return Buffer.concat([...entries.flatMap(([tag, value]) => [Buffer.of(tag, value.length), value]), Buffer.of(0xff)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
