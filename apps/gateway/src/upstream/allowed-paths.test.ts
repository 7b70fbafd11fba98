import { describe, expect, it } from 'vitest';
import { type AllowedPath, matchPath, parseAllowedPaths } from './allowed-paths.js';

const allow = (...entries: string[]) => parseAllowedPaths(entries) as readonly AllowedPath[];
const VIN = '5YJ3E1EA7KF000001';

describe('parseAllowedPaths', () => {
  it('reads paths with and without GET', () => {
    expect(allow('GET /api/1/vehicles/*/recent_alerts', '/api/1/users/me')).toEqual([
      ['api', '1', 'vehicles', '*', 'recent_alerts'],
      ['api', '1', 'users', 'me'],
    ]);
  });

  it.each([
    'POST /api/1/vehicles/*/wake_up',
    '/api/1/',
    '/oauth2/v3/token',
    'https://example.com/api/1/users/me',
    '/api/1/vehicles/**',
    '/api/1/vehicles/*/../x',
    '/api/1/users/me?x=1',
    'GET',
  ])('rejects %s', (entry) => {
    expect(parseAllowedPaths(['/api/1/users/me', entry])).toEqual(new RangeError(entry));
  });
});

describe('matchPath', () => {
  const allowed = allow(
    '/api/1/vehicles/*/nearby_charging_sites',
    '/api/1/users/me',
    '/api/1/energy_sites/*/live_status',
  );

  it('has the parts, the vehicle, and the query without the token', () => {
    expect(
      matchPath(allowed, `/api/1/vehicles/${VIN}/nearby_charging_sites?count=5&token=secret&radius=a%20b`),
    ).toEqual({
      parts: ['api', '1', 'vehicles', VIN, 'nearby_charging_sites'],
      query: 'count=5&radius=a+b',
      vehicle: VIN,
    });
    expect(matchPath(allowed, '/api/1/energy_sites/12/live_status')).toMatchObject({ vehicle: undefined, query: '' });
  });

  it.each([
    `/api/1/vehicles/${VIN}/nearby_charging_sites/`,
    `/api/1/vehicles/${VIN}/nearby_charging_sites/x`,
    `/api/1/vehicles/${VIN}/recent_alerts`,
    '/api/1/vehicles/../nearby_charging_sites',
    '/api/1/vehicles/%2e%2e/nearby_charging_sites',
    '/api/1/vehicles/a%2Fb/nearby_charging_sites',
    '/api/1/vehicles//nearby_charging_sites',
    '//evil.example/api/1/users/me',
    'http://evil.example/api/1/users/me',
    `/api/1/users/me?${'x'.repeat(3_000)}`,
    '/API/1/users/me',
  ])('does not match %s', (url) => {
    expect(matchPath(allowed, url)).toBeUndefined();
  });

  it('matches nothing without allowed paths', () => {
    expect(matchPath([], '/api/1/users/me')).toBeUndefined();
  });
});
