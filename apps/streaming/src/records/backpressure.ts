// Sends a stream of records to one client at the client's pace. A client that reads nothing for a minute is disconnected,
// and can resume with its cursor. A record that can't be converted is skipped, so that the client does not meet it again
// after every reconnect.
import { type Logger, withTimeout } from '@fleetbridge/service';
import type { StreamingCounts } from '../metrics.js';
import type { RecordStream, StreamItem } from './record-stream.js';

const UNREAD_LIMIT_MS = 60_000;

export interface Sink {
  /** What kind of client it is, for the log. */
  kind: string;
  /** false: wait for `drained` before the next record. Throws when the record can't be converted. */
  send(item: StreamItem): boolean;
  /** Resolves when the client has read what was sent, or is gone. */
  drained(): Promise<unknown>;
  counts: Pick<StreamingCounts, 'skippedRecords'>;
  log: Pick<Logger, 'error'>;
  unreadLimitMs?: number | undefined;
}

/** `unread`: the client reads nothing. `stopped`: the stream was stopped. `failed`: an internal error, which is logged. */
export type SendOutcome = 'unread' | 'stopped' | 'failed';

/** Never rejects. */
export async function sendRecords(stream: RecordStream, sink: Sink): Promise<SendOutcome> {
  try {
    for await (const item of stream) {
      if (sendOrSkip(item, sink)) continue;
      if (await isUnread(sink)) return 'unread';
    }
    return 'stopped';
  } catch (err) {
    sink.log.error({ err, kind: sink.kind }, 'record_stream_failed');
    return 'failed';
  }
}

function sendOrSkip(item: StreamItem, { send, kind, counts, log }: Sink): boolean {
  try {
    return send(item);
  } catch (err) {
    counts.skippedRecords++;
    const { id, vin } = item.kind === 'record' ? item.record.entry : { id: item.cursor, vin: undefined };
    log.error({ err, entry: id, vin, kind }, 'record_skipped');
    return true;
  }
}

function isUnread({ drained, unreadLimitMs = UNREAD_LIMIT_MS }: Sink): Promise<boolean> {
  const drainedInTime = drained().then(() => false);
  return withTimeout(drainedInTime, unreadLimitMs, { onTimeout: () => true });
}
