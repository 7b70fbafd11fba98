// Formats a JSON log line for a terminal: time, level, app, event, then the fields as name=value, then the error's stack.
// Values can come from the network, so control characters are escaped.
import { printable, printableLines } from './printable.js';

/** The readable line with its newline. A line that is not a JSON object stays as it is, printable. */
export function prettyLine(line: string, { colour }: { colour: boolean }): string {
  const entry = parseEntry(line);
  if (entry === undefined) return printableLines(line);
  const { level, time, app, pid: _, event, err, ...fields } = entry;
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const head = [
    paint(2, String(time).slice(11, 23)),
    paint(levelColours[String(level)] ?? 0, String(level).toUpperCase().padEnd(5)),
    printable(String(app)),
    paint(1, printable(String(event ?? '-'))),
  ];
  const fieldTexts = Object.entries(fields).map(
    ([name, value]) => `${paint(2, `${printable(name)}=`)}${formatValue(value)}`,
  );
  return `${[...head, ...fieldTexts].join(' ')}\n${stackOf(err)}`;
}

const levelColours: Record<string, number> = { trace: 2, debug: 2, info: 32, warn: 33, error: 31, fatal: 31 };

function parseEntry(line: string): Record<string, unknown> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : undefined;
  } catch {
    // Not a log line but other output; shown unchanged.
    return undefined;
  }
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' && /^[\w:./@+-]+$/.test(value) ? value : JSON.stringify(value);
  return printable(text);
}

function stackOf(err: unknown, prefix = ''): string {
  if (typeof err !== 'object' || err === null) return err === undefined ? '' : `    ${prefix}${formatValue(err)}\n`;
  const { stack, type, message, cause } = err as Record<string, unknown>;
  const text = typeof stack === 'string' ? stack : `${type}: ${message}`;
  const lines = text.split('\n').map((row, index) => `    ${index === 0 ? prefix : ''}${printable(row)}\n`);
  return lines.join('') + stackOf(cause, 'caused by ');
}
