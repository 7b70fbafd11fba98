// `fleetbridge setup` as a user runs it: all services of `up`, the stand-in of Tesla, a vehicle that connects only by its
// configuration, and TeslaMate's client at the end. With TEST_LONG the command is killed at each of its steps.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { applicationKeyFile, loadApplicationKey } from '@fleetbridge/tesla-account';
import { steps } from '@fleetbridge/tesla-setup';
import { eventually, freePort } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const VIN = '5YJ3E1EA7KF000001';
const SECRET = 'simulated-secret';
const cleanUp = cleanupAfterEach();
if (!process.env.TEST_LONG) console.log('skipped: setup is killed at each of its steps (minutes): npm run test:long');

interface Line {
  step?: string;
  state?: string;
  text?: string;
  remedy?: string;
  problem?: string;
  result?: string;
}

describe('fleetbridge setup', () => {
  it('leads from nothing to the first frame, repeats nothing, and shows no secret', async () => {
    const place = await startEverything();
    const first = await setUp(place);
    expect(first.at(-1)).toMatchObject({ step: 'sign_in', state: 'needed' });
    const redirectUrl = await browse(place, first.at(-1)!);
    const second = await setUp(place, ['--redirect-url', redirectUrl]);
    expect(second.at(-1)).toMatchObject({ step: 'pairing', state: 'needed' });
    await get(place, `/_ak/cars.example.com?vin=${VIN}`);
    const third = await setUp(place, ['--wait', '60']);
    expect(third.at(-1)).toMatchObject({ step: 'seed', state: 'done' });
    const teslaMate = await connectTeslaMate(place);
    await teslaMate.waitFor(({ frames }) => frames.length > 0, 30_000);

    const [, [report]] = await run(place, ['doctor', '--json']);
    const { findings } = report as { findings: { check: string; colour: string; problem?: string }[] };
    const notGreen = findings.filter(({ colour }) => colour === 'red' || colour === 'yellow');
    // the stand-in leads every name to this machine, DNS does not
    expect(notGreen.filter(({ check }) => !/^(dns\.|disk)/.test(check))).toEqual([]);
    expect(findings.filter(({ colour }) => colour === 'green').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['certificate.ca', 'certificate.vehicle_cas', 'vehicle.configuration', 'vehicle.records']),
    );

    const page = await fetch(`http://127.0.0.1:${place.env.INGEST_ADMIN_PORT}/`);
    expect(await page.text()).toMatch(/<h2>Doctor<\/h2>\n<p>\d+ to correct/);

    const calls = (await state(place)).calls;
    expect((await setUp(place)).map(namesOf)).toEqual(third.map(namesOf));
    expect((await state(place)).calls).toMatchObject({ create_config: calls.create_config, register: calls.register });

    const config = (...args: string[]) => run(place, ['config', ...args, '--json']);
    expect(await config('diff')).toMatchObject([0, [{ vin: VIN, differences: [] }]]);
    expect(await config('apply')).toMatchObject([0, [{ result: 'unchanged' }]]);
    expect(await config('diff', 'economy')).toMatchObject([1, [{ vin: VIN, isForeign: false }]]);
    expect(await config('apply', 'economy')).toMatchObject([0, [{ result: 'sent' }]]);
    expect(await config('diff')).toMatchObject([0, [{ differences: [] }]]);
    await commandVehicle(place);
    expect(await config('delete', '--vin', VIN)).toMatchObject([0, [{ result: 'deleted' }]]);
    const gone = await run(place, ['config', 'diff']);
    expect(gone).toEqual([1, []]);
    expect(place.outputs.at(-1)).toContain('no vehicle is set up; run fleetbridge setup first');

    const key = privateKeyTexts(place.folder);
    expect(modesIn(path.join(place.folder, 'tesla'))).toEqual(['600', '600', '700']);
    const output = place.outputs.join('\n');
    for (const secret of [SECRET, ...key]) expect(output).not.toContain(secret);
    for (const file of logsIn(place.folder)) expect(readFileSync(file, 'utf8')).not.toContain(SECRET);
    expect(dumpOf(place.folder)).not.toContain(SECRET);
  }, 120_000);

  it.runIf(process.env.TEST_LONG)(
    'ends the same when it is killed at each step (TEST_LONG)',
    async () => {
      const place = await startEverything();
      let keyText: string | undefined;
      let redirectUrl: string | undefined;
      for (const { name } of steps) {
        for (const delayMs of [0, 20, 60]) {
          await setUp(place, redirectUrl === undefined ? [] : ['--redirect-url', redirectUrl], { name, delayMs });
          const { lines } = await runOnce(place, redirectUrl === undefined ? [] : ['--redirect-url', redirectUrl]);
          const found = privateKeyTexts(place.folder).join('');
          keyText ??= found;
          expect(found, name).toBe(keyText);
          const last = lines.findLast(({ step, state: of }) => step !== undefined && of !== 'started')!;
          if (last.step === 'sign_in' && name === 'sign_in') {
            // a code whose process was killed after the exchange is refused, and the next run opens another sign-in
            const open = last.state === 'needed' ? last : (await setUp(place)).at(-1)!;
            redirectUrl = open.step === 'sign_in' ? await browse(place, open) : undefined;
          }
          if (last.step === 'pairing' && name === 'pairing') await get(place, `/_ak/cars.example.com?vin=${VIN}`);
        }
        // a code is used once: a sign-in that was killed after it asks again
        if (name === 'sign_in') {
          for (let attempt = 0; attempt < 3; attempt++) {
            const { lines } = await runOnce(place, redirectUrl === undefined ? [] : ['--redirect-url', redirectUrl]);
            const ended = lines.find(({ step, state: of }) => step === 'sign_in' && of !== 'started')!;
            if (ended.state === 'done') break;
            const again = (await setUp(place)).at(-1)!;
            if (again.step === 'sign_in') redirectUrl = await browse(place, again);
          }
          redirectUrl = undefined;
        }
      }
      expect((await setUp(place, ['--wait', '60'])).at(-1)).toMatchObject({ step: 'seed', state: 'done' });
      const { calls } = await state(place);
      // sent once, or once more by a process that was killed before it saw the answer
      expect(calls.create_config).toBeLessThanOrEqual(4);
      const teslaMate = await connectTeslaMate(place);
      await teslaMate.waitFor(({ frames }) => frames.length > 0, 30_000);
    },
    600_000,
  );
});

/** docs/commands.md, with the vehicle of docs/simulated-tesla.md. */
async function commandVehicle(place: Place): Promise<void> {
  const fields = { ChargeLimitSoc: { interval_seconds: 1 }, Locked: { interval_seconds: 1 } };
  const file = path.join(place.folder, 'fields.json');
  writeFileSync(file, JSON.stringify({ fields }));
  expect(await run(place, ['config', 'apply', file, '--json'])).toMatchObject([0, [{ result: 'sent' }]]);
  const commands = 'set_charge_limit,charge_stop,wake_up';
  const [created, unlocked] = await Promise.all([
    start(place, ['token', 'create', '--scope', 'read,command', '--commands', commands]),
    start(place, ['command', VIN, 'door_unlock']),
  ]);
  expect(unlocked).toMatchObject({ code: 0, output: 'executed\n' });
  const headers = { authorization: `Bearer ${created.output.split('\n')[0]}` };
  const gateway = async (path: string, { method = 'POST', body }: { method?: string; body?: string } = {}) => {
    const url = `http://127.0.0.1:${place.env.GATEWAY_PORT}/api/1/vehicles/${VIN}/${path}`;
    const answer = await fetch(url, { method, headers, ...(body && { body }) });
    return { status: answer.status, body: (await answer.json()) as VehicleAnswer };
  };
  const result = { status: 200, body: { response: { result: true } } };
  expect(await gateway('command/set_charge_limit', { body: '{"percent":63}' })).toMatchObject(result);
  await send(place, 'PATCH', `/_stand_in/vehicles/${VIN}`, { isAwake: false });
  expect(await gateway('command/door_lock')).toMatchObject({ status: 403 });
  expect(await gateway('command/charge_stop')).toMatchObject({ status: 408 });
  expect(await gateway('wake_up')).toMatchObject({ status: 200, body: { response: { state: 'online' } } });
  expect(await gateway('command/charge_stop')).toMatchObject(result);
  await eventually(async () => {
    const { charge_state: charge, vehicle_state: vehicle } = (await gateway('vehicle_data', { method: 'GET' })).body
      .response;
    return charge?.charge_limit_soc === 63 && vehicle?.locked === false;
  }, 30_000);
  expect((await state(place)).vehicles[VIN]!.executions.sort()).toEqual([
    'RKE_ACTION_UNLOCK',
    'chargingSetLimitAction',
    'chargingStartStopAction',
  ]);
}

interface VehicleAnswer {
  response: { charge_state?: { charge_limit_soc: number }; vehicle_state?: { locked: boolean } };
}

interface Place {
  folder: string;
  env: Record<string, string | undefined>;
  outputs: string[];
  teslaPort: number;
  streamingPort: number;
}

async function startEverything(): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fleetbridge-setup-'));
  const names = [
    ...['INGEST_PORT', 'INGEST_ADMIN_PORT', 'DISPATCHER_ADMIN_PORT', 'STREAMING_PORT', 'STREAMING_ADMIN_PORT'],
    ...['STREAMING_GRPC_PORT', 'GATEWAY_PORT', 'GATEWAY_ADMIN_PORT', 'SIM_TESLA_PORT'],
  ];
  const ports = Object.fromEntries(await Promise.all(names.map(async (name) => [name, String(await freePort())])));
  const tesla = `https://localhost:${ports.SIM_TESLA_PORT}`;
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DATA_DIR: folder,
    SIM_TESLA: '1',
    SIM_TESLA_KEY_URL: await servePublicKey(folder),
    TELEMETRY_HOST: 'telemetry.example.com',
    DOMAIN: 'cars.example.com',
    COMMANDS: 'on',
    TESLA_CLIENT_ID: 'simulated-application',
    TESLA_CLIENT_SECRET: SECRET,
    FLEET_API_URL: tesla,
    FLEET_AUTH_URL: tesla,
    FLEET_CA_FILE: path.join(folder, 'pki/server-ca.pem'),
    ...ports,
  };
  const outputs: string[] = [];
  const child = spawn(process.execPath, [cli, 'up'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      output += data;
    });
  const exited = new Promise((resolve) => child.once('close', resolve));
  cleanUp.push(async () => {
    child.kill('SIGINT');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('Status page:');
  }, 60_000);
  return {
    folder,
    env,
    outputs,
    teslaPort: Number(ports.SIM_TESLA_PORT),
    streamingPort: Number(ports.STREAMING_PORT),
  };
}

/** What the web server of the domain does. */
async function servePublicKey(folder: string): Promise<string> {
  const server = createServer((_, response) => {
    const key = loadApplicationKey(applicationKeyFile(path.join(folder, 'tesla')));
    response.writeHead(key === undefined ? 404 : 200).end(key?.publicKey.pem);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/key.pem`;
}

interface Kill {
  name: string;
  delayMs: number;
}

/** The ended steps. */
async function setUp(place: Place, args: string[] = [], kill?: Kill): Promise<Line[]> {
  const { lines } = await runOnce(place, args, kill);
  return lines.filter(({ step, state: of }) => step !== undefined && of !== 'started');
}

async function run(place: Place, args: string[]): Promise<[code: number | null, lines: object[]]> {
  const { code, lines } = await start(place, args);
  return [code, lines];
}

function runOnce(place: Place, args: string[], kill?: Kill) {
  const given = args.includes('--wait') ? args : [...args, '--wait', '0'];
  return start(place, ['setup', '--yes', '--json', ...given], kill);
}

interface Ended {
  code: number | null;
  output: string;
  lines: Line[];
}

function start(place: Place, args: string[], kill?: Kill): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [cli, ...args], {
      env: place.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (kill !== undefined && output.includes(`"step":"${kill.name}","state":"started"`))
        setTimeout(() => child.kill('SIGKILL'), kill.delayMs);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      place.outputs.push(output);
      const lines = output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      resolve({ code, output, lines: lines.map((line) => JSON.parse(line) as Line) });
    });
  });
}

function namesOf({ step, state: of }: Line): string {
  return `${step} ${of}`;
}

async function browse(place: Place, { remedy }: Line): Promise<string> {
  const url = new URL(/https:\S+/.exec(remedy!)![0]);
  return (await get(place, url.pathname + url.search)).location!;
}

interface StandInState {
  calls: Record<string, number>;
  vehicles: Record<string, { executions: string[] }>;
}

async function state(place: Place): Promise<StandInState> {
  return JSON.parse((await get(place, '/_stand_in/state')).body);
}

interface StandInAnswer {
  location: string | undefined;
  body: string;
}

function get(place: Place, address: string): Promise<StandInAnswer> {
  return send(place, 'GET', address);
}

function send({ teslaPort, folder }: Place, method: string, address: string, body?: object): Promise<StandInAnswer> {
  const ca = readFileSync(path.join(folder, 'pki/server-ca.pem'));
  return new Promise((resolve, reject) => {
    request(`https://localhost:${teslaPort}${address}`, { method, ca, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve({ location: response.headers.location, body }));
    })
      .on('error', reject)
      .end(body && JSON.stringify(body));
  });
}

async function connectTeslaMate({ folder, streamingPort }: Place): Promise<TeslaMateClient> {
  const client = new TeslaMateClient({
    url: `wss://localhost:${streamingPort}`,
    token: readFileSync(path.join(folder, 'tokens'), 'utf8').trim(),
    tag: VIN,
    caPem: readFileSync(path.join(folder, 'pki/server-ca.pem'), 'utf8'),
    timeFactor: 0.1,
  });
  cleanUp.push(() => client.stop());
  await client.connect();
  return client;
}

/** Lines of the keys in DATA_DIR/tesla. */
function privateKeyTexts(folder: string): string[] {
  const directory = path.join(folder, 'tesla');
  let names: string[] = [];
  try {
    names = readdirSync(directory).sort();
  } catch {
    // before the first key
  }
  return names.flatMap((name) =>
    readFileSync(path.join(directory, name), 'utf8')
      .split('\n')
      .filter((line) => line.length > 40),
  );
}

function modesIn(directory: string): string[] {
  const files = [...readdirSync(directory).map((name) => path.join(directory, name)), directory];
  return files.map((file) => (statSync(file).mode & 0o777).toString(8)).sort();
}

function logsIn(folder: string): string[] {
  const directory = path.join(folder, 'logs');
  return readdirSync(directory).map((name) => path.join(directory, name));
}

/** Everything that Redis has on disk. */
function dumpOf(folder: string): string {
  return execFileSync('sh', ['-c', 'find . -type f -exec cat {} +'], {
    cwd: path.join(folder, 'redis'),
    encoding: 'latin1',
    maxBuffer: 1e9,
  });
}
