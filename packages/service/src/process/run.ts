// The life cycle of a process: start, run, ordered stop, one exit code. The only file that reads process.env.
//
//   main ──▶ running ──▶ SIGTERM, SIGINT, SIGHUP, or the supervisor is gone ──▶ reverse stop ──▶ exit 0
//    ├ ConfigError: 2     └ unhandled error: 1                           └ failed stop, deadline, 2nd signal: 1
//    └ other error: 1
import cluster from 'node:cluster';
import { ConfigError, formatConfigError } from '../config/index.js';
import { createLogger, flushLog, type Logger } from '../log/index.js';
import { ShutdownHooks, type StopFunction, type StopOutcome } from './shutdown-hooks.js';

export interface RunOptions {
  name: string;
  /** Starts the app and returns. Registers with `onStop` how to stop each part that it started. */
  main: (context: RunContext) => unknown;
  env?: Readonly<NodeJS.ProcessEnv>;
  argv?: readonly string[];
  exit?: (code: number) => void;
}

export interface RunContext {
  readonly name: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The arguments after the script name. */
  readonly argv: readonly string[];
  /** Aborted when the process begins to stop, possibly during its start. */
  readonly signal: AbortSignal;
  /** A default logger at first. Assign the app's own once the configuration is loaded. */
  log: Logger;
  /** The time limit for all stop functions together. Assign the configured value. */
  shutdownSeconds: number;
  /** Registers how to stop a part that was just started. The functions are called in reverse order. */
  onStop(part: string, stop: StopFunction): void;
  /** From now on SIGHUP calls `reload` instead of stopping the process. */
  onReload(reload: () => void): void;
  /** Logs `<name>_ready` and sends the supervisor the IPC message `{ type: 'ready', name, ports }`. */
  ready(facts?: { ports?: Record<string, number> }): void;
}

/** Resolves when `main` has returned. The process then runs until it is stopped. */
export async function runApp({ name, main, ...options }: RunOptions): Promise<void> {
  const { env = process.env, argv = process.argv.slice(2), exit = (code: number) => process.exit(code) } = options;
  const stops = new ShutdownHooks();
  const stopping = new AbortController();
  let state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';
  let reload: (() => void) | undefined;
  let firstSignal: { signal: NodeJS.Signals; atMs: number } | undefined;

  const context: RunContext = {
    name,
    env,
    argv,
    signal: stopping.signal,
    log: createLogger({ name }),
    shutdownSeconds: 20,
    onStop: (part, stop) => stops.add(part, stop),
    onReload: (newReload) => {
      reload = newReload;
    },
    ready({ ports = {} } = {}) {
      context.log.info({ ports }, `${name}_ready`);
      // The callback receives the error of a channel that closes at this moment; 'disconnect' handles that.
      if (process.connected) process.send?.({ type: 'ready', name, ports }, undefined, {}, () => {});
    },
  };

  async function stop(reason: string): Promise<void> {
    if (state === 'stopping' || state === 'ended') return;
    context.log.info({ reason }, `${name}_stopping`);
    const outcome = await stopParts(reason);
    context.log.info({ outcome }, `${name}_stopped`);
    await flushLog();
    end(outcome === 'stopped' ? 0 : 1);
  }

  function stopParts(reason: string): Promise<StopOutcome> {
    state = 'stopping';
    stopping.abort(reason);
    return stops.stopAll({ deadlineMs: context.shutdownSeconds * 1000, log: context.log });
  }

  function end(code: number): void {
    if (state === 'ended') return;
    state = 'ended';
    exit(code);
    // Only with an `exit` that returns. Earlier, a further signal would end the process by the signal, without the code.
    for (const [event, listener] of listeners) process.off(event, listener);
  }

  function onSignal(signal: NodeJS.Signals): void {
    const first = firstSignal;
    firstSignal ??= { signal, atMs: performance.now() };
    if (first === undefined) {
      void stop(signal);
      return;
    }
    // A terminal signals the whole process group, and then the primary sends its workers SIGTERM: one stop.
    if (cluster.isWorker && first.signal !== signal) return;
    // Under npm one Ctrl-C arrives twice: the terminal signals the whole process group, and npm forwards its own.
    if (first.signal === signal && performance.now() - first.atMs < 100) return;
    context.log.warn({ signal, reason: 'second_signal' }, `${name}_stop_interrupted`);
    end(1);
  }

  function onHangup(): void {
    // A closed terminal signals the whole process group. The primary reloads its workers or stops them.
    if (cluster.isWorker) return;
    if (reload === undefined) onSignal('SIGHUP');
    else if (!stopping.signal.aborted) reload();
  }

  // The process is in an unknown state: exit without an orderly stop, a supervisor restarts it.
  function onUnhandled(err: unknown): void {
    if (state === 'ended') return;
    context.log.fatal({ err }, 'unhandled_error');
    end(1);
  }

  function onLoopEmpty(): void {
    if (state === 'running') void stop('nothing_left_to_do');
    if (state === 'starting') onUnhandled(new Error(`the start of ${name} waits for an event that can't occur`));
  }

  const listeners: [string, Parameters<NodeJS.Process['off']>[1]][] = [
    ['SIGTERM', onSignal],
    ['SIGINT', onSignal],
    ['SIGHUP', onHangup],
    // Only for a child with an IPC channel: its parent has disconnected or died.
    ['disconnect', () => void stop('supervisor_gone')],
    ['uncaughtException', onUnhandled],
    ['unhandledRejection', onUnhandled],
    ['beforeExit', onLoopEmpty],
  ];
  for (const [event, listener] of listeners) process.on(event, listener);
  // Node ends a cluster worker at once when its primary disappears, unless the worker disconnected on purpose. Our workers
  // first close connections and write records.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;

  // Disconnected before the listener existed. Without a supervisor this is undefined, not false.
  if (process.connected === false) return stop('supervisor_gone');

  try {
    await main(context);
    if (state === 'starting') state = 'running';
  } catch (error) {
    if (state !== 'starting') {
      // A stop during the start aborts what the start waits for; the error has no other information.
      context.log.debug({ err: error }, 'start_interrupted');
      return;
    }
    console.error(startFailure(name, error, { withStack: context.log.isLevelEnabled('debug') }));
    // Parts that did start may hold a resource that others wait for (a lease, a port).
    await stopParts('start_failed');
    end(exitCodeOf(error));
  }
}

/** An error of another package can set `exitCode`, for example 2 for a configuration mistake. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return 2;
  return (error as { exitCode?: number } | undefined)?.exitCode ?? 1;
}

function startFailure(name: string, error: unknown, { withStack }: { withStack: boolean }): string {
  if (error instanceof ConfigError) return formatConfigError(error);
  const sentences: string[] = [];
  // Five is deeper than any helpful cause, and ends a cyclic chain.
  for (let cause = error; cause !== undefined && sentences.length < 5; ) {
    const { message, code } = cause as NodeJS.ErrnoException;
    // A refused connection to a name with two addresses is an AggregateError without a message.
    sentences.push(cause instanceof Error ? message || code || cause.name : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const summary = `${name} could not start: ${sentences.join(': ')}`;
  return withStack && error instanceof Error ? `${summary}\n${error.stack}` : summary;
}
