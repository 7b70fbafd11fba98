import { encodeMessage, Field } from '@fleetbridge/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  caPem,
  type ReceivedRecord,
  startVehicleServer,
  vehicleIdentity,
} from '../test/vehicle-server.js';
import { LatencyHistogram } from './latency-histogram.js';
import { runLoad } from './load.js';

const identities = ['A', 'B', 'C'].map((letter) => vehicleIdentity(`5YJ3E1EA7KF00000${letter}`));
const payload = encodeMessage('V', { data: [{ key: Field.Soc, value: { doubleValue: 50 } }] });
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function load(answer: (record: ReceivedRecord) => Answer, options: Partial<Parameters<typeof runLoad>[0]>) {
  const server = await startVehicleServer(answer);
  servers.push(server);
  const result = await runLoad({ url: server.url, caPem, identities, inFlight: 4, payload, ...options });
  return { server, result };
}

describe('a load', () => {
  it('sends exactly the records that it was asked for, each with a txid of its own and whole', async () => {
    const { server, result } = await load(() => 'ack', { records: 500 });
    expect(result).toMatchObject({
      sent: 500,
      acknowledged: 500,
      errorAnswers: 0,
      unknownAnswers: 0,
      connectionsLost: 0,
    });
    expect(new Set(server.records.map(({ txid }) => txid)).size).toBe(500);
    expect(new Set(server.records.map(({ connection }) => connection)).size).toBe(3);
    for (const record of server.records) expect(record.payload.equals(payload)).toBe(true);
    expect(result.latencies.count).toBe(500);
    expect(result.latencyMs.p50).toBeLessThanOrEqual(result.latencyMs.p99);
    expect(result.perSecond).toBeCloseTo(500 / result.seconds);
  });

  it('does the same with a write a record', async () => {
    const { result } = await load(() => 'ack', { records: 100, batchWrites: false });
    expect(result).toMatchObject({ sent: 100, acknowledged: 100 });
  });

  it('counts a second ack of a record as unknown, not as the ack of the next', async () => {
    const { server, result } = await load(() => 'ack twice', { records: 100 });
    expect(result).toMatchObject({ sent: 100, acknowledged: 100 });
    expect(server.records).toHaveLength(100);
    expect(result.unknownAnswers).toBeGreaterThan(0);
  });

  it('never has more in flight than it may', async () => {
    const { server, result } = await load(() => 'nothing', { records: 500, stallMs: 20 });
    expect(server.records.length).toBe(3 * 4);
    expect(result).toMatchObject({ sent: 12, acknowledged: 0 });
  });

  it('ends after its time', async () => {
    const { server, result } = await load(() => 'ack', { durationMs: 50 });
    expect(result.acknowledged).toBe(server.records.length);
    expect(result.sent).toBe(result.acknowledged);
  });

  it('counts refusals, and connections that it lost', async () => {
    const refused = await load(({ txid }) => (txid.endsWith('0') ? 'error' : 'ack'), { records: 80 });
    expect(refused.result.acknowledged + refused.result.errorAnswers).toBe(80);
    expect(refused.result.errorAnswers).toBeGreaterThan(0);
    const lost = await load(() => 'drop', { records: 80 });
    expect(lost.result).toMatchObject({ connectionsLost: 3, acknowledged: 0 });
  });

  it('rejects without a limit and without a server', async () => {
    const options = { url: 'wss://localhost:1/', caPem, identities, inFlight: 1, payload };
    await expect(runLoad(options)).rejects.toThrow(RangeError);
    await expect(runLoad({ ...options, records: 1 })).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL|EACCES/);
  });
});

describe('a latency histogram', () => {
  it('reads back quantiles within two percent', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
    expect(histogram.quantileMs(0.5) / 500).toBeCloseTo(1, 1.7);
    expect(histogram.quantileMs(0.99) / 990).toBeCloseTo(1, 1.7);
    expect(histogram.maxMs).toBe(1000);
    expect(histogram.quantileMs(1)).toBe(1000);
    expect(new LatencyHistogram().quantileMs(0.5)).toBe(0);
  });
});
