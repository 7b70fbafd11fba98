// The ways to read a field from signals, as constructors for the tables.
import { correctedValue, signalNumber } from '../corrected-value.js';
import { booleanOf, enumTailOf } from '../signal-reading.js';
import type { Facts, FieldValue, Source } from './field.js';

/** A signal that is a flag. */
export function flag(name: string): Source {
  return { signals: [name], read: ({ state }) => booleanOf(correctedValue(state, name)) };
}

/** The first of the signals that has a number, in its own unit. */
export function number(...names: string[]): Source {
  return { signals: names, read: (facts) => firstNumber(facts, names) };
}

/** The same with this number of decimals. */
export function decimal(digits: number, ...names: string[]): Source {
  return { signals: names, read: (facts) => rounded(firstNumber(facts, names), digits) };
}

/** A signal that is a text. An empty one counts as unknown. */
export function text(name: string): Source {
  return { signals: [name], read: ({ state }) => textOf(state, name) };
}

/**
 * A signal that is an enum: its member without the prefix, in REST's spelling. Members that `spelling` lacks stay as they
 * are. undefined in `spelling`: unknown. `*`: everything else, an invalid signal included.
 */
export function word(
  name: string,
  prefix: string,
  spelling: Readonly<Record<string, FieldValue | undefined>> = {},
): Source {
  return {
    signals: [name],
    read: ({ state }) => {
      if (!state.readings.has(name)) return undefined;
      const tail = enumTailOf(correctedValue(state, name), prefix);
      if (tail !== undefined && Object.hasOwn(spelling, tail)) return spelling[tail];
      if (Object.hasOwn(spelling, '*')) return spelling['*'];
      return tail === 'Unknown' ? undefined : tail;
    },
  };
}

/** The spelling of a closed set: these members as they are, everything else unknown. */
export function only(...members: string[]): Readonly<Record<string, string | undefined>> {
  return { ...Object.fromEntries(members.map((member) => [member, member])), '*': undefined };
}

/** Computed from signals that the vehicle sends. */
export function from(signals: readonly string[], read: Source['read']): Source {
  return { signals, read };
}

/** Computed because the vehicle does not send it in this form. */
export function derived(signals: readonly string[], read: Source['read']): Source {
  return { signals, read, isDerived: true };
}

export function firstNumber({ state }: Facts, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = signalNumber(state, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

export function textOf(state: Facts['state'], name: string): string | undefined {
  const value = correctedValue(state, name);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** The member of an enum without its prefix; undefined while it is unknown. */
export function tailOf({ state }: Facts, name: string, prefix: string): string | undefined {
  const tail = enumTailOf(correctedValue(state, name), prefix);
  return tail === 'Unknown' ? undefined : tail;
}

export function rounded(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(digits));
}
