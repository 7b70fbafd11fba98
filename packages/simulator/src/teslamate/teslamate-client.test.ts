import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { errorMessage, hello, type StreamingConnection, startStreamingServer } from '../../test/streaming-server.js';
import { until } from '../../test/vehicle-server.js';
import { TeslaMateClient, type TeslaMateClientOptions } from './teslamate-client.js';

const disposables: (() => unknown)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0).reverse()) await dispose();
});

/** One second of TeslaMate's timers takes ten milliseconds here, unless the test sets another factor. */
async function clientAndServer(
  onSubscribe: (connection: StreamingConnection, n: number) => void = () => {},
  options: Partial<TeslaMateClientOptions> = {},
) {
  const server = await startStreamingServer(onSubscribe);
  const client = new TeslaMateClient({ url: server.url, token: 'T', tag: 'VIN', timeFactor: 0.01, ...options });
  disposables.push(
    () => server.stop(),
    () => client.stop(),
  );
  return { server, client };
}

/** Real time: TeslaMate's timers don't expire within a test. */
const UNHURRIED = { timeFactor: 1 };
const DRIVING = '1760000000123,31,12345.6,64,,270,48.1,11.5,12,D,230,210,270';
const PARKED = '1760000000123,,12345.6,64,,270,48.1,11.5,0,P,230,210,270';
const CHARGING = '1760000000123,,12345.6,64,,270,48.1,11.5,-11,,230,210,270';

describe('a TeslaMate client', () => {
  it('subscribes as TeslaMate does', async () => {
    const { server, client } = await clientAndServer(undefined, UNHURRIED);
    await client.connect();
    await until(() => server.connections[0]?.received.length === 1);
    expect(server.paths).toEqual(['/streaming/']);
    expect(server.connections[0]!.received).toEqual([
      {
        msg_type: 'data:subscribe_oauth',
        token: 'T',
        value: 'speed,odometer,soc,elevation,est_heading,est_lat,est_lng,power,shift_state,range,est_range,heading',
        tag: 'VIN',
      },
    ]);
  });

  it('accepts updates of its tag and only logs unknown messages', async () => {
    const { client } = await clientAndServer((connection) => {
      connection.send(hello);
      connection.update(DRIVING);
      connection.send({ msg_type: 'data:update', tag: 'another', value: DRIVING });
      connection.send({ msg_type: 'control:hello' });
      connection.send({ msg_type: 'control:goodbye' });
      connection.send('{not json');
      connection.send(errorMessage('vehicle_error', 'Something else'));
      connection.send(errorMessage('other_error', 'text'));
      connection.send(errorMessage('other_error'));
      connection.update(PARKED);
    }, UNHURRIED);
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 2);
    expect(client.frames.map(({ shiftState }) => shiftState)).toEqual(['D', 'P']);
    expect(client.messages).toHaveLength(10);
    const logged = client.events.flatMap((event) => (event.type === 'logged' ? [event.level] : []));
    expect(logged).toEqual(['warning', 'warning', 'warning', 'error', 'error', 'error', 'warning']);
    expect(client.isConnected).toBe(true);
  });

  it('crashes on a frame that crashes TeslaMate', async () => {
    const { client } = await clientAndServer((connection) => connection.update('now,1'), UNHURRIED);
    await client.connect();
    await client.waitFor(({ crashes }) => crashes.length === 1);
    expect(client.crashes[0]).toMatch(/time is not an integer/);
    expect(client.isConnected).toBe(false);
  });

  it.each([1000, 1001, 4401, undefined])('crashes on a close frame with code %s', async (code) => {
    const { client } = await clientAndServer(({ socket }) => socket.close(code), UNHURRIED);
    await client.connect();
    await client.waitFor(({ crashes }) => crashes.length === 1);
    expect(client.crashes[0]).toMatch(/close frame/);
  });

  it('crashes on an unknown client error', async () => {
    const { client } = await clientAndServer(
      ({ send }) => send(errorMessage('client_error', 'something is wrong')),
      UNHURRIED,
    );
    await client.connect();
    await client.waitFor(({ crashes }) => crashes.length === 1);
    expect(client.crashes[0]).toMatch(/client_error/);
  });

  it.each([401, 503])('crashes when its first connection is refused with %s', async (status) => {
    const { server, client } = await clientAndServer();
    server.behaviour.refuseWith = status;
    await expect(client.connect()).rejects.toThrow(/first connection failed/);
    expect(client.crashes).toHaveLength(1);
  });

  it('reconnects after the end of TCP and backs off while it is refused', async () => {
    const { server, client } = await clientAndServer((connection) => connection.update(DRIVING));
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 1);
    server.behaviour.refuseWith = 503;
    server.connections.at(-1)!.tcp.destroy();
    await client.waitFor((it) => it.count('reconnect_failed') >= 3);
    server.behaviour.refuseWith = undefined;
    await client.waitFor((it) => it.count('connected') >= 2);
    expect(client.crashes).toEqual([]);
    const [, again] = client.events.filter((event) => event.type === 'connected');
    expect(again).toMatchObject({ isFirst: false });
    const times = client.events.map(({ atMs }) => atMs);
    const kinds = client.events.map(({ type }) => type);
    const disconnectedMs = times[kinds.indexOf('disconnected')]!;
    const thirdFailureMs = times[kinds.lastIndexOf('reconnect_failed')]!;
    expect(thirdFailureMs - disconnectedMs).toBeGreaterThanOrEqual((2 + 4 + 8) * 10 - 3);
  });

  it('reports the time since the last message when TCP ends', async () => {
    const { server, client } = await clientAndServer((connection) => connection.update(DRIVING));
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 1);
    const { receivedMs } = client.messages[0]!;
    server.connections[0]!.tcp.destroy();
    await client.waitFor((it) => it.count('disconnected') === 1);
    const [event] = client.events.filter(({ type }) => type === 'disconnected');
    expect(event).toMatchObject({ quietMs: event!.atMs - receivedMs });
  });

  it('reconnects after silence, and is inactive after five timeouts when a frame came before', async () => {
    let isSilent = false;
    const { client } = await clientAndServer((connection) => {
      if (!isSilent) connection.update(DRIVING);
    });
    await client.connect();
    await client.waitFor(({ frames }) => frames.length > 0);
    isSilent = true;
    await client.waitFor((it) => it.count('inactive') === 1);
    const kinds = client.events.map(({ type }) => type);
    expect(
      kinds.slice(0, kinds.indexOf('inactive')).filter((type) => type === 'timed_out').length,
    ).toBeGreaterThanOrEqual(5);
    expect(client.crashes).toEqual([]);
  });

  it('is never inactive without a frame', async () => {
    const { client } = await clientAndServer(undefined, { timeFactor: 0.002 });
    await client.connect();
    await client.waitFor((it) => it.count('timed_out') >= 7);
    expect(client.count('inactive')).toBe(0);
  });

  it('waits 10 s for the first message after a subscribe, and 30 s after any message', async () => {
    const { client } = await clientAndServer((connection, n) => {
      if (n === 1) connection.send('{"msg_type":"unknown"}');
    });
    await client.connect();
    await client.waitFor((it) => it.count('timed_out') === 2);
    const [first, second] = client.events.filter(({ type }) => type === 'timed_out');
    const again = client.events.filter(({ type }) => type === 'connected')[1]!;
    // Lower limits only (minus 1 ms of rounding): timers on a busy machine fire late, never early.
    expect(first!.atMs - client.messages[0]!.receivedMs).toBeGreaterThanOrEqual(30 * 10 - 1);
    expect(second!.atMs - again.atMs).toBeGreaterThanOrEqual(10 * 10 - 1);
    expect(second!.atMs - again.atMs).toBeLessThan(first!.atMs - client.messages[0]!.receivedMs);
  });

  it('subscribes again after vehicle_disconnected, sooner when the last frame had a gear', async () => {
    const waitAfter = async (value: string) => {
      const { server, client } = await clientAndServer(
        (connection) => {
          connection.update(value);
          connection.send(errorMessage('vehicle_disconnected'));
        },
        { timeFactor: 0.02 },
      );
      await client.connect();
      await client.waitFor((it) => it.count('subscribed_again') === 1);
      await until(() => server.connections[0]!.received.length === 2);
      expect(server.connections[0]!.received[1]).toEqual(server.connections[0]!.received[0]);
      const at = (type: string) => client.events.find((event) => event.type === type)!.atMs;
      const waitedMs = at('subscribed_again') - at('vehicle_disconnected');
      client.stop();
      return waitedMs;
    };
    const inGearMs = await waitAfter(PARKED);
    const withoutGearMs = await waitAfter(CHARGING);
    expect(inGearMs).toBeGreaterThanOrEqual(20 - 1);
    expect(withoutGearMs).toBeGreaterThanOrEqual(300 - 1);
    expect(inGearMs).toBeLessThan(300);
  });

  it('cancels a pending new subscribe on any message', async () => {
    const { server, client } = await clientAndServer((connection, n) => {
      if (n > 1) return;
      connection.send(errorMessage('vehicle_disconnected'));
      connection.send(hello);
    });
    await client.connect();
    await client.waitFor((it) => it.count('timed_out') === 1);
    expect(client.count('subscribed_again')).toBe(0);
    expect(server.connections[0]!.received).toHaveLength(1);
  });

  it('starts a new process after eleven consecutive vehicle_disconnected; a frame resets the count', async () => {
    const { server, client } = await clientAndServer((connection, n) => {
      if (n > 1) return;
      const disconnected = errorMessage('vehicle_disconnected');
      for (let i = 0; i < 10; i++) connection.send(disconnected);
      connection.update(PARKED);
      for (let i = 0; i < 11; i++) connection.send(disconnected);
    });
    await client.connect();
    await client.waitFor((it) => it.count('connected') === 2);
    const kinds = client.events.map(({ type }) => type);
    expect(kinds.filter((type) => type === 'vehicle_disconnected')).toHaveLength(21);
    expect(kinds.indexOf('too_many_disconnects')).toBe(kinds.lastIndexOf('vehicle_disconnected') + 1);
    expect(client.events.filter((event) => event.type === 'connected').at(-1)).toMatchObject({ isFirst: true });
    await until(() => server.connections[0]!.closeCode !== undefined);
    expect(client.crashes).toEqual([]);
  });

  it('reports that the vehicle is offline', async () => {
    const { client } = await clientAndServer(
      ({ send }) => send(errorMessage('vehicle_error', 'Vehicle is offline')),
      UNHURRIED,
    );
    await client.connect();
    await client.waitFor((it) => it.count('vehicle_offline') === 1);
    expect(client.isConnected).toBe(true);
  });

  it('reconnects at once after an owner_api error', async () => {
    const { server, client } = await clientAndServer(({ send }, n) => {
      if (n < 5) send(errorMessage('client_error', 'owner_api error:{}'));
    }, UNHURRIED);
    await client.connect();
    await client.waitFor((it) => it.count('connected') === 5);
    expect(client.count('owner_api_error')).toBe(4);
    expect(server.connections[0]!.closeCode).toBe(1000);
    expect(client.crashes).toEqual([]);
  });

  it('starts a new process when its tokens have expired, and closes the old connection', async () => {
    const { server, client } = await clientAndServer(({ send }, n) => {
      if (n === 1) send(errorMessage('client_error', "Can't validate token. Please try again."));
    });
    await client.connect();
    await client.waitFor((it) => it.count('connected') === 2);
    expect(
      client.events
        .map(({ type }) => type)
        .slice(0, 2)
        .sort(),
    ).toEqual(['connected', 'tokens_expired']);
    await until(() => server.connections[0]!.closeCode === 1011);
    expect(client.crashes).toEqual([]);
  });

  it('crashes when the server ends TCP right after a token error', async () => {
    const { client } = await clientAndServer(({ send, socket }) => {
      send(errorMessage('client_error', "Can't validate token."));
      socket.once('pong', () => socket.terminate());
      socket.ping();
    }, UNHURRIED);
    await client.connect();
    await client.waitFor(({ crashes }) => crashes.length === 1);
    expect(client.crashes[0]).toMatch(/already_started/);
  });

  it('answers a ping, which does not count as a message', async () => {
    let pongs = 0;
    const { client } = await clientAndServer(({ socket }, n) => {
      if (n > 1) return;
      const pinging = setInterval(() => socket.ping(), 2);
      disposables.push(() => clearInterval(pinging));
      socket.on('pong', () => pongs++);
    });
    await client.connect();
    await client.waitFor((it) => it.count('timed_out') >= 1);
    expect(pongs).toBeGreaterThan(0);
    expect(client.messages).toEqual([]);
  });

  it('unsubscribes with a message, close frame 1011 and the end of TCP, and can connect again', async () => {
    const { server, client } = await clientAndServer(undefined, UNHURRIED);
    await client.connect();
    await client.unsubscribe();
    await until(() => server.connections[0]!.closeCode !== undefined);
    expect(server.connections[0]!.received[1]).toEqual({ msg_type: 'data:unsubscribe', tag: 'VIN' });
    expect(server.connections[0]!.closeCode).toBe(1011);
    await client.connect();
    expect(client.events.map(({ type }) => type)).toEqual(['connected', 'unsubscribed', 'connected']);
  });

  it('reports what it received when a wait times out', async () => {
    const { client } = await clientAndServer((connection) => connection.update(PARKED), UNHURRIED);
    await client.connect();
    await client.waitFor(({ frames }) => frames.length === 1);
    await expect(client.waitFor(({ frames }) => frames.length === 2, 5)).rejects.toThrow(
      /Received: 1 frames.*connected/,
    );
  });

  it('uses TLS with the given CA', async () => {
    const authority = createAuthority({ commonName: 'test server CA', days: 30 });
    const { certificatePem, keyPem } = issueCertificate({
      authority,
      subject: { commonName: 'test server' },
      hosts: ['localhost'],
      extendedKeyUsage: [extendedKeyUsages.serverAuth],
      days: 30,
    });
    const https = createServer({ cert: certificatePem, key: keyPem });
    new WebSocketServer({ server: https });
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    disposables.push(() => https.close());
    const url = `wss://localhost:${(https.address() as AddressInfo).port}`;

    const trusting = new TeslaMateClient({ url, token: 'T', tag: 'VIN', caPem: authority.certificatePem });
    await trusting.connect();
    trusting.stop();
    const strict = new TeslaMateClient({ url, token: 'T', tag: 'VIN' });
    await expect(strict.connect()).rejects.toThrow(/first connection failed/);
  });
});
