// How signed messages reach a vehicle: Tesla's endpoint signed_command, behind an interface.
// The caller adds the account's token and follows the region (421); everything else is decided here.

/** `POST /api/1/vehicles/{vin}/signed_command` with `signedCommandBody(message)`. A rejection counts as `broken`. */
export interface Transport {
  send(vin: string, message: Uint8Array, limit: { timeoutMs: number }): Promise<TransportResult>;
}

export type TransportResult =
  /** Any HTTP answer of Tesla, complete. `retryAfter`: its header. */
  | { kind: 'http'; status: number; body: string; retryAfter?: string }
  /** No byte of the request has left. */
  | { kind: 'not_sent'; cause: string }
  /** The connection broke, or the answer was too long or incomplete. */
  | { kind: 'broken'; cause: string }
  | { kind: 'timed_out' };

/** Largest answer that has to be read. */
export const MAX_ANSWER_BYTES = 100_000;

export function signedCommandBody(message: Uint8Array): string {
  return JSON.stringify({ routable_message: Buffer.from(message).toString('base64') });
}

/** The message in a body with status 200. `empty`: JSON without a message. `unreadable`: not JSON. */
export function messageInBody(body: string): Uint8Array | 'empty' | 'unreadable' {
  try {
    const parsed: unknown = JSON.parse(body);
    const response =
      typeof parsed === 'object' && parsed !== null && 'response' in parsed ? parsed.response : undefined;
    return typeof response === 'string' && response !== '' ? Buffer.from(response, 'base64') : 'empty';
  } catch {
    return 'unreadable';
  }
}

/** Tesla's answer for a vehicle that is asleep or out of reach. */
export function isOffline(status: number, body: string): boolean {
  return status === 408 && /vehicle is offline|vehicle unavailable/.test(body);
}
