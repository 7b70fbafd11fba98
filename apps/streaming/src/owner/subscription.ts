// What a client asks for in its subscribe message, and the name under which its resume position is kept.
import { createHash } from 'node:crypto';
import { defaultColumns, parseColumns } from '@fleetbridge/vehicle-state';
import type { FrameRequest } from '../frames/index.js';
import type { ClientMessage } from './client-messages.js';

export type Subscription = Extract<ClientMessage, { kind: 'subscribe' }>;

export function frameRequest({ tag, columns: text }: Subscription): FrameRequest {
  const columns = columnsOf(text);
  return { tag, columns, key: `${tag}\n${columns}` };
}

/** The same for the same principal, vehicle and columns: a subscriber that reconnects is found by it. */
export function subscriberName(principal: string, vin: string, columns: readonly string[]): string {
  return createHash('sha256').update(`${principal}\n${vin}\n${columns}`).digest('base64url');
}

/** Almost all clients ask for the default columns: they share one array. */
function columnsOf(text: string): readonly string[] {
  const columns = parseColumns(text);
  return columns instanceof Error || columns.join() === defaultColumns.join() ? defaultColumns : columns;
}
