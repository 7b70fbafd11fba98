// Counts the signals of a record as the Go server does: the data of V and the alerts of alerts. Both are field 1 of their
// message. The payload has been validated before.

export function countSignals(topic: string, payload: Uint8Array): number {
  if (topic !== 'V' && topic !== 'alerts') return 0;
  let signals = 0;
  let depth = 0;
  let at = 0;
  while (at < payload.length) {
    const [tag, afterTag] = varint(payload, at);
    at = afterTag;
    const wire = tag & 7;
    if (tag === 0x0a && depth === 0) signals++;
    if (wire === 0) [, at] = varint(payload, at);
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const [length, start] = varint(payload, at);
      at = start + length;
    } else depth += wire === 3 ? 1 : -1;
  }
  return signals;
}

/** The lowest 32 bits, and the offset behind the number. */
function varint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  let at = start;
  for (let shift = 0; at < bytes.length; shift += 7) {
    const byte = bytes[at++]!;
    if (shift < 32) value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return [value >>> 0, at];
}
