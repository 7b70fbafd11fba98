// The test function of files that run the streaming server: one redis-server per file, and per test as many servers as
// it starts, in this process or as processes of their own. Everything is stopped after the test.
import type { Socket } from 'node:net';
import { it as redisTest } from '@fleetbridge/store/testing';
import { WebSocket } from 'ws';
import { StreamingProcess } from './streaming-process.js';
import { createRig, type Rig, type RigOptions } from './streaming-rig.js';
import { startTcpBalancer, type TcpBalancer } from './tcp-balancer.js';

export interface TestSocket {
  socket: WebSocket;
  /** Messages in the order of their arrival. */
  messages: string[];
  /** The close code, once the connection has ended. */
  closes: number[];
  /** The TCP connection below. */
  tcp: Socket;
  send(message: object | string | Buffer): void;
}

export interface StreamingTestContext {
  /** Starts the server in this process, in the namespace of the test. */
  startRig: (options?: Partial<RigOptions>) => Promise<Rig>;
  /** `node dist/main.js`, not started yet, in the namespace of the test. */
  createProcess: (env?: Record<string, string>) => StreamingProcess;
  startBalancer: (ports: number[]) => Promise<TcpBalancer>;
  /** Connects a WebSocket; resolves when it is open. */
  connect: (url: string, options?: { autoPong?: boolean; rejectUnauthorized?: boolean }) => Promise<TestSocket>;
}

export const it = redisTest.extend<StreamingTestContext>({
  startRig: async ({ redisServer, redis, namespace, cleanup }, use) => {
    await use(async (options) => {
      const rig = await createRig({ redisUrl: redisServer.url, redis, namespace, cleanup, ...options });
      cleanup.push(() => rig.stop());
      return rig;
    });
  },
  createProcess: async ({ redisServer, namespace, cleanup }, use) => {
    await use((env) => {
      const server = new StreamingProcess({ REDIS_URL: redisServer.url, NAMESPACE: namespace, ...env });
      cleanup.push(() => server.end('SIGKILL'));
      return server;
    });
  },
  startBalancer: async ({ cleanup }, use) => {
    await use(async (ports) => {
      const balancer = await startTcpBalancer(ports);
      cleanup.push(() => balancer.stop());
      return balancer;
    });
  },
  connect: async ({ cleanup }, use) => {
    await use(async (url, options) => {
      const socket = new WebSocket(url, options);
      const messages: string[] = [];
      const closes: number[] = [];
      socket.on('message', (data) => messages.push(data.toString()));
      socket.on('close', (code) => closes.push(code));
      cleanup.push(() => socket.terminate());
      let tcp: Socket | undefined;
      socket.once('upgrade', (response) => {
        tcp = response.socket;
      });
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      socket.on('error', () => {});
      const send = (message: object | string | Buffer) =>
        socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
      return { socket, messages, closes, tcp: tcp!, send };
    });
  },
});
