import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DoctorReport, Finding } from '@fleetbridge/tesla-setup';
import { freePort } from '@fleetbridge/testing';
import { expect, it } from 'vitest';
import { reportJson, reportLines } from '../src/commands/tesla/doctor-output.js';

const cli = path.join(import.meta.dirname, '../dist/main.js');

it('reports an installation that does not run, with exit code 2 and without a stack trace', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fleetbridge-doctor-'));
  const ports = Object.fromEntries(
    await Promise.all(
      ['INGEST_PORT', 'STREAMING_PORT', 'GATEWAY_PORT'].map(async (name) => [name, String(await freePort())]),
    ),
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'doctor', '--json'], {
    env: { PATH: process.env.PATH, DATA_DIR: folder, ...ports },
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect([status, stderr]).toEqual([2, '']);
  const { colour, findings } = JSON.parse(stdout) as { colour: string; findings: Finding[] };
  expect(colour).toBe('red');
  expect(findings.flatMap(({ problem }) => problem ?? [])).toEqual(
    expect.arrayContaining(['port_closed', 'redis_not_reachable']),
  );
  expect(findings.filter((finding) => finding.colour === 'red' && finding.remedy === undefined)).toEqual([]);
});

const report: DoctorReport = {
  checkedMs: Date.parse('2026-11-26T12:00:00Z'),
  colour: 'red',
  findings: [
    { check: 'dns.domain', colour: 'green', text: 'cars.example.com: 1.2.3.4' },
    { check: 'vehicle.pairing', colour: 'green', vin: '5YJ3E1EA7KF000001', text: 'paired' },
    { check: 'vehicle.pairing', colour: 'green', vin: '5YJ3E1EA7KF000002', text: 'paired' },
    {
      check: 'vehicle.pairing',
      colour: 'red',
      vin: '5YJ3E1EA7KF000003',
      text: 'not\npaired',
      problem: 'missing_key',
      remedy: 'Pair.',
    },
    { check: 'teslamate.poll', colour: 'grey', text: 'needs Redis first' },
    { check: 'redis.memory', colour: 'grey', text: 'needs Redis first' },
  ],
};

it('prints a line per check, the remedy below, and what was not checked by its reason', () => {
  expect(reportLines(report)).toEqual([
    '✓ DNS of the domain          cars.example.com: 1.2.3.4',
    '✕ Pairing                    5YJ3E1EA7KF000003: not\\u000apaired',
    '                             → Pair.',
    '✓ Pairing                    2 vehicles',
    '',
    'Not checked:',
    '– needs Redis first',
    '    Polls of TeslaMate, Redis: memory',
    '',
    'red: 1 problem, 0 warnings, 2 not checked',
  ]);
});

it('prints one JSON object with titles', () => {
  const { colour, checked, findings } = JSON.parse(reportJson(report));
  expect([colour, checked]).toEqual(['red', '2026-11-26T12:00:00.000Z']);
  expect(findings[3]).toEqual({ ...report.findings[3], title: 'Pairing' });
});
