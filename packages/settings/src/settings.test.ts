import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { inContainers, type Secret, settingGroups, settings, settingsOf, variablesOf } from './index.js';
import { fieldFacts } from './values/index.js';

describe('settings', () => {
  it('has each variable once', () => {
    const names = Object.values(settingGroups).flatMap((group) => Object.keys(group));
    expect(new Set(names).size).toBe(names.length);
    expect(Object.keys(settings)).toEqual(names);
  });

  it('describes each variable in one line, and has an override only where the process reads it', () => {
    for (const [name, { value, readBy, overrides }] of Object.entries(settings)) {
      const { description = '', expected, summary } = fieldFacts(value);
      expect({ name, isLine: /^[A-Z`].*\.$/.test(description) && description.length <= 120 }).toMatchObject({
        isLine: true,
      });
      expect([typeof expected, typeof summary, readBy.length > 0]).toEqual(['string', 'string', true]);
      for (const process of Object.keys(overrides)) expect(readBy).toContain(process);
    }
  });

  it('has defaults and examples that the variable accepts', () => {
    for (const { value } of Object.values(settings)) {
      const facts = fieldFacts(value);
      if (facts.example !== undefined) expect(value.parse(facts.example)).toBeDefined();
      if (facts.default !== undefined) expect(z.safeParse(value, asText(facts.default)).data).toEqual(facts.default);
    }
  });
});

describe('settingsOf', () => {
  it('gives the variables that a process reads, with their types', () => {
    const ingest = z.object(settingsOf('ingest')).parse({ REDIS_URL: 'redis://h' });
    expectTypeOf(ingest.INGEST_PORT).toEqualTypeOf<number>();
    expectTypeOf(ingest.INGEST_CA_BUNDLE).toEqualTypeOf<'development' | 'production' | 'engineering'>();
    expectTypeOf(ingest.REDIS_URL).toEqualTypeOf<string>();
    expectTypeOf(ingest).not.toHaveProperty('STREAMING_PORT');
    expect(ingest).toMatchObject({ INGEST_PORT: 4443, NAMESPACE: 'telemetry' });
    expect(ingest).not.toHaveProperty('STREAMING_PORT');
  });

  it('gives the override of a process in place of the value', () => {
    const up = z.object(settingsOf('up')).parse({ BRIDGE_TOKEN: 'x' });
    expectTypeOf(up.REDIS_URL).toEqualTypeOf<string | undefined>();
    expectTypeOf(up.BRIDGE_TOKEN).toEqualTypeOf<Secret | undefined>();
    expect(up).not.toHaveProperty('REDIS_URL');
    const { description } = fieldFacts(settingsOf('up').REDIS_URL);
    expect(description).toBe(fieldFacts(settings.REDIS_URL.value).description);
  });

  it('gives a part of them by name', () => {
    const part = settingsOf('cli', ['DATA_DIR', 'CA_ACCEPT']);
    expectTypeOf<keyof typeof part>().toEqualTypeOf<'DATA_DIR' | 'CA_ACCEPT'>();
    expect(Object.keys(part)).toEqual(['DATA_DIR', 'CA_ACCEPT']);
  });
});

it('variablesOf adds the file variables of secrets', () => {
  expect(variablesOf('streaming')).toEqual(expect.arrayContaining(['BRIDGE_TOKEN', 'BRIDGE_TOKEN_FILE', 'AUTH']));
  expect(variablesOf('dispatcher')).not.toContain('BRIDGE_TOKEN_FILE');
});

it('inContainers names existing variables, and its defaults are valid and differ', () => {
  for (const [key, fact] of Object.entries(inContainers)) {
    const name = key.replace(/^\w+\./, '') as keyof typeof settings;
    const { value } = settings[name];
    if (!('value' in fact)) continue;
    const result = z.safeParse(value, fact.value);
    expect({ name, success: result.success }).toEqual({ name, success: true });
    if (fact.kind === 'default') expect(result.data).not.toEqual(fieldFacts(value).default);
  }
});

function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}
