import { describe, expect, it } from 'vitest';
import { FIRST_FIRMWARE, signalFacts } from '../catalogue/index.js';
import { buildConfiguration, checkConfiguration } from '../configuration/index.js';
import { signalRate } from '../cost/index.js';
import { profileFields, profiles } from './index.js';

const destination = { hostname: 'telemetry.example.com', port: 443, ca: '-----BEGIN CERTIFICATE-----' };

describe.each(Object.entries(profiles))('%s', (_, profile) => {
  it.each([FIRST_FIRMWARE, '2024.44.32', '2025.44.25.5', '2026.26.6', '2026.32'])(
    'has no mistake for firmware %s',
    (firmware) => {
      const { fields } = profileFields(profile, firmware);
      const configuration = buildConfiguration(destination, {
        fields,
        alertTypes: profile.alertTypes,
        deliveryPolicy: profile.deliveryPolicy,
      });
      expect(checkConfiguration(configuration, { nowSeconds: 0 })).toEqual([]);
      expect(Object.keys(fields).length).toBeGreaterThan(20);
    },
  );

  it('gives a reason for each field', () => {
    expect(Object.entries(profile.fields).filter(([name, { reason }]) => !reason || !signalFacts(name))).toEqual([]);
  });
});

it('lets the position carry the frame along only where the firmware knows how', () => {
  const old = profileFields(profiles.teslamate, '2026.20').fields;
  expect([old.Location?.include_fields, old.VehicleSpeed?.interval_seconds]).toEqual([undefined, 1]);
  expect(old.Odometer).toMatchObject({ interval_seconds: 1, minimum_delta: 0.01 });
  const current = profileFields(profiles.teslamate, '2026.26.6').fields;
  expect(current.Location?.include_fields).toContain('PackCurrent');
  expect(current.VehicleSpeed?.interval_seconds).toBeGreaterThan(1);
  expect(signalRate(current).ceiling).toBeLessThan(signalRate(old).ceiling * 1.6);
});

it('keeps all records for tracks, and only the newest for home-assistant', () => {
  expect(Object.values(profiles).map(({ deliveryPolicy }) => deliveryPolicy)).toEqual([undefined, undefined, 'latest']);
  expect(profiles['home-assistant'].fields.Odometer?.interval).toBe(300);
});

it('costs less in the order teslamate, economy, home-assistant', () => {
  const [one, two, three] = Object.values(profiles).map(
    (profile) => signalRate(profileFields(profile, '2026.20').fields).ceiling,
  );
  expect(two!).toBeLessThan(one! / 2);
  expect(three!).toBeLessThan(one! / 3);
});
