// The log: one JSON object per line on stdout. `event` is a constant snake_case name, everything that varies is a field:
// log.info({ vin }, 'vehicle_connected'). On a terminal the lines are compact text instead.
import { isatty } from 'node:tty';
import type { logFormats, logLevels } from '@fleetbridge/settings';
import { type DestinationStream, pino, stdSerializers } from 'pino';
import { LogOutput, standardLogOutput } from './log-output.js';
import { prettyLine } from './log-pretty.js';
import { printableLines } from './printable.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The app, a field of every line. */
  name: string;
  level?: (typeof logLevels)[number];
  format?: (typeof logFormats)[number];
  /** Receives finished lines; default stdout. */
  destination?: DestinationStream;
}

/** Lines to stdout never block the process (LogOutput); process.exit and a crash write what still waits. */
export function createLogger({ name, level = 'info', format = 'auto', destination }: LoggerOptions) {
  const isTerminal = destination === undefined && isatty(1);
  const out = destination ?? standardLogOutput();
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const log = pino(
    {
      level,
      messageKey: 'event',
      errorKey: 'err',
      base: { app: name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Keeps causes as separate errors; the plain serializer joins their texts.
      serializers: { err: stdSerializers.errWithCause },
    },
    // No pino transport: it would be a worker thread with its own file, which a bundled app does not have.
    // JSON is made printable too: `docker compose logs` shows it on a terminal.
    formatted(out, isPretty ? (line) => prettyLine(line, { colour: isTerminal }) : printableLines),
  );
  if (out instanceof LogOutput) out.onResumed = (gap) => log.warn({ ...gap }, 'log_lines_dropped');
  return log;
}

/** pino calls `flushSync` after a fatal line. */
function formatted(
  out: DestinationStream & { flushSync?: () => void },
  format: (line: string) => string,
): DestinationStream {
  return Object.assign({ write: (line: string) => out.write(format(line)) }, { flushSync: () => out.flushSync?.() });
}
