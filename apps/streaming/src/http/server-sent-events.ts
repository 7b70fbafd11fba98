// Records as server-sent events. The id of an event is its cursor, which a browser's EventSource and every client like
// it sends back as Last-Event-ID. While nothing happens, an id without data moves that cursor on and keeps the way open.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ClientAccess } from '@fleetbridge/access';
import type { LiveClients } from '../live-clients.js';
import type { StreamingCounts } from '../metrics.js';
import type { LogRecords } from '../records/index.js';
import { pumpRecords, RecordStream, type StreamItem, type StreamStart } from '../records/index.js';

const KEEP_ALIVE_MS = 15_000;
const RECONNECT_AFTER_MS = 2_000;

export interface EventsOptions {
  client: ClientAccess;
  records: LogRecords;
  live: LiveClients;
  counts: StreamingCounts;
  keepAliveMs?: number | undefined;
  unreadLimitMs?: number | undefined;
}

export function sendEvents(
  response: ServerResponse,
  options: EventsOptions & { vins: string[] | undefined; topics: string[] | undefined; start: StreamStart },
): void {
  const { client, records, live, counts, vins, topics, start, keepAliveMs = KEEP_ALIVE_MS, unreadLimitMs } = options;
  // it left while its token was looked up, and will not be heard to leave again
  if (response.destroyed) return;
  const stream = new RecordStream({ records, vins, topics, start });
  response.on('error', () => {});
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    // nginx would keep events until it has enough of them
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) response.write(`id: ${stream.cursor}\n\n`);
  }, keepAliveMs);
  const leave = live.add({
    kind: 'events',
    access: client,
    end: () => {
      stream.stop();
      response.end();
    },
  });
  response.once('close', () => {
    clearInterval(timer);
    stream.stop();
    leave();
  });
  const send = (item: StreamItem) => {
    counts.sentRecords.events = (counts.sentRecords.events ?? 0) + 1;
    return response.write(eventOf(item));
  };
  void pumpRecords(stream, { send, drained: () => drainedOrClosed(response), unreadLimitMs }).then((outcome) => {
    if (outcome !== 'unread') return;
    counts.ended.messages_unread = (counts.ended.messages_unread ?? 0) + 1;
    response.destroy();
  });
}

function eventOf(item: StreamItem): string {
  if (item.kind === 'record') return `id: ${item.cursor}\ndata: ${item.record.json}\n\n`;
  return `event: gap\ndata: ${JSON.stringify({ cursor: item.cursor, first_kept: item.firstKept })}\n\n`;
}

async function drainedOrClosed(response: ServerResponse): Promise<void> {
  const ended = new AbortController();
  await Promise.race([once(response, 'drain', ended), once(response, 'close', ended)]).catch(() => {});
  ended.abort();
}
