// Counts signals in the bytes that a vehicle sent, as Tesla's bill does: resends included.
import { decodeMessage, Envelope, readEnvelope } from '@fleetbridge/protocol';

export interface SignalCount {
  readonly total: number;
  /** By UTC day, `2026-01-31`. */
  readonly byDay: Readonly<Record<string, number>>;
  add(bytes: Uint8Array, sentMs: number): void;
}

export function createSignalCount(): SignalCount {
  const byDay: Record<string, number> = {};
  let total = 0;
  return {
    get total() {
      return total;
    },
    byDay,
    add(bytes, sentMs) {
      const signals = signalsIn(bytes);
      const day = new Date(sentMs).toISOString().slice(0, 10);
      total += signals;
      byDay[day] = (byDay[day] ?? 0) + signals;
    },
  };
}

function signalsIn(bytes: Uint8Array): number {
  const envelope = readEnvelope(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!(envelope instanceof Envelope) || envelope.topic !== 'V') return 0;
  return decodeMessage('V', envelope.payload).data?.length ?? 0;
}
