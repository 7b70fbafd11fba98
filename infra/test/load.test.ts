// The load generator of the bench, against a small WebSocket server.
import { encodeMessage, Field } from '@fleetbridge/protocol';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  caPem,
  type ReceivedRecord,
  startVehicleServer,
  vehicleIdentity,
} from '../../packages/simulator/test/vehicle-server.js';
import { latencyHistogram, latencySummary, recordLatency } from '../bench/latency.mjs';
import { runLoad } from '../bench/load.mjs';

const identities = ['A', 'B', 'C'].map((letter) => vehicleIdentity(`5YJ3E1EA7KF00000${letter}`));
const payload = encodeMessage('V', { data: [{ key: Field.Soc, value: { doubleValue: 50 } }] });
const cleanUp = cleanupAfterEach();

async function load(answer: (record: ReceivedRecord) => Answer, options: Partial<Parameters<typeof runLoad>[0]>) {
  const server = await startVehicleServer(answer);
  cleanUp.push(server.stop);
  const result = await runLoad({ url: server.url, caPem, identities, inFlight: 4, payload, ...options });
  return { server, result };
}

describe('runLoad', () => {
  it('sends exactly the requested number of records, each complete and with its own txid', async () => {
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
    expect(result.latencies.totalCount).toBe(500);
    const { p50Ms, p99Ms } = latencySummary(result.latencies);
    expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    expect(result.perSecond).toBeCloseTo(500 / result.seconds);
  });

  it('sends the same records with one write per record', async () => {
    const { result } = await load(() => 'ack', { records: 100, batchWrites: false });
    expect(result).toMatchObject({ sent: 100, acknowledged: 100 });
  });

  it('counts a second ack of a record as unknown, not as the ack of the next record', async () => {
    const { server, result } = await load(() => 'ack twice', { records: 100 });
    expect(result).toMatchObject({ sent: 100, acknowledged: 100 });
    expect(server.records).toHaveLength(100);
    expect(result.unknownAnswers).toBeGreaterThan(0);
  });

  it('never exceeds the limit of records in flight', async () => {
    const { server, result } = await load(() => 'nothing', { records: 500, stallMs: 20 });
    expect(server.records.length).toBe(3 * 4);
    expect(result).toMatchObject({ sent: 12, acknowledged: 0 });
  });

  it('stops after the duration', async () => {
    const { server, result } = await load(() => 'ack', { durationMs: 50 });
    expect(result.acknowledged).toBe(server.records.length);
    expect(result.sent).toBe(result.acknowledged);
  });

  it('counts error answers and lost connections', async () => {
    const refused = await load(({ txid }) => (txid.endsWith('0') ? 'error' : 'ack'), { records: 80 });
    expect(refused.result.acknowledged + refused.result.errorAnswers).toBe(80);
    expect(refused.result.errorAnswers).toBeGreaterThan(0);
    const lost = await load(() => 'drop', { records: 80 });
    expect(lost.result).toMatchObject({ connectionsLost: 3, acknowledged: 0 });
  });

  it('rejects without a limit and when the server is unreachable', async () => {
    const options = { url: 'wss://localhost:1/', caPem, identities, inFlight: 1, payload };
    await expect(runLoad(options)).rejects.toThrow(RangeError);
    await expect(runLoad({ ...options, records: 1 })).rejects.toThrow(/ECONNREFUSED|EADDRNOTAVAIL|EACCES/);
  });
});

describe('the latency histogram', () => {
  it('returns quantiles that are at most 0.1 percent off', () => {
    const histogram = latencyHistogram();
    for (let ms = 1; ms <= 1000; ms++) recordLatency(histogram, ms);
    const { p50Ms, p99Ms, maxMs } = latencySummary(histogram);
    expect(p50Ms / 500).toBeCloseTo(1, 2.7);
    expect(p99Ms / 990).toBeCloseTo(1, 2.7);
    expect(maxMs / 1000).toBeCloseTo(1, 2.7);
    expect(latencySummary(latencyHistogram())).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
  });
});
