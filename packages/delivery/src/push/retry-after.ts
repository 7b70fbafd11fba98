// The header Retry-After: a number of seconds, or a date (RFC 9110, section 10.2.3).

/** A longer wait is cut to this: one endpoint's mistake must not stop deliveries for days. A probe costs one request. */
const MAX_RETRY_AFTER_MS = 300_000;

/** RFC 9110 requires the first form of a date, and the two obsolete ones to be understood; all begin with the day. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/** Undefined for a header that is absent or has another form. `date` is the header Date of the same response. */
export function retryAfterMs(header: string | undefined, date: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : msUntil(text, date);
  return waitMs === undefined ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS);
}

/** By the clock of the endpoint, if the response has its time: ours may be wrong. */
function msUntil(text: string, date: string | undefined): number | undefined {
  const untilMs = parseDate(text);
  if (untilMs === undefined) return undefined;
  return untilMs - (parseDate(date ?? '') ?? Date.now());
}

function parseDate(text: string): number | undefined {
  const ms = HTTP_DATE.test(text) ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
