// The whole life of a process: start, run, stop in order, one exit code. The only file that reads process.env.
//
//   main ──▶ running ──▶ SIGTERM, SIGINT, or the supervisor is gone ──▶ stops in reverse ──▶ exit 0
//    ├ ConfigError: 2     └ unhandled error: 1                           └ failed stop, deadline, 2nd signal: 1
//    └ other error: 1
import cluster from 'node:cluster';
import { ConfigError, formatConfigError } from '../config/index.js';
import { createLogger, type Logger } from './log.js';
import { ShutdownHooks, type StopFunction, type StopOutcome } from './shutdown-hooks.js';

export interface RunOptions {
  name: string;
  /** Starts the app and returns; what it started is stopped by the functions given to `onStop`. */
  main: (context: RunContext) => unknown;
  env?: Readonly<NodeJS.ProcessEnv>;
  argv?: readonly string[];
  exit?: (code: number) => void;
}

export interface RunContext {
  readonly name: string;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The arguments after the script's name. */
  readonly argv: readonly string[];
  /** Aborted as soon as the process begins to stop, also in the middle of its start. */
  readonly signal: AbortSignal;
  /** A plain logger at first; assign the app's own as soon as the configuration is known. */
  log: Logger;
  /** How long all stop functions together may take; assign the configured value. */
  shutdownSeconds: number;
  /** Registers how to stop what was just started; called in reverse order. */
  onStop(part: string, stop: StopFunction): void;
  /** Logs `<name>_ready` and tells a supervisor: IPC message `{ type: 'ready', name, ports }`. */
  ready(facts?: { ports?: Record<string, number> }): void;
}

/** Resolves when `main` has returned; from then on the process lives until something stops it. */
export async function runApp({ name, main, ...options }: RunOptions): Promise<void> {
  const { env = process.env, argv = process.argv.slice(2), exit = (code: number) => process.exit(code) } = options;
  const stops = new ShutdownHooks();
  const stopping = new AbortController();
  let state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';
  let firstSignal: { signal: NodeJS.Signals; atMs: number } | undefined;

  const context: RunContext = {
    name,
    env,
    argv,
    signal: stopping.signal,
    log: createLogger({ name }),
    shutdownSeconds: 20,
    onStop: (part, stop) => stops.add(part, stop),
    ready({ ports = {} } = {}) {
      context.log.info({ ports }, `${name}_ready`);
      // The callback takes the error of a channel that closes at this moment; its 'disconnect' is what counts.
      if (process.connected) process.send?.({ type: 'ready', name, ports }, undefined, {}, () => {});
    },
  };

  async function stop(reason: string): Promise<void> {
    if (state === 'stopping' || state === 'ended') return;
    context.log.info({ reason }, `${name}_stopping`);
    const outcome = await stopParts(reason);
    context.log.info({ outcome }, `${name}_stopped`);
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
    for (const [event, listener] of listeners) process.off(event, listener);
    exit(code);
  }

  function onSignal(signal: NodeJS.Signals): void {
    const first = firstSignal;
    firstSignal ??= { signal, atMs: performance.now() };
    if (first === undefined) {
      void stop(signal);
      return;
    }
    // One Ctrl-C under npm arrives twice: the terminal sends it to the whole group, and npm passes its own on.
    if (first.signal === signal && performance.now() - first.atMs < 100) return;
    context.log.warn({ signal, reason: 'second_signal' }, `${name}_stop_cut_short`);
    end(1);
  }

  // Other parts of the process are in a state that nobody thought of: no stop in good order, a supervisor starts anew.
  function onUnhandled(err: unknown): void {
    if (state === 'ended') return;
    context.log.fatal({ err }, 'unhandled_error');
    end(1);
  }

  function onLoopEmpty(): void {
    if (state === 'running') void stop('nothing_left_to_do');
    if (state === 'starting') onUnhandled(new Error(`the start of ${name} waits for something that can't happen`));
  }

  const listeners: [string, Parameters<NodeJS.Process['off']>[1]][] = [
    ['SIGTERM', onSignal],
    ['SIGINT', onSignal],
    // Only a child with an IPC channel has this event: whoever started it has let go or died.
    ['disconnect', () => void stop('supervisor_gone')],
    ['uncaughtException', onUnhandled],
    ['unhandledRejection', onUnhandled],
    ['beforeExit', onLoopEmpty],
  ];
  for (const [event, listener] of listeners) process.on(event, listener);
  // Node itself ends a cluster worker at once when its primary disappears, unless the worker meant to disconnect. Ours
  // has connections to close and records to hand over first.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;

  // Gone before there was anybody to hear it; without a supervisor this is undefined, not false.
  if (process.connected === false) return stop('supervisor_gone');

  try {
    await main(context);
    if (state === 'starting') state = 'running';
  } catch (error) {
    if (state !== 'starting') {
      // A stop during the start aborts what the start was waiting for; the error says no more than that.
      context.log.debug({ err: error }, 'start_interrupted');
      return;
    }
    console.error(startFailure(name, error, { withStack: context.log.isLevelEnabled('debug') }));
    // Whatever did start may hold something that others wait for (a lease, a port).
    await stopParts('start_failed');
    end(exitCodeOf(error));
  }
}

/** An error of another package can say by `exitCode` that it is the configuration that is wrong. */
function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return 2;
  return (error as { exitCode?: number } | undefined)?.exitCode ?? 1;
}

function startFailure(name: string, error: unknown, { withStack }: { withStack: boolean }): string {
  if (error instanceof ConfigError) return formatConfigError(error);
  const sentences: string[] = [];
  // Five is deeper than any cause that helps, and ends a chain that bites its tail.
  for (let cause = error; cause !== undefined && sentences.length < 5; ) {
    const { message, code } = cause as NodeJS.ErrnoException;
    // A refused connection to a name with two addresses is an AggregateError without a message.
    sentences.push(cause instanceof Error ? message || code || cause.name : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const summary = `${name} could not start: ${sentences.join(': ')}`;
  return withStack && error instanceof Error ? `${summary}\n${error.stack}` : summary;
}
