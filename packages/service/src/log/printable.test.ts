import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable, printableLines } from './printable.js';

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

it.each([
  ['a sequence that clears the screen', '\u001b[2Jx', '\\u001b[2Jx'],
  ['the same with the C1 character CSI', '\u009b2Jx', '\\u009b2Jx'],
  ['an OSC sequence that sets the title', '\u009d0;pwned\u009c', '\\u009d0;pwned\\u009c'],
  ['a line feed, return, backspace and DEL', 'a\r\n\b\u007f', 'a\\u000d\\u000a\\u0008\\u007f'],
  ['an override of the direction', 'a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['an isolate and its end', '\u2066x\u2069', '\\u2066x\\u2069'],
  ['characters without width', 'pass\u200bword\ufeff', 'pass\\u200bword\\ufeff'],
  ['separators of lines and paragraphs', 'a\u2028b\u2029', 'a\\u2028b\\u2029'],
  ['a tag character beyond 16 bits', 'x\u{e0041}', 'x\\udb40\\udc41'],
  ['half of a pair', 'x\ud800y', 'x\\ud800y'],
  ['nothing in ordinary text', 'Grüße, 車 🚗 100 % \\ "', 'Grüße, 車 🚗 100 % \\ "'],
])('escapes %s', (_, text, expected) => {
  expect(printable(text)).toBe(expected);
});

it('keeps the ends of lines in text of several lines', () => {
  expect(printableLines('a\u001b\nb\r\n')).toBe('a\\u001b\nb\\u000d\n');
});

it('leaves no character that is not printable, and the meaning of JSON unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const line = printable(JSON.stringify(value));
      expect(line).not.toMatch(UNPRINTABLE);
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
