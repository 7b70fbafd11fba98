// One command to a Redis on this machine, without a client: for setting servers up and asking how they are.
import { createConnection } from 'node:net';

export type RedisReply = string | number | null | RedisReply[];

/** Rejects when nobody answers, or with an error that is the answer. */
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
    socket.once('close', () => reject(new Error(`port ${port} ended the connection before it had answered`)));
  });
}

function encode(command: (string | number)[]): string {
  return `*${command.length}\r\n${command.map((word) => `$${String(word).length}\r\n${word}\r\n`).join('')}`;
}

interface Parsed {
  value: RedisReply | Error;
  end: number;
}

/** The reply that begins here; undefined: there is more to come. */
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
