import { renewalDays } from '@fleetbridge/pki';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandLineIn } from './status-facts.js';
import { STATUS_PAGE_POLICY, statusPage } from './status-page.js';
import { nextStep, type StatusFacts, statusSteps } from './status-steps.js';

const nowMs = Date.parse('2026-11-24T12:00:00Z');
const VIN = '5YJ3E1EA7KF000001';

describe('statusSteps', () => {
  it('are all done without a next step when everything runs', () => {
    const steps = statusSteps(running());
    expect(steps.map(({ state }) => state)).toEqual(Array(9).fill('done'));
    expect(nextStep(steps)).toBeUndefined();
  });

  it('suggest a client of the gateway where there is no client, but not as the next step', () => {
    const steps = statusSteps({ ...running(), log: { ...running().log!, clients: 0 } });
    const step = steps.find(({ title }) => title === 'Gateway (polling)');
    expect([step?.state, step?.text]).toEqual(['pending', expect.stringContaining('teslamate create')]);
    expect(nextStep(steps)).toBeUndefined();
  });

  it.each<[string, Partial<StatusFacts>, string, string]>([
    ['Redis unreachable', { log: undefined }, 'Redis', 'REDIS_URL'],
    ['memory only', { log: { ...running().log!, durability: 'never' } }, 'Redis', 'appendfsync always'],
    ['no CA', { vehicleCas: { problem: 'no file', source: 'production' } }, 'Vehicle CAs', 'npx fleetbridge ca fetch'],
    [
      'no vehicle admitted',
      { admission: { listed: 0, invalid: [], allowed: 0, denied: 0 } },
      'Admission',
      'vehicle allow <VIN>',
    ],
    ['a vehicle refused', { refused: { vin_not_admitted: 3 } }, 'Admission', 'vehicle allow <VIN>'],
    [
      'no vehicle yet',
      { log: { ...running().log!, knownVehicles: 0 }, vehicleCas: { ...running().vehicleCas, source: 'production' } },
      'Vehicles',
      'npx fleetbridge setup',
    ],
    ['no dispatcher', { log: { ...running().log!, dispatchers: 0 } }, 'Dispatcher', 'apps/dispatcher'],
    [
      'no dispatcher in compose',
      { log: { ...running().log!, dispatchers: 0 }, commandLine: 'docker compose run --rm cli' },
      'Dispatcher',
      'docker compose up -d dispatcher',
    ],
    [
      'a client that has never polled',
      { log: { ...running().log!, lastPollMs: undefined } },
      'Gateway (polling)',
      'teslamate check',
    ],
    [
      'a client that stopped polling',
      { log: { ...running().log!, lastPollMs: nowMs - 600_000 } },
      'Gateway (polling)',
      'teslamate check',
    ],
    ['no streaming', { log: { ...running().log!, streamingProcesses: 0 } }, 'Streaming (TeslaMate)', 'apps/streaming'],
    [
      'no client, no token',
      { log: { ...running().log!, followedVehicles: 0, tokens: 0 } },
      'Streaming (TeslaMate)',
      'npx fleetbridge token create',
    ],
    [
      'a certificate for another name',
      { certificate: certificate({ isCovered: false }) },
      'Server certificate',
      'INGEST_CERT_FILE',
    ],
    [
      'a certificate that expires soon',
      { certificate: { ...certificate(), daysLeft: 5 } },
      'Server certificate',
      'Renew',
    ],
    [
      'a certificate of 6 days that its client should have renewed',
      { certificate: { ...certificate(), daysLeft: 2.9, renewalDays: 3 } },
      'Server certificate',
      'Renew',
    ],
    [
      'no certificate yet, in compose',
      { certificate: { ...certificate(), isTemporary: true }, commandLine: 'docker compose run --rm cli' },
      'Server certificate',
      'docker compose logs caddy',
    ],
    [
      'no intermediate certificate',
      { certificate: { ...certificate(), missingIssuer: "C=US, O=Let's Encrypt, CN=R11" } },
      'Server certificate',
      'fullchain.pem',
    ],
    ['a replica', { readiness: unsuitable('read_only'), log: undefined }, 'Redis', 'not a replica'],
    ['a Redis that rejects writes', { readiness: unsuitable('writes_rejected') }, 'Redis', 'right to write'],
    [
      'a Redis that deletes records',
      { readiness: unsuitable('evicts_records') },
      'Redis',
      'maxmemory-policy noeviction',
    ],
    [
      'a Redis that deletes some keys',
      { eviction: { policy: 'volatile-lru', deletesRecords: false } },
      'Redis',
      'maxmemory-policy noeviction',
    ],
    [
      'an entry that is no VIN',
      { admission: { listed: 1, invalid: ['myTesla!'], allowed: 0, denied: 0 } },
      'Admission',
      'Correct the entries',
    ],
    [
      'simulated vehicles only',
      { vehicleCas: { source: 'development', certificates: 1, daysLeft: 99 } },
      'Vehicle CAs',
      'ca fetch',
    ],
    [
      "Tesla's CAs downloaded but not in use",
      { vehicleCas: { source: 'development', certificates: 1, daysLeft: 99, areTeslaCasFetched: true } },
      'Vehicle CAs',
      'INGEST_CA_BUNDLE=production ALLOWED_VINS=<VIN> npm start',
    ],
    ['a clock that is behind', { clockBehindSeconds: 7_200 }, 'Clock', 'Set the clock'],
    [
      'no engineering CAs',
      { vehicleCas: { problem: 'no file', source: 'engineering' } },
      'Vehicle CAs',
      'ca fetch --engineering',
    ],
  ])('%s: the next step names the remedy', (_, facts, title, remedy) => {
    const next = nextStep(statusSteps({ ...running(), ...facts }));
    expect(next?.title).toBe(title);
    expect(next?.remedy).toContain(remedy);
  });

  it.each([
    [6, 5.9, 'done'],
    [45, 20, 'done'],
    [45, 14, 'warning'],
    [90, 30, 'done'],
    [90, 20, 'warning'],
  ])('a certificate of %d days with %d left is %s', (days, left, state) => {
    const notBefore = new Date(nowMs);
    const renewal = renewalDays({ notBefore, notAfter: new Date(nowMs + days * 86_400_000) });
    const steps = statusSteps({
      ...running(),
      certificate: { ...certificate(), daysLeft: left, renewalDays: renewal },
    });
    expect(steps.find(({ title }) => title === 'Server certificate')?.state).toBe(state);
  });

  it('put required steps before optional ones', () => {
    const log = { ...running().log!, dispatchers: 0, tokens: 0, followedVehicles: 0 };
    const vehicleCas = { source: 'development', certificates: 1, daysLeft: 99 } as const;
    expect(nextStep(statusSteps({ ...running(), log, vehicleCas }))?.title).toBe('Dispatcher');
  });

  it('show refused connections, except clients that disconnected on their own', () => {
    const portStep = (refused: Record<string, number>) =>
      statusSteps({ ...running(), refused }).find(({ title }) => title === 'Port for vehicles');
    expect(portStep({ left_before_hello: 9_000, connection_lost: 4 })?.state).toBe('done');
    expect(portStep({ certificate_not_verified: 2, left_before_hello: 9 })?.text).toContain(
      'certificate_not_verified 2.',
    );
  });
});

describe('statusPage', () => {
  it('shows each vehicle with its times, and how many more are known than it has rows for', () => {
    const html = statusPage(running());
    expect(html).toContain(`<th scope="row">${VIN}</th><td>for 2 min</td>`);
    expect(html).toContain('title="2026-11-24 11:59:48 UTC">12 s ago</time>');
    expect(html).toContain('<td>no</td><td>never</td>');
    expect(html).toContain('and 68 more');
  });

  it("shows what the doctor found last, its remedies and the findings' vehicles, as text", () => {
    expect(statusPage(running())).not.toContain('<h2>Doctor');
    const finding = { title: 'Pairing', colour: 'red', vin: VIN, text: 'not <paired>', remedy: 'Pair it.' } as const;
    const green = { title: 'Disk', colour: 'green', text: 'free space' } as const;
    const html = statusPage({ ...running(), doctor: { checkedMs: nowMs - 60_000, findings: [finding, green] } });
    expect(html).toContain('<p>1 to correct, 1 green, 0 not checked, <time');
    expect(html).toContain('60 s ago</time>. Check again: <code>npx fleetbridge doctor</code>');
    expect(html).toContain(`<p>${VIN}: not &#60;paired&#62;</p>\n<p class="remedy"><code>Pair it.</code></p>`);
    expect(html).not.toContain('free space');
  });

  it('begins with the vehicles once the set-up is complete, and with what is missing before', () => {
    const order = (facts: StatusFacts) => statusPage(facts).match(/<h2>[^<:]*/g);
    expect(order(running())).toEqual(['<h2>Known vehicles', '<h2>Subscriptions', '<h2>Setup']);
    expect(statusPage(running())).toContain('<details>');
    const incomplete = { ...running(), certificate: { ...certificate(), isTemporary: true } };
    expect(order(incomplete)).toEqual(['<h2>Next step', '<h2>Setup', '<h2>Known vehicles', '<h2>Subscriptions']);
    expect(statusPage(incomplete)).toContain('<p class="badge warning">Waiting for the certificate</p>');
  });

  it('shows subscriptions with their state, the rate of records and the version', () => {
    const state = 'away (connect ECONNREFUSED 127.0.0.1:1883, since 20:11, next try in 12 s)';
    const away = { ...home(), name: 'away', state, isDelivering: false, waiting: '199', deadLetters: 1 };
    const html = statusPage({ ...running(), log: { ...running().log!, subscriptions: [home(), away] } });
    expect(html).toContain(
      `<th scope="row">away</th><td>mqtt</td><td>199</td><td class="long"><span class="warning">${state}</span>, 1 dead letter</td>`,
    );
    expect(html).toContain('1 of 70 connected, 42 records in the last minute');
    expect(html).toContain('fleetbridge 1.2.3.');
  });

  it('escapes names and texts', () => {
    const alphabet = fc.constantFrom('<', '>', '"', "'", '&', 'a', '/', '-', 'script', '\u0000', '\u202e', ']]>');
    const hostile = fc.array(alphabet, { maxLength: 12 }).map((parts) => parts.join(''));
    const plain = tagsIn(statusPage(running()));
    fc.assert(
      fc.property(hostile, (text) => {
        const log = { ...running().log!, vehicles: running().log!.vehicles.map((one) => ({ ...one, vin: text })) };
        log.subscriptions = [{ ...home(), name: text, kind: text, state: text, waiting: text }];
        const facts = { ...running(), log, certificate: { ...certificate(), hosts: [text] } };
        const html = statusPage({ ...facts, refused: { [text]: 0 } });
        expect(tagsIn(html)).toEqual(plain);
      }),
    );
  });

  it('renders invalid times', () => {
    const vehicles = [{ vin: VIN, connectedSinceMs: Number.NaN, lastReceivedMs: 1e300, isLimited: false }];
    expect(statusPage({ ...running(), log: { ...running().log!, vehicles } })).toContain('invalid time');
  });

  it('loads no resources and runs no scripts', () => {
    const html = statusPage(running());
    expect(html).not.toMatch(/<script|<img|<link|<iframe|\ssrc=|url\(|@import|\son\w+=|\sstyle=/i);
    expect(STATUS_PAGE_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'/);
  });
});

it('commandLineIn returns the command of a clone, an installation and a compose container', () => {
  expect(commandLineIn({ npm_lifecycle_event: 'start' }, false)).toBe('npx fleetbridge');
  expect(commandLineIn({}, false)).toBe('fleetbridge');
  expect(commandLineIn({}, true)).toBe('docker compose run --rm cli');
  // a clone inside a container
  expect(commandLineIn({ npm_lifecycle_event: 'start' }, true)).toBe('npx fleetbridge');
});

function running(): StatusFacts {
  return {
    nowMs,
    commandLine: 'npx fleetbridge',
    version: '1.2.3',
    vehiclesPort: 4443,
    doctor: undefined,
    eviction: undefined,
    readiness: { ready: true, checks: { redis: { ready: true }, vehicles_port: { ready: true } } },
    log: {
      durability: 'at_once',
      dispatchers: 1,
      streamingProcesses: 1,
      followedVehicles: 1,
      tokens: 1,
      clients: 1,
      lastPollMs: nowMs - 20_000,
      recordsPerMinute: 42,
      subscriptions: [home()],
      knownVehicles: 70,
      connectedVehicles: 1,
      vehicles: [
        { vin: VIN, connectedSinceMs: nowMs - 150_000, lastReceivedMs: nowMs - 12_000, isLimited: false },
        { vin: '5YJ3E1EA7KF000002', connectedSinceMs: undefined, lastReceivedMs: undefined, isLimited: false },
      ],
    },
    vehicleCas: { source: 'production', certificates: 14, daysLeft: 900 },
    certificate: certificate(),
    admission: { listed: 2, invalid: [], allowed: 0, denied: 0 },
    refused: {},
    clockBehindSeconds: 0,
  };
}

function certificate({ isCovered = true } = {}) {
  const telemetryHost = { name: 'telemetry.example.com', isCovered };
  const life = { daysLeft: 60, renewalDays: 21, missingIssuer: undefined };
  return { hosts: ['telemetry.example.com'], ...life, isPrivate: false, isTemporary: false, telemetryHost };
}

function unsuitable(reason: string) {
  return { ready: false, checks: { redis: { ready: true }, redis_writes: { ready: false, reason } } };
}

function home() {
  const state = 'delivering';
  return { name: 'home', kind: 'mqtt', state, isDelivering: true, waiting: '0', deadLetters: 0 };
}

/** Every tag with its attributes. */
function tagsIn(html: string): string[] {
  return html.match(/<[^>]*>/g) ?? [];
}
