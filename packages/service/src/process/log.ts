// The log: one JSON object per line on stdout. `event` is a constant snake_case name, everything that varies is a field:
// log.info({ vin }, 'vehicle_connected'). On a terminal the lines are compact text instead.
import { isatty } from 'node:tty';
import type { logFormats, logLevels } from '@fleetbridge/settings';
import { type DestinationStream, pino, stdSerializers } from 'pino';
import { prettyLine } from './log-pretty.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The app, a field of every line. */
  name: string;
  level?: (typeof logLevels)[number];
  format?: (typeof logFormats)[number];
  /** Receives finished lines; default stdout. */
  destination?: DestinationStream;
}

/** Lines are written synchronously, so that process.exit or a crash loses no line. */
export function createLogger({ name, level = 'info', format = 'auto', destination }: LoggerOptions) {
  const isTerminal = destination === undefined && isatty(1);
  // Unlike stdout, pino.destination survives a reader that has closed the pipe (EPIPE).
  const out = destination ?? pino.destination({ fd: 1, sync: true });
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  return pino(
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
    isPretty ? { write: (line: string) => out.write(prettyLine(line, { colour: isTerminal })) } : out,
  );
}
