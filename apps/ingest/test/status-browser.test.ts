// The status page in a real browser: desktop and phone, light and dark. TEST_SCREENSHOTS=<folder> keeps screenshots there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STATUS_PAGE_POLICY, statusPage } from '../src/status/status-page.js';
import type { StatusFacts } from '../src/status/status-steps.js';
import { type Browser, hasBrowser, startBrowser } from './browser.js';

if (!hasBrowser) console.log('skipped: no /usr/bin/chromium (apt-get install chromium, or CHROMIUM=<program>)');

const nowMs = Date.parse('2026-11-24T12:00:00Z');
let browser: Browser;
let server: Server;
let url = '';

describe.skipIf(!hasBrowser)('the status page in a browser', () => {
  beforeAll(async () => {
    server = createServer((request, response) => {
      const facts = pages[request.url?.slice(1) ?? ''];
      if (facts === undefined) {
        response.writeHead(404).end();
        return;
      }
      response.setHeader('content-security-policy', STATUS_PAGE_POLICY);
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(statusPage(facts));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.stop();
    server?.close();
  });

  it.each([
    ['first', 1_280, 'light'],
    ['first', 360, 'dark'],
    ['busy', 1_280, 'dark'],
    ['busy', 360, 'light'],
    ['busy', 320, 'light'],
    ['complete', 360, 'dark'],
    ['complete', 1_280, 'light'],
  ] as const)('%s fits into %i px (%s), is styled, and causes no browser errors', async (name, width, scheme) => {
    const page = await browser.open({ url: `${url}/${name}`, width, height: 800, scheme });
    const facts = await page.evaluate<Record<string, number | string>>(`({
      width: innerWidth, room: document.documentElement.clientWidth, needed: document.documentElement.scrollWidth,
      widest: Math.max(...[...document.querySelectorAll('body *')].map((one) => one.getBoundingClientRect().right)),
      ground: getComputedStyle(document.body).backgroundColor, steps: document.querySelectorAll('.steps li').length,
      scripts: document.scripts.length, title: document.title, next: document.querySelector('.next code')?.textContent,
    })`);
    expect(facts).toMatchObject({ width, needed: facts.room, steps: 9, scripts: 0 });
    expect(facts.widest).toBeLessThanOrEqual(Number(facts.room));
    expect(facts.ground).toBe(scheme === 'dark' ? 'rgb(20, 23, 27)' : 'rgb(246, 247, 249)');
    expect(facts.title).toBe(name === 'first' ? 'fleetbridge: not ready' : 'fleetbridge: ready');
    // the browser requests /favicon.ico
    expect(page.problems.filter((problem) => !problem.includes('404'))).toEqual([]);
    keep(`${name}-${width}-${scheme}.png`, await page.screenshot());
    await page.close();
  });

  it('shows a hostile name as plain text', async () => {
    const page = await browser.open({ url: `${url}/hostile`, width: 360, height: 800 });
    expect(await page.evaluate(`document.querySelector('tbody th').textContent`)).toBe(HOSTILE);
    expect(await page.evaluate('window.wasRun')).toBeUndefined();
    expect(await page.evaluate(`document.querySelectorAll('img, script').length`)).toBe(0);
    await page.close();
  });
});

const HOSTILE = `<img src=x onerror="window.wasRun=1"><script>window.wasRun=1</script>`;

function keep(name: string, screenshot: Buffer): void {
  const folder = process.env.TEST_SCREENSHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, name), screenshot);
}

const first: StatusFacts = {
  nowMs,
  commandLine: 'npx fleetbridge',
  version: '0.2.0',
  vehiclesPort: 4443,
  eviction: undefined,
  readiness: { ready: false, checks: { redis: { ready: false, reason: 'unreachable' } } },
  log: undefined,
  doctor: undefined,
  vehicleCas: { source: 'development', certificates: 1, daysLeft: 3_649 },
  certificate: {
    hosts: ['localhost', '127.0.0.1', '::1'],
    daysLeft: 397,
    renewalDays: 21,
    missingIssuer: undefined,
    isPrivate: true,
    isTemporary: false,
    telemetryHost: undefined,
  },
  admission: { listed: 'all', invalid: [], allowed: undefined, denied: undefined },
  refused: {},
  clockBehindSeconds: 0,
};

const busy: StatusFacts = {
  ...first,
  readiness: { ready: true, checks: { vehicles_port: { ready: true } } },
  log: {
    durability: 'within_a_second',
    dispatchers: 0,
    streamingProcesses: 2,
    followedVehicles: 0,
    tokens: 0,
    clients: 2,
    lastPollMs: undefined,
    recordsPerMinute: 1_204,
    subscriptions: [
      {
        name: 'home',
        kind: 'mqtt',
        state: 'away (connect ECONNREFUSED 127.0.0.1:1883, since 20:11, next try in 12 s)',
        isDelivering: false,
        waiting: 'at least 1000',
        deadLetters: 2,
      },
    ],
    knownVehicles: 112,
    connectedVehicles: 8,
    vehicles: Array.from({ length: 50 }, (_, n) => ({
      vin: n === 3 ? 'D'.repeat(64) : `5YJ3E1EA7KF0000${n + 10}`,
      connectedSinceMs: n < 8 ? nowMs - 90_000 * 7 ** n : undefined,
      lastReceivedMs: n === 49 ? undefined : nowMs - 700 * 2 ** (n / 2),
      isLimited: n === 3,
    })),
  },
  certificate: {
    hosts: ['a-rather-long-name-for-a-host-of-telemetry.fleet.example.com', 'localhost', '2001:db8::8a2e:370:7334'],
    daysLeft: 12,
    renewalDays: 21,
    missingIssuer: undefined,
    isPrivate: false,
    isTemporary: false,
    telemetryHost: { name: 'telemetry.example.com', isCovered: false },
  },
  vehicleCas: { source: 'production', certificates: 14, daysLeft: 900 },
  admission: { listed: 2, invalid: ['myTesla!'], allowed: 110, denied: 1 },
  refused: { vin_not_admitted: 7, certificate_not_verified: 12, handshake_timeout: 2 },
};

const hostile: StatusFacts = {
  ...busy,
  log: {
    ...busy.log!,
    vehicles: [{ vin: HOSTILE, connectedSinceMs: undefined, lastReceivedMs: nowMs, isLimited: false }],
  },
};

const complete: StatusFacts = {
  ...busy,
  log: { ...busy.log!, durability: 'at_once', dispatchers: 1, followedVehicles: 2, tokens: 1 },
  certificate: { ...busy.certificate, daysLeft: 60, telemetryHost: undefined } as StatusFacts['certificate'],
  admission: { listed: 2, invalid: [], allowed: 110, denied: 1 },
  refused: {},
};

const pages: Record<string, StatusFacts | undefined> = { first, busy, complete, hostile };
