// A vehicle as small as the tests of the signer need: two domains with key, epoch, clock and counter window, behind
// Tesla's endpoint. What it answers can be changed per call.
import {
  type Clock,
  type CommandFacts,
  type CommandKey,
  commandKeyFromScalar,
  commandTag,
  Domain,
  encryptAnswer,
  type RoutableMessage,
  requestHash,
  routableMessage,
  type SharedKeys,
  SignatureMethod,
  sessionInfo,
  sessionInfoTag,
  sharedKeys,
  type Transport,
  type TransportResult,
  tagsEqual,
} from '../src/index.js';

export const VIN = '5YJ30123456789ABC';

export interface Call {
  kind: 'handshake' | 'command';
  domain: Domain;
  /** 1 for the first call of its kind. */
  number: number;
}

/** What a test changes. Each may decide by the call. */
export interface Play {
  /** Instead of the vehicle, which doesn't get the message. */
  instead?: (call: Call) => TransportResult | undefined;
  /** Instead of the vehicle's answer, after it has processed the message. */
  afterwards?: (call: Call) => TransportResult | undefined;
  /** A fault instead of execution. */
  fault?: (call: Call) => { number: number; withSessionInfo: boolean } | undefined;
  /** The answer after execution. */
  payload?: (call: Call) => Uint8Array | undefined;
  status?: (call: Call) => { operationStatus: number } | undefined;
  /** Changes the complete answer. */
  answer?: (message: RoutableMessage, call: Call) => RoutableMessage;
  isPlain?: boolean;
  /** Delivers each command twice and returns the answer to the second copy. */
  isDoubled?: boolean;
}

export interface Computer {
  key: CommandKey;
  epoch: Buffer;
  clockZeroMs: number;
  counter: number;
  seen: Set<number>;
}

export interface ModelCar {
  play: Play;
  readonly executed: { domain: Domain; counter: number; payload: Buffer }[];
  readonly calls: Call[];
  readonly computers: Record<Domain, Computer>;
  readonly transport: Transport;
  isPaired: boolean;
  restart(domain: Domain): void;
  replace(domain: Domain): void;
}

export function fakeClock(): Clock & { advance(milliseconds: number): void } {
  let elapsedMs = 0;
  return {
    nowMs: () => 1_790_000_000_000 + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: (milliseconds) => {
      elapsedMs += milliseconds;
      return Promise.resolve();
    },
    advance: (milliseconds) => {
      elapsedMs += milliseconds;
    },
  };
}

/** Bytes that repeat in every run. */
export function countingBytes(): (count: number) => Uint8Array {
  let next = 1;
  return (count) => {
    const bytes = Buffer.alloc(count);
    bytes.writeUInt32BE(next, count - 4);
    next += 1;
    return bytes;
  };
}

export function modelCar(clock: Clock): ModelCar {
  const randomBytes = countingBytes();
  let scalar = 100;
  const computer = (counter: number, clockSeconds: number): Computer => {
    scalar += 1;
    const bytes = Buffer.alloc(32);
    bytes.writeUInt32BE(scalar, 28);
    const clockZeroMs = clock.nowMs() - clockSeconds * 1000;
    const epoch = Buffer.from(randomBytes(16));
    return { key: commandKeyFromScalar(bytes), epoch, clockZeroMs, counter, seen: new Set() };
  };
  const car: ModelCar = {
    play: {},
    executed: [],
    calls: [],
    isPaired: true,
    computers: { [Domain.VEHICLE_SECURITY]: computer(40, 500), [Domain.INFOTAINMENT]: computer(6, 2650) },
    transport: { send: (_vin, message, { timeoutMs }) => receive(message, timeoutMs) },
    restart(domain) {
      const { key } = car.computers[domain];
      car.computers[domain] = { ...computer(0, 3), key };
    },
    replace(domain) {
      car.computers[domain] = computer(0, 9);
    },
  };
  return car;

  async function receive(bytes: Uint8Array, timeoutMs: number): Promise<TransportResult> {
    const message = routableMessage.decode(bytes)!;
    const domain = message.toDestination!.domain as Domain;
    const kind = message.sessionInfoRequest ? 'handshake' : 'command';
    const number = car.calls.filter((call) => call.kind === kind).length + 1;
    const call: Call = { kind, domain, number };
    car.calls.push(call);
    const instead = car.play.instead?.(call);
    if (instead !== undefined) return await delayed(instead, timeoutMs);
    let answer = respond(message, call);
    if (car.play.isDoubled && kind === 'command') answer = respond(message, call);
    const afterwards = car.play.afterwards?.(call);
    if (afterwards !== undefined) return await delayed(afterwards, timeoutMs);
    const changed = car.play.answer?.(answer, call) ?? answer;
    const response = Buffer.from(routableMessage.encode(changed)).toString('base64');
    return { kind: 'http', status: 200, body: JSON.stringify({ response }) };
  }

  async function delayed(result: TransportResult, timeoutMs: number): Promise<TransportResult> {
    if (result.kind === 'timed_out') await clock.sleep(timeoutMs);
    return result;
  }

  function respond(message: RoutableMessage, call: Call): RoutableMessage {
    const reply = {
      toDestination: { routingAddress: message.fromDestination!.routingAddress! },
      fromDestination: { domain: call.domain },
    };
    if (call.kind === 'handshake') {
      const clientKey = message.sessionInfoRequest!.publicKey!;
      const withUuid = { ...reply, requestUuid: message.uuid! };
      if (!car.isPaired) return { ...withUuid, sessionInfo: sessionInfo.encode({ status: 1 }) };
      return { ...withUuid, ...infoFor(message, clientKey, call.domain) };
    }
    const uuid = call.domain === Domain.VEHICLE_SECURITY ? {} : { requestUuid: message.uuid! };
    const forced = car.play.fault?.(call);
    const fault = forced ?? verify(message, call.domain);
    if (fault !== undefined) {
      const info = fault.withSessionInfo
        ? infoFor(message, message.signatureData!.signerIdentity!.publicKey!, call.domain)
        : {};
      const signedMessageStatus = { operationStatus: 2, signedMessageFault: fault.number };
      return { ...reply, requestUuid: message.uuid!, signedMessageStatus, ...info };
    }
    const counter = message.signatureData!.HMAC_PersonalizedData!.counter ?? 0;
    car.executed.push({ domain: call.domain, counter, payload: Buffer.from(message.protobufMessageAsBytes!) });
    const status = car.play.status?.(call);
    const answer = { ...reply, ...uuid, ...(status && { signedMessageStatus: status }) };
    const usual = call.domain === Domain.VEHICLE_SECURITY ? Buffer.of() : Buffer.of(0x0a, 0);
    return { ...answer, ...encrypted(message, call.domain, car.play.payload?.(call) ?? usual) };
  }

  function verify(message: RoutableMessage, domain: Domain): { number: number; withSessionInfo: boolean } | undefined {
    const computer = car.computers[domain];
    const data = message.signatureData!.HMAC_PersonalizedData!;
    const [counter, expiresAt] = [data.counter ?? 0, data.expiresAt ?? 0];
    const facts: CommandFacts = {
      method: SignatureMethod.HMAC_PERSONALIZED,
      domain,
      vin: VIN,
      epoch: computer.epoch,
      expiresAt,
      counter,
      flags: message.flags ?? 0,
    };
    const keys = keysWith(computer.key, message.signatureData!.signerIdentity!.publicKey!);
    if (Buffer.compare(data.epoch!, computer.epoch) !== 0) return { number: 15, withSessionInfo: true };
    if (expiresAt < Math.floor((clock.nowMs() - computer.clockZeroMs) / 1000)) {
      return { number: 17, withSessionInfo: true };
    }
    const tag = commandTag(keys, facts, message.protobufMessageAsBytes!);
    if (!tagsEqual(tag, data.tag!)) return { number: 5, withSessionInfo: true };
    const isInWindow = domain === Domain.INFOTAINMENT && counter >= computer.counter - 32;
    const isAccepted = counter > computer.counter || (isInWindow && !computer.seen.has(counter));
    if (!isAccepted || counter === computer.counter) return { number: 6, withSessionInfo: true };
    computer.seen.add(counter);
    computer.counter = Math.max(computer.counter, counter);
    return undefined;
  }

  function infoFor(message: RoutableMessage, clientKey: Uint8Array, domain: Domain): RoutableMessage {
    const computer = car.computers[domain];
    const encoded = sessionInfo.encode({
      counter: computer.counter,
      publicKey: computer.key.publicKey,
      epoch: computer.epoch,
      clockTime: Math.floor((clock.nowMs() - computer.clockZeroMs) / 1000),
    });
    const facts = { vin: VIN, challenge: message.uuid! };
    const tag = sessionInfoTag(keysWith(computer.key, clientKey), facts, encoded);
    return { sessionInfo: encoded, signatureData: { sessionInfoTag: { tag } } };
  }

  function encrypted(message: RoutableMessage, domain: Domain, payload: Uint8Array): RoutableMessage {
    if (car.play.isPlain) return { protobufMessageAsBytes: payload };
    const { signerIdentity, HMAC_PersonalizedData: data } = message.signatureData!;
    const keys = keysWith(car.computers[domain].key, signerIdentity!.publicKey!);
    const facts = {
      domain,
      vin: VIN,
      counter: 1,
      flags: 0,
      requestHash: requestHash(domain, SignatureMethod.HMAC_PERSONALIZED, data!.tag!),
      fault: 0,
    };
    const nonce = Buffer.from(randomBytes(12));
    const { ciphertext, tag } = encryptAnswer(keys, facts, nonce, payload);
    return {
      protobufMessageAsBytes: ciphertext,
      signatureData: { AES_GCM_ResponseData: { nonce, counter: 1, tag } },
    };
  }
}

const knownKeys = new Map<string, SharedKeys>();

/** The key agreement takes most of the time of a message. */
function keysWith(key: CommandKey, clientKey: Uint8Array): SharedKeys {
  const name = Buffer.concat([key.publicKey, clientKey]).toString('latin1');
  const keys = knownKeys.get(name) ?? sharedKeys(key, clientKey)!;
  knownKeys.set(name, keys);
  return keys;
}
