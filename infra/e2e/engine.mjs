// Runs Docker and compose commands. DOCKER sets another client than `docker`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from '../scripts/prepare.mjs';

const client = process.env.DOCKER || 'docker';

/** The reason why the test can't run here; undefined when it can. */
export async function whyUnavailable() {
  const engine = await run([client, 'info', '--format', '{{.ServerVersion}}'], {}).catch((error) => error);
  if (engine instanceof Error) return `no Docker engine answers (${lastLine(engine.message)})`;
  const compose = await run([client, 'compose', 'version', '--short'], {}).catch((error) => error);
  if (compose instanceof Error) return `${client} has no compose v2 (${lastLine(compose.message)})`;
  if (/^v?1\./.test(compose)) return `compose v2 is required, ${client} has ${compose.trim()}`;
  return undefined;
}

/**
 * Compose with `file`, by default that of the clone, in a separate project. `settings` replaces .env, and the shell's
 * variables are not passed on.
 */
export function composeProject({ name, settings, file = join(root, 'infra', 'compose.yaml'), files = [] }) {
  const base = [client, 'compose', '-p', name, '-f', file];
  const more = files.flatMap((file) => ['-f', file]);
  return {
    name,
    settings,
    compose: (args, options) => run([...base, ...more, '--env-file', '/dev/null', ...args], settings, options),
    docker: (args) => run([client, ...args], {}),
  };
}

/** The container of a service, as `docker inspect` shows it. */
export async function inspect({ compose, docker }, service) {
  const id = (await compose(['ps', '-a', '-q', service])).trim();
  return JSON.parse(await docker(['inspect', id]))[0];
}

/** For machines with a private registry: passes npm's settings and the host's network to the build. */
export function buildOverride(services) {
  const npmrc = join(homedir(), '.npmrc');
  const hasNpmrc = existsSync(npmrc);
  const build = {
    ...(process.env.E2E_BUILD_NETWORK ? { network: process.env.E2E_BUILD_NETWORK } : {}),
    ...(hasNpmrc ? { secrets: ['npmrc'] } : {}),
  };
  return {
    services: Object.fromEntries(services.map((service) => [service, { build }])),
    ...(hasNpmrc ? { secrets: { npmrc: { file: npmrc } } } : {}),
  };
}

const INHERITED = ['PATH', 'HOME', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'DOCKER_CERT_PATH'];

/** Resolves to stdout; rejects with the output on stderr. */
function run([command, ...args], variables, { timeoutMs = 300_000 } = {}) {
  const inherited = INHERITED.filter((name) => process.env[name] !== undefined);
  const env = { ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])), ...variables };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const limit = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')} exited with ${code ?? signal}\n${stderr.slice(-4_000)}`));
    });
  });
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}
