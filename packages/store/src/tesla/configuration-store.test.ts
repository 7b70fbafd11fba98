import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { ConfigurationStore } from './configuration-store.js';

const [VIN, OTHER] = ['5YJ3E1EA7KF000001', '5YJ3E1EA7KF000002'];

it('keeps the parts of each vehicle, and removes those of one', async ({ store }) => {
  const configurations = new ConfigurationStore(store);
  expect(await configurations.read(VIN)).toEqual({});
  await configurations.write(VIN, 'wanted', '{"profile":"teslamate"}');
  await configurations.write(VIN, 'sent', '{"hash":"a"}');
  await configurations.write(OTHER, 'watch', '{}');
  expect(await configurations.read(VIN)).toEqual({ wanted: '{"profile":"teslamate"}', sent: '{"hash":"a"}' });
  expect(await configurations.list()).toEqual(
    new Map([
      [VIN, { wanted: '{"profile":"teslamate"}', sent: '{"hash":"a"}' }],
      [OTHER, { watch: '{}' }],
    ]),
  );
  expect(await configurations.remove(VIN)).toBe(2);
  expect([...(await configurations.list()).keys()]).toEqual([OTHER]);
});
