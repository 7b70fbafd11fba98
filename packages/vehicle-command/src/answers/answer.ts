// Reads what a vehicle answers to a signed command. Any bytes give a typed answer, never an exception.
import { type CommandMethod, decryptAnswer, requestHash, type SharedKeys } from '../authentication/index.js';
import { Domain, OperationStatus, type RoutableMessage, routableMessage } from '../messages/index.js';
import { type Addressing, isAnswerTo } from '../session/index.js';
import { type Fault, faultOf } from './faults.js';
import { type Verdict, verdictOfInfotainment, verdictOfSecurity } from './verdict.js';

/** What must be remembered of a command to read its answer. */
export interface SentCommand extends Addressing {
  vin: string;
  keys: SharedKeys;
  method: CommandMethod;
  /** Tag of the command. */
  tag: Uint8Array;
  /** Counters of encrypted answers that were read; the same answer is not read twice. */
  answerCounters: Set<number>;
}

export type Answer =
  | Verdict
  | { kind: 'fault'; fault: Fault }
  /** Not the answer to this command, not authentic, or without content: the command may have been executed. */
  | { kind: 'unreadable'; why: 'encoding' | 'foreign' | 'decryption' | 'repeated' | 'no_payload' };

export interface AnswerReading {
  answer: Answer;
  /** Session info that came along, not yet verified. */
  sessionInfo?: { encoded: Uint8Array; tag: Uint8Array };
}

export function readAnswer(sent: SentCommand, bytes: Uint8Array): AnswerReading {
  const message = routableMessage.decode(bytes);
  if (message === undefined) return { answer: { kind: 'unreadable', why: 'encoding' } };
  if (!isAnswerTo(sent, message)) return { answer: { kind: 'unreadable', why: 'foreign' } };
  const answer = answerIn(sent, message);
  const encoded = message.sessionInfo;
  if (!(encoded instanceof Uint8Array)) return { answer };
  return { answer, sessionInfo: { encoded, tag: message.signatureData?.sessionInfoTag?.tag ?? new Uint8Array() } };
}

function answerIn(sent: SentCommand, message: RoutableMessage): Answer {
  const status = message.signedMessageStatus;
  const fault = status?.signedMessageFault ?? 0;
  const payload = payloadOf(sent, message, fault);
  if (payload === 'decryption' || payload === 'repeated') return { kind: 'unreadable', why: payload };
  if (fault !== 0) return { kind: 'fault', fault: faultOf(fault) };
  if (status?.operationStatus === OperationStatus.OPERATIONSTATUS_WAIT) return { kind: 'wait' };
  if (payload === 'no_payload') return { kind: 'unreadable', why: payload };
  return sent.domain === Domain.VEHICLE_SECURITY ? verdictOfSecurity(payload) : verdictOfInfotainment(payload);
}

/** Firmware before 2024.38 doesn't encrypt, so that a plain payload is accepted. */
function payloadOf(
  sent: SentCommand,
  message: RoutableMessage,
  fault: number,
): Uint8Array | 'decryption' | 'repeated' | 'no_payload' {
  const content = message.protobufMessageAsBytes ?? new Uint8Array();
  const signature = message.signatureData?.AES_GCM_ResponseData;
  if (!signature) return message.sessionInfo || message.sessionInfoRequest ? 'no_payload' : content;
  const counter = signature.counter ?? 0;
  const facts = {
    domain: sent.domain,
    vin: sent.vin,
    counter,
    flags: message.flags ?? 0,
    requestHash: requestHash(sent.domain, sent.method, sent.tag),
    fault,
  };
  const sealed = { ciphertext: content, tag: signature.tag ?? new Uint8Array() };
  const payload = decryptAnswer(sent.keys, facts, signature.nonce ?? new Uint8Array(), sealed);
  if (payload === undefined) return 'decryption';
  if (sent.answerCounters.has(counter)) return 'repeated';
  sent.answerCounters.add(counter);
  return payload;
}
