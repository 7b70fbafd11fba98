// `POST /`: a Google Pub/Sub push subscription behind Tesla's own server, so that an existing installation can migrate
// step by step. A success means that the record is stored, like a vehicle's ack. Pub/Sub retries after anything else.

import { type AddressOf, admitConnection, BoundedMap } from '@fleetbridge/access';
import { type Logger, withTimeout } from '@fleetbridge/service';
import type { Appender, AppendOutcome, RecordToAppend } from '@fleetbridge/store';
import type { FastifyInstance } from 'fastify';
import type { Feeds } from '../frames/index.js';
import type { StreamingCounts } from '../metrics.js';
import { readPush } from './pubsub-message.js';
import type { PubsubSender } from './pubsub-sender.js';

/** Pub/Sub's default ack deadline is ten seconds. */
const ANSWER_TIMEOUT_MS = 9_000;
const MAX_UNSETTLED_BYTES = 32_000_000;
/** The tail delivers a record within milliseconds; this many pushes take seconds. About 1 MB. */
const MAX_REMEMBERED_VINS = 10_000;

export interface PubsubPushOptions {
  sender: PubsubSender;
  addressOf: AddressOf;
  isAllowed: (vin: string) => boolean;
  /** EXTRA_TOPICS. */
  extraTopics?: ReadonlySet<string>;
  appender: Appender;
  feeds: Pick<Feeds, 'of'>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  answerTimeoutMs?: number | undefined;
  maxRememberedVins?: number | undefined;
}

interface Answer {
  status: 204 | 400 | 401 | 403 | 503;
  outcome: string;
  error?: string;
}

export function addPubsubPush(server: FastifyInstance, options: PubsubPushOptions): void {
  const {
    sender,
    addressOf,
    isAllowed,
    extraTopics,
    appender,
    feeds,
    counts,
    log,
    now,
    answerTimeoutMs = ANSWER_TIMEOUT_MS,
  } = options;
  /** By VIN: time of the newest connectivity record that was pushed, until the tail delivers it to the feed. */
  const connectivityMs = new BoundedMap<number>({ maxKeys: options.maxRememberedVins ?? MAX_REMEMBERED_VINS });

  server.post<{ Querystring: { token?: string | string[] } }>('/', async (request, reply) => {
    const forwardedFor = request.headers['x-forwarded-for']?.toString();
    const verdict = await sender.authorize({
      bearer: request.headers.authorization,
      token: [request.query.token].flat().at(-1),
      address: addressOf({ remoteAddress: request.socket.remoteAddress, forwardedFor }),
    });
    if (verdict === 'admitted') admitConnection(request.socket);
    const { status, outcome, error } =
      verdict === 'admitted' ? await store(request.body) : ({ ...unadmitted[verdict] } satisfies Answer);
    counts.pushes[outcome] = (counts.pushes[outcome] ?? 0) + 1;
    reply.code(status);
    if (status === 503) reply.header('retry-after', '1');
    return error === undefined ? undefined : { error };
  });

  async function store(body: unknown): Promise<Answer> {
    const push = readPush(body, now(), extraTopics);
    if ('refusal' in push) {
      log.warn({ reason: push.refusal }, 'push_refused');
      return { status: 400, outcome: 'malformed', error: push.refusal };
    }
    const { record, skipped } = push;
    const { vin, topic } = record;
    if (!isAllowed(vin)) {
      log.warn({ vin, remedy: 'ALLOWED_VINS, or a filter of the subscription' }, 'push_refused');
      return { status: 403, outcome: 'vin_not_allowed', error: 'the vehicle is not in ALLOWED_VINS' };
    }
    if (skipped.length > 0) log.warn({ vin, topic, skipped: skipped.slice(0, 10) }, 'push_members_unknown');
    if (topic === 'connectivity' && !(await isNewest(record))) return { status: 204, outcome: 'superseded' };
    if (appender.unsettledBytes > MAX_UNSETTLED_BYTES) return unanswered;
    return answers[await append(record)];
  }

  /**
   * Pub/Sub keeps no order, and the last connectivity record in the log applies: a disconnect that arrives after the next
   * connect, here or at our own ingest, would mark the vehicle as offline.
   */
  async function isNewest({ vin, createdMs }: RecordToAppend): Promise<boolean> {
    const feed = feeds.of(vin);
    await feed.ready();
    const newestMs = Math.max(feed.state.connectivity?.timeMs ?? 0, connectivityMs.get(vin) ?? 0);
    if (createdMs < newestMs) return false;
    // a fast clock must not exclude what follows
    connectivityMs.set(vin, Math.min(createdMs, Math.max(now(), newestMs)));
    return true;
  }

  function append(record: RecordToAppend): Promise<AppendOutcome | 'unanswered'> {
    const appended = new Promise<AppendOutcome>((resolve) => appender.append(record, { settled: resolve }));
    // the appender keeps the record: if it is stored later, the next push of it is a repeat
    return withTimeout(appended, answerTimeoutMs, { onTimeout: () => 'unanswered' });
  }
}

const unanswered: Answer = { status: 503, outcome: 'unanswered', error: 'Redis does not answer' };
const answers: Record<AppendOutcome | 'unanswered', Answer> = {
  stored: { status: 204, outcome: 'stored' },
  repeat: { status: 204, outcome: 'repeat' },
  failed: { status: 503, outcome: 'failed', error: 'Redis rejects the record' },
  elsewhere: { status: 503, outcome: 'failed', error: 'Redis rejects the record' },
  unanswered,
};
const unadmitted: Record<'refused' | 'unknown', Answer> = {
  refused: { status: 401, outcome: 'unauthorized', error: 'not the configured audience and account, or token' },
  unknown: { status: 503, outcome: 'unverified', error: 'the keys of Google are not available' },
};
