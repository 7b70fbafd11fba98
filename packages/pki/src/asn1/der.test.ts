import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerReader, tags } from './der.js';

function read(bytes: number[], tag?: number) {
  const reader = new DerReader(Uint8Array.from(bytes));
  const element = reader.next(reader.whole(), tag);
  return { reader, element };
}

describe('DerReader', () => {
  it.each([
    ['an empty buffer', []],
    ['a tag without a length', [0x30]],
    ['a length beyond the end', [0x30, 0x01]],
    ['a long length beyond the end', [0x30, 0x83, 0xff, 0xff, 0xff, 0x00]],
    ['a length of which bytes are missing', [0x30, 0x82, 0x01]],
    ['a length of four bytes', [0x30, 0x84, 0, 0, 0, 1, 0]],
    ["BER's indefinite length", [0x30, 0x80, 0x00, 0x00]],
    ['a short length in long form', [0x30, 0x81, 0x01, 0x00]],
    ['a one-byte length in two bytes', [0x30, 0x82, 0x00, 0x80, ...new Array<number>(0x80).fill(0)]],
    ['a tag of several bytes', [0x1f, 0x01, 0x00]],
  ])('fails on %s', (_what, bytes) => {
    const { reader, element } = read(bytes);
    expect(reader.failure).toBeDefined();
    expect(element.at).toBe(element.end);
  });

  it('fails on an unexpected tag and reports its offset', () => {
    expect(read([0x31, 0x00], tags.sequence).reader.failure).toEqual({
      problem: 'tag 0x31, expected 0x30',
      offset: 0,
    });
  });

  it('keeps the first failure and reads nothing after it', () => {
    const reader = new DerReader(Uint8Array.of(0x02, 0x01, 0x05, 0x04, 0x00));
    const whole = reader.whole();
    reader.next(whole, tags.sequence);
    expect(reader.next(whole, tags.integer)).toEqual({ tag: 0, at: 0, end: 0 });
    expect(reader.hasMore(whole)).toBe(false);
    expect(reader.failure?.offset).toBe(0);
  });

  it('rejects a child that is longer than its parent', () => {
    const reader = new DerReader(Uint8Array.of(0x30, 0x02, 0x04, 0x02, 0xaa, 0xbb));
    const parent = reader.next(reader.whole(), tags.sequence);
    reader.next(parent);
    expect(reader.failure?.offset).toBe(2);
  });

  it('reads the same from a view into a larger buffer, and no bytes around it', () => {
    const around = Uint8Array.of(0xff, 0xff, 0x0c, 0x02, 0x68, 0x69, 0x21, 0x21);
    const view = around.subarray(2, 6);
    const reader = new DerReader(view);
    expect(reader.text(reader.next(reader.whole()))).toBe('hi');
    const short = new DerReader(around.subarray(2, 5));
    short.next(short.whole());
    expect(short.failure).toBeDefined();
  });

  it.each([
    [[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02], '1.3.6.1.5.5.7.3.2'],
    [[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0x80, 0x7f, 0x02, 0x05, 0x01], '1.3.6.1.4.1.49279.2.5.1'],
    [[0x55, 0x1d, 0x25], '2.5.29.37'],
    [[0x88, 0x37], '2.999'],
    [[0x00], '0.0'],
    [[0x27], '0.39'],
    [[0x28], '1.0'],
  ])('writes the object identifier %j as %s', (content, dotted) => {
    const { reader, element } = read([tags.objectIdentifier, content.length, ...content]);
    expect(reader.objectIdentifier(element)).toBe(dotted);
    expect(reader.failure).toBeUndefined();
  });

  it.each([
    ['empty', []],
    ['cut inside an arc', [0x2b, 0x86]],
    ['padded', [0x2b, 0x80, 0x01]],
    ['with an arc of 2^31', [0x2b, 0x88, 0x80, 0x80, 0x80, 0x00]],
  ])('fails on an object identifier that is %s', (_what, content) => {
    const { reader, element } = read([tags.objectIdentifier, content.length, ...content]);
    expect(reader.objectIdentifier(element)).toBe('');
    expect(reader.failure).toBeDefined();
  });

  it.each([
    ['UTF-8', tags.utf8String, [0xc3, 0xa4], 'ä'],
    ['printable', tags.printableString, [0x41, 0x42], 'AB'],
    ['IA5', tags.ia5String, [0x61], 'a'],
    ['teletex', tags.teletexString, [0xe4], 'ä'],
    ['two-byte', tags.bmpString, [0x00, 0x41, 0x20, 0xac], 'A€'],
  ])('reads %s text', (_what, tag, content, text) => {
    const { reader, element } = read([tag, content.length, ...content]);
    expect(reader.text(element)).toBe(text);
    expect(reader.failure).toBeUndefined();
  });

  it.each([
    ['broken UTF-8', tags.utf8String, [0xc3]],
    ['an overlong UTF-8 slash', tags.utf8String, [0xc0, 0xaf]],
    ['a high byte in printable text', tags.printableString, [0xe4]],
    ['half a two-byte character', tags.bmpString, [0x00]],
    ['an integer', tags.integer, [0x41]],
  ])('rejects %s as text', (_what, tag, content) => {
    const { reader, element } = read([tag, content.length, ...content]);
    expect(reader.text(element)).toBe('');
    expect(reader.failure).toBeDefined();
  });

  it('terminates on any bytes, always inside the buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new DerReader(bytes);
        const open = [reader.whole()];
        for (let element = open.pop(); element !== undefined; element = open.pop()) {
          while (reader.hasMore(element)) {
            const child = reader.next(element);
            expect(child.end).toBeLessThanOrEqual(bytes.length);
            expect(child.at).toBeLessThanOrEqual(child.end);
            if ((child.tag & 0x20) !== 0) open.push(child);
          }
        }
      }),
    );
  });
});
