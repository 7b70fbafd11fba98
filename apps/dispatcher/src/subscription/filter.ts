// Which records a subscription delivers.
import { decodeRecord, normalizeVin, signalsOf } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';

export interface RecordFilter {
  topics: readonly string[];
  /** Undefined: all vehicles. */
  vins?: readonly string[] | undefined;
  /** Undefined: all. Otherwise V records with at least one of these; other topics always match. */
  signals?: readonly string[] | undefined;
}

/** A predicate for entries, prepared once. */
export function recordFilter({ topics, vins, signals }: RecordFilter): (entry: LogEntry) => boolean {
  const topicSet = new Set(topics);
  const vinSet = vins && new Set(vins.map(normalizeVin));
  const signalSet = signals && new Set(signals);
  return (entry) => {
    if (!topicSet.has(entry.topic) || (vinSet && !vinSet.has(normalizeVin(entry.vin)))) return false;
    return signalSet === undefined || entry.topic !== 'V' || hasSignal(entry, signalSet);
  };
}

function hasSignal({ topic, payload }: LogEntry, names: ReadonlySet<string>): boolean {
  try {
    const record = decodeRecord(topic, payload);
    return record?.topic === 'V' && signalsOf(record.message).some(({ name }) => names.has(name));
  } catch {
    // the delivery decides whether a record that can't be decoded can be sent
    return true;
  }
}
