// A minimal Redis client for the supervision of our own Redis: one command at a time over one socket. Everything else uses
// the client of @fleetbridge/store; this one must work while Redis is loading, with an orphan of an earlier run, and with
// any other program that listens on the port.
import { connect, type Socket } from 'node:net';

export type RedisReply = string | number | null | RedisReplyError | RedisReply[];

/** Redis answered with an error; `code` is its first word (LOADING, WRONGPASS, ERR …). */
export class RedisReplyError extends Error {
  override readonly name = 'RedisReplyError';
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.code = message.split(' ', 1)[0] ?? '';
  }
}

/** No readable answer: the connection was closed or timed out, or the peer does not speak the Redis protocol. */
export class RedisUnreachableError extends Error {
  override readonly name = 'RedisUnreachableError';
}

/** More than any answer that is needed here; a peer that is not Redis may send anything. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

export class RedisConnection {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (reply: RedisReply) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>;

  /** Connects to loopback and authenticates. Rejects with `RedisUnreachableError` or `RedisReplyError`. */
  static async open(options: { port: number; password: string; timeoutMs?: number }): Promise<RedisConnection> {
    const connection = new RedisConnection(options.port, options.timeoutMs ?? 5_000);
    try {
      await connection.command('AUTH', options.password);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  private constructor(port: number, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('timeout', () => this.#fail(`no answer within ${timeoutMs} ms`));
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#fail('the connection was closed');
        resolve();
      });
    });
  }

  /** Only one command may be in flight. Rejects with `RedisReplyError` when Redis answers with an error. */
  async command(...words: string[]): Promise<RedisReply> {
    if (this.#waiting !== undefined) throw new Error('another command is in flight');
    const reply = await new Promise<RedisReply>((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.setTimeout(this.#timeoutMs);
      this.#socket.write(encodeCommand(words));
    });
    if (reply instanceof RedisReplyError) throw reply;
    return reply;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const parsed = parseReply(this.#received);
    if (parsed === 'invalid' || this.#received.length > MAX_REPLY_BYTES) {
      this.#fail('the answer is not a Redis reply');
      return;
    }
    if (parsed === 'incomplete' || this.#waiting === undefined) return;
    this.#received = this.#received.subarray(parsed.end);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    // No timeout while the connection is idle.
    this.#socket.setTimeout(0);
    resolve(parsed.reply);
  }

  #fail(reason: string): void {
    this.#failure ??= new RedisUnreachableError(reason);
    this.#socket.destroy();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}

function encodeCommand(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** The reply at `start` (RESP2) and the offset of the byte after it. */
export function parseReply(bytes: Buffer, start = 0): { reply: RedisReply; end: number } | 'incomplete' | 'invalid' {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0)
    return start < bytes.length && !'+-:$*'.includes(String.fromCharCode(bytes[start]!)) ? 'invalid' : 'incomplete';
  const kind = String.fromCharCode(bytes[start]!);
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  if (kind === '+') return { reply: line, end };
  if (kind === '-') return { reply: new RedisReplyError(line), end };
  if (!/^-?\d+$/.test(line)) return 'invalid';
  const number = Number(line);
  if (kind === ':') return { reply: number, end };
  if (kind === '$') return number < 0 ? { reply: null, end } : parseBulk(bytes, end, number);
  if (kind === '*') return number < 0 ? { reply: null, end } : parseArray(bytes, end, number);
  return 'invalid';
}

function parseBulk(bytes: Buffer, start: number, length: number): ReturnType<typeof parseReply> {
  const end = start + length;
  if (bytes.length < end + 2) return 'incomplete';
  return { reply: bytes.toString('utf8', start, end), end: end + 2 };
}

function parseArray(bytes: Buffer, start: number, count: number): ReturnType<typeof parseReply> {
  const reply: RedisReply[] = [];
  let end = start;
  for (let index = 0; index < count; index++) {
    const item = parseReply(bytes, end);
    if (typeof item === 'string') return item;
    reply.push(item.reply);
    end = item.end;
  }
  return { reply, end };
}
