import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributeText, headerText, MAX_ATTRIBUTE_BYTES, subjectToken } from './vehicle-text.js';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 3_000 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 3_000 }),
);

describe('attributeText', () => {
  it('keeps ordinary texts as they are', () => {
    for (const text of ['', 'a-1', '2026.32.1', 'Fähre 🚗', 'a\nb']) expect(attributeText(text)).toBe(text);
  });

  it('replaces lone surrogates, and cuts 70,000 letters between characters', () => {
    expect(attributeText('a\ud800b\udc00')).toBe('a\ufffdb\ufffd');
    expect(attributeText('x'.repeat(70_000))).toBe('x'.repeat(1_024));
    expect(attributeText('ä'.repeat(70_000))).toBe('ä'.repeat(512));
    expect(attributeText(`x${'🚗'.repeat(70_000)}`)).toBe(`x${'🚗'.repeat(255)}`);
  });

  it('is short, well-formed and stable for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const made = attributeText(text);
        expect(Buffer.byteLength(made)).toBeLessThanOrEqual(MAX_ATTRIBUTE_BYTES);
        expect([attributeText(made), Buffer.from(made).toString()]).toEqual([made, made]);
      }),
    );
  });
});

describe('headerText', () => {
  it('is printable ASCII for any text', () => {
    expect(headerText('a\r\nb')).toBe('a%0D%0Ab');
    expect(headerText('\ud800')).toBe('%EF%BF%BD');
    fc.assert(fc.property(anyText, (text) => /^[\x20-\x7e]*$/.test(headerText(text))));
  });
});

describe('subjectToken', () => {
  it('has no separator, wildcard or space, and is never empty', () => {
    expect(['5YJ3E1EA7KF000001', '', 'a.b', '*', '>', 'a b\n', '\ud800'].map(subjectToken)).toEqual([
      '5YJ3E1EA7KF000001',
      '_',
      'a_b',
      '_',
      '_',
      'a_b_',
      '_',
    ]);
  });
});
