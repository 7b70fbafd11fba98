// From a stream of records to one client, at the client's pace. One that takes nothing for a minute is given up; it can
// come back with its cursor.
import { withTimeout } from '@fleetbridge/service';
import type { RecordStream, StreamItem } from './record-stream.js';

const UNREAD_LIMIT_MS = 60_000;

export interface Sink {
  /** false: wait for `drained` before the next one. */
  send(item: StreamItem): boolean;
  /** Resolves when the client has taken what was sent, or is gone. */
  drained(): Promise<unknown>;
  unreadLimitMs?: number | undefined;
}

/** `unread`: the client takes nothing. `stopped`: the stream was. */
export async function pumpRecords(stream: RecordStream, sink: Sink): Promise<'unread' | 'stopped'> {
  const { unreadLimitMs = UNREAD_LIMIT_MS } = sink;
  for await (const item of stream) {
    if (sink.send(item)) continue;
    const isUnread = await withTimeout(
      sink.drained().then(() => false),
      unreadLimitMs,
      { onTimeout: () => true },
    );
    if (isUnread) return 'unread';
  }
  return 'stopped';
}
