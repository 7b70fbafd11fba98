// A vehicle's account of the records that it sent and of their acks; tests compare it with the log.

import { createHash } from 'node:crypto';
import { decodeMessage, encodeMessage } from '@fleetbridge/protocol';

export interface LedgerEntry {
  readonly txid: string;
  /** `created_at` of the Payload, epoch milliseconds. */
  readonly createdMs: number;
  /** See payloadDigest. */
  readonly digest: string;
  /** Number of sends; 0 = still waiting, 2 or more = resent. */
  sends: number;
  /** Real time, epoch milliseconds. */
  sentMs: number | undefined;
  acknowledgedMs: number | undefined;
  /** The server answered with an error; the vehicle drops the record. */
  isRefused: boolean;
  /** Dropped because the backlog was full. */
  isDropped: boolean;
}

export class Ledger {
  /** By txid, in the order of creation. */
  readonly records = new Map<string, LedgerEntry>();
  /** By txid, in the order of the acks. */
  readonly acknowledged = new Map<string, LedgerEntry>();
  /** Acks of records that were not in flight: never sent, or already acknowledged. */
  readonly unknownAcks: string[] = [];
  /** Txids of error answers; empty text when the server could not read the txid. */
  readonly errorAnswers: string[] = [];
  connections = 0;
  failedConnections = 0;
  resends = 0;
  dropped = 0;
  /** Number of entries that were evicted, oldest first, because of the limit. */
  evicted = 0;
  readonly #maxRecords: number;

  /** The limit is for vehicles that run for weeks. */
  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  addRecord(txid: string, createdMs: number, digest: string): LedgerEntry {
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
      this.evicted++;
    }
    return entry;
  }

  addSend(entry: LedgerEntry, nowMs: number): void {
    if (entry.sends > 0) this.resends++;
    entry.sends++;
    entry.sentMs ??= nowMs;
  }

  addAck(entry: LedgerEntry, nowMs: number): void {
    entry.acknowledgedMs = nowMs;
    if (this.records.has(entry.txid)) this.acknowledged.set(entry.txid, entry);
  }
}

/**
 * SHA-256 (hex) of the content of a V payload without `is_resend`; a VIN that the server appended counts as the VIN. So
 * the payload of a stored record has the digest of the record that was sent.
 */
export function payloadDigest(payload: Uint8Array): string {
  const { isResend: _, ...content } = decodeMessage('V', payload);
  return createHash('sha256').update(encodeMessage('V', content)).digest('hex');
}
