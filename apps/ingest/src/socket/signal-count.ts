// How many signals a record holds: data of V, alerts of alerts, nothing else, as the Go server counts them. Both are
// field 1 of their message; the payload was found valid before.

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

/** Its lowest 32 bits, and where the next byte is. */
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
