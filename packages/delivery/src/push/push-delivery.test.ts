// Against a server of bare sockets, which answers what no HTTP library would send.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeliveryOutcome } from '../shared/index.js';
import { PushDelivery } from './push-delivery.js';

const ACK_DEADLINE_MS = 300;
const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

describe('PushDelivery', () => {
  it('settles when the response is not HTTP, incomplete or missing', async () => {
    const answers: Record<string, [(socket: Socket) => void, RegExp]> = {
      'a switch of protocols': [
        send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
        /101/,
      ],
      'an end': [(socket) => socket.end(), /hang up|closed/],
      'a reset': [(socket) => socket.resetAndDestroy(), /./],
      'half a response': [(socket) => socket.end('HTTP/1.1 200'), /./],
      'another protocol': [send('220 mail.example.com ESMTP\r\n'), /Expected HTTP/],
      nothing: [() => {}, /no response within 300 ms/],
      'interim responses without end': [repeat('HTTP/1.1 102 Processing\r\n\r\n'), /no response within 300 ms/],
      'headers without end': [repeat('x: y\r\n', 'HTTP/1.1 200 OK\r\n'), /no response within 300 ms/],
    };
    const outcomes = await Promise.all(Object.values(answers).map(async ([answer]) => await delivered(answer)));
    for (const [index, [name, [, error]]] of Object.entries(answers).entries()) {
      expect([name, outcomes[index]]).toEqual([name, { kind: 'away', error: expect.stringMatching(error) }]);
    }
  });

  it('frees the connection of a response whose body never ends', async () => {
    let isClosed = false;
    const outcome = await delivered((socket) => {
      socket.on('close', () => {
        isClosed = true;
      });
      repeat('1\r\nx\r\n', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')(socket);
    });
    expect(outcome).toEqual({ kind: 'delivered' });
    const deadlineMs = performance.now() + 5_000;
    while (!isClosed && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(isClosed).toBe(true);
  });

  it('returns the wait that Retry-After requests, as a date too', async () => {
    const date = 'Date: Wed, 21 Oct 2026 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2026 07:28:30 GMT\r\n';
    expect(await delivered(send(`HTTP/1.1 503 Busy\r\n${date}content-length: 0\r\n\r\n`))).toEqual({
      kind: 'away',
      error: 'HTTP 503',
      retryAfterMs: 30_000,
    });
  });

  it('posts whatever a vehicle chose as its transaction id', async () => {
    const heads: string[] = [];
    for (const txid of [
      'a\r\nx-injected: 1',
      '\u0000\u001b[31m',
      '\ufffe',
      '\ud800',
      'x'.repeat(70_000),
      'ä'.repeat(70_000),
    ]) {
      const outcome = await delivered(
        (socket, head) => {
          heads.push(head);
          send('HTTP/1.1 204 OK\r\n\r\n')(socket);
        },
        { txid, version: txid },
      );
      expect(outcome).toEqual({ kind: 'delivered' });
    }
    for (const head of heads) expect(head.length).toBeLessThan(8_000);
    expect(heads.join()).not.toMatch(/^x-injected/m);
  });
});

async function delivered(
  answer: (socket: Socket, head: string) => void,
  { txid = 't', version = '' } = {},
): Promise<DeliveryOutcome> {
  const server = createServer((socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const isComplete = head.includes('\r\n\r\n');
      head += chunk.toString('latin1');
      if (!isComplete && head.includes('\r\n\r\n')) answer(socket, head);
    });
    cleanUp.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => server.close());
  const delivery = new PushDelivery({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    subscription: 's',
    form: 'protobuf',
    isWrapped: false,
    headers: {},
    ackDeadlineMs: ACK_DEADLINE_MS,
    maxSockets: 1,
  });
  cleanUp.push(() => delivery.stop());
  const entry = {
    id: '1-0',
    vin: 'V',
    topic: 'V',
    txid,
    createdMs: 1,
    receivedMs: 1,
    version,
    payload: Buffer.alloc(1),
  };
  return await delivery.deliver({ entry, messageId: '0-1-0', isLeaseHeld: () => true });
}

function send(text: string): (socket: Socket) => void {
  return (socket) => void socket.write(text);
}

function repeat(text: string, first = ''): (socket: Socket) => void {
  return (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(text), 20);
    socket.on('close', () => clearInterval(timer));
  };
}
