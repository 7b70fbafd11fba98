// Texts that a vehicle chooses (its transaction ids, versions, names), made safe for brokers. A text that a broker refuses
// must never look like a broker that is away: that would stop delivery for all vehicles.

/** As Google Pub/Sub limits the value of an attribute. */
export const MAX_ATTRIBUTE_BYTES = 1_024;

/** Well-formed Unicode of at most this many bytes in UTF-8: lone surrogates become U+FFFD, and the rest is cut off. */
export function attributeText(value: string, maxBytes = MAX_ATTRIBUTE_BYTES): string {
  // a UTF-16 unit is at least one byte
  const bytes = Buffer.from(value.slice(0, maxBytes));
  if (bytes.length <= maxBytes) return bytes.toString();
  let end = maxBytes;
  // not inside a character, whose later bytes are 10xxxxxx
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** As the value of a header, which allows printable ASCII only: a text with anything else is percent-encoded. */
export function headerText(value: string): string {
  const text = attributeText(value);
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}

/** As one token of a NATS subject: without separators, wildcards, spaces and control characters, and never empty. */
export function subjectToken(value: string): string {
  return value.slice(0, MAX_ATTRIBUTE_BYTES).replace(/[^\w-]/g, '_') || '_';
}

/** What no value of an HTTP header may contain: Node.js throws at each request. */
export const NOT_IN_HEADER = /[^\t\x20-\x7e\x80-\xff]/;
