// Load from many vehicles, cheap on the client side so that the server is what is measured: prepared envelopes in which
// only the txid changes, acks read at four offsets, and one write per connection for everything it sends in one turn of
// the event loop.
import { latencyHistogram } from './latency.mjs';
import { openLoadConnection } from './load-connection.mjs';

/**
 * @typedef {object} LoadOptions
 * @property {string} url
 * @property {string} caPem
 * @property {string} [servername]
 * @property {readonly { vin: string, certificatePem: string, keyPem: string }[]} identities One connection each.
 * @property {number} inFlight Unacknowledged records per connection.
 * @property {number} [records] Number of records in total. The run ends at `records` or `durationMs`, whichever comes
 *   first; at least one of them is required.
 * @property {number} [durationMs]
 * @property {Uint8Array} payload The same in every record.
 * @property {string} [topic]
 * @property {number} [stallMs] The run ends when no answer arrives for this long. Default 10 s.
 * @property {boolean} [batchWrites] Send all records of one turn in one write (default), or each in its own write, which
 *   costs both sides more.
 * @property {number} [connecting] Concurrent handshakes. Default 32.
 */

/**
 * @typedef {object} LoadResult
 * @property {number} sent
 * @property {number} acknowledged
 * @property {number} errorAnswers
 * @property {number} unknownAnswers Answers that match no record in flight: repeated acks, or acks for another client.
 * @property {number} connectionsLost Connections that the server closed before the run was over.
 * @property {number} seconds From the first send to the last answer.
 * @property {number} perSecond Acknowledged records per second.
 * @property {import('./latency.mjs').LatencyHistogram} latencies From send to ack.
 */

/** The longest delay that a timer accepts, 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Rejects when a connection can't be opened, and with RangeError when neither `records` nor `durationMs` is given.
 * @param {LoadOptions} options
 * @returns {Promise<LoadResult>}
 */
export async function runLoad(options) {
  if (options.records === undefined && options.durationMs === undefined) {
    throw new RangeError('runLoad needs records or durationMs');
  }
  const run = {
    remaining: options.records ?? Number.POSITIVE_INFINITY,
    sent: 0,
    acknowledged: 0,
    errorAnswers: 0,
    unknownAnswers: 0,
    /** Records in flight on connections that were lost. */
    unanswered: 0,
    connectionsLost: 0,
    lastAnswerMs: 0,
    latencies: latencyHistogram(),
    changed: () => {},
  };
  const connections = await openAll(options, run);
  const startedMs = performance.now();
  run.lastAnswerMs = startedMs;
  await new Promise((resolve) => {
    run.changed = () => {
      const isAnswered = run.acknowledged + run.errorAnswers + run.unanswered >= run.sent;
      if ((run.remaining === 0 && isAnswered) || connections.every(({ isLost }) => isLost)) finish();
    };
    const stallMs = options.stallMs ?? 10_000;
    const stallTimer = setInterval(() => {
      if (performance.now() - run.lastAnswerMs > stallMs) finish();
    }, stallMs / 4);
    const durationTimer = setTimeout(() => {
      run.remaining = 0;
      run.changed();
    }, options.durationMs ?? MAX_TIMER_MS);
    const finish = () => {
      clearInterval(stallTimer);
      clearTimeout(durationTimer);
      resolve(undefined);
    };
    for (const connection of connections) connection.fill();
    run.changed();
  });
  run.changed = () => {};
  for (const connection of connections) connection.end();

  const { sent, acknowledged, errorAnswers, unknownAnswers, connectionsLost, latencies } = run;
  const seconds = Math.max(1e-6, (run.lastAnswerMs - startedMs) / 1000);
  const perSecond = acknowledged / seconds;
  return { sent, acknowledged, errorAnswers, unknownAnswers, connectionsLost, seconds, perSecond, latencies };
}

async function openAll(options, run) {
  const connections = [];
  const waiting = [...options.identities];
  const openNext = async () => {
    for (let identity = waiting.shift(); identity !== undefined; identity = waiting.shift()) {
      connections.push(await openLoadConnection(options, identity, run));
    }
  };
  try {
    await Promise.all(Array.from({ length: options.connecting ?? 32 }, openNext));
  } catch (error) {
    waiting.length = 0;
    for (const connection of connections) connection.end();
    throw error;
  }
  return connections;
}
