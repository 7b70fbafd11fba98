// The borders of verdicts; test/doctor.test.ts seeds the same faults into a whole installation.
import { FleetApiError } from '@fleetbridge/fleet-api';
import { TeslaAccountError } from '@fleetbridge/tesla-account';
import { describe, expect, it } from 'vitest';
import {
  clockVerdict,
  configurationVerdict,
  diskVerdict,
  errorVerdict,
  evictionVerdict,
  growthVerdict,
  memoryVerdict,
  nameVerdict,
  persistenceVerdict,
  pollVerdict,
  recordsVerdict,
  registrationVerdict,
  reportsVerdict,
  scopesVerdict,
  servedKeyVerdict,
  streamVerdict,
  telemetryNameVerdict,
  type Verdict,
  vehiclePortVerdict,
  versionsVerdict,
  worstColour,
} from './index.js';

const nowMs = Date.parse('2026-11-26T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const short = ({ colour, problem }: Verdict) => (problem === undefined ? colour : `${colour} ${problem}`);

describe('names and ports', () => {
  const name = 'cars.example.com';

  it.each([
    [['203.0.113.7', '2001:db8::1'], 'green'],
    [[], 'red dns_not_found'],
    ...[
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.2',
      '127.0.0.1',
      '100.64.0.1',
      '169.254.1.1',
      '::1',
      'fd00::1',
      'fe80::1',
    ].map((address): [string[], string] => [['203.0.113.7', address], 'red dns_private']),
    [['172.32.0.1', '100.128.0.1', '192.169.1.1'], 'green'],
  ])('%j is %s', (addresses, expected) => {
    expect(short(nameVerdict({ name, addresses, arePrivateAllowed: false }))).toBe(expected);
  });

  it('accepts a private address with a stand-in, and a telemetry host of the same root only', () => {
    const facts = { name: 'telemetry.example.com', addresses: ['127.0.0.1'], arePrivateAllowed: true };
    expect(short(telemetryNameVerdict(facts, name))).toBe('green');
    expect(short(telemetryNameVerdict(facts, 'cars.example.org'))).toBe('red dns_other_root');
  });

  it.each([
    [true, true, 'green'],
    [true, undefined, 'green'],
    [true, false, 'yellow port_not_public'],
    [false, true, 'green'],
    [false, undefined, 'red port_closed'],
    [false, false, 'red port_closed'],
  ])('a port that is open inside: %s, over its public name: %s, is %s', (isOpen, isPublic, expected) => {
    expect(short(vehiclePortVerdict(4443, isOpen, isPublic))).toBe(expected);
  });
});

it.each([
  [{ kind: 'not_reachable', reason: 'ECONNREFUSED' }, 'aa', 'red key_not_reachable'],
  [{ kind: 'answered', status: 302, body: '' }, 'aa', 'red key_not_served'],
  [{ kind: 'answered', status: 200, body: '<html>' }, 'aa', 'red key_not_served'],
] as const)('the served key %j is %s', (served, own, expected) => {
  expect(short(servedKeyVerdict(served, own))).toBe(expected);
});

it('another registered key, and a missing application key, are red once', () => {
  expect(short(registrationVerdict('aa', 'bb', 'cars.example.com'))).toBe('red other_key_registered');
  expect(short(registrationVerdict('aa', undefined, 'cars.example.com'))).toBe('grey');
  const answered = { kind: 'answered', status: 404, body: '' } as const;
  expect(short(servedKeyVerdict(answered, undefined))).toBe('red application_key_missing');
});

it('a temporary failure of Tesla is no finding, another one is red with its remedy', () => {
  const failure = (problem: 'tesla_failed' | 'billing_limit') =>
    errorVerdict(new FleetApiError({ problem, endpoint: 'products', delivery: 'answered', status: 500 }))!;
  expect(short(failure('tesla_failed'))).toBe('grey');
  expect(short(failure('billing_limit'))).toBe('red billing_limit');
  expect(short(errorVerdict(new TeslaAccountError('secret_not_readable'))!)).toBe('red secret_not_readable');
  expect(errorVerdict(new Error('x'))).toBeUndefined();
});

it.each([
  [['vehicle_device_data', 'vehicle_location'], 'green'],
  [['vehicle_device_data', 'vehicle_cmds'], 'red scope_missing'],
  [undefined, 'grey'],
])('scopes %j are %s', (scopes, expected) => {
  expect(short(scopesVerdict(scopes))).toBe(expected);
});

describe('a vehicle', () => {
  const sent = { hostname: 'a.example.com', port: 443, ca: 'ca', fields: {} };
  const state = { synced: true, config: { ...sent }, limitReached: false, keyPaired: true };

  it.each([
    [state, 'green'],
    [{ ...state, config: undefined, synced: false }, 'red configuration_missing'],
    [{ ...state, config: undefined }, 'red configuration_refused'],
    [{ ...state, limitReached: true }, 'red limit_reached'],
    [{ ...state, config: { ...sent, port: '443' } }, 'red port_is_text'],
    [{ ...state, synced: false }, 'yellow configuration_waiting'],
    [{ ...state, config: { ...sent, port: 444 } }, 'yellow configuration_differs'],
  ])('with the configuration %j is %s', (given, expected) => {
    expect(short(configurationVerdict({ state: given, sent, nowMs }))).toBe(expected);
  });

  it('is yellow when its configuration is not sent again by itself', () => {
    expect(short(configurationVerdict({ state, sent, nowMs, isWatchStopped: true }))).toBe('yellow watch_stopped');
  });

  const report = (agoMs: number, problem?: 'server_not_trusted') => ({
    vin: 'V',
    error: 'text',
    errorName: 'name',
    createdAt: new Date(nowMs - agoMs).toISOString(),
    problem,
  });

  it.each([
    ['nothing', [], {}, 'green'],
    ['an old error', [report(25 * HOUR)], {}, 'green'],
    ['an error before the configuration was sent', [report(HOUR)], { sentMs: nowMs - MINUTE }, 'green'],
    ['an error without a name of ours', [report(HOUR)], {}, 'red vehicle_reported'],
    [
      'a newer error of a known kind',
      [report(HOUR), report(MINUTE, 'server_not_trusted')],
      {},
      'red server_not_trusted',
    ],
    ['records since', [report(HOUR)], { lastRecordMs: nowMs - MINUTE }, 'yellow vehicle_report_old'],
    ['an error without a time', [{ ...report(0), createdAt: undefined }], {}, 'red vehicle_reported'],
  ] as const)('that has reported %s', (_, reports, times, expected) => {
    expect(short(reportsVerdict({ reports, nowMs, sentMs: undefined, lastRecordMs: undefined, ...times }))).toBe(
      expected,
    );
  });

  it.each([
    [undefined, undefined, undefined, 'yellow vehicle_never_sent'],
    [undefined, undefined, 'asleep', 'yellow vehicle_never_sent'],
    [undefined, undefined, 'online', 'red vehicle_silent'],
    [nowMs - DAY, MINUTE, 'online', 'green'],
    [nowMs - DAY, 2 * HOUR, 'online', 'yellow vehicle_quiet'],
    [undefined, 10 * MINUTE, 'online', 'green'],
    [undefined, 20 * MINUTE, 'online', 'red vehicle_silent'],
    [undefined, 9 * DAY, 'asleep', 'green'],
    [undefined, 2 * DAY, undefined, 'green'],
    [undefined, 4 * DAY, undefined, 'yellow vehicle_quiet'],
  ])('connected since %s, last record %s ms ago, at Tesla %s, is %s', (since, agoMs, of, expected) => {
    const lastRecordMs = agoMs === undefined ? undefined : nowMs - agoMs;
    expect(short(recordsVerdict({ nowMs, connectedSinceMs: since, lastRecordMs, state: of }))).toBe(expected);
  });
});

describe('Redis and this machine', () => {
  it.each([
    [persistenceVerdict('within_a_second'), 'yellow redis_persists_late'],
    [persistenceVerdict('unknown'), 'grey'],
    [evictionVerdict({ eviction: { policy: 'volatile-lru', deletesRecords: false } }), 'yellow redis_may_evict'],
    [memoryVerdict({ usedBytes: 69, limitBytes: 100 }), 'green'],
    [memoryVerdict({ usedBytes: 70, limitBytes: 100 }), 'yellow redis_memory_high'],
    [memoryVerdict({ usedBytes: 90, limitBytes: 100 }), 'red redis_memory_full'],
    [memoryVerdict({ usedBytes: 9e9, limitBytes: 0 }), 'green'],
    [clockVerdict(59_000), 'green'],
    [clockVerdict(-61_000), 'red clock_wrong'],
    [diskVerdict({ freeBytes: 50e9, totalBytes: 100e9 }), 'green'],
    [diskVerdict({ freeBytes: 1e9, totalBytes: 10e9 }), 'yellow disk_low'],
    [diskVerdict({ freeBytes: 1e8, totalBytes: 1e9 }), 'red disk_full'],
    [versionsVerdict({ fleetbridge: '0.2.0', node: 'v20.18.0', redis: '7.2.1' }), 'red version_too_old'],
    [versionsVerdict({ fleetbridge: '0.2.0', node: 'v24.0.0', redis: '6.2.1' }), 'red version_too_old'],
    [versionsVerdict({ fleetbridge: '0.2.0', node: 'v24.0.0', redis: undefined }), 'green'],
    [pollVerdict({ clients: 0, lastPollMs: undefined, nowMs }), 'grey'],
    [pollVerdict({ clients: 1, lastPollMs: undefined, nowMs }), 'yellow teslamate_not_polling'],
    [pollVerdict({ clients: 1, lastPollMs: nowMs - 16 * MINUTE, nowMs }), 'yellow teslamate_not_polling'],
    [pollVerdict({ clients: 1, lastPollMs: nowMs - MINUTE, nowMs }), 'green'],
    [streamVerdict({ followedVehicles: 0, connectedVehicles: 1, tokens: 1 }), 'yellow teslamate_not_streaming'],
    [streamVerdict({ followedVehicles: 0, connectedVehicles: 0, tokens: 1 }), 'grey'],
    [streamVerdict({ followedVehicles: 2, connectedVehicles: 2, tokens: 1 }), 'green'],
  ])('$text', (verdict, expected) => {
    expect(short(verdict)).toBe(expected);
  });

  it('the growth of the log is judged for the rest of its retention', () => {
    const log = { entries: 1_000, bytes: 10e6, spanMs: 24 * HOUR };
    const memory = { usedBytes: 20e6, limitBytes: 100e6, retentionHours: 168 };
    expect(short(growthVerdict({ log, ...memory }))).toBe('green');
    expect(short(growthVerdict({ log, ...memory, limitBytes: 80e6 }))).toBe('yellow redis_grows');
    expect(short(growthVerdict({ log, ...memory, limitBytes: 80e6, retentionHours: 24 }))).toBe('green');
    expect(short(growthVerdict({ log: { ...log, spanMs: MINUTE }, ...memory, limitBytes: 80e6 }))).toBe('green');
  });
});

it('red is worse than yellow, and grey counts for nothing', () => {
  const colours = (...all: ('green' | 'yellow' | 'red' | 'grey')[]) => worstColour(all.map((colour) => ({ colour })));
  expect([colours('grey'), colours('grey', 'yellow'), colours('yellow', 'red', 'green')]).toEqual([
    'green',
    'yellow',
    'red',
  ]);
});
