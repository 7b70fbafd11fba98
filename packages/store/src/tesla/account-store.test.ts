import { expect } from 'vitest';
import { it } from '../testing/index.js';
import { TeslaAccountStore } from './account-store.js';

it('replaces tokens only at the version that was read', async ({ store }) => {
  const account = new TeslaAccountStore(store);
  expect(await account.read()).toEqual({ version: 0, tokens: undefined, apiUrl: undefined });
  expect(await account.replaceTokens({ version: 0, tokens: 'a' })).toBe(true);
  expect(await account.replaceTokens({ version: 0, tokens: 'b' })).toBe(false);
  await account.rememberApiUrl('https://eu.example');
  expect(await account.read()).toEqual({ version: 1, tokens: 'a', apiUrl: 'https://eu.example' });
  expect(await account.replaceTokens({ version: 1, tokens: undefined })).toBe(true);
  expect(await account.replaceTokens({ version: 1, tokens: 'c' })).toBe(false);
  expect(await account.read()).toMatchObject({ version: 2, tokens: undefined });
});

it('stores tokens while memory is full', async ({ store, redis, cleanup }) => {
  const account = new TeslaAccountStore(store);
  cleanup.push(() => redis.config('SET', 'maxmemory', '0'));
  await redis.config('SET', 'maxmemory', '1');
  expect(await account.replaceTokens({ version: 0, tokens: 'a' })).toBe(true);
});
