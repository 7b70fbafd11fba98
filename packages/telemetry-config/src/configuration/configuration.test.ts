import { describe, expect, it } from 'vitest';
import {
  buildConfiguration,
  checkConfiguration,
  configurationHash,
  diffConfigurations,
  fitToFirmware,
  type TelemetryConfiguration,
} from './index.js';

const nowSeconds = 1_790_000_000;
const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const good = buildConfiguration(
  { hostname: 'telemetry.example.com', port: 443, ca, exp: nowSeconds + 30 * 86_400 },
  { fields: { Soc: { interval_seconds: 30, minimum_delta: 0 }, Gear: { interval_seconds: 1 } } },
);
const field = (name: string, settings: object) => ({ ...good, fields: { [name]: settings } });

describe('checkConfiguration', () => {
  it('finds nothing in a configuration that we build', () => {
    expect(checkConfiguration(good, { nowSeconds })).toEqual([]);
    expect(good.fields.Soc).toEqual({ interval_seconds: 30 });
  });

  it.each<[string, unknown, RegExp]>([
    ['', 'text', /JSON object/],
    ['port', { ...good, port: '443' }, /number without quotes/],
    ['port', { ...good, port: 0 }, /1 to 65535/],
    ['hostname', { ...good, hostname: 'https://telemetry.example.com' }, /name alone/],
    ['ca', { ...good, ca: 'none' }, /chain/],
    ['ca', { ...good, ca: `${ca}-----BEGIN PRIVATE KEY-----` }, /remove the key/],
    ['exp', { ...good, exp: nowSeconds * 1000 }, /epoch seconds/],
    ['exp', { ...good, exp: nowSeconds - 1 }, /later/],
    ['exp', { ...good, exp: nowSeconds + 400 * 86_400 }, /within a year/],
    ['fields', { ...good, fields: {} }, /at least one/],
    ['alert_types', { ...good, alert_types: ['all'] }, /service and customer/],
    ['delivery_policy', { ...good, delivery_policy: 'all' }, /latest/],
    ['prefer_typed', { ...good, prefer_typed: 'yes' }, /true/],
    ['interval', { ...good, interval: 1 }, /use only/],
    ['fields.vehicle_speed', field('vehicle_speed', { interval_seconds: 1 }), /write VehicleSpeed/],
    ['fields.Deprecated_1', field('Deprecated_1', { interval_seconds: 1 }), /list of signals/],
    ['fields.Soc', field('Soc', 5 as never), /interval_seconds/],
    ['fields.Soc.every', field('Soc', { interval_seconds: 1, every: 1 }), /use only/],
    ['fields.Soc.interval_seconds', field('Soc', { interval_seconds: 0.5 }), /1 or more/],
    ['fields.Soc.interval_seconds', field('Soc', {}), /1 or more/],
    [
      'fields.Soc.resend_interval_seconds',
      field('Soc', { interval_seconds: 60, resend_interval_seconds: 30 }),
      /at least/,
    ],
    ['fields.Gear.minimum_delta', field('Gear', { interval_seconds: 1, minimum_delta: 1 }), /remove minimum_delta/],
    ['fields.Soc.minimum_delta', field('Soc', { interval_seconds: 1, minimum_delta: '1' }), /without quotes/],
    [
      'fields.SelfDrivingMilesSinceReset.minimum_delta',
      field('SelfDrivingMilesSinceReset', { interval_seconds: 9 }),
      /1 or more/,
    ],
    ['fields.Soc.include_fields', field('Soc', { interval_seconds: 1, include_fields: 'Gear' }), /list/],
    ['fields.Soc.include_fields', field('Soc', { interval_seconds: 1, include_fields: ['Soc'] }), /remove Soc/],
    ['fields.Soc.include_fields', field('Soc', { interval_seconds: 1, include_fields: ['gear'] }), /write Gear/],
    ['fields.Soc.include_fields', field('Soc', { interval_seconds: 1, include_fields: ['Gear', 'Gear'] }), /once/],
    [
      'fields.Soc.include_fields',
      field('Soc', { interval_seconds: 1, include_fields: ['MilesSinceReset'] }),
      /each other/,
    ],
    [
      'fields.MilesSinceReset.include_fields',
      field('MilesSinceReset', { interval_seconds: 1, include_fields: ['Gear'] }),
      /each other/,
    ],
  ])('names the mistake at "%s" with its remedy', (path, configuration, remedy) => {
    const mistakes = checkConfiguration(configuration, { nowSeconds });
    expect(mistakes.map((mistake) => mistake.path)).toEqual([path]);
    expect(mistakes[0]!.remedy).toMatch(remedy);
  });

  it('accepts what looks similar: a delta in metres, miles that include each other', () => {
    const fields = {
      Location: { interval_seconds: 1, minimum_delta: 5 },
      MilesSinceReset: { interval_seconds: 60, include_fields: ['SelfDrivingMilesSinceReset'] },
      SelfDrivingMilesSinceReset: { interval_seconds: 60, minimum_delta: 1 },
    };
    expect(checkConfiguration({ ...good, fields }, { nowSeconds })).toEqual([]);
  });
});

describe('fitToFirmware', () => {
  const fields = {
    Location: { interval_seconds: 1, minimum_delta: 5, include_fields: ['Gear', 'GpsAccuracyMeters'] },
    Soc: { interval_seconds: 30, minimum_delta: 1, resend_interval_seconds: 300 },
    DefrostMode: { interval_seconds: 60 },
  };

  it('removes newer keys and signals, and names what each needs', () => {
    expect(fitToFirmware(fields, '2024.44.25')).toEqual({
      fields: {
        Location: { interval_seconds: 1 },
        Soc: { interval_seconds: 30 },
        DefrostMode: { interval_seconds: 60 },
      },
      leftOut: [
        { field: 'Location', key: 'minimum_delta', needs: '2025.2.6' },
        { field: 'Location', key: 'include_fields', needs: '2026.26.6' },
        { field: 'Soc', key: 'minimum_delta', needs: '2024.44.32' },
        { field: 'Soc', key: 'resend_interval_seconds', needs: '2024.44.32' },
      ],
    });
    expect(Object.keys(fitToFirmware(fields, '2024.26').fields)).toEqual(['Location', 'Soc']);
  });

  it('keeps all that the firmware knows, but does not include a signal that it lacks', () => {
    const { fields: kept } = fitToFirmware(fields, '2026.26.6');
    expect(kept).toEqual({ ...fields, Location: { ...fields.Location, include_fields: ['Gear'] } });
    expect(fitToFirmware(fields, '2026.32')).toEqual({ fields, leftOut: [] });
  });
});

describe('diffConfigurations', () => {
  it('is empty for the same configuration as Tesla returns it', () => {
    const { prefer_typed: _, ...rest } = good;
    const stored = {
      ...rest,
      ca: ca.trim(),
      fields: { Gear: { interval_seconds: 1 }, Soc: { interval_seconds: 30, minimum_delta: 0 } },
    };
    expect(diffConfigurations(good, stored, { nowSeconds })).toEqual([]);
    expect(configurationHash({ ...stored, prefer_typed: true })).toBe(configurationHash(good));
  });

  it.each<[string, object]>([
    ['null', { delivery_policy: null, alert_types: null, exp: null, prefer_typed: null }],
    ['empty values', { delivery_policy: '', alert_types: [], exp: 0 }],
    ['its default policy, and an end in a year', { delivery_policy: 'all', exp: nowSeconds + 365 * 86_400 }],
    ['the claims of the signature', { iss: 'BA==', aud: 'com.tesla.fleet.TelemetryClient' }],
    ['other line ends', { ca: ca.replaceAll('\n', ' \r\n') }],
    [
      'settings of the fields',
      {
        fields: {
          Soc: { interval_seconds: 30, minimum_delta: null, resend_interval_seconds: null, include_fields: null },
          Gear: { interval_seconds: 1, minimum_delta: 0, resend_interval_seconds: 0, include_fields: [] },
        },
      },
    ],
  ])('is empty when Tesla adds %s', (_name, added) => {
    const { exp: _, alert_types: _types, ...wanted } = good;
    const stored = { ...wanted, ...added } as Partial<typeof good>;
    expect(diffConfigurations(wanted, stored, { nowSeconds })).toEqual([]);
  });

  it('names an end that Tesla has added when it comes near, and one that is missing', () => {
    const { exp: _, ...endless } = good;
    const pathsOf = (wanted: TelemetryConfiguration, stored: TelemetryConfiguration) =>
      diffConfigurations(wanted, stored, { nowSeconds }).map(({ path }) => path);
    expect(pathsOf(endless, { ...good, exp: nowSeconds + 86_400 })).toEqual(['exp']);
    expect(pathsOf(good, endless)).toEqual(['exp']);
  });

  it('names each difference, and a configuration that ends within a week', () => {
    const stored = {
      ...good,
      port: 8443,
      exp: nowSeconds + 86_400,
      fields: { Soc: { interval_seconds: 60 }, Odometer: { interval_seconds: 1 } },
    };
    expect(diffConfigurations(good, stored, { nowSeconds }).map(({ path }) => path)).toEqual([
      'port',
      'exp',
      'fields.Soc.interval_seconds',
      'fields.Gear',
      'fields.Odometer',
    ]);
    expect(configurationHash(stored)).not.toBe(configurationHash(good));
    expect(diffConfigurations(good, null, { nowSeconds })).toHaveLength(1);
  });
});
