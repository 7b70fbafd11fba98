// What infra/compose.yaml and the images do differently, with the reason. Tests compare both with this list.

export type ContainerFact =
  /** Another default; .env can still set it. */
  | { kind: 'default'; value: string; reason: string }
  /** Set by compose or the image to one value; .env can't change it. */
  | { kind: 'fixed'; value: string; reason: string }
  /** .env must set it. */
  | { kind: 'required'; reason: string }
  /** Compose makes its default from other settings of .env. */
  | { kind: 'derived'; reason: string }
  /** Left at the default of the program. */
  | { kind: 'unset'; reason: string };

const PORT_REASON = 'The port inside the container; the variable in .env chooses the port of the machine.';
const CADDY_REASON = 'The default is the certificate that Caddy obtains for the name.';
const SIMULATE_REASON = 'In a container, simulate connects to the URL of --url.';
const SIM_TESLA_REASON = 'The stand-in of Tesla is for `npm start`.';

/** By variable; `<process>.<variable>` where it holds for one process only. */
export const inContainers: Readonly<Record<string, ContainerFact>> = {
  LOG_FORMAT: { kind: 'default', value: 'json', reason: 'Docker collects the lines.' },
  INGEST_WORKERS: { kind: 'default', value: '1', reason: 'One process is enough for the vehicles of a household.' },
  INGEST_CA_BUNDLE: { kind: 'default', value: 'production', reason: 'Compose is for vehicles of Tesla.' },
  TESLA_CA_FETCH: { kind: 'default', value: 'on', reason: 'The first start needs no extra command.' },
  DATA_DIR: { kind: 'fixed', value: '/data', reason: 'The volume of the image.' },
  ADMIN_HOST: { kind: 'fixed', value: '0.0.0.0', reason: 'Compose publishes the admin ports on loopback only.' },
  SHUTDOWN_SECONDS: { kind: 'fixed', value: '20', reason: 'Less than stop_grace_period, so a stop is not cut off.' },
  REDIS_URL: { kind: 'derived', reason: 'The address of the Redis of compose, with REDIS_PASSWORD.' },
  ALLOWED_VINS: { kind: 'required', reason: 'Vehicles of Tesla connect, so there is no safe default.' },
  DOMAIN: { kind: 'required', reason: 'Caddy obtains the certificates for it.' },
  TELEMETRY_HOST: { kind: 'derived', reason: 'The default is DOMAIN.' },
  STREAMING_HOST: { kind: 'derived', reason: 'The default is DOMAIN.' },
  INGEST_CERT_FILE: { kind: 'derived', reason: CADDY_REASON },
  INGEST_KEY_FILE: { kind: 'derived', reason: CADDY_REASON },
  STREAMING_CERT_FILE: { kind: 'derived', reason: CADDY_REASON },
  STREAMING_KEY_FILE: { kind: 'derived', reason: CADDY_REASON },
  INGEST_HOST: { kind: 'unset', reason: 'A container has one address; Docker publishes the port.' },
  STREAMING_BIND: { kind: 'unset', reason: 'A container has one address; Docker publishes the port.' },
  INGEST_PORT: { kind: 'unset', reason: PORT_REASON },
  INGEST_ADMIN_PORT: { kind: 'unset', reason: PORT_REASON },
  STREAMING_PORT: { kind: 'unset', reason: PORT_REASON },
  STREAMING_GRPC_PORT: { kind: 'unset', reason: 'For containers of the same network; not published.' },
  STREAMING_ADMIN_PORT: { kind: 'unset', reason: PORT_REASON },
  DISPATCHER_ADMIN_PORT: { kind: 'unset', reason: PORT_REASON },
  GATEWAY_BIND: { kind: 'unset', reason: 'A container has one address; compose publishes no port of the gateway.' },
  GATEWAY_PORT: { kind: 'unset', reason: 'For containers of the same network; not published.' },
  GATEWAY_ADMIN_PORT: { kind: 'unset', reason: PORT_REASON },
  GATEWAY_PLAIN_HTTP: { kind: 'fixed', value: 'on', reason: 'Only containers of the same network reach the port.' },
  SIM_TESLA: { kind: 'unset', reason: SIM_TESLA_REASON },
  SIM_TESLA_PORT: { kind: 'unset', reason: SIM_TESLA_REASON },
  SIM_TESLA_KEY_URL: { kind: 'unset', reason: SIM_TESLA_REASON },
  'cli.ADMIN_HOST': { kind: 'unset', reason: 'Commands have no admin port.' },
  'cli.SHUTDOWN_SECONDS': { kind: 'unset', reason: 'Commands end within the default.' },
  'cli.INGEST_PORT': { kind: 'derived', reason: 'The port of the machine, at which vehicles connect.' },
  TESLA_REDIRECT_URL: { kind: 'unset', reason: 'It belongs to one sign-in: an option of `setup`.' },
  'cli.INGEST_CERT_FILE': { kind: 'unset', reason: SIMULATE_REASON },
};
