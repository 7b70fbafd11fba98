import { type DecodedRecord, decodeRecord, RecordDecodeError } from '@fleetbridge/protocol';
import type { LogEntry } from '@fleetbridge/store';

/** undefined for an unknown topic and for an undecodable payload, which is counted and logged where the tail reads it. */
export function decodedOrUndefined({ topic, payload }: LogEntry): DecodedRecord | undefined {
  try {
    return decodeRecord(topic, payload);
  } catch (error) {
    if (!(error instanceof RecordDecodeError)) throw error;
    return undefined;
  }
}
