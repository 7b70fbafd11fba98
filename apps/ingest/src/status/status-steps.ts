// From what is known of an installation to what is done, what is missing, and the one command that comes next. Pure; the
// facts are gathered in status-facts.ts and shown in status-page.ts.

import type { ReadinessReport } from '@fleetbridge/service';
import type { LogOverview } from '@fleetbridge/store';

export interface StatusFacts {
  nowMs: number;
  /** How the command line is called where this runs: `npm run fleetbridge --`. */
  commandLine: string;
  readiness: ReadinessReport;
  /** Undefined: Redis does not answer now. */
  log: LogOverview | undefined;
  vehicleCas: VehicleCaFacts | { problem: string; whose: 'production' | 'engineering' | 'own' };
  certificate: CertificateFacts | { problem: string };
  admission: {
    /** How many VINs ALLOWED_VINS and ALLOWED_VINS_FILE name, or all. */
    listed: number | 'all';
    /** By `fleetbridge vehicle`; undefined: Redis does not answer now. */
    allowed: number | undefined;
    denied: number | undefined;
  };
  /** Connections that did not become a vehicle's since the start, by reason. */
  refused: Readonly<Record<string, number>>;
}

export interface VehicleCaFacts {
  whose: 'development' | 'production' | 'engineering' | 'own';
  certificates: number;
  /** Until the first of those that are still good ends; NaN: there is none. */
  daysLeft: number;
  /** Tesla's were fetched, whether they are in use or not. */
  areTeslasHere?: boolean;
}

export interface CertificateFacts {
  hosts: readonly string[];
  daysLeft: number;
  /** Served until the one of INGEST_CERT_FILE is there, which somebody else has yet to get. */
  isMeanwhile: boolean;
  /** Signed by our own development CA, or by itself. */
  isSelfMade: boolean;
  /** TELEMETRY_HOST, and whether the certificate is good for it. */
  telemetryHost: { name: string; isCovered: boolean } | undefined;
}

export interface Step {
  title: string;
  /** done; todo: nothing works without it, or not as a whole; look: works, and is worth a look; open: may be missing. */
  state: 'done' | 'todo' | 'look' | 'open';
  text: string;
  /** What the owner could do about it: a command, or a line of configuration. */
  remedy?: string;
}

const SOON_DAYS = 21;

export function statusSteps(facts: StatusFacts): Step[] {
  return [
    redisStep(facts),
    certificateStep(facts),
    vehicleCaStep(facts),
    admissionStep(facts),
    doorStep(facts),
    vehiclesStep(facts),
    dispatcherStep(facts),
    streamingStep(facts),
  ];
}

/** The first that nothing works without, else the first that is open and has a remedy. */
export function nextStep(steps: readonly Step[]): Step | undefined {
  const having = (...states: Step['state'][]) =>
    steps.find(({ state, remedy }) => states.includes(state) && remedy !== undefined);
  return having('todo') ?? having('open', 'look');
}

function redisStep({ log, commandLine }: StatusFacts): Step {
  const title = 'Redis';
  if (log === undefined) {
    const text = 'Does not answer. No record is acknowledged until it does: vehicles keep theirs and send them again.';
    return { title, state: 'todo', text, remedy: startOf('redis', commandLine) ?? 'Start Redis, or correct REDIS_URL' };
  }
  switch (log.durability) {
    case 'at_once':
      return { title, state: 'done', text: 'Answers. What is acknowledged is on disk.' };
    case 'unknown':
      return { title, state: 'done', text: 'Answers. It does not tell how soon it has records on disk.' };
    case 'never':
      return {
        title,
        state: 'look',
        text: 'Answers, but keeps records in memory only: a restart of Redis loses them.',
        remedy: 'appendonly yes, appendfsync always (redis.conf)',
      };
    default:
      return {
        title,
        state: 'look',
        text: 'Answers. A power cut may lose the last second of what was acknowledged.',
        remedy: 'appendfsync always (redis.conf)',
      };
  }
}

function certificateStep({ certificate }: StatusFacts): Step {
  const title = 'Certificate for vehicles';
  if ('problem' in certificate) return { title, state: 'todo', text: certificate.problem };
  const { hosts, daysLeft, telemetryHost, isSelfMade, isMeanwhile } = certificate;
  const names = hosts.length === 0 ? 'no host at all' : listOf(hosts);
  const text = `For ${names}; ${daysOf(daysLeft)} left.`;
  if (isMeanwhile) {
    const awaited = 'Served until there is one at INGEST_CERT_FILE, which is taken without a restart.';
    return { title, state: 'look', text: `${text} ${awaited}` };
  }
  if (telemetryHost !== undefined && !telemetryHost.isCovered) {
    const remedy = 'INGEST_CERT_FILE and INGEST_KEY_FILE: a certificate for that name';
    return { title, state: 'todo', text: `${text} Not for ${telemetryHost.name}, which is TELEMETRY_HOST.`, remedy };
  }
  if (daysLeft <= SOON_DAYS) {
    const remedy = 'Renew the files; they are taken without a restart';
    return { title, state: daysLeft <= 0 ? 'todo' : 'look', text, remedy };
  }
  const made =
    'Made here: a vehicle of Tesla accepts it only if its telemetry configuration names our CA (server-ca.pem).';
  return { title, state: 'done', text: isSelfMade ? `${text} ${made}` : text };
}

function vehicleCaStep({ vehicleCas, commandLine }: StatusFacts): Step {
  const title = 'Vehicle CAs';
  if ('problem' in vehicleCas) {
    const { problem: text, whose } = vehicleCas;
    if (whose === 'own')
      return { title, state: 'todo', text, remedy: 'Put the file back; it is taken without a restart' };
    const option = whose === 'engineering' ? ' --engineering' : '';
    return { title, state: 'todo', text, remedy: `${commandLine} ca fetch${option}` };
  }
  const { whose, certificates, daysLeft, areTeslasHere } = vehicleCas;
  const loaded = certificates === 1 ? 'one loaded' : `${certificates} loaded`;
  if (Number.isNaN(daysLeft)) return { title, state: 'todo', text: `All of them have ended (${loaded}).` };
  const soon = daysLeft <= SOON_DAYS ? ` The first ends in ${daysOf(daysLeft)}.` : '';
  if (whose === 'development') {
    const settings = 'INGEST_CA_BUNDLE=production and ALLOWED_VINS';
    if (areTeslasHere) {
      const text = `The development CA: simulated vehicles connect. Tesla's CAs are here: set ${settings}, and start again.`;
      const start = commandLine.startsWith('npm') ? ' npm start' : '';
      return {
        title,
        state: 'open',
        text: text + soon,
        remedy: `INGEST_CA_BUNDLE=production ALLOWED_VINS=<VIN>${start}`,
      };
    }
    const text = `The development CA: simulated vehicles connect. For Tesla's fetch its CAs, then set ${settings}.`;
    return { title, state: 'open', text: text + soon, remedy: `${commandLine} ca fetch` };
  }
  const text = { production: "Tesla's", engineering: "Tesla's engineering CAs", own: 'A bundle of your own' }[whose];
  return { title, state: soon === '' ? 'done' : 'look', text: `${text}, ${loaded}.${soon}` };
}

function admissionStep({ admission: { listed, allowed = 0, denied = 0 }, refused, commandLine }: StatusFacts): Step {
  const title = 'Who may connect';
  const knocked = refused.vin_not_admitted ?? 0;
  const parts = [
    listed === 'all'
      ? 'Every vehicle with a certificate of these CAs'
      : `${countOf(listed, 'vehicle')} in ALLOWED_VINS`,
    allowed > 0 ? `${allowed} allowed by command` : '',
    denied > 0 ? `${denied} denied` : '',
  ];
  const text = `${parts.filter(Boolean).join(', ')}.`;
  const remedy = `${commandLine} vehicle allow <VIN>`;
  if (listed === 0 && allowed === 0) {
    return { title, state: 'todo', text: 'No vehicle yet: each of them is turned away.', remedy };
  }
  if (knocked === 0) return { title, state: 'done', text };
  const turned = `${countOf(knocked, 'connection')} turned away; the log names the vehicles (vin_not_admitted).`;
  return { title, state: 'look', text: `${text} ${turned}`, remedy };
}

function doorStep({ readiness, refused }: StatusFacts): Step {
  const title = 'Port for vehicles';
  const door = readiness.checks.vehicles_port;
  const workers = readiness.checks.workers;
  if (door?.ready !== true || workers?.ready === false) {
    return { title, state: 'todo', text: 'Not open yet: it opens when Redis answers.' };
  }
  const all = Object.entries(refused).filter(([reason]) => !harmless.has(reason));
  const count = all.reduce((sum, [, number]) => sum + number, 0);
  if (count === 0) return { title, state: 'done', text: 'Open.' };
  const reasons = all.map(([reason, number]) => `${reason} ${number}`);
  return { title, state: 'look', text: `Open. Refused since the start: ${listOf(reasons)}.` };
}

/** Balancers, port scanners and lost radio do that all day; who is not admitted has a line of its own. */
const harmless: ReadonlySet<string> = new Set([
  'left_before_hello',
  'left_in_queue',
  'connection_lost',
  'vin_not_admitted',
]);

function vehiclesStep({ log, commandLine, vehicleCas }: StatusFacts): Step {
  const title = 'Vehicles';
  if (log === undefined) return { title, state: 'open', text: 'Not known while Redis does not answer.' };
  const { connectedVehicles: connected, knownVehicles: known } = log;
  if (known > 0) return { title, state: 'done', text: `${connected} of ${known} connected now.` };
  const isDevelopment = vehicleCas.whose === 'development';
  const text = 'None has connected yet.';
  return isDevelopment
    ? { title, state: 'open', text, remedy: `${commandLine} simulate` }
    : { title, state: 'open', text: `${text} They come when they have a telemetry configuration with this host.` };
}

function dispatcherStep({ log, commandLine }: StatusFacts): Step {
  const title = 'Dispatcher';
  if (log === undefined) return { title, state: 'open', text: 'Not known while Redis does not answer.' };
  if (log.dispatchers > 0)
    return { title, state: 'done', text: `${countOf(log.dispatchers, 'process', 'es')} running.` };
  const text = 'Not running: no snapshots, no deliveries, and nothing is ever trimmed.';
  return { title, state: 'todo', text, remedy: startOf('dispatcher', commandLine) ?? 'Start apps/dispatcher' };
}

function streamingStep({ log, commandLine }: StatusFacts): Step {
  const title = 'Streaming (TeslaMate)';
  if (log === undefined) return { title, state: 'open', text: 'Not known while Redis does not answer.' };
  const { streamingProcesses, followedVehicles, tokens } = log;
  if (streamingProcesses === 0) {
    const remedy = startOf('streaming', commandLine) ?? 'Start apps/streaming';
    return { title, state: 'open', text: 'Not running: TeslaMate hears nothing.', remedy };
  }
  if (followedVehicles > 0) {
    return { title, state: 'done', text: `Running; clients follow ${countOf(followedVehicles, 'vehicle')}.` };
  }
  const have = tokens === 0 ? 'None but a BRIDGE_TOKEN is accepted.' : `${countOf(tokens, 'token')} made.`;
  const text = `Running. No client follows a vehicle yet. ${have}`;
  return { title, state: 'open', text, ...(tokens === 0 ? { remedy: `${commandLine} token create` } : {}) };
}

/** Undefined where nothing is known of how the parts are started. */
function startOf(service: string, commandLine: string): string | undefined {
  return commandLine.startsWith('docker compose') ? `docker compose up -d ${service}` : undefined;
}

function listOf(names: readonly string[]): string {
  const [shown, more] = [names.slice(0, 8), names.length - 8];
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function countOf(number: number, noun: string, plural = 's'): string {
  return `${number} ${noun}${number === 1 ? '' : plural}`;
}

function daysOf(days: number): string {
  return countOf(Math.floor(days), 'day');
}
