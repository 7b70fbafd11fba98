// How long Tesla asks to wait: the header Retry-After in seconds or as a date, or the text of a 429.

/** Undefined without a valid one. */
export function retryAfterSeconds(
  { header, body }: { header: string | undefined; body: string },
  nowMs: number,
): number | undefined {
  if (header !== undefined && /^\s*\d{1,9}\s*$/.test(header)) return Number(header);
  const date = header === undefined ? Number.NaN : Date.parse(header);
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - nowMs) / 1_000));
  const inText = /Retry in (\d{1,9}) seconds/i.exec(body)?.[1];
  return inText === undefined ? undefined : Number(inText);
}
