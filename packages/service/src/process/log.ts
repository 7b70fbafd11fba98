// The log: one JSON object a line on stdout, where `event` is a constant snake_case name and everything that varies is
// a field: log.info({ vin }, 'vehicle_connected'). A person at a terminal gets a compact line instead.
import { isatty } from 'node:tty';
import type { logFormats, logLevels } from '@fleetbridge/settings';
import { type DestinationStream, pino, stdSerializers } from 'pino';
import { prettyLine } from './log-pretty.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** The app, as it appears in every line. */
  name: string;
  level?: (typeof logLevels)[number];
  format?: (typeof logFormats)[number];
  /** Where finished lines go; default stdout. */
  destination?: DestinationStream;
}

/** Lines are written synchronously: what was logged before process.exit or a crash is there. */
export function createLogger({ name, level = 'info', format = 'auto', destination }: LoggerOptions) {
  const isTerminal = destination === undefined && isatty(1);
  // pino.destination survives a reader that has gone away (EPIPE), which a plain stdout would not.
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
      // The causes as errors of their own; the plain serializer would glue their texts into one.
      serializers: { err: stdSerializers.errWithCause },
    },
    // No pino transport: those are worker threads with files of their own, which a bundled app does not have.
    isPretty ? { write: (line: string) => out.write(prettyLine(line, { colour: isTerminal })) } : out,
  );
}
