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
    expect(steps.map(({ state }) => state)).toEqual(Array(8).fill('done'));
    expect(nextStep(steps)).toBeUndefined();
  });

  it.each<[string, Partial<StatusFacts>, string, string]>([
    ['Redis unreachable', { log: undefined }, 'Redis', 'REDIS_URL'],
    ['memory only', { log: { ...running().log!, durability: 'never' } }, 'Redis', 'appendfsync always'],
    ['no CA', { vehicleCas: { problem: 'no file', source: 'production' } }, 'Vehicle CAs', 'npx fleetbridge ca fetch'],
    ['no vehicle admitted', { admission: { listed: 0, allowed: 0, denied: 0 } }, 'Admission', 'vehicle allow <VIN>'],
    ['a vehicle refused', { refused: { vin_not_admitted: 3 } }, 'Admission', 'vehicle allow <VIN>'],
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

  it('escapes names and texts', () => {
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

  it('renders invalid times', () => {
    const vehicles = [{ vin: VIN, connectedSinceMs: Number.NaN, lastReceivedMs: 1e300 }];
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
    vehicleCas: { source: 'production', certificates: 14, daysLeft: 900 },
    certificate: certificate(),
    admission: { listed: 2, allowed: 0, denied: 0 },
    refused: {},
    clockBehindSeconds: 0,
  };
}

function certificate({ isCovered = true } = {}) {
  const telemetryHost = { name: 'telemetry.example.com', isCovered };
  return { hosts: ['telemetry.example.com'], daysLeft: 60, isPrivate: false, isTemporary: false, telemetryHost };
}

/** Every tag with its attributes. */
function tagsIn(html: string): string[] {
  return html.match(/<[^>]*>/g) ?? [];
}
