// The result of one check, and of all of them.

/** `grey`: not checked. */
export type Colour = 'green' | 'yellow' | 'red' | 'grey';

export interface Finding {
  readonly check: CheckName;
  readonly colour: Colour;
  /** What was found, or why it was not checked. */
  readonly text: string;
  /** Of a vehicle only. */
  readonly vin?: string | undefined;
  /** What is wrong, from a table of problems; undefined while green or grey. */
  readonly problem?: string | undefined;
  readonly remedy?: string | undefined;
}

/** A finding without the names that its caller knows. */
export type Verdict = Omit<Finding, 'check' | 'vin'>;

export type CheckName = keyof typeof checks;

/** Every check with its title, in the order of the report. */
export const checks = {
  'dns.domain': 'DNS of the domain',
  'dns.telemetry': 'DNS of the telemetry host',
  'dns.streaming': 'DNS of the streaming host',
  'port.telemetry': 'Port for vehicles',
  'port.streaming': 'Port for TeslaMate',
  'port.gateway': 'Port of the gateway',
  'certificate.chain': 'Certificate chain',
  'certificate.expiry': 'Certificate expiry',
  'certificate.ca': 'CA in the configuration',
  'certificate.vehicle_cas': 'CAs named to vehicles',
  'application.access': 'Application at Tesla',
  'application.key': 'Public key on the domain',
  'application.registration': 'Registration at Tesla',
  'account.sign_in': 'Sign-in to Tesla',
  'account.scopes': 'Scopes of the sign-in',
  'vehicle.pairing': 'Pairing',
  'vehicle.firmware': 'Firmware',
  'vehicle.streaming_toggle': 'Streaming allowed',
  'vehicle.configuration': 'Configuration',
  'vehicle.reports': 'Errors of the vehicle',
  'vehicle.records': 'Records of the vehicle',
  'teslamate.poll': 'Polls of TeslaMate',
  'teslamate.stream': 'Stream to TeslaMate',
  'redis.writes': 'Redis',
  'redis.persistence': 'Redis: persistence',
  'redis.eviction': 'Redis: eviction',
  'redis.memory': 'Redis: memory',
  'redis.growth': 'Redis: growth',
  clock: 'Clock',
  disk: 'Disk',
  versions: 'Versions',
} as const;

export function green(text: string): Verdict {
  return { colour: 'green', text };
}

export function notChecked(text: string): Verdict {
  return { colour: 'grey', text };
}

/** Grey counts for nothing: what prevented the check is a finding of its own. */
export function worstColour(findings: readonly Pick<Finding, 'colour'>[]): 'green' | 'yellow' | 'red' {
  const has = (colour: Colour) => findings.some((finding) => finding.colour === colour);
  return has('red') ? 'red' : has('yellow') ? 'yellow' : 'green';
}
