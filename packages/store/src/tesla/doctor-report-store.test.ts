import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { DoctorReportStore, type StoredFinding } from './index.js';

const finding = (vin?: string): StoredFinding => ({
  title: 'Pairing',
  colour: 'green',
  text: 'paired',
  ...(vin === undefined ? {} : { vin }),
});

it('keeps the last report in its order, and deletes the findings of one vehicle', async ({ store }) => {
  const reports = new DoctorReportStore(store);
  expect(await reports.read()).toBeUndefined();
  await reports.write({ checkedMs: 1, findings: [finding('A'), finding('B'), finding('C')] });
  const findings = [...Array.from({ length: 12 }, () => finding()), finding('A'), finding('B')];
  await reports.write({ checkedMs: 2, findings });
  expect(await reports.read()).toEqual({ checkedMs: 2, findings });
  expect(await reports.removeVehicle('A')).toBe(1);
  expect(await reports.removeVehicle('A')).toBe(0);
  expect(await reports.read()).toEqual({ checkedMs: 2, findings: findings.filter(({ vin }) => vin !== 'A') });
});
