// A client and a real HTTPS server, whose answers a test decides, with a clock that does not wait.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type DecidedAnswer, type HttpsAnswers, type ReceivedRequest, startHttpsAnswers } from '@fleetbridge/testing';
import {
  type Clock,
  type CountedCall,
  createFleetApi,
  type FleetApi,
  type FleetApiOptions,
  systemClock,
} from '../src/index.js';

export interface FleetServer {
  api: FleetApi;
  server: HttpsAnswers;
  calls: CountedCall[];
  /** How long the client has waited between attempts, in ms. */
  waits: number[];
  /** A client with other options. */
  connect(options: Partial<FleetApiOptions>): FleetApi;
  startSecond(answer: (request: ReceivedRequest) => DecidedAnswer): Promise<HttpsAnswers>;
  stop(): Promise<void>;
}

export async function startFleetServer(
  answer: (request: ReceivedRequest) => DecidedAnswer | Promise<DecidedAnswer>,
  options: Partial<FleetApiOptions> = {},
): Promise<FleetServer> {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-api-'));
  const pki = ensureDevelopmentPki({ directory, hosts: [], vins: [] });
  const [cert, key, ca] = [pki.server.certFile, pki.server.keyFile, pki.serverAuthority.certFile].map((file) =>
    readFileSync(file, 'utf8'),
  ) as [string, string, string];
  const servers = [await startHttpsAnswers({ cert, key, answer })];
  const server = servers[0]!;
  const calls: CountedCall[] = [];
  const waits: number[] = [];
  let waitedMs = 0;
  const clock: Clock = {
    nowMs: () => Date.UTC(2026, 10, 26, 12) + waitedMs,
    monotonicMs: () => waitedMs,
    after: systemClock.after,
    sleep(milliseconds) {
      waits.push(milliseconds);
      waitedMs += milliseconds;
      return Promise.resolve();
    },
  };
  const connect = (own: Partial<FleetApiOptions>): FleetApi =>
    createFleetApi({
      clock,
      random: () => 0,
      ca,
      apiUrl: server.url,
      authUrl: server.url,
      onCall: (call) => calls.push(call),
      limits: { attemptMs: 30_000, totalMs: 60_000 },
      ...own,
    });
  return {
    api: connect(options),
    server,
    calls,
    waits,
    connect,
    async startSecond(other) {
      const second = await startHttpsAnswers({ cert, key, answer: other });
      servers.push(second);
      return second;
    },
    async stop() {
      for (const each of servers) await each.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

export const ok = (response: unknown): DecidedAnswer => ({ status: 200, body: { response } });
export const failure = (status: number, error: string, headers: Record<string, string> = {}): DecidedAnswer => ({
  status,
  body: { response: null, error, error_description: '' },
  headers,
});
