// What every process has: its folder, log, admin port and stop.
import { durationSeconds, filePath, listenAddress, oneOf } from '../values/index.js';
import { setting } from './setting.js';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const logFormats = ['auto', 'json', 'pretty'] as const;

export const processSettings = {
  DATA_DIR: setting({
    value: filePath().default('./data'),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'Folder of certificates (`pki/`), tokens, and the Redis that `up` starts.',
  }),
  LOG_LEVEL: setting({
    value: oneOf(logLevels).default('info'),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'The lowest level that is logged. `debug` adds a line per record.',
  }),
  LOG_FORMAT: setting({
    value: oneOf(logFormats).default('auto'),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: '`json` for machines, `pretty` for people. `auto` is `pretty` on a terminal and `json` elsewhere.',
  }),
  ADMIN_HOST: setting({
    value: listenAddress().default('127.0.0.1'),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'Address that the admin ports (health, readiness, metrics) listen on. `0.0.0.0`: every network.',
  }),
  SHUTDOWN_SECONDS: setting({
    value: durationSeconds().default(20),
    readBy: ['ingest', 'dispatcher', 'streaming', 'gateway', 'up', 'cli'],
    description: 'Time limit of an orderly stop. Work that is not finished by then is aborted.',
  }),
};
