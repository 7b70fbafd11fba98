// `npm run e2e:compose`: starts compose.yaml, then compose.release.yaml with the same images, from scratch on the local
// Docker engine. A simulated vehicle drives while each service is restarted, killed and crashed. No acknowledged record may
// be lost, and the client must never receive a message that crashes TeslaMate. Without a Docker engine the script prints the
// reason and exits.
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { releaseFiles } from '../scripts/compose-release.mjs';
import { prepare, root, runScript } from '../scripts/prepare.mjs';
import { buildOverride, composeProject, inspect, whyUnavailable } from './engine.mjs';

const VIN = '5YJ3E1EA7KF000777';
const DEMO_VIN = '5YJ3E1EA7KF000001';
const OURS = ['ingest', 'dispatcher', 'streaming', 'gateway'];
const SERVICES = ['redis', ...OURS, 'caddy'];
const RELEASE_PREFIX = 'localhost/e2e/';
const SIGNALS = ['SIGINT', 'SIGTERM'];

await runScript(async () => {
  const reason = await whyUnavailable();
  if (reason !== undefined) {
    process.stdout.write(`e2e:compose skipped: ${reason}\n`);
    return;
  }
  await prepare();
  const { eventually, freePort } = await import('@fleetbridge/testing');
  const { startDrive, startSink } = await import('./drive.mjs');
  for (const isRelease of [false, true]) {
    process.stdout.write(`${isRelease ? 'compose.release.yaml' : 'compose.yaml'}\n`);
    await tryInstallation({ isRelease, eventually, freePort, startDrive, startSink });
  }
  process.stdout.write('e2e:compose passed\n');
});

async function tryInstallation({ isRelease, eventually, freePort, startDrive, startSink }) {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-e2e-'));
  const cleanUp = [() => rmSync(folder, { recursive: true, force: true })];
  const project = composeProject({
    name: `fleetbridge-e2e-${process.pid}`,
    settings: {
      DOMAIN: 'localhost',
      ALLOWED_VINS: VIN,
      REDIS_PASSWORD: randomBytes(16).toString('hex'),
      // The vehicle is simulated, and Caddy itself issues the certificate for "localhost".
      INGEST_CA_BUNDLE: 'development',
      CADDY_GLOBAL_OPTIONS: 'skip_install_trust',
      FLEETBRIDGE_VERSION: 'e2e',
      ...(isRelease ? { FLEETBRIDGE_IMAGE_PREFIX: RELEASE_PREFIX } : {}),
      ...setVariables('NODE_IMAGE', 'RUNTIME_IMAGE', 'REDIS_IMAGE', 'CADDY_IMAGE', 'PROMETHEUS_IMAGE'),
      ...(await freePorts(freePort)),
    },
    ...(isRelease
      ? { file: releaseFile() }
      : { files: [write('build.yaml', buildOverride(['prepare', 'cli', ...OURS]))] }),
  });
  const { compose, settings } = project;
  let tornDown;
  const cli = (...args) => compose(['run', '--rm', 'cli', ...args], { timeoutMs: 60_000 });
  // npm forwards the signal that the terminal has sent already; the second one must not interrupt the clean-up.
  const interrupted = () => void tearDown().finally(() => process.exit(130));
  for (const signal of SIGNALS) process.on(signal, interrupted);

  try {
    if (isRelease) {
      // An image that exists locally is not pulled.
      for (const app of ['cli', ...OURS]) {
        await project.docker(['tag', `fleetbridge-${app}:e2e`, `${RELEASE_PREFIX}fleetbridge-${app}:e2e`]);
      }
    } else {
      await step('images built', async () => {
        await compose(['build', '--quiet'], { timeoutMs: 1_200_000 });
        return sizes();
      });
    }
    cleanUp.push(() => compose(['--profile', '*', 'down', '-v', '--remove-orphans', '--timeout', '5']));
    await step('started from scratch, all healthy', async () => {
      await compose(['up', '-d', '--wait', '--no-build']);
      for (const service of OURS) requireLocked(service, await inspect(project, service));
    });

    await step("Caddy's certificate reaches ingest and streaming", async () => {
      const root = join(folder, 'root.crt');
      await eventually(() => compose(['cp', 'caddy:/certificates/pki/authorities/local/root.crt', root]), 30_000);
      for (const name of ['INGEST_PORT', 'STREAMING_PORT']) {
        await eventually(() => verifies(Number(settings[name]), readFileSync(root, 'utf8')), 30_000);
      }
    });

    const sink = await startSink(VIN);
    cleanUp.push(() => sink.stop());
    const drive = await step('a drive: records, frames, pushes', async () => {
      await cli('subscription', 'create', 'e2e', '--topic', 'V', '--push', `http://host.docker.internal:${sink.port}/`);
      const [token] = (await cli('token', 'create')).split('\n');
      await cli('cert', 'vehicle', VIN);
      await compose(['cp', 'ingest:/data/pki/vehicles', folder]);
      const read = (...path) => readFileSync(join(folder, ...path), 'utf8');
      const drive = await startDrive({
        vin: VIN,
        ingestUrl: `wss://localhost:${settings.INGEST_PORT}`,
        streamingUrl: `wss://localhost:${settings.STREAMING_PORT}`,
        token,
        certificatePem: read('vehicles', `${VIN}.pem`),
        keyPem: read('vehicles', `${VIN}.key`),
        caPem: read('root.crt'),
        sink,
      });
      cleanUp.push(() => drive.stop());
      await drive.whenFlowing();
      return drive;
    });

    for (const service of SERVICES) {
      await step(`${service} restarted`, async () => {
        const port = service === 'streaming' ? probePort(Number(settings.STREAMING_PORT)) : undefined;
        await compose(['restart', service]);
        await drive.whenFlowing();
        const closedMs = await port?.stop();
        return closedMs === undefined ? undefined : `port closed for ${closedMs} ms`;
      });
      await step(`${service} killed with SIGKILL and started`, async () => {
        await compose(['kill', '-s', 'KILL', service]);
        await compose(['up', '-d', '--wait', '--no-build', service]);
        await drive.whenFlowing();
      });
      await step(`${service} crashed and restarted by Docker`, async () => {
        const { State } = await inspect(project, service);
        if (!canSignal(State.Pid)) return 'skipped: no permission to kill processes of containers';
        process.kill(State.Pid, 'SIGKILL');
        await eventually(async () => {
          const { RestartCount, State: now } = await inspect(project, service);
          return RestartCount > 0 && now.Running && (now.Health?.Status ?? 'healthy') === 'healthy';
        }, 60_000);
        await drive.whenFlowing();
      });
    }

    await step('no acknowledged record is lost: log, frames, pushes', async () => {
      const records = await drive.finish();
      const lines = (
        await cli('tail', '--all', '--vin', VIN, '--topic', 'V', '--count', String(records.length), '--json')
      )
        .trim()
        .split('\n');
      const logged = lines.map((line) => JSON.parse(line).txid);
      if (logged.join() !== records.map(({ txid }) => txid).join())
        throw new Error('the records in the log differ from the records sent');
      const { client, vehicle } = drive;
      return `${records.length} records, ${client.frames.length} frames, ${sink.txids.length} pushes; ${vehicle.ledger.connections} connections of the vehicle, ${client.count('connected')} of the client`;
    });

    await step('--profile demo', async () => {
      await compose(['up', '-d', '--wait', '--no-build', 'demo-vehicle']);
      await eventually(
        async () => (await cli('tail', '--all', '--vin', DEMO_VIN, '--topic', 'V', '--count', '1')) !== '',
      );
    });

    await step('--profile monitoring, Prometheus', async () => {
      const problem = await compose(['up', '-d', '--no-build', 'prometheus']).catch((error) => error);
      if (problem instanceof Error) return `skipped: ${problem.message.trim().split('\n').at(-1)}`;
      const api = `http://127.0.0.1:${settings.PROMETHEUS_PORT}/api/v1`;
      await eventually(async () => {
        const signal = AbortSignal.timeout(5_000);
        const { data } = await (await fetch(`${api}/targets?state=active`, { signal })).json();
        const up = data.activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels.job);
        return OURS.every((job) => up.includes(job));
      }, 60_000);
    });

    await step('stopped gracefully', async () => {
      await compose(['--profile', '*', 'stop']);
      for (const service of OURS) {
        const { State } = await inspect(project, service);
        if (State.ExitCode !== 0) throw new Error(`${service} exited with code ${State.ExitCode}`);
      }
    });
  } catch (error) {
    const logs = await compose(['--profile', '*', 'logs', '--no-color', '--tail', '40']).catch(() => '');
    process.stderr.write(`${logs}\n`);
    throw error;
  } finally {
    await tearDown();
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }

  function tearDown() {
    tornDown ??= (async () => {
      for (const undo of cleanUp.reverse()) await undo();
    })();
    return tornDown;
  }

  /** Beside its own folders config and public, as in an installation without a clone. */
  function releaseFile() {
    const { compose } = releaseFiles({ version: 'e2e', prefix: RELEASE_PREFIX });
    for (const name of ['config', 'public']) mkdirSync(join(folder, name));
    for (const name of ['prometheus', 'grafana'])
      cpSync(join(root, 'infra', name), join(folder, name), { recursive: true });
    const file = join(folder, 'compose.yaml');
    writeFileSync(file, compose);
    return file;
  }

  function write(name, content) {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  }

  async function sizes() {
    const images = ['cli', ...OURS].map((app) => `fleetbridge-${app}:e2e`);
    const bytes = await project.docker(['image', 'inspect', '-f', '{{.Size}}', ...images]);
    return bytes
      .trim()
      .split('\n')
      .map((size, index) => `${images[index]} ${Math.round(size / 1e6)} MB`)
      .join(', ');
  }
}

/** Prints the step, its duration and its result. */
async function step(title, work) {
  const sinceMs = performance.now();
  const result = await work();
  const seconds = ((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${title}${typeof result === 'string' ? ` (${result})` : ''}\n`);
  return result;
}

/** Checks the restrictions of compose.yaml on each of our containers. */
function requireLocked(service, { Config, HostConfig }) {
  const isLocked =
    Config.User === '65532:65532' &&
    HostConfig.ReadonlyRootfs &&
    HostConfig.CapDrop.includes('ALL') &&
    HostConfig.SecurityOpt.some((option) => option.startsWith('no-new-privileges'));
  if (!isLocked) throw new Error(`${service} runs with more privileges than compose.yaml grants`);
}

function verifies(port, ca) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca });
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject);
  });
}

/** Connects every 20 ms. `stop` resolves to the time in which clients could not connect. */
function probePort(port) {
  const attempts = [];
  const timer = setInterval(() => {
    const sinceMs = performance.now();
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    const outcome = new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(true)).once('close', () => resolve(false));
    });
    socket.once('secureConnect', () => socket.destroy()).on('error', () => {});
    attempts.push(outcome.then((isConnected) => ({ sinceMs, isConnected })));
  }, 20);
  return {
    stop: async () => {
      clearInterval(timer);
      const failed = (await Promise.all(attempts)).filter(({ isConnected }) => !isConnected);
      return failed.length === 0 ? 0 : Math.round(failed.at(-1).sinceMs - failed[0].sinceMs);
    },
  };
}

function canSignal(pid) {
  try {
    return process.platform === 'linux' && pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function setVariables(...names) {
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

async function freePorts(freePort) {
  const names = [
    'INGEST_PORT',
    'INGEST_ADMIN_PORT',
    'STREAMING_PORT',
    'STREAMING_ADMIN_PORT',
    'DISPATCHER_ADMIN_PORT',
    'GATEWAY_ADMIN_PORT',
  ];
  names.push('HTTP_PORT', 'HTTPS_PORT', 'PROMETHEUS_PORT');
  const entries = [];
  for (const name of names) entries.push([name, String(await freePort())]);
  return Object.fromEntries(entries);
}
