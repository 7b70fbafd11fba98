// Which records a subscription wants.
import { decodeRecord, signalsOf } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';

export interface RecordFilter {
  topics: readonly string[];
  /** Undefined: all vehicles. */
  vins?: readonly string[] | undefined;
  /** Undefined: all. Otherwise records of V that have at least one of these; other topics pass. */
  signals?: readonly string[] | undefined;
}

/** A claim about an entry, prepared once for all entries. */
export function recordFilter({ topics, vins, signals }: RecordFilter): (entry: LogEntry) => boolean {
  const wantedTopics = new Set(topics);
  const wantedVins = vins && new Set(vins);
  const wantedSignals = signals && new Set(signals);
  return (entry) => {
    if (!wantedTopics.has(entry.topic) || (wantedVins && !wantedVins.has(entry.vin))) return false;
    return wantedSignals === undefined || entry.topic !== 'V' || hasSignal(entry, wantedSignals);
  };
}

function hasSignal({ topic, payload }: LogEntry, wanted: ReadonlySet<string>): boolean {
  try {
    const record = decodeRecord(topic, payload);
    return record?.topic === 'V' && signalsOf(record.message).some(({ name }) => wanted.has(name));
  } catch {
    // whether it can be delivered without being understood is for the delivery to say
    return true;
  }
}
