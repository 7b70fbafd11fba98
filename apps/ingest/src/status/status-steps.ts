// Turns the facts of an installation into steps: which are done, which are missing, and the one command to run next. Pure;
// status-facts.ts gathers the facts and status-page.ts shows the steps.

import type { ReadinessReport } from '@fleetbridge/service';
import type { LogOverview, RedisCondition, StoredDoctorReport } from '@fleetbridge/store';
import { NO_EVICTION, type RedisProblem, redisProblems } from '../redis-watch.js';

export interface StatusFacts {
  nowMs: number;
  /** How the CLI is started in this installation, such as `npx fleetbridge`. */
  commandLine: string;
  version: string;
  readiness: ReadinessReport;
  /** INGEST_PORT. */
  vehiclesPort: number;
  /** The maxmemory-policy of Redis; undefined: noeviction, or Redis does not answer. */
  eviction: RedisCondition['eviction'];
  /** Undefined while Redis does not answer. */
  log: LogOverview | undefined;
  /** Undefined: it has not run yet, or Redis does not answer. */
  doctor: StoredDoctorReport | undefined;
  vehicleCas: VehicleCaFacts | { problem: string; source: 'production' | 'engineering' | 'own' };
  certificate: CertificateFacts | { problem: string };
  admission: {
    /** Number of VINs in ALLOWED_VINS and ALLOWED_VINS_FILE, or all. */
    listed: number | 'all';
    /** Entries of them that are not VINs of vehicles. */
    invalid: readonly string[];
    /** Set by `fleetbridge vehicle`; undefined while Redis does not answer. */
    allowed: number | undefined;
    denied: number | undefined;
  };
  /** Connections refused since startup, by reason. */
  refused: Readonly<Record<string, number>>;
  /** By how much the clock of this machine is behind the newest entry of the log. */
  clockBehindSeconds: number;
}

export interface VehicleCaFacts {
  source: 'development' | 'production' | 'engineering' | 'own';
  certificates: number;
  /** Until the first valid CA expires; NaN: every CA has expired. */
  daysLeft: number;
  /** Tesla's CAs have been fetched, whether they are in use or not. */
  areTeslaCasFetched?: boolean;
}

export interface CertificateFacts {
  hosts: readonly string[];
  daysLeft: number;
  /** Days before its expiry by which it should have been renewed. */
  renewalDays: number;
  /** The CA whose certificate is missing in the file, so that vehicles can't verify the server. */
  missingIssuer: string | undefined;
  /** Used until the file of INGEST_CERT_FILE exists, which another program (an ACME client) creates. */
  isTemporary: boolean;
  /** Signed by the development CA or self-signed. */
  isPrivate: boolean;
  /** TELEMETRY_HOST, and whether the certificate is valid for it. */
  telemetryHost: { name: string; isCovered: boolean } | undefined;
}

export interface Step {
  title: string;
  /** missing: required and absent; warning: works, but needs attention; pending: optional or not yet done. */
  state: 'done' | 'missing' | 'warning' | 'pending';
  text: string;
  /** What the operator can do: a command or a line of configuration. */
  remedy?: string;
}

const SOON_DAYS = 21;

export function statusSteps(facts: StatusFacts): Step[] {
  return [
    redisStep(facts),
    ...clockSteps(facts),
    certificateStep(facts),
    vehicleCaStep(facts),
    admissionStep(facts),
    portStep(facts),
    vehiclesStep(facts),
    dispatcherStep(facts),
    streamingStep(facts),
    pollingStep(facts),
  ];
}

/** The first missing step, otherwise the first other step that has a remedy. */
export function nextStep(steps: readonly Step[]): Step | undefined {
  const having = (...states: Step['state'][]) =>
    steps.find(({ state, remedy }) => states.includes(state) && remedy !== undefined);
  return having('missing') ?? having('pending', 'warning');
}

/** The headline of the page. Not ready for vehicles: also with a certificate that no vehicle accepts. */
export function summaryOf({ readiness, certificate }: StatusFacts): { state: Step['state']; text: string } {
  if (!readiness.ready) return { state: 'missing', text: 'Not ready' };
  if ('problem' in certificate) return { state: 'done', text: 'Ready for vehicles' };
  if (certificate.isTemporary) return { state: 'warning', text: 'Waiting for the certificate' };
  if (certificate.missingIssuer !== undefined) return { state: 'warning', text: 'Certificate incomplete' };
  return { state: 'done', text: 'Ready for vehicles' };
}

function redisStep({ log, eviction, readiness, commandLine }: StatusFacts): Step {
  const title = 'Redis';
  const { ready: isSuitable = true, reason } = readiness.checks.redis_writes ?? {};
  const problem = isSuitable ? undefined : redisProblems[reason as RedisProblem];
  if (problem !== undefined) {
    const text = `Not suitable. ${problem.text}. No record is acknowledged.`;
    return { title, state: 'missing', text, remedy: problem.remedy };
  }
  if (log === undefined) {
    const text =
      'Redis does not answer. Records are not acknowledged until it does; vehicles keep them and resend them.';
    return {
      title,
      state: 'missing',
      text,
      remedy: startOf('redis', commandLine) ?? 'Start Redis or correct REDIS_URL',
    };
  }
  if (eviction !== undefined) {
    const text = `Reachable, but with maxmemory-policy ${eviction.policy}: at a memory limit it deletes keys.`;
    return { title, state: 'warning', text, remedy: NO_EVICTION };
  }
  switch (log.durability) {
    case 'at_once':
      return { title, state: 'done', text: 'Reachable. Acknowledged records are on disk.' };
    case 'unknown':
      return { title, state: 'done', text: 'Reachable. Its persistence settings could not be read.' };
    case 'never':
      return {
        title,
        state: 'warning',
        text: 'Reachable, but it keeps records in memory only: a restart of Redis loses them.',
        remedy: 'appendonly yes, appendfsync always (redis.conf)',
      };
    default:
      return {
        title,
        state: 'warning',
        text: 'Reachable. A power failure can lose the records acknowledged in the last second.',
        remedy: 'appendfsync always (redis.conf)',
      };
  }
}

/** No step while the clock is right. */
function clockSteps({ clockBehindSeconds }: StatusFacts): Step[] {
  if (clockBehindSeconds === 0) return [];
  const text = `The clock of this machine is ${durationOf(clockBehindSeconds)} behind its vehicles' and the log's. Records have the times of the vehicles until it is set.`;
  return [{ title: 'Clock', state: 'warning', text, remedy: 'Set the clock, for example with NTP (timedatectl)' }];
}

function certificateStep({ certificate, commandLine }: StatusFacts): Step {
  const title = 'Server certificate';
  if ('problem' in certificate) return { title, state: 'missing', text: certificate.problem };
  const { hosts, daysLeft, renewalDays, missingIssuer, telemetryHost, isPrivate, isTemporary } = certificate;
  const names = hosts.length === 0 ? 'no host name' : listOf(hosts);
  const validity = daysLeft <= 0 ? 'has expired' : `expires in ${daysOf(daysLeft)}`;
  const text = `Valid for ${names}; ${validity}.`;
  if (isTemporary) {
    const host = telemetryHost === undefined ? '' : ` for ${telemetryHost.name}`;
    const until = `Until then one made here is used (${hosts.length === 0 ? 'no host name' : listOf(hosts)}), which vehicles accept only with server-ca.pem in their telemetry configuration.`;
    if (commandLine.startsWith('docker compose')) {
      const cause = `Let's Encrypt has not issued a certificate${host} yet. Usually port 80 does not lead here.`;
      return { title, state: 'missing', text: `${cause} ${until}`, remedy: 'docker compose logs caddy' };
    }
    const awaited = `There is no certificate${host} at INGEST_CERT_FILE yet; it is loaded without a restart.`;
    return {
      title,
      state: 'missing',
      text: `${awaited} ${until}`,
      remedy: 'See the log of the program that obtains it',
    };
  }
  if (telemetryHost !== undefined && !telemetryHost.isCovered) {
    const remedy = 'Set INGEST_CERT_FILE and INGEST_KEY_FILE to a certificate for that name';
    return { title, state: 'missing', text: `${text} Not valid for TELEMETRY_HOST (${telemetryHost.name}).`, remedy };
  }
  if (missingIssuer !== undefined) {
    const cause = `The certificate of its issuer (${missingIssuer}) is missing in the file: vehicles can't verify this server.`;
    const remedy = 'Set INGEST_CERT_FILE to the whole chain (fullchain.pem), or append the intermediate certificate';
    return { title, state: 'missing', text: `${text} ${cause}`, remedy };
  }
  if (daysLeft <= renewalDays) {
    const remedy = 'Renew the certificate files; they are reloaded without a restart';
    return { title, state: daysLeft <= 0 ? 'missing' : 'warning', text, remedy };
  }
  const privateCa =
    'Signed by a private CA: a vehicle accepts it only if its telemetry configuration contains that CA (server-ca.pem).';
  return { title, state: 'done', text: isPrivate ? `${text} ${privateCa}` : text };
}

function vehicleCaStep({ vehicleCas, commandLine }: StatusFacts): Step {
  const title = 'Vehicle CAs';
  if ('problem' in vehicleCas) {
    const { problem: text, source } = vehicleCas;
    if (source === 'own')
      return { title, state: 'missing', text, remedy: 'Restore the file; it is loaded without a restart' };
    const option = source === 'engineering' ? ' --engineering' : '';
    return { title, state: 'missing', text, remedy: `${commandLine} ca fetch${option}` };
  }
  const { source, certificates, daysLeft, areTeslaCasFetched } = vehicleCas;
  const loaded = `${countOf(certificates, 'certificate')} loaded`;
  if (Number.isNaN(daysLeft)) return { title, state: 'missing', text: `All CA certificates have expired (${loaded}).` };
  const soon = daysLeft <= SOON_DAYS ? ` The first CA certificate expires in ${daysOf(daysLeft)}.` : '';
  if (source === 'development') {
    const settings = 'INGEST_CA_BUNDLE=production and ALLOWED_VINS';
    if (areTeslaCasFetched) {
      const text = `Development CA: only simulated vehicles can connect. Tesla's CAs are downloaded: set ${settings}, then restart.`;
      const start = commandLine.startsWith('npx') ? ' npm start' : '';
      return {
        title,
        state: 'pending',
        text: text + soon,
        remedy: `INGEST_CA_BUNDLE=production ALLOWED_VINS=<VIN>${start}`,
      };
    }
    const text = `Development CA: only simulated vehicles can connect. To accept real vehicles, download Tesla's vehicle CAs, then set ${settings}.`;
    return { title, state: 'pending', text: text + soon, remedy: `${commandLine} ca fetch` };
  }
  const text = { production: "Tesla's CAs", engineering: "Tesla's engineering CAs", own: 'Your own CA bundle' }[source];
  return { title, state: soon === '' ? 'done' : 'warning', text: `${text}, ${loaded}.${soon}` };
}

function admissionStep({ admission, refused, commandLine }: StatusFacts): Step {
  const { listed, invalid, allowed = 0, denied = 0 } = admission;
  const title = 'Admission';
  const refusals = refused.vin_not_admitted ?? 0;
  const parts = [
    listed === 'all'
      ? 'Every vehicle with a certificate of these CAs may connect'
      : `${countOf(listed, 'vehicle')} in ALLOWED_VINS`,
    allowed > 0 ? `${allowed} allowed with the CLI` : '',
    denied > 0 ? `${denied} denied with the CLI` : '',
  ];
  const wrong = `${countOf(invalid.length, 'entry', 'entries')} of the list ${invalid.length === 1 ? 'is no VIN' : 'are no VINs'}: ${listOf(invalid)}.`;
  const text = `${parts.filter(Boolean).join(', ')}.${invalid.length === 0 ? '' : ` ${wrong}`}`;
  const remedy = `${commandLine} vehicle allow <VIN>`;
  if (listed === 0 && allowed === 0) {
    const noVehicle = 'No vehicle is admitted: every connection is refused.';
    const all = invalid.length === 0 ? noVehicle : `${noVehicle} ${wrong}`;
    return { title, state: 'missing', text: all, remedy: `${commandLine} setup, or ${remedy}` };
  }
  if (refusals === 0 && invalid.length > 0) {
    return { title, state: 'warning', text, remedy: 'Correct the entries in ALLOWED_VINS or ALLOWED_VINS_FILE' };
  }
  if (refusals === 0) return { title, state: 'done', text };
  const refusedText = `${countOf(refusals, 'connection')} refused; the log contains their VINs (event vin_not_admitted).`;
  return { title, state: 'warning', text: `${text} ${refusedText}`, remedy };
}

function portStep({ readiness, refused, vehiclesPort }: StatusFacts): Step {
  const title = 'Port for vehicles';
  const port = readiness.checks.vehicles_port;
  const workers = readiness.checks.workers;
  if (port?.ready !== true || workers?.ready === false) {
    return { title, state: 'missing', text: 'Not open yet. It opens when the steps above are done.' };
  }
  const all = Object.entries(refused).filter(([reason]) => !harmless.has(reason));
  const count = all.reduce((sum, [, number]) => sum + number, 0);
  const where = vehiclesPort === 0 ? '' : ` on ${vehiclesPort}`;
  const open = `Listening${where}. Whether the Internet reaches it can't be seen from here.`;
  if (count === 0) return { title, state: 'done', text: open };
  const reasons = all.map(([reason, number]) => `${reason} ${number}`);
  return { title, state: 'warning', text: `${open} Connections refused since startup: ${listOf(reasons)}.` };
}

/** Caused by balancers, port scanners and lost radio links all day; vin_not_admitted has its own step. */
const harmless: ReadonlySet<string> = new Set([
  'left_before_hello',
  'left_in_queue',
  'connection_lost',
  'vin_not_admitted',
]);

function vehiclesStep({ log, commandLine, vehicleCas }: StatusFacts): Step {
  const title = 'Vehicles';
  if (log === undefined) return { title, state: 'pending', text: 'Unknown while Redis does not answer.' };
  const { connectedVehicles: connected, knownVehicles: known } = log;
  if (known > 0) return { title, state: 'done', text: `${connected} of ${known} connected.` };
  const isDevelopment = vehicleCas.source === 'development';
  const text = 'No vehicle has connected yet.';
  return isDevelopment
    ? { title, state: 'pending', text, remedy: `${commandLine} simulate` }
    : {
        title,
        state: 'pending',
        text: `${text} It connects after the set-up at Tesla.`,
        remedy: `${commandLine} setup`,
      };
}

function dispatcherStep({ log, commandLine }: StatusFacts): Step {
  const title = 'Dispatcher';
  if (log === undefined) return { title, state: 'pending', text: 'Unknown while Redis does not answer.' };
  if (log.dispatchers > 0)
    return { title, state: 'done', text: `${countOf(log.dispatchers, 'process', 'processes')} running.` };
  const text = 'Not running: no snapshots, no deliveries, and the log is not trimmed.';
  return { title, state: 'missing', text, remedy: startOf('dispatcher', commandLine) ?? 'Start apps/dispatcher' };
}

function streamingStep({ log, commandLine }: StatusFacts): Step {
  const title = 'Streaming (TeslaMate)';
  if (log === undefined) return { title, state: 'pending', text: 'Unknown while Redis does not answer.' };
  const { streamingProcesses, followedVehicles, tokens } = log;
  if (streamingProcesses === 0) {
    const remedy = startOf('streaming', commandLine) ?? 'Start apps/streaming';
    return { title, state: 'pending', text: 'Not running: TeslaMate receives no data.', remedy };
  }
  if (followedVehicles > 0) {
    return { title, state: 'done', text: `Running; clients follow ${countOf(followedVehicles, 'vehicle')}.` };
  }
  const tokenText =
    tokens === 0 ? 'No token exists; only BRIDGE_TOKEN is accepted.' : `${countOf(tokens, 'token')} created.`;
  const text = `Running. No client follows a vehicle yet. ${tokenText}`;
  return { title, state: 'pending', text, ...(tokens === 0 ? { remedy: `${commandLine} token create` } : {}) };
}

/** Undefined if the way the services are started is unknown. */
function startOf(service: string, commandLine: string): string | undefined {
  return commandLine.startsWith('docker compose') ? `docker compose up -d ${service}` : undefined;
}

function listOf(names: readonly string[]): string {
  const [shown, more] = [names.slice(0, 8), names.length - 8];
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function countOf(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

function durationOf(seconds: number): string {
  if (seconds < 120) return countOf(seconds, 'second');
  if (seconds < 7_200) return countOf(Math.round(seconds / 60), 'minute');
  return seconds < 172_800 ? countOf(Math.round(seconds / 3_600), 'hour') : daysOf(seconds / 86_400);
}

function daysOf(days: number): string {
  return countOf(Math.floor(days), 'day');
}

/** TeslaMate polls at least every 30 s while a vehicle is known, and asks of a sleeping one as often. */
const POLLED_MS = 300_000;

function pollingStep({ log, nowMs, commandLine }: StatusFacts): Step {
  const title = 'Gateway (polling)';
  if (log === undefined) return { title, state: 'pending', text: 'Unknown while Redis does not answer.' };
  const { clients, lastPollMs } = log;
  if (clients === 0) {
    // not a next step: an installation may poll Tesla, or nothing
    const text = `No client for polling has been created. For TeslaMate without Tesla's API: ${commandLine} teslamate create.`;
    return { title, state: 'pending', text };
  }
  const signedUp = countOf(clients, 'program');
  const remedy = `${commandLine} teslamate check`;
  if (lastPollMs === undefined) {
    return { title, state: 'pending', text: `${signedUp} created; the gateway has not been polled yet.`, remedy };
  }
  const minutes = Math.max(0, Math.round((nowMs - lastPollMs) / 60_000));
  if (nowMs - lastPollMs > POLLED_MS) {
    return { title, state: 'warning', text: `Not polled for ${countOf(minutes, 'minute')}.`, remedy };
  }
  return {
    title,
    state: 'done',
    text: `${signedUp} created; polled within the last ${countOf(Math.max(1, minutes), 'minute')}.`,
  };
}
