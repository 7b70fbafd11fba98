// Sends one command to a local Redis without a client library, to set servers up and to check them.
import { createConnection } from 'node:net';

export type RedisReply = string | number | null | RedisReply[];

/** Rejects when no answer arrives, or when the answer is an error. */
export function sendRedisCommand(port: number, ...command: (string | number)[]): Promise<RedisReply> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => socket.write(encode(command)));
    let received = '';
    socket.setEncoding('latin1');
    socket.setTimeout(2_000, () => socket.destroy(new Error(`no answer to ${command[0]} on port ${port}`)));
    socket.on('data', (text: string) => {
      received += text;
      const reply = parse(received, 0);
      if (reply === undefined) return;
      socket.destroy();
      if (reply.value instanceof Error) reject(reply.value);
      else resolve(reply.value);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`port ${port} closed the connection before its answer`)));
  });
}

function encode(command: (string | number)[]): string {
  return `*${command.length}\r\n${command.map((word) => `$${String(word).length}\r\n${word}\r\n`).join('')}`;
}

interface Parsed {
  value: RedisReply | Error;
  end: number;
}

/** The reply at this position; undefined while it is incomplete. */
function parse(text: string, at: number): Parsed | undefined {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const line = text.slice(at + 1, lineEnd);
  const end = lineEnd + 2;
  if (text[at] === '-') return { value: new Error(line), end };
  if (text[at] === ':') return { value: Number(line), end };
  if (text[at] === '+') return { value: line, end };
  const length = Number(line);
  if (length < 0) return { value: null, end };
  if (text[at] === '*') return parseArray(text, end, length);
  return text.length < end + length + 2 ? undefined : { value: text.slice(end, end + length), end: end + length + 2 };
}

function parseArray(text: string, at: number, length: number): Parsed | undefined {
  const values: RedisReply[] = [];
  for (let end = at; ; ) {
    if (values.length === length) return { value: values, end };
    const item = parse(text, end);
    if (item === undefined || item.value instanceof Error) return item;
    values.push(item.value);
    end = item.end;
  }
}
