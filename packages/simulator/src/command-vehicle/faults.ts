// What a test lets go wrong: for the n-th message, for a domain, once or always.
import { ActionResult, carResponse, Domain, SecurityStatus, securityResponse } from '@fleetbridge/vehicle-command';

export type Fault =
  /** The vehicle refuses the message and executes nothing. Any number, known or not. */
  | { kind: 'message_fault'; fault: number; withSessionInfo: boolean }
  /** Operation status WAIT; nothing is executed. */
  | { kind: 'wait' }
  /** Before the message: new epoch, clock 0. */
  | { kind: 'reboot'; both?: boolean }
  /** Before the message: the computer is replaced, so that its key is another one. */
  | { kind: 'replaced' }
  | { kind: 'clock_shifted'; seconds: number }
  /** Before the message: another client uses this many counters. */
  | { kind: 'counters_used'; count: number }
  | { kind: 'counter_set'; counter: number }
  | { kind: 'session_info'; flaw: SessionInfoFlaw }
  /** Instead of the usual answer. */
  | { kind: 'payload'; payload: Uint8Array; isExecuted: boolean }
  /** Executed; the complete answer is changed. */
  | { kind: 'answer'; flaw: AnswerFlaw }
  /** Executed; a body with status 200 instead of the answer. */
  | { kind: 'body'; body: string }
  /** `before`: the message never arrives at the vehicle. `after`: it is executed. */
  | { kind: 'http'; when: 'before' | 'after'; status: number; body: string; headers?: Record<string, string> }
  /** The connection is closed without an answer. */
  | { kind: 'cut'; when: 'before' | 'after' }
  | { kind: 'never'; when: 'before' | 'after' }
  /** Executed at once, answered later. */
  | { kind: 'late'; delayMs: number }
  /** The body comes in two halves, with a pause between them; `cut`: the second half never comes. */
  | { kind: 'slow_body'; pauseMs: number; cut?: boolean }
  /** The network delivers the message twice; the answer to the second copy is returned. */
  | { kind: 'delivered_twice' }
  /** The message arrives after the next one. */
  | { kind: 'swapped' };

export type SessionInfoFlaw =
  | 'wrong_tag'
  | 'no_tag'
  | 'wrong_challenge'
  | 'stale_clock'
  | 'compressed_key'
  | 'invalid_key'
  | 'not_paired';

export type AnswerFlaw =
  | 'plain'
  | 'tampered_ciphertext'
  | 'tampered_fault'
  | 'foreign_routing_address'
  | 'foreign_request_uuid'
  /** The bytes of the answer before, of the same domain. */
  | 'previous_answer'
  /** Encrypted for another request. */
  | 'other_request'
  | 'unknown_fields';

export interface PlayedFault {
  fault: Fault;
  domain?: Domain;
  messages?: 'handshakes' | 'commands';
  /** The n-th message that matches, counted from now on; 1 by default. */
  nth?: number;
  /** By default only for the n-th message; `always`: for all from the n-th on. */
  repeat?: 'once' | 'always';
}

/** Faults to play, in the order in which they were added. Counts the messages. */
export interface Faults {
  add(played: PlayedFault): void;
  clear(): void;
  /** The faults of the next message. */
  next(message: { domain: number; isHandshake: boolean }): Fault[];
}

export function faultList(): Faults {
  let list: (PlayedFault & { seen: number })[] = [];
  return {
    add(played) {
      list.push({ ...played, seen: 0 });
    },
    clear() {
      list = [];
    },
    next({ domain, isHandshake }) {
      const due = list.filter((played) => {
        if (played.domain !== undefined && played.domain !== domain) return false;
        if (played.messages !== undefined && (played.messages === 'handshakes') !== isHandshake) return false;
        played.seen += 1;
        const nth = played.nth ?? 1;
        return played.repeat === 'always' ? played.seen >= nth : played.seen === nth;
      });
      return due.map(({ fault }) => fault);
    },
  };
}

/** Answers of a vehicle to a command that it has received. Refused and busy ones are not executed. */
export const payloads = {
  refused: (reason?: string): Fault => ({
    kind: 'payload',
    isExecuted: false,
    payload: carResponse.encode({
      actionStatus: {
        result: ActionResult.OPERATIONSTATUS_ERROR,
        ...(reason !== undefined && { resultReason: { plainText: reason } }),
      },
    }),
  }),
  nominalError: (genericError: number): Fault => ({
    kind: 'payload',
    isExecuted: false,
    payload: securityResponse.encode({ nominalError: { genericError: genericError as never } }),
  }),
  commandStatus: (status: 'OK' | 'WAIT' | 'ERROR'): Fault => ({
    kind: 'payload',
    isExecuted: status === 'OK',
    payload: securityResponse.encode({
      commandStatus: { operationStatus: SecurityStatus[`OPERATIONSTATUS_${status}`] },
    }),
  }),
  notProtobuf: { kind: 'payload', isExecuted: true, payload: Buffer.from('ffffffffff', 'hex') } as Fault,
  /** Done, with a field that clients don't know. */
  unknownField: (domain: Domain): Fault => ({
    kind: 'payload',
    isExecuted: true,
    payload: Buffer.from(domain === Domain.INFOTAINMENT ? '0a00c23e0568656c6c6f' : 'c23e0568656c6c6f', 'hex'),
  }),
};

const error = (text: string) => JSON.stringify({ response: null, error: text, error_description: '' });

function http(status: number, text: string, headers?: Record<string, string>): Fault {
  return { kind: 'http', when: 'before', status, body: error(text), ...(headers && { headers }) };
}

/** Answers of the Fleet API in front of the vehicle. */
export const httpFaults = {
  unauthorized: http(401, 'token expired (401)'),
  paymentRequired: http(402, 'payment required'),
  forbidden: http(403, 'Unauthorized missing scopes'),
  notFound: http(404, 'not_found'),
  offline: http(408, 'vehicle is offline'),
  unavailable: http(408, 'vehicle unavailable: vehicle is offline or asleep'),
  preconditionFailed: http(412, 'partner account not registered'),
  misdirectedText: (url: string) =>
    http(421, `user out of region, use base URL: ${url}, see https://developer.tesla.com`),
  misdirectedHeader: (host: string) => http(421, 'misdirected request', { 'alt-svc': `h2=https://${host}` }),
  noProtocol: http(422, 'vehicle does not support the Tesla Vehicle Command Protocol, use the REST API'),
  tooMany: (seconds: number) =>
    http(429, `Retry in ${seconds} seconds`, { 'retry-after': String(seconds), 'ratelimit-limit': '30' }),
  serverError: http(500, 'internal server error'),
  badGateway: http(502, 'bad gateway'),
  notAvailable: http(503, 'vehicle is not available'),
  notAvailableAfterExecution: { ...http(503, 'vehicle is not available'), when: 'after' } as Fault,
  gatewayTimeout: http(504, 'gateway timeout'),
  cutBefore: { kind: 'cut', when: 'before' } as Fault,
  cutAfter: { kind: 'cut', when: 'after' } as Fault,
  bodyNull: { kind: 'body', body: 'null' } as Fault,
  bodyEmptyObject: { kind: 'body', body: '{}' } as Fault,
  bodyText: { kind: 'body', body: 'upstream connect error' } as Fault,
  bodyLarge: { kind: 'body', body: JSON.stringify({ response: 'A'.repeat(100_000) }) } as Fault,
};
