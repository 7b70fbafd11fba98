import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandLineIn } from './status-facts.js';
import { STATUS_PAGE_POLICY, statusPage } from './status-page.js';
import { nextStep, type StatusFacts, statusSteps } from './status-steps.js';

const nowMs = Date.parse('2026-11-24T12:00:00Z');
const VIN = '5YJ3E1EA7KF000001';

describe('the steps', () => {
  it('are all done, with nothing that comes next, when everything runs', () => {
    const steps = statusSteps(running());
    expect(steps.map(({ state }) => state)).toEqual(Array(8).fill('done'));
    expect(nextStep(steps)).toBeUndefined();
  });

  it.each<[string, Partial<StatusFacts>, string, string]>([
    ['Redis away', { log: undefined }, 'Redis', 'REDIS_URL'],
    ['memory only', { log: { ...running().log!, durability: 'never' } }, 'Redis', 'appendfsync always'],
    [
      'no CA',
      { vehicleCas: { problem: 'no file', whose: 'production' } },
      'Vehicle CAs',
      'npm run fleetbridge -- ca fetch',
    ],
    ['nobody admitted', { admission: { listed: 0, allowed: 0, denied: 0 } }, 'Who may connect', 'vehicle allow <VIN>'],
    ['somebody turned away', { refused: { vin_not_admitted: 3 } }, 'Who may connect', 'vehicle allow <VIN>'],
    ['no dispatcher', { log: { ...running().log!, dispatchers: 0 } }, 'Dispatcher', 'apps/dispatcher'],
    [
      'no dispatcher in compose',
      { log: { ...running().log!, dispatchers: 0 }, commandLine: 'docker compose run --rm cli' },
      'Dispatcher',
      'docker compose up -d dispatcher',
    ],
    ['no streaming', { log: { ...running().log!, streamingProcesses: 0 } }, 'Streaming (TeslaMate)', 'apps/streaming'],
    [
      'no client, no token',
      { log: { ...running().log!, followedVehicles: 0, tokens: 0 } },
      'Streaming (TeslaMate)',
      'npm run fleetbridge -- token create',
    ],
    [
      'another name',
      { certificate: certificate({ isCovered: false }) },
      'Certificate for vehicles',
      'INGEST_CERT_FILE',
    ],
    ['an end near', { certificate: { ...certificate(), daysLeft: 5 } }, 'Certificate for vehicles', 'Renew'],
    [
      'simulated vehicles only',
      { vehicleCas: { whose: 'development', certificates: 1, daysLeft: 99 } },
      'Vehicle CAs',
      'ca fetch',
    ],
    [
      "Tesla's CAs at hand, and not in use",
      { vehicleCas: { whose: 'development', certificates: 1, daysLeft: 99, areTeslasHere: true } },
      'Vehicle CAs',
      'INGEST_CA_BUNDLE=production ALLOWED_VINS=<VIN> npm start',
    ],
    [
      'no engineering CAs',
      { vehicleCas: { problem: 'no file', whose: 'engineering' } },
      'Vehicle CAs',
      'ca fetch --engineering',
    ],
  ])('%s: that comes next, with what to do', (_, facts, title, remedy) => {
    const next = nextStep(statusSteps({ ...running(), ...facts }));
    expect(next?.title).toBe(title);
    expect(next?.remedy).toContain(remedy);
  });

  it('name what nothing works without before what may wait', () => {
    const log = { ...running().log!, dispatchers: 0, tokens: 0, followedVehicles: 0 };
    const vehicleCas = { whose: 'development', certificates: 1, daysLeft: 99 } as const;
    expect(nextStep(statusSteps({ ...running(), log, vehicleCas }))?.title).toBe('Dispatcher');
  });

  it('tell refusals, but not of those that leave by themselves', () => {
    const door = (refused: Record<string, number>) =>
      statusSteps({ ...running(), refused }).find(({ title }) => title === 'Port for vehicles');
    expect(door({ left_before_hello: 9_000, connection_lost: 4 })?.state).toBe('done');
    expect(door({ certificate_not_verified: 2, left_before_hello: 9 })?.text).toContain('certificate_not_verified 2.');
  });
});

describe('the page', () => {
  it('shows who was seen and when, and no more of them than it has rows for', () => {
    const html = statusPage(running());
    expect(html).toContain(`<th scope="row">${VIN}</th><td>for 2 min</td>`);
    expect(html).toContain('title="2026-11-24 11:59:48 UTC">12 s ago</time>');
    expect(html).toContain('<td>no</td><td>never</td>');
    expect(html).toContain('and 68 more');
  });

  it('takes whatever is in names and texts for text', () => {
    const alphabet = fc.constantFrom('<', '>', '"', "'", '&', 'a', '/', '-', 'script', '\u0000', '\u202e', ']]>');
    const hostile = fc.array(alphabet, { maxLength: 12 }).map((parts) => parts.join(''));
    const plain = tagsIn(statusPage(running()));
    fc.assert(
      fc.property(hostile, (text) => {
        const log = { ...running().log!, vehicles: running().log!.vehicles.map((one) => ({ ...one, vin: text })) };
        const facts = { ...running(), log, certificate: { ...certificate(), hosts: [text] } };
        const html = statusPage({ ...facts, refused: { [text]: 0 } });
        expect(tagsIn(html)).toEqual(plain);
      }),
    );
  });

  it('is a page for times that are none', () => {
    const vehicles = [{ vin: VIN, connectedSinceMs: Number.NaN, lastReceivedMs: 1e300 }];
    expect(statusPage({ ...running(), log: { ...running().log!, vehicles } })).toContain('at a time that is none');
  });

  it('loads nothing and runs nothing', () => {
    const html = statusPage(running());
    expect(html).not.toMatch(/<script|<img|<link|<iframe|\ssrc=|url\(|@import|\son\w+=|\sstyle=/i);
    expect(STATUS_PAGE_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'/);
  });
});

it('commands are spelled as they are typed where this runs', () => {
  expect(commandLineIn({ npm_lifecycle_event: 'start' }, false)).toBe('npm run fleetbridge --');
  expect(commandLineIn({}, false)).toBe('fleetbridge');
  expect(commandLineIn({}, true)).toBe('docker compose run --rm cli');
  // a clone in a container of somebody's own
  expect(commandLineIn({ npm_lifecycle_event: 'start' }, true)).toBe('npm run fleetbridge --');
});

function running(): StatusFacts {
  return {
    nowMs,
    commandLine: 'npm run fleetbridge --',
    readiness: { ready: true, checks: { redis: { ready: true }, vehicles_port: { ready: true } } },
    log: {
      durability: 'at_once',
      dispatchers: 1,
      streamingProcesses: 1,
      followedVehicles: 1,
      tokens: 1,
      knownVehicles: 70,
      connectedVehicles: 1,
      vehicles: [
        { vin: VIN, connectedSinceMs: nowMs - 150_000, lastReceivedMs: nowMs - 12_000 },
        { vin: '5YJ3E1EA7KF000002', connectedSinceMs: undefined, lastReceivedMs: undefined },
      ],
    },
    vehicleCas: { whose: 'production', certificates: 14, daysLeft: 900 },
    certificate: certificate(),
    admission: { listed: 2, allowed: 0, denied: 0 },
    refused: {},
  };
}

function certificate({ isCovered = true } = {}) {
  const telemetryHost = { name: 'telemetry.example.com', isCovered };
  return { hosts: ['telemetry.example.com'], daysLeft: 60, isSelfMade: false, isMeanwhile: false, telemetryHost };
}

/** Every tag as it is, with what its attributes say. */
function tagsIn(html: string): string[] {
  return html.match(/<[^>]*>/g) ?? [];
}
