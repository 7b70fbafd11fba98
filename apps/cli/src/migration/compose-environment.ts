// The `.env` of infra/compose.yaml from the values of a Go configuration. Compose fixes the ports and paths inside of the
// containers, so paths become mounts and the Go server's port becomes the published port.
import { basename, dirname } from 'node:path';
import type { GoConfigReading } from '@fleetbridge/service';
import type { Report } from './report.js';

interface Line {
  name: string;
  value: string;
  comment?: string;
}

export function composeEnvironment(
  { values, keys }: GoConfigReading,
  { source, redisPassword, hasDeliveries }: { source: string; redisPassword: string; hasDeliveries: boolean },
  report: Report,
): string {
  const lines: Line[] = [];
  const add = (name: string, value: unknown, comment?: string) => {
    const text = Array.isArray(value) ? value.join(',') : String(value);
    if (/['\n\r]/.test(text))
      report.lost.push(`${keys[name] ?? name}: a value with a quote or a line break, for ${name}`);
    else lines.push({ name, value: text, ...(comment === undefined ? {} : { comment }) });
  };
  for (const [name, value] of Object.entries(values)) {
    const key = keys[name] ?? name;
    if (name === 'INGEST_HOST' || name === 'ADMIN_HOST') {
      report.different.push(`${key}: ${publishedBy[name]}`);
    } else if (!(name in elsewhere)) {
      add(name, value);
      report.carried.push(`${key}: ${name}`);
    }
  }
  addCertificates(values, add, report);
  if (typeof values.INGEST_EXTRA_CA_FILE === 'string') {
    add('INGEST_EXTRA_CA_FILE', `/config/${basename(values.INGEST_EXTRA_CA_FILE)}`);
    report.carried.push('tls.ca_file: INGEST_EXTRA_CA_FILE, added to the CAs of Tesla');
    report.steps.push(`Copy ${values.INGEST_EXTRA_CA_FILE} into config/.`);
  }
  if (hasDeliveries) add('DISPATCHER_CONFIG', '/config/subscriptions.yaml');
  if (Number(values.INGEST_PORT) === 443 && !lines.some(({ name }) => name === 'CADDY_SCALE')) {
    add('HTTPS_PORT', 8444, 'Port 443 is that of ingest here. Tesla fetches your public key from port 443 of DOMAIN.');
    report.steps.push('Port 443 is used by ingest: serve your public key elsewhere, or give ingest another address.');
  }
  if (Number(values.INGEST_ADMIN_PORT) === 9090) {
    add('PROMETHEUS_PORT', 9091, 'Port 9090 is that of ingest here; used by --profile monitoring.');
  }
  report.steps.unshift(
    'Set DOMAIN (the host name of your telemetry configuration) and ALLOWED_VINS (your vehicles) in .env.',
  );
  return [
    `# Settings of compose.yaml, from ${source}. .env.example explains every variable.`,
    '',
    "# The host name that your vehicles' telemetry configuration names.",
    'DOMAIN=',
    '# The VINs of your vehicles, separated by commas.',
    'ALLOWED_VINS=',
    `REDIS_PASSWORD=${redisPassword}`,
    '',
    ...lines.flatMap(({ name, value, comment }) => [
      ...(comment === undefined ? [] : [`# ${comment}`]),
      `${name}=${/^[\w./:,*-]*$/.test(value) ? value : `'${value}'`}`,
    ]),
    '',
  ].join('\n');
}

const publishedBy: Record<string, string> = {
  INGEST_HOST: 'compose publishes the port on all IPv4 addresses of the machine',
  ADMIN_HOST:
    'compose publishes metrics and the status page on 127.0.0.1 only; Prometheus of --profile monitoring reads them',
};

/** Handled apart from the other variables. */
const elsewhere: Record<string, true> = { INGEST_CERT_FILE: true, INGEST_KEY_FILE: true, INGEST_EXTRA_CA_FILE: true };

function addCertificates(
  { INGEST_CERT_FILE: cert, INGEST_KEY_FILE: key }: Record<string, unknown>,
  add: (name: string, value: unknown, comment?: string) => void,
  report: Report,
): void {
  if (typeof cert !== 'string' || typeof key !== 'string') {
    report.different.push("tls: no certificate in the file; Caddy obtains one from Let's Encrypt");
    return;
  }
  const folder = commonFolder(dirname(cert), dirname(key));
  if (folder === undefined || folder === '') {
    report.lost.push(
      `tls.server_cert, tls.server_key: ${cert} and ${key} have no common folder to mount; set CERTIFICATES, INGEST_CERT_FILE and INGEST_KEY_FILE in .env`,
    );
    return;
  }
  add('CERTIFICATES', folder, 'Mounted as /certificates. User 65532 must be able to read the files.');
  for (const app of ['INGEST', 'STREAMING']) {
    add(`${app}_CERT_FILE`, `/certificates${cert.slice(folder.length)}`);
    add(`${app}_KEY_FILE`, `/certificates${key.slice(folder.length)}`);
  }
  add('CADDY_SCALE', 0, 'No Caddy: the certificates are yours, and your public key stays where it is served today.');
  report.carried.push(`tls.server_cert, tls.server_key: CERTIFICATES=${folder}, for ingest and streaming`);
  report.steps.push(`Let user 65532 read the certificates: setfacl -R -m u:65532:rX ${folder}`);
}

/** Certbot's files in live/<name>/ are links into archive/, so the mount has to contain both. Absolute paths only. */
function commonFolder(one: string, other: string): string | undefined {
  if (!one.startsWith('/') || !other.startsWith('/')) return undefined;
  const parts = one.split('/');
  const others = other.split('/');
  const length = parts.findIndex((part, at) => part !== others[at]);
  const common = length === -1 ? parts : parts.slice(0, length);
  const live = common.lastIndexOf('live');
  return (live > 0 ? common.slice(0, live) : common).join('/');
}
