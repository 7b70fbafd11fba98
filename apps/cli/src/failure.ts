// What the user of a command sees of an error: what was wrong, and what to do if that is known. Never a stack trace.
import { ConfigError, formatConfigError } from '@fleetbridge/service';
import { UsageError } from './commands/index.js';

export interface Failure {
  /** 2: wrong arguments or settings. */
  readonly code: 1 | 2;
  /** For people, several lines. */
  readonly text: string;
  /** For `--json`, in the form of a failed step of the set-up. */
  readonly json: { result: 'failed'; problem: string; text: string; remedy?: string };
}

export function failureOf(name: string, error: unknown): Failure {
  if (error instanceof ConfigError) {
    const text = formatConfigError(error);
    return { code: 2, text, json: { result: 'failed', problem: 'settings_not_valid', text } };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) {
    const remedy = `See "fleetbridge ${name} --help".`;
    return {
      code: 2,
      text: `fleetbridge ${name}: ${message}\n${remedy}`,
      json: { ...failed('arguments_not_valid', message), remedy },
    };
  }
  if (isRemedied(error)) return remedied(name, { ...error, message });
  if (lostRedis.test(message)) return remedied(name, redisLost);
  return { code: 1, text: `fleetbridge ${name}: ${message}`, json: failed('command_failed', message) };
}

/** Messages of the Redis client, of a connection that was lost after the start of the command. */
const lostRedis = /^(?:Stream isn't writeable|Connection is closed|Socket timeout)/;
const redisLost = {
  problem: 'redis_not_reachable',
  message: 'Redis does not answer any more',
  remedy: 'Start fleetbridge again, then run the same command again.',
};

function remedied(
  name: string,
  { problem, message, remedy }: { problem: string; message: string; remedy: string },
): Failure {
  const text = `fleetbridge ${name}: ${message}\n  → ${remedy}`;
  return { code: 1, text, json: { ...failed(problem, message), remedy } };
}

/** Errors of Tesla and of the account at Tesla. Their packages are loaded only by the commands that need them. */
function isRemedied(error: unknown): error is Error & { problem: string; remedy: string } {
  const { problem, remedy } = (error ?? {}) as { problem?: unknown; remedy?: unknown };
  return typeof problem === 'string' && typeof remedy === 'string';
}

function failed(problem: string, text: string) {
  return { result: 'failed', problem, text } as const;
}
