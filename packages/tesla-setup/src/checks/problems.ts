// What the doctor can find, besides the problems that Tesla and the account have names for, as data.
import type { Colour, Verdict } from './finding.js';

export type DoctorProblem = keyof typeof doctorProblems;

interface Entry {
  readonly colour: Exclude<Colour, 'green' | 'grey'>;
  readonly meaning: string;
  readonly remedy: string;
}

/** `detail` follows the meaning: the value that was found. */
export function problem(name: DoctorProblem, detail = ''): Verdict {
  const { colour, meaning, remedy } = doctorProblems[name];
  return { colour, text: detail === '' ? meaning : `${meaning} ${detail}`, problem: name, remedy };
}

export const doctorProblems = {
  not_set_up: {
    colour: 'yellow',
    meaning: 'This installation is not set up at Tesla yet.',
    remedy: 'Run `fleetbridge setup`.',
  },
  dns_not_found: {
    colour: 'red',
    meaning: 'The name has no address in DNS.',
    remedy: 'Create an A record with the public address of this machine at the provider of the domain.',
  },
  dns_private: {
    colour: 'red',
    meaning: 'The name leads to an address that the Internet can not reach.',
    remedy: 'Set the A record to the public address of the router, and remove an AAAA record that does not lead here.',
  },
  dns_other_root: {
    colour: 'red',
    meaning: 'The telemetry host does not belong to the domain that is registered at Tesla.',
    remedy: 'Choose a telemetry host below the registered domain, then run `fleetbridge setup` again.',
  },
  port_closed: {
    colour: 'red',
    meaning: 'The port for vehicles is closed.',
    remedy: 'Start ingest, and see its log and status page (INGEST_ADMIN_PORT) if it does not open the port.',
  },
  service_port_closed: {
    colour: 'yellow',
    meaning: 'The port is closed.',
    remedy: 'Start the service, and see its log if it does not open the port.',
  },
  port_not_public: {
    colour: 'yellow',
    meaning: 'The port is open here, but its public name does not lead to it from this network.',
    remedy:
      'Compare the address of the name with the public one of your router, and forward the port there. Many routers do not lead their own public address back inside: then try it from another network, such as a phone without Wi-Fi.',
  },
  certificate_expired: {
    colour: 'red',
    meaning: 'The certificate that vehicles get has expired.',
    remedy: 'Renew the files of INGEST_CERT_FILE and INGEST_KEY_FILE; they are reloaded without a restart.',
  },
  certificate_expires_soon: {
    colour: 'yellow',
    meaning: 'The certificate that vehicles get should have been renewed by now.',
    remedy: 'See the log of the program that renews it, such as `docker compose logs caddy`.',
  },
  certificate_other_name: {
    colour: 'red',
    meaning: 'The certificate that vehicles get is not valid for the telemetry host.',
    remedy: 'Set INGEST_CERT_FILE and INGEST_KEY_FILE to a certificate for that name.',
  },
  chain_incomplete: {
    colour: 'red',
    meaning: 'The server does not send the certificate of its issuer. Vehicles and TeslaMate can not verify it.',
    remedy: 'Set INGEST_CERT_FILE to the whole chain (fullchain.pem), or append the intermediate certificate.',
  },
  tls_failed: {
    colour: 'red',
    meaning: 'The port for vehicles does not answer with TLS.',
    remedy: 'The port must lead to ingest itself, without a proxy that speaks HTTP in front of it.',
  },
  ca_mismatch: {
    colour: 'red',
    meaning: 'Vehicles do not trust the server: `ca` of their configuration does not have the CA of its certificate.',
    remedy: 'Send the configuration again with `fleetbridge config apply`: it reads `ca` from the served certificate.',
  },
  ca_partial: {
    colour: 'yellow',
    meaning: '`ca` of the configuration has an intermediate CA, but not its root. Vehicles may refuse the server.',
    remedy: 'Send the configuration again with `fleetbridge config apply`: it adds the root.',
  },
  ca_not_valid: {
    colour: 'red',
    meaning: '`ca` of the configuration can not be read as certificates.',
    remedy: 'Send the configuration again with `fleetbridge config apply`: it reads `ca` from the served certificate.',
  },
  vehicle_cas_missing: {
    colour: 'red',
    meaning: 'The server does not name every CA of Tesla. Vehicles of the others connect without a certificate.',
    remedy: 'Set INGEST_CA_BUNDLE=production, and get the newest CAs with `fleetbridge ca fetch`.',
  },
  client_certificate_not_requested: {
    colour: 'red',
    meaning: 'The server does not ask vehicles for their certificate.',
    remedy: 'Do not end TLS in a proxy in front of ingest: forward the port as it is (TCP).',
  },
  application_key_missing: {
    colour: 'red',
    meaning: 'The application key of this installation is missing.',
    remedy:
      'Restore DATA_DIR/tesla/application-key.pem from the backup, or set TESLA_KEY_FILE to the key that the vehicles are paired with and run `fleetbridge setup`.',
  },
  key_not_reachable: {
    colour: 'red',
    meaning: 'The public key can not be fetched over the domain.',
    remedy:
      'Tesla needs https://<domain>/.well-known/appspecific/com.tesla.3p.public-key.pem on port 443, with a publicly trusted certificate. Start the gateway and the web server in front of it.',
  },
  key_not_served: {
    colour: 'red',
    meaning: 'The domain answers, but not with the public key.',
    remedy:
      'Serve the key at /.well-known/appspecific/com.tesla.3p.public-key.pem with status 200 and without a redirect: lead the path to the gateway.',
  },
  other_key_served: {
    colour: 'red',
    meaning: 'The domain serves another public key than the one of this installation.',
    remedy:
      'Serve the public key of DATA_DIR/tesla/application-key.pem. If the vehicles are paired with the key that is served, give its private key to `fleetbridge setup --key-file` in place of ours.',
  },
  other_key_registered: {
    colour: 'red',
    meaning: 'Tesla has registered another public key for the domain.',
    remedy:
      'If the domain serves the right key now, register it again with `fleetbridge setup`. Vehicles that were paired with the other key must be paired again.',
  },
  configuration_missing: {
    colour: 'red',
    meaning: 'Tesla has no telemetry configuration for this vehicle.',
    remedy: 'Send it with `fleetbridge config apply`. If it was removed, check the billing limit first.',
  },
  configuration_waiting: {
    colour: 'yellow',
    meaning: 'The vehicle does not have its configuration yet.',
    remedy: 'Wake the vehicle, for example in the Tesla app, and leave it awake for some minutes.',
  },
  configuration_differs: {
    colour: 'yellow',
    meaning: 'The configuration at Tesla is not the one that was sent from here.',
    remedy: 'Compare with `fleetbridge config diff`, and send ours with `fleetbridge config apply`.',
  },
  watch_stopped: {
    colour: 'yellow',
    meaning: 'Tesla has named a limit: the configuration is not sent again by itself.',
    remedy:
      'Check the billing limit on developer.tesla.com and `fleetbridge cost`, then run `fleetbridge config apply`.',
  },
  vehicle_reported: {
    colour: 'red',
    meaning: 'The vehicle has reported an error to Tesla.',
    remedy: 'Check host name, port and `ca` of its configuration, then send it again with `fleetbridge config apply`.',
  },
  vehicle_report_old: {
    colour: 'yellow',
    meaning: 'The vehicle has reported an error to Tesla, and has sent records since.',
    remedy: 'If it does not come back, there is nothing to do.',
  },
  vehicle_silent: {
    colour: 'red',
    meaning: 'The vehicle is online at Tesla, but does not send records.',
    remedy:
      'Correct the other findings first. Otherwise see the log of ingest for refused connections (vin_not_admitted, certificate_refused), and restart the computer of the vehicle.',
  },
  vehicle_quiet: {
    colour: 'yellow',
    meaning: 'The vehicle has not sent a record for long.',
    remedy: 'Wake the vehicle in the Tesla app. It must connect within minutes.',
  },
  vehicle_never_sent: {
    colour: 'yellow',
    meaning: 'The vehicle has never sent a record.',
    remedy: 'Wake the vehicle in the Tesla app. Its first connection can take minutes, at times hours.',
  },
  redis_not_reachable: {
    colour: 'red',
    meaning: 'Redis does not answer.',
    remedy: 'Start fleetbridge (npm start, or docker compose up -d), or correct REDIS_URL or DATA_DIR.',
  },
  redis_writes_rejected: {
    colour: 'red',
    meaning: 'Redis rejects writes. No record is acknowledged.',
    remedy: 'REDIS_URL must name the master, with a user that may write. See the log of Redis for errors of the disk.',
  },
  redis_not_persistent: {
    colour: 'red',
    meaning: 'Redis keeps records in memory only: its restart loses them.',
    remedy: 'Set `appendonly yes` and `appendfsync always` in redis.conf.',
  },
  redis_persists_late: {
    colour: 'yellow',
    meaning: 'A power failure can lose the records that were acknowledged last.',
    remedy: 'Set `appendfsync always` in redis.conf.',
  },
  redis_evicts: {
    colour: 'red',
    meaning: 'Redis deletes records when its memory is full.',
    remedy: 'Set `maxmemory-policy noeviction` in redis.conf, or use a Redis only for fleetbridge.',
  },
  redis_may_evict: {
    colour: 'yellow',
    meaning: 'Redis would delete keys at a memory limit.',
    remedy: 'Set `maxmemory-policy noeviction` in redis.conf, or use a Redis only for fleetbridge.',
  },
  redis_memory_full: {
    colour: 'red',
    meaning: 'The memory of Redis is almost full. At the limit vehicles wait.',
    remedy: 'Raise REDIS_MEMORY (maxmemory), or lower RETENTION_HOURS.',
  },
  redis_memory_high: {
    colour: 'yellow',
    meaning: 'The memory of Redis is filling.',
    remedy: 'Raise REDIS_MEMORY (maxmemory), or lower RETENTION_HOURS.',
  },
  redis_grows: {
    colour: 'yellow',
    meaning: 'At its present growth the log does not fit in the memory of Redis for RETENTION_HOURS.',
    remedy: 'Raise REDIS_MEMORY (maxmemory), or lower RETENTION_HOURS, or send fewer signals.',
  },
  clock_wrong: {
    colour: 'red',
    meaning: "The clock of this machine differs from Tesla's.",
    remedy: 'Set the clock, for example with NTP (timedatectl set-ntp true).',
  },
  disk_full: {
    colour: 'red',
    meaning: 'The disk of DATA_DIR is almost full.',
    remedy: 'Free space on the disk. Redis can not store records on a full disk.',
  },
  disk_low: {
    colour: 'yellow',
    meaning: 'The disk of DATA_DIR is filling.',
    remedy: 'Free space on the disk.',
  },
  version_too_old: {
    colour: 'red',
    meaning: 'A version is too old for fleetbridge.',
    remedy: 'Install Redis 7.0 or newer, and Node 20.19 or newer.',
  },
  teslamate_not_polling: {
    colour: 'yellow',
    meaning: 'TeslaMate does not poll the gateway.',
    remedy: 'See `fleetbridge teslamate check`: it names what TeslaMate has not done.',
  },
  teslamate_not_streaming: {
    colour: 'yellow',
    meaning: 'Vehicles are connected, but no client reads the stream.',
    remedy:
      'Set TESLA_WSS_HOST and TESLA_WSS_USE_VIN in the environment of TeslaMate, with a token of `fleetbridge token create` or `fleetbridge teslamate create`.',
  },
} as const satisfies Record<string, Entry>;
