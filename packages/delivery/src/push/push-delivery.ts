// Delivery by HTTP POST, in the envelope of a Google Pub/Sub push subscription or as the bare payload. A 2xx response
// is the acknowledgement.
import http from 'node:http';
import https from 'node:https';
import type { LogEntry } from '@fleetbridge/store';
import {
  assertHeld,
  attributesOf,
  away,
  contentTypeOf,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  headerText,
  type OutgoingRecord,
  type PayloadOptions,
  payloadOf,
  rejected,
} from '../shared/index.js';
import { retryAfterMs } from './retry-after.js';

export interface PushOptions extends PayloadOptions {
  url: string;
  /** Name of the subscription, for the envelope. */
  subscription: string;
  isWrapped: boolean;
  headers: Readonly<Record<string, string>>;
  /** Bearer token for the Authorization header. */
  token?: (() => string | Promise<string>) | undefined;
  ackDeadlineMs: number;
  maxSockets: number;
}

// The response's body is ignored. Reading a longer one costs more than a new connection.
const MAX_RESPONSE_BYTES = 65_536;
// A 4xx status rejects the record, except for these, which ask to retry later.
const RETRYABLE_STATUSES = new Set([408, 425, 429]);

export class PushDelivery implements Delivery {
  readonly #options: PushOptions;
  readonly #url: URL;
  readonly #agent: http.Agent | https.Agent;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    const { Agent } = this.#url.protocol === 'https:' ? https : http;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxSockets });
  }

  async deliver(record: OutgoingRecord): Promise<DeliveryOutcome> {
    const { token, headers } = this.#options;
    let message: { body: Buffer; headers: Record<string, string> };
    try {
      message = this.#message(record);
    } catch (error) {
      return rejected(error);
    }
    try {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${await token()}` };
      assertHeld(record);
      return await this.#post(message.body, { ...message.headers, ...headers, ...authorization });
    } catch (error) {
      return away(error);
    }
  }

  stop(): void {
    this.#agent.destroy();
  }

  #message(record: OutgoingRecord): { body: Buffer; headers: Record<string, string> } {
    const { isWrapped, form, subscription } = this.#options;
    const data = payloadOf(record.entry, this.#options);
    if (isWrapped) {
      const envelope = pushEnvelope(record, data, subscription);
      return { body: Buffer.from(JSON.stringify(envelope)), headers: { 'content-type': 'application/json' } };
    }
    return { body: data, headers: { 'content-type': contentTypeOf(form), ...metadataHeaders(record, subscription) } };
  }

  #post(body: Buffer, headers: Record<string, string>): Promise<DeliveryOutcome> {
    return new Promise((resolve) => {
      const { request: open } = this.#url.protocol === 'https:' ? https : http;
      const request = open(this.#url, {
        method: 'POST',
        agent: this.#agent,
        headers: { 'user-agent': 'fleetbridge', ...headers, 'content-length': body.length },
      });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no response within ${this.#options.ackDeadlineMs} ms`));
      }, this.#options.ackDeadlineMs);
      // the first call decides, so every way in which a request can end is covered
      const settle = (outcome: DeliveryOutcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      request.on('error', (error) => settle(away(error)));
      request.on('close', () => settle(away('the connection was closed without a response')));
      // the server switches to another protocol, which was not requested
      request.on('upgrade', ({ statusCode }, socket) => {
        socket.destroy();
        settle(away(`HTTP ${statusCode}`));
      });
      request.on('response', (response) => {
        resolve(outcomeOf(response));
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_RESPONSE_BYTES) request.destroy();
        });
        response.on('error', () => {});
        // the deadline also limits the rest of the response, which could otherwise occupy its socket without end
        response.on('close', () => clearTimeout(timer));
      });
      request.end(body);
    });
  }
}

function outcomeOf({ statusCode: status = 0, headers }: http.IncomingMessage): DeliveryOutcome {
  if (status >= 200 && status < 300) return DELIVERED;
  if (status >= 400 && status < 500 && !RETRYABLE_STATUSES.has(status)) return rejected(`HTTP ${status}`);
  const outcome = away(`HTTP ${status}`, retryAfterMs(headers['retry-after'], headers.date));
  return status === 429 ? { ...outcome, isRateLimited: true } : outcome;
}

/** As Pub/Sub posts it, with id and time in both spellings. */
export function pushEnvelope({ entry, messageId }: OutgoingRecord, data: Buffer, subscription: string) {
  const publishTime = publishTimeOf(entry);
  return {
    message: {
      data: data.toString('base64'),
      attributes: attributesOf(entry),
      messageId,
      message_id: messageId,
      publishTime,
      publish_time: publishTime,
      orderingKey: entry.vin,
    },
    subscription: subscriptionPath(subscription),
  };
}

/** As Pub/Sub's payload unwrapping writes it: metadata with a prefix, attributes under their own names. */
function metadataHeaders({ entry, messageId }: OutgoingRecord, subscription: string): Record<string, string> {
  const attributes = Object.entries(attributesOf(entry)).map(([name, value]) => [name, headerText(value)]);
  return {
    ...Object.fromEntries(attributes),
    'x-goog-pubsub-message-id': messageId,
    'x-goog-pubsub-publish-time': publishTimeOf(entry),
    'x-goog-pubsub-subscription-name': subscriptionPath(subscription),
    'x-goog-pubsub-ordering-key': headerText(entry.vin),
  };
}

function subscriptionPath(name: string): string {
  return `projects/fleetbridge/subscriptions/${name}`;
}

/** The time at which the entry was appended, from its id. */
function publishTimeOf({ id }: LogEntry): string {
  return new Date(Number(id.split('-')[0])).toISOString();
}
