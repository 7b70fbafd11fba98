// The curl commands of docs/clients.md, run in a shell as printed, against a streaming server with its generated
// certificate.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { expect, it } from 'vitest';
import { startApp } from './start-app.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/clients.md'), 'utf8');
const commands = [...page.matchAll(/^curl (?:.*\\\n)*.*$/gm)].map(([command]) => command);
const cleanUp = cleanupAfterEach();

it('the curl commands of docs/clients.md work as printed', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-clients-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  const redis = await startRedis();
  cleanUp.push(() => redis.stop());
  ensureDevelopmentPki({ directory: join(folder, 'data/pki'), hosts: ['localhost'], vins: [] });
  const env = {
    REDIS_URL: redis.url,
    DATA_DIR: join(folder, 'data'),
    STREAMING_BIND: '127.0.0.1',
    STREAMING_PORT: '0',
    STREAMING_GRPC_PORT: '0',
    STREAMING_ADMIN_PORT: '0',
    BRIDGE_TOKEN: 'a-token-of-the-test',
  };
  const ports = await startApp('streaming', env, { cleanUp });
  expect(commands.length).toBeGreaterThan(0);
  for (const command of commands) {
    // The server has its port, and -v prints the status of a response that does not end.
    const text = command.replace(':8443', `:${ports.clients}`).replace(/^curl /, 'exec curl -v ');
    expect(text).toContain(`:${ports.clients}`);
    const child = spawn('bash', ['--norc', '-c', text], {
      cwd: folder,
      env: { PATH: process.env.PATH, TOKEN: env.BRIDGE_TOKEN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    cleanUp.push(() => child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    }
    await eventually(() => /^< HTTP|^curl: /m.test(output), 10_000);
    expect(output).toMatch(/^< HTTP\/1\.1 200 /m);
    expect(output).toMatch(/^< content-type: text\/event-stream/m);
  }
});

it('every URL with a question mark is quoted in the shell examples of the documentation', () => {
  for (const file of ['clients', 'tesla', 'monitoring', 'operations', 'troubleshooting']) {
    const text = readFileSync(join(import.meta.dirname, `../../docs/${file}.md`), 'utf8');
    for (const [block] of text.matchAll(/^```(?:sh)?\n[\s\S]*?^```/gm))
      expect(block.replace(/'[^']*'|"[^"]*"/g, ''), file).not.toMatch(/https?:\/\/\S*\?/);
  }
});
