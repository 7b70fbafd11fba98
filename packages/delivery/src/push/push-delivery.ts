// Delivery by HTTP POST, in the envelope of a Google Pub/Sub push subscription or as the bare payload. An answer of 2xx
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
  type OutgoingRecord,
  type PayloadForm,
  payloadOf,
  rejected,
  type SignalSelection,
} from '../shared/index.js';

export interface PushOptions {
  url: string;
  /** Name of the subscription, as the envelope carries it. */
  subscription: string;
  form: PayloadForm;
  signals?: SignalSelection;
  isWrapped: boolean;
  headers: Readonly<Record<string, string>>;
  /** What `Authorization: Bearer` carries. */
  token?: (() => string | Promise<string>) | undefined;
  ackDeadlineMs: number;
  maxSockets: number;
}

// The answer's body means nothing to us; more than this of it, and the connection is not worth keeping.
const ANSWER_BYTES = 65_536;
// Rejected: the server is there and does not want this request. These three ask for patience.
const PATIENCE = new Set([408, 425, 429]);

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
    const { isWrapped, form, signals, subscription } = this.#options;
    const data = payloadOf(record.entry, form, signals);
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
        request.destroy(new Error(`no answer within ${this.#options.ackDeadlineMs} ms`));
      }, this.#options.ackDeadlineMs);
      request.on('error', (error) => {
        clearTimeout(timer);
        resolve(away(error));
      });
      request.on('response', (response) => {
        resolve(outcomeOf(response.statusCode ?? 0, response.headers['retry-after']));
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES) request.destroy();
        });
        response.on('error', () => {});
        // the deadline still runs for the rest of the answer, which would otherwise hold its socket for ever
        response.on('close', () => clearTimeout(timer));
      });
      request.end(body);
    });
  }
}

function outcomeOf(status: number, retryAfter: string | undefined): DeliveryOutcome {
  if (status >= 200 && status < 300) return DELIVERED;
  if (status >= 400 && status < 500 && !PATIENCE.has(status)) return rejected(`HTTP ${status}`);
  const seconds = /^\d+$/.test(retryAfter ?? '') ? Math.min(Number(retryAfter), 3_600) : undefined;
  return away(`HTTP ${status}`, seconds === undefined ? undefined : seconds * 1000);
}

/** As Pub/Sub posts it; like there, id and time are spelled both ways. */
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

/** As Pub/Sub's payload unwrapping writes it: the metadata with a prefix, the attributes under their own names. */
function metadataHeaders({ entry, messageId }: OutgoingRecord, subscription: string): Record<string, string> {
  const attributes = Object.entries(attributesOf(entry)).map(([name, value]) => [name, headerText(value)]);
  return {
    ...Object.fromEntries(attributes),
    'x-goog-pubsub-message-id': messageId,
    'x-goog-pubsub-publish-time': publishTimeOf(entry),
    'x-goog-pubsub-subscription-name': subscriptionPath(subscription),
    'x-goog-pubsub-ordering-key': entry.vin,
  };
}

function subscriptionPath(name: string): string {
  return `projects/fleetbridge/subscriptions/${name}`;
}

/** When the entry was appended, which its id says. */
function publishTimeOf({ id }: LogEntry): string {
  return new Date(Number(id.split('-')[0])).toISOString();
}

/** A txid is whatever the vehicle sent; a header can't hold everything. */
function headerText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value);
}
