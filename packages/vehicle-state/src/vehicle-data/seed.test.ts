import { expect, it } from 'vitest';
import { decodedVin } from './decoded-vin.js';
import { parseSeed, SeedError } from './seed.js';

const VIN = '5YJ3E1EA7KF000001';
const document = {
  id: 1492931365719407,
  vehicle_id: 2000000001,
  vin: VIN,
  access_token: 'secret',
  vehicle_config: { trim_badging: '74d' },
  vehicle_state: { api_version: 80, media_state: { remote_control_enabled: false } },
};

it('reads a saved document with and without its envelope, and leaves out what is not of the vehicle', () => {
  for (const text of [JSON.stringify(document), `\uFEFF${JSON.stringify({ response: document })}`]) {
    const { vin, sections } = parseSeed(text);
    expect(vin).toBe(VIN);
    expect(sections.vehicle).toEqual({ id: 1492931365719407, vehicle_id: 2000000001, vin: VIN });
    expect(sections.vehicle_config).toEqual({ trim_badging: '74d' });
    expect(sections['vehicle_state.media_state']).toEqual({ remote_control_enabled: false });
  }
});

it('drops an id that JSON.parse has rounded', () => {
  const text = `{"response":{"id":14929313657194071,"vin":"${VIN}","vehicle_config":{}}}`;
  expect(parseSeed(text).sections.vehicle?.id).toBeUndefined();
});

it.each([
  ['{', undefined],
  ['[]', undefined],
  ['{"vin":"X"}', undefined],
  ['{"vehicle_config":{}}', undefined],
  [JSON.stringify(document), '5YJ3E1EA7KF000002'],
])('rejects %s', (text, vin) => {
  expect(() => parseSeed(text, vin)).toThrow(SeedError);
});

it.each([
  ['5YJ3E1EA7KF000001', 'model3', false],
  ['LRWYHCEK7PC000001', 'modely', true],
  ['5YJSA1E27KF000001', 'models', false],
  ['7SAXCBE50NF000001', 'modelx', false],
  ['VIN-1', undefined, false],
])('decodes the VIN %s', (vin, carType, isRightHandDrive) => {
  expect(decodedVin(vin)).toEqual({ carType, isRightHandDrive });
});
