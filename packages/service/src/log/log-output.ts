// Writes log lines to stdout without ever stopping the process: a full disk or a reader that hangs must not delay acks.
// Lines wait in a bounded queue; what does not fit or can't be written is dropped and counted. Only the last lines of a
// process are written synchronously (`flushSync`).
import { constants, fstatSync, write, writeSync } from 'node:fs';
import { printable } from './printable.js';

/** About the size of the queue in bytes: log lines are nearly all ASCII. */
const MAX_QUEUED_CHARS = 4_000_000;
/** A pipe takes writes of up to this size (PIPE_BUF) whole: lines of several processes do not mix. */
const CHUNK_BYTES = 4_096;
/** How long a full pipe is left alone before the next attempt. */
const RETRY_MS = 20;
/** How long the last lines of a process wait for a reader. */
const LAST_LINES_MS = 250;

export interface LogOutputOptions {
  fd: number;
  maxQueuedChars?: number;
}

/** Lines that are missing in the log, and the reason: `queue_full`, or the code of the last error. */
export interface LogGap {
  lines: number;
  reason: string;
}

type Written = (error: Error | undefined) => void;

interface Line {
  text: string;
  written: Written | undefined;
}

interface Chunk {
  bytes: Buffer;
  written: number;
  lines: readonly Line[];
}

export class LogOutput {
  /** Lines that were not written, since the start. */
  droppedLines = 0;
  /** Called when lines are written again after some were dropped. */
  onResumed: (gap: LogGap) => void = () => {};
  readonly #fd: number;
  readonly #maxQueuedChars: number;
  readonly #isPipe: boolean;
  readonly #idleWaiters: (() => void)[] = [];
  #queue: Line[] = [];
  #queuedChars = 0;
  /** Partly written, or not at all. */
  #chunk: Chunk | undefined;
  /** In the thread pool; undefined for a pipe. */
  #inFlight: Chunk | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  /** The last byte written is not the end of a line. */
  #isMidLine = false;
  #gap: LogGap = { lines: 0, reason: '' };

  constructor({ fd, maxQueuedChars = MAX_QUEUED_CHARS }: LogOutputOptions) {
    this.#fd = fd;
    this.#maxQueuedChars = maxQueuedChars;
    this.#isPipe = isPipe(fd);
  }

  /** Never blocks and never throws. `written` is called, possibly at once, when stdout has the line or it is dropped. */
  write(text: string, written?: Written): void {
    const line = { text, written };
    if (this.#queuedChars + text.length > this.#maxQueuedChars) {
      this.#drop([line], 'queue_full');
      return;
    }
    this.#queue.push(line);
    this.#queuedChars += text.length;
    this.#writeQueued();
  }

  /** Resolves when the queue is empty, or after a quarter of a second. */
  flush(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, LAST_LINES_MS);
      this.#idleWaiters.push(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  }

  /** For the last lines of a process. Gives up after a quarter of a second. */
  flushSync(): void {
    const untilMs = performance.now() + LAST_LINES_MS;
    // What the thread pool is writing is written before the process ends.
    for (let chunk = this.#nextChunk(); chunk !== undefined; chunk = this.#nextChunk()) {
      const code = this.#writeSync(chunk);
      if (code !== 'EAGAIN') continue;
      if (performance.now() > untilMs) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }

  #writeQueued(): void {
    while (this.#inFlight === undefined && this.#retryTimer === undefined) {
      const chunk = this.#nextChunk();
      if (chunk === undefined) {
        for (const resolve of this.#idleWaiters.splice(0)) resolve();
        return;
      }
      if (!this.#isPipe) this.#writeInThreadPool(chunk);
      else if (this.#writeSync(chunk) === 'EAGAIN') this.#retryLater();
    }
  }

  #nextChunk(): Chunk | undefined {
    if (this.#chunk !== undefined || this.#queue.length === 0) return this.#chunk;
    let count = 0;
    let chars = 0;
    do chars += this.#queue[count++]!.text.length;
    while (count < this.#queue.length && chars + this.#queue[count]!.text.length <= CHUNK_BYTES);
    const lines = this.#queue.splice(0, count);
    this.#queuedChars -= chars;
    const text = lines.map((line) => line.text).join('');
    this.#chunk = { bytes: Buffer.from(this.#isMidLine ? `\n${text}` : text), written: 0, lines };
    return this.#chunk;
  }

  /** A regular file or a terminal can block, and non-blocking mode does not exist for a file. */
  #writeInThreadPool(chunk: Chunk): void {
    this.#inFlight = chunk;
    this.#chunk = undefined;
    write(this.#fd, chunk.bytes, chunk.written, (error, written) => {
      this.#inFlight = undefined;
      this.#chunk = chunk;
      if (this.#settle(error, written) === 'EAGAIN') this.#retryLater();
      this.#writeQueued();
    });
  }

  #writeSync(chunk: Chunk): string | undefined {
    try {
      if (this.#isPipe) makeNonBlocking(this.#fd);
      return this.#settle(null, writeSync(this.#fd, chunk.bytes, chunk.written));
    } catch (error) {
      return this.#settle(error as NodeJS.ErrnoException, 0);
    }
  }

  /** Returns the error's code. */
  #settle(error: NodeJS.ErrnoException | null, written: number): string | undefined {
    const chunk = this.#chunk!;
    if (error?.code === 'EAGAIN') return error.code;
    if (written > 0) {
      chunk.written += written;
      this.#isMidLine = chunk.bytes[chunk.written - 1] !== NEWLINE;
    }
    if (error !== null) {
      this.#chunk = undefined;
      // Of a chunk that is partly written all lines count as dropped: that happens on a full disk only.
      this.#drop(chunk.lines, error.code ?? 'unknown');
      return error.code;
    }
    if (chunk.written < chunk.bytes.length) return undefined;
    this.#chunk = undefined;
    for (const line of chunk.lines) line.written?.(undefined);
    const gap = this.#gap;
    if (gap.lines > 0 && this.#queue.length === 0) {
      this.#gap = { lines: 0, reason: '' };
      this.onResumed(gap);
    }
    return undefined;
  }

  #retryLater(): void {
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#writeQueued();
    }, RETRY_MS).unref();
  }

  #drop(lines: readonly Line[], reason: string): void {
    this.droppedLines += lines.length;
    this.#gap = { lines: this.#gap.lines + lines.length, reason };
    for (const line of lines) line.written?.(new Error(`stdout: ${reason}`));
  }

  #isIdle(): boolean {
    return this.#chunk === undefined && this.#inFlight === undefined && this.#queue.length === 0;
  }
}

const NEWLINE = 0x0a;

let standardOutput: LogOutput | undefined;

/** The output of this process on stdout. All loggers share it. */
export function standardLogOutput(): LogOutput {
  if (standardOutput === undefined) {
    const output = new LogOutput({ fd: 1 });
    process.on('exit', () => output.flushSync());
    standardOutput = output;
  }
  return standardOutput;
}

/** Log lines of this process that were not written to stdout. */
export function droppedLogLines(): number {
  return standardOutput?.droppedLines ?? 0;
}

/** Writes a line of another kind among those of the log. Rejects when it was dropped. */
export function writeToLog(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    standardLogOutput().write(`${printable(line)}\n`, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** See LogOutput.flush. */
export async function flushLog(): Promise<void> {
  await standardOutput?.flush();
}

function isPipe(fd: number): boolean {
  try {
    const type = fstatSync(fd).mode & constants.S_IFMT;
    return type === constants.S_IFIFO || type === constants.S_IFSOCK;
  } catch {
    // Not open. Each write fails and is counted.
    return false;
  }
}

/**
 * A write to a full pipe then fails with EAGAIN. The mode belongs to the pipe, not to the process: a child that shares
 * stdout resets it at its start and at its end, so it is set before each write.
 */
function makeNonBlocking(fd: number): void {
  const stream = fd === 1 ? process.stdout : fd === 2 ? process.stderr : undefined;
  const { _handle: handle } = (stream ?? {}) as { _handle?: { setBlocking?: (isBlocking: boolean) => unknown } };
  handle?.setBlocking?.(false);
}
