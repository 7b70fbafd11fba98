// One computer of the vehicle: its key, epoch, clock, counters and paired keys, and its checks in a vehicle's order. What
// passes them is executed once.
import {
  Domain,
  ENCRYPT_RESPONSE,
  MessageFault,
  OperationStatus,
  type RoutableMessage,
  SessionInfoStatus,
  sessionInfo,
} from '@fleetbridge/vehicle-command';
import {
  answerMetadata,
  decrypt,
  encrypt,
  equalBytes,
  hmacTag,
  method,
  type SignedFacts,
  sessionInfoTag,
  signedMetadata,
  type VehicleKey,
} from './authentication.js';
import { acceptCounter, type CounterWindow } from './counter-window.js';
import { decodeAction, mayDo } from './roles.js';

/** How far ahead a counter below the highest one may expire, in seconds. */
const OUT_OF_ORDER_SECONDS = 30;

export interface Computer {
  domain: number;
  vin: string;
  key: VehicleKey;
  /** 16 bytes. */
  epoch: Uint8Array;
  counters: CounterWindow;
  /** VCSEC of real vehicles takes only rising counters; Tesla's library gives both domains a window of 32. */
  isOrdered: boolean;
  /** Hex of a client's public key → its role. */
  paired: ReadonlyMap<string, number>;
}

export interface Execution {
  domain: number;
  counter: number;
  /** Of the action; the name of its field. */
  action: string;
  payload: Buffer;
}

export interface Moment {
  /** Seconds of this computer's clock. */
  clock: number;
  randomBytes: (count: number) => Uint8Array;
}

/** What the vehicle answers to an executed action; by default that it is done. */
export type AnswerTo = (execution: Execution) => Uint8Array | undefined;

export interface Reaction {
  answer: RoutableMessage;
  computer: Computer;
  execution?: Execution;
}

export function receive(computer: Computer, message: RoutableMessage, moment: Moment, answerTo?: AnswerTo): Reaction {
  if (message.sessionInfoRequest) return { computer, answer: handshake(computer, message, moment) };
  const checked = check(computer, message, moment);
  if ('fault' in checked) {
    const answer = faultAnswer(computer, message, moment, checked);
    return { computer: checked.computer ?? computer, answer };
  }
  const { execution } = checked;
  const payload = answerTo?.(execution) ?? donePayload(computer.domain);
  return {
    computer: checked.computer,
    execution,
    answer: { ...commandReply(computer, message), ...payloadFor(computer, message, moment, payload) },
  };
}

/** Session info with its tag, as in a handshake and beside faults. Undefined if the client's key is not valid. */
export function sessionInfoFor(
  computer: Computer,
  message: RoutableMessage,
  moment: Moment,
): RoutableMessage | undefined {
  const shared = computer.key.sharedKey(clientKeyOf(message));
  if (shared === undefined) return undefined;
  const { key, epoch, counters } = computer;
  const encoded = sessionInfo.encode({
    counter: counters.highest,
    publicKey: key.publicKey,
    epoch,
    clockTime: moment.clock,
  });
  const challenge = message.uuid ?? new Uint8Array();
  const tag = sessionInfoTag(shared, { vin: computer.vin, challenge }, encoded);
  return { sessionInfo: encoded, signatureData: { sessionInfoTag: { tag } } };
}

export interface FaultFacts {
  fault: number;
  withSessionInfo: boolean;
}

export function faultAnswer(
  computer: Computer,
  message: RoutableMessage,
  moment: Moment,
  { fault, withSessionInfo }: FaultFacts,
): RoutableMessage {
  const status = {
    signedMessageStatus: {
      operationStatus: OperationStatus.OPERATIONSTATUS_ERROR,
      signedMessageFault: fault as never,
    },
  };
  const info = withSessionInfo ? sessionInfoFor(computer, message, moment) : undefined;
  const reply = info === undefined && !message.sessionInfoRequest ? commandReply : replyTo;
  return { ...reply(computer, message), ...status, ...info };
}

/** The payload of an answer: encrypted if the command asks for it and the key is valid. */
export function payloadFor(
  computer: Computer,
  message: RoutableMessage,
  { randomBytes }: Moment,
  payload: Uint8Array,
): RoutableMessage {
  const signature = signatureOf(message);
  const shared = computer.key.sharedKey(clientKeyOf(message));
  if (((message.flags ?? 0) & ENCRYPT_RESPONSE) === 0 || signature === undefined || shared === undefined) {
    return { protobufMessageAsBytes: payload };
  }
  const cut = computer.domain === Domain.VEHICLE_SECURITY ? 16 : 32;
  const requestHash = Buffer.concat([Buffer.of(signature.method), signature.tag.subarray(0, cut)]);
  const facts = { domain: computer.domain, vin: computer.vin, counter: 1, flags: 0, requestHash, fault: 0 };
  const nonce = randomBytes(12);
  const { ciphertext, tag } = encrypt(shared, answerMetadata(facts), nonce, payload);
  return {
    protobufMessageAsBytes: ciphertext,
    signatureData: { AES_GCM_ResponseData: { nonce, counter: 1, tag } },
  };
}

/** Session info that holds only the status, without a tag: one of two ways in which vehicles refuse an unpaired key. */
export function notPairedInfo(computer: Computer, message: RoutableMessage): RoutableMessage {
  const status = SessionInfoStatus.SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST;
  return { ...replyTo(computer, message), sessionInfo: sessionInfo.encode({ status }) };
}

export function donePayload(domain: number): Uint8Array {
  return domain === Domain.INFOTAINMENT ? Buffer.of(0x0a, 0) : Buffer.alloc(0);
}

/** VCSEC leaves the request's uuid out of answers to commands. */
export function commandReply(computer: Computer, message: RoutableMessage): RoutableMessage {
  const { requestUuid, ...reply } = replyTo(computer, message);
  return computer.domain === Domain.VEHICLE_SECURITY ? reply : { ...reply, requestUuid: requestUuid! };
}

function replyTo(computer: Computer, message: RoutableMessage): RoutableMessage {
  return {
    toDestination: { routingAddress: message.fromDestination?.routingAddress ?? new Uint8Array() },
    fromDestination: { domain: computer.domain as Domain },
    requestUuid: message.uuid ?? new Uint8Array(),
  };
}

function handshake(computer: Computer, message: RoutableMessage, moment: Moment): RoutableMessage {
  const info = isPaired(computer, message) ? sessionInfoFor(computer, message, moment) : undefined;
  if (info !== undefined) return { ...replyTo(computer, message), ...info };
  const fault = MessageFault.MESSAGEFAULT_ERROR_UNKNOWN_KEY_ID;
  return faultAnswer(computer, message, moment, { fault, withSessionInfo: false });
}

type Checked = { execution: Execution; computer: Computer } | (FaultFacts & { computer?: Computer });

function check(computer: Computer, message: RoutableMessage, { clock }: Moment): Checked {
  const signature = signatureOf(message);
  if (signature === undefined) return refused(MessageFault.MESSAGEFAULT_ERROR_BAD_PARAMETER);
  if (message.toDestination?.domain !== computer.domain)
    return refused(MessageFault.MESSAGEFAULT_ERROR_INVALID_DOMAINS);
  const shared = isPaired(computer, message) ? computer.key.sharedKey(clientKeyOf(message)) : undefined;
  if (shared === undefined) return refused(MessageFault.MESSAGEFAULT_ERROR_UNKNOWN_KEY_ID);
  const { counter, expiresAt, epoch } = signature;
  if (epoch.length > 0 && !equalBytes(epoch, computer.epoch)) {
    return outOfStep(MessageFault.MESSAGEFAULT_ERROR_INCORRECT_EPOCH);
  }
  if (expiresAt < clock) return outOfStep(MessageFault.MESSAGEFAULT_ERROR_TIME_EXPIRED);
  const isOutOfOrder = counter === 0 || counter < computer.counters.highest;
  if (isOutOfOrder && expiresAt > clock + OUT_OF_ORDER_SECONDS) {
    return outOfStep(MessageFault.MESSAGEFAULT_ERROR_TIME_TO_LIVE_TOO_LONG);
  }
  const payload = authenticate(computer, shared, message, signature);
  if (payload === undefined) return outOfStep(MessageFault.MESSAGEFAULT_ERROR_INVALID_SIGNATURE);
  const counters = acceptCounter(computer.counters, counter, { ordered: computer.isOrdered });
  if (counters === undefined) return outOfStep(MessageFault.MESSAGEFAULT_ERROR_INVALID_TOKEN_OR_COUNTER);
  const counted = { ...computer, counters };
  const role = computer.paired.get(hexOf(clientKeyOf(message)))!;
  const action = decodeAction(computer.domain, payload);
  const isKnown = typeof action === 'object';
  if (!mayDo(role, isKnown ? action : undefined)) {
    return { ...refused(MessageFault.MESSAGEFAULT_ERROR_INSUFFICIENT_PRIVILEGES), computer: counted };
  }
  if (!isKnown) {
    const { MESSAGEFAULT_ERROR_DECODING, MESSAGEFAULT_ERROR_INVALID_COMMAND } = MessageFault;
    const fault = action === 'undecodable' ? MESSAGEFAULT_ERROR_DECODING : MESSAGEFAULT_ERROR_INVALID_COMMAND;
    return { ...refused(fault), computer: counted };
  }
  const execution = { domain: computer.domain, counter, action: action.name, payload };
  return { execution, computer: counted };
}

/** The payload in clear, if the message was signed with the shared key for this vehicle, domain and epoch. */
function authenticate(
  { domain, vin, epoch }: Computer,
  shared: Buffer,
  message: RoutableMessage,
  signature: Signature,
): Buffer | undefined {
  const payload = message.protobufMessageAsBytes ?? new Uint8Array();
  const { counter, expiresAt } = signature;
  const facts: SignedFacts = {
    method: signature.method,
    domain,
    vin,
    epoch,
    expiresAt,
    counter,
    flags: message.flags ?? 0,
  };
  if (signature.nonce !== undefined) {
    return decrypt(shared, signedMetadata(facts), { nonce: signature.nonce, ciphertext: payload, tag: signature.tag });
  }
  return equalBytes(hmacTag(shared, facts, payload), signature.tag) ? Buffer.from(payload) : undefined;
}

interface Signature {
  method: SignedFacts['method'];
  epoch: Uint8Array;
  counter: number;
  expiresAt: number;
  tag: Uint8Array;
  /** Only of encrypted commands. */
  nonce: Uint8Array | undefined;
}

function signatureOf(message: RoutableMessage): Signature | undefined {
  const data = message.signatureData;
  const signed = data?.HMAC_PersonalizedData ?? data?.AES_GCM_PersonalizedData;
  if (!signed) return undefined;
  const empty = new Uint8Array();
  const encrypted = data?.HMAC_PersonalizedData ? undefined : (data?.AES_GCM_PersonalizedData ?? undefined);
  return {
    method: encrypted ? method.gcm : method.hmac,
    epoch: signed.epoch ?? empty,
    counter: signed.counter ?? 0,
    expiresAt: signed.expiresAt ?? 0,
    tag: signed.tag ?? empty,
    nonce: encrypted ? (encrypted.nonce ?? empty) : undefined,
  };
}

function clientKeyOf(message: RoutableMessage): Uint8Array {
  const key = message.sessionInfoRequest?.publicKey ?? message.signatureData?.signerIdentity?.publicKey;
  return key ?? new Uint8Array();
}

function isPaired(computer: Computer, message: RoutableMessage): boolean {
  return computer.paired.has(hexOf(clientKeyOf(message)));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function refused(fault: number): FaultFacts {
  return { fault, withSessionInfo: false };
}

/** Faults from which a client recovers by the session info beside them. */
function outOfStep(fault: number): FaultFacts {
  return { fault, withSessionInfo: true };
}
