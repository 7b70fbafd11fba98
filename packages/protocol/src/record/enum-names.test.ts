import { expect, it } from 'vitest';
import { shortEnumName, signalEnums } from './enum-names.js';

it('shortens the name of every member of every enum, to names that are distinct within the enum', () => {
  expect(signalEnums.size).toBeGreaterThan(30);
  for (const [name, { prefix, members }] of signalEnums) {
    expect(prefix, name).not.toBe('');
    const short = members.map(shortEnumName);
    for (const [index, member] of members.entries()) expect(member).toBe(prefix + short[index]);
    expect(new Set(short).size).toBe(members.length);
    expect(short).not.toContain('');
  }
});

it.each([
  ['ShiftStateP', 'P'],
  ['DetailedChargeStateDisconnected', 'Disconnected'],
  ['SentryModeStateArmed', 'Armed'],
  ['BuckleStatusLatched', 'Latched'],
  ['P', 'P'],
  ['ShiftStateNew', 'ShiftStateNew'],
  ['constructor', 'constructor'],
])('%s becomes %s', (member, short) => expect(shortEnumName(member)).toBe(short));
