import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReply, RedisConnection, type RedisReply, RedisReplyError } from './redis-command.js';

describe('parseReply', () => {
  it('parses every kind of reply', () => {
    expect(parseReply(Buffer.from('+OK\r\n'))).toEqual({ reply: 'OK', end: 5 });
    expect(parseReply(Buffer.from(':-12\r\n'))).toEqual({ reply: -12, end: 6 });
    expect(parseReply(Buffer.from('$-1\r\n'))).toEqual({ reply: null, end: 5 });
    expect(parseReply(Buffer.from('*-1\r\n'))).toEqual({ reply: null, end: 5 });
    expect(parseReply(Buffer.from('-LOADING Redis is loading\r\n'))).toMatchObject({ reply: { code: 'LOADING' } });
  });

  it('parses any complete reply and reports every prefix of it as incomplete', () => {
    fc.assert(
      fc.property(replies(), (reply) => {
        const bytes = Buffer.from(encode(reply));
        expect(parseReply(bytes)).toEqual({ reply, end: bytes.length });
        for (let length = 0; length < bytes.length; length++) {
          expect(parseReply(bytes.subarray(0, length))).toBe('incomplete');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        parseReply(Buffer.from(bytes));
      }),
    );
  });
});

describe('RedisConnection', () => {
  async function serve(answer: string): Promise<{ port: number; close(): void }> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write(answer));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  it('rejects when the server speaks another protocol', async () => {
    const server = await serve('HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(RedisConnection.open({ port: server.port, password: 'x' })).rejects.toThrow('not a Redis reply');
    server.close();
  });

  it('rejects when the server does not answer in time', async () => {
    const server = await serve('');
    const opening = RedisConnection.open({ port: server.port, password: 'x', timeoutMs: 20 });
    await expect(opening).rejects.toThrow('no answer within 20 ms');
    server.close();
  });

  it('rejects when the port is closed', async () => {
    const server = await serve('');
    server.close();
    await expect(RedisConnection.open({ port: server.port, password: 'x' })).rejects.toThrow('ECONNREFUSED');
  });

  it('rejects with the error that Redis answers', async () => {
    const server = await serve('-WRONGPASS no\r\n');
    const opening = RedisConnection.open({ port: server.port, password: 'x' });
    await expect(opening).rejects.toBeInstanceOf(RedisReplyError);
    server.close();
  });
});

function replies(): fc.Arbitrary<RedisReply> {
  const { reply } = fc.letrec<{ reply: RedisReply }>((tie) => ({
    reply: fc.oneof(
      { maxDepth: 2 },
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.array(tie('reply'), { maxLength: 4 }),
    ),
  }));
  return reply;
}

function encode(reply: RedisReply): string {
  if (reply === null) return '$-1\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encode).join('')}`;
  const text = String(reply);
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
