// A vehicle's own account of what it sent and what was acknowledged: the truth that a test compares with the log.

import { createHash } from 'node:crypto';
import { decodeMessage, encodeMessage } from '@fleetbridge/protocol';

export interface LedgerEntry {
  readonly txid: string;
  /** `created_at` of the Payload, epoch milliseconds. */
  readonly createdMs: number;
  /** See payloadDigest. */
  readonly digest: string;
  /** How often it was sent; 0 = still waiting, 2 and more = resent. */
  sends: number;
  /** Real time, epoch milliseconds. */
  sentMs: number | undefined;
  acknowledgedMs: number | undefined;
  /** The server answered that it can't read it; a vehicle gives such a record up. */
  isRefused: boolean;
  /** Given up, because the backlog was full. */
  isDropped: boolean;
}

export class Ledger {
  /** By txid, in the order of creation. */
  readonly records = new Map<string, LedgerEntry>();
  /** By txid, in the order of the acks. */
  readonly acknowledged = new Map<string, LedgerEntry>();
  /** Acks of what was not in flight: never sent, or acknowledged before. */
  readonly unknownAcks: string[] = [];
  /** Txids of error answers; empty text when the server could not read one. */
  readonly errorAnswers: string[] = [];
  connections = 0;
  failedConnections = 0;
  resends = 0;
  dropped = 0;
  /** Entries that were forgotten, oldest first, to stay within the limit. */
  forgotten = 0;
  readonly #maxRecords: number;

  /** A limit for those that run for weeks. */
  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  created(txid: string, createdMs: number, digest: string): LedgerEntry {
    const entry: LedgerEntry = {
      txid,
      createdMs,
      digest,
      sends: 0,
      sentMs: undefined,
      acknowledgedMs: undefined,
      isRefused: false,
      isDropped: false,
    };
    this.records.set(txid, entry);
    if (this.records.size > this.#maxRecords) {
      const oldest: string = this.records.keys().next().value!;
      this.records.delete(oldest);
      this.acknowledged.delete(oldest);
      this.forgotten++;
    }
    return entry;
  }

  sent(entry: LedgerEntry, nowMs: number): void {
    if (entry.sends > 0) this.resends++;
    entry.sends++;
    entry.sentMs ??= nowMs;
  }

  ackedNow(entry: LedgerEntry, nowMs: number): void {
    entry.acknowledgedMs = nowMs;
    if (this.records.has(entry.txid)) this.acknowledged.set(entry.txid, entry);
  }
}

/**
 * SHA-256 (hex) of what a V payload says, whichever way it was delivered: `is_resend` left out, and a VIN that the server
 * appended is the VIN. So a stored record's payload has the digest of the record that was sent.
 */
export function payloadDigest(payload: Uint8Array): string {
  const { isResend: _, ...said } = decodeMessage('V', payload);
  return createHash('sha256').update(encodeMessage('V', said)).digest('hex');
}
