// CPU of Redis for the append script compared with a script that only calls XADD: the same records, 64 per call, the same
// packed argument.
import { connectRedis, partitionKeys, whenReady } from '@fleetbridge/store';
import { PackedRecords } from '../../packages/store/dist/log/record-packing.js';
import { appendRecords } from '../../packages/store/dist/scripts/append-records.js';
import { drivingPayload, vinOf } from './fleet.mjs';
import { cpuMicros } from './processes.mjs';

const RECORDS_PER_CALL = 64;
const VEHICLES = 50;

// KEYS[1] stream; ARGV[4] the records, packed by record-packing.ts
const onlyXadd = `
local unpack, call, packed, at = struct.unpack, redis.call, ARGV[4], 1
while at <= #packed do
  local kind, hash, vin, topic, txid, created, received, version, interface, payload
  kind, hash, vin, topic, txid, created, received, version, interface, payload, at =
    unpack('<Bc8Bc0Bc0Hc0Bc0Bc0Bc0Bc0Ic0', packed, at)
  call('XADD', KEYS[1], '*', 'vin', vin, 'topic', topic, 'txid', txid, 'created', created, 'received', received,
    'version', version, 'payload', payload)
end
return 1`;

/**
 * Microseconds of Redis CPU per record: XADD only (`onlyXadd`), with marks but no duplicate check (`marked`), with a check
 * of records that are not the newest (`dated`), and with a check of every record (`checked`).
 */
export async function measureRedisCost({ redis, calls = 2_000 }) {
  const connection = connectRedis({ url: redis.url, name: 'bench' });
  await whenReady(connection, 5_000);
  const cost = async (namespace, lua, kind) => {
    const { records, presence, newest, seenPrefix, givenUp } = partitionKeys(namespace, 0);
    const keys = [records, presence, newest, givenUp('bench')];
    const payload = drivingPayload({ vin: vinOf(0) });
    const startMs = Date.now();
    const run = async (count) => {
      for (let call = 0; call < count; call++) {
        const packed = new PackedRecords();
        for (let index = 0; index < RECORDS_PER_CALL; index++) {
          const n = call * RECORDS_PER_CALL + index;
          const txid = Buffer.from(`${String(n).padStart(12, '0')}-8f5c-4d1e-9a53-2b6f`);
          const nowMs = Date.now();
          packed.add({
            kind,
            vin: vinOf(n % VEHICLES),
            topic: 'V',
            txid,
            createdMs: startMs + n,
            receivedMs: nowMs,
            version: '2026.20.6',
            payload,
          });
        }
        await connection.eval(lua, 4, ...keys, seenPrefix, 'bench', '0', packed.bytes, 0, '0', Date.now());
      }
    };
    await run(100);
    const before = cpuMicros(redis.pid);
    await run(calls);
    return (cpuMicros(redis.pid) - before) / (calls * RECORDS_PER_CALL);
  };
  const rounds = [];
  for (let round = 0; round < 2; round++) {
    rounds.push({
      onlyXadd: await cost(`cost-xadd-${round}`, onlyXadd, 'record'),
      marked: await cost(`cost-marked-${round}`, appendRecords.lua, 'record'),
      dated: await cost(`cost-dated-${round}`, appendRecords.lua, 'possible_repeat_dated'),
      checked: await cost(`cost-checked-${round}`, appendRecords.lua, 'possible_repeat'),
    });
  }
  connection.disconnect();
  return Object.fromEntries(
    ['onlyXadd', 'marked', 'dated', 'checked'].map((name) => [name, Math.min(...rounds.map((round) => round[name]))]),
  );
}
