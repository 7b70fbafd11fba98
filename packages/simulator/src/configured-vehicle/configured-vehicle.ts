// A simulated vehicle that connects by a telemetry configuration, and checks it as a car does: the signature, the type of
// the port, and at the connection the host name and the CA.
import { lookup as systemLookup } from 'node:dns';
import { isDeepStrictEqual } from 'node:util';
import { type ConfigToken, isSignatureValid, readConfigToken } from '../config-token/index.js';
import type { PhasePlan, TelemetryConfig, VehicleControls } from '../model/index.js';
import { type Clock, SimulatedVehicle, type SimulatedVehicleEvent, type VehicleServer } from '../vehicle/index.js';
import { fieldsProblem } from './fields.js';
import { createSignalCount, type SignalCount } from './signal-count.js';

export interface ConfiguredVehicleOptions {
  readonly vin: string;
  readonly firmware: () => string;
  /**
   * Its client certificate and key, PEM, when a configuration is applied. Undefined: it sends no certificate, as a
   * car with a CA that the server does not name.
   */
  readonly identity: () => { readonly certificatePem: string; readonly keyPem: string } | undefined;
  /** Address of a host name; default: the system's. */
  readonly lookup?: ((hostname: string) => string | Promise<string>) | undefined;
  readonly plan?: readonly PhasePlan[] | undefined;
  readonly timeScale?: number | undefined;
  readonly startMs?: number | undefined;
  readonly clock: Clock;
  readonly reconnect?: { readonly minimumMs: number; readonly maximumMs: number } | undefined;
  readonly onEvent?: ((event: SimulatedVehicleEvent) => void) | undefined;
  /** What the vehicle reports to Tesla; each reason once per configuration. */
  readonly onError: (error: VehicleError) => void;
}

export interface VehicleError {
  readonly name: string;
  readonly text: string;
}

/** `ignored`: the vehicle neither connects nor reports anything. */
export type Applied = 'accepted' | 'refused' | 'ignored';

export interface ConfiguredVehicle {
  readonly signals: SignalCount;
  /** Undefined while no configuration is applied. */
  readonly vehicle: SimulatedVehicle | undefined;
  readonly isConnected: boolean;
  /**
   * Replaces the configuration; `token` as `fleet_telemetry_config_jws` takes it, `keys` as hex: those on the vehicle.
   * The connection stays when host name, port and ca stay.
   */
  apply(token: string, keys: ReadonlySet<string>): Promise<Applied>;
  /** Ends the connection; the vehicle lives on. */
  remove(): Promise<void>;
  /** As a command does. */
  control(controls: VehicleControls): void;
  /** Wakes it up, or lets it sleep until it is woken up. */
  setAwake(isAwake: boolean): void;
  install(firmware: string): void;
  stop(): Promise<void>;
}

export function createConfiguredVehicle(options: ConfiguredVehicleOptions): ConfiguredVehicle {
  const { vin, plan, timeScale, startMs, clock, reconnect } = options;
  const signals = createSignalCount();
  /** Of the applied configuration; without one the vehicle lives on, but sends nothing. */
  let server: VehicleServer | undefined;
  let reported = new Set<string>();
  const car = new SimulatedVehicle({
    vin,
    version: options.firmware(),
    telemetry: NOTHING,
    clock,
    lookup: options.lookup ?? resolveBySystem,
    onSend: (bytes) => signals.add(bytes, clock.now()),
    ...(plan === undefined ? {} : { plan }),
    ...(timeScale === undefined ? {} : { timeScale }),
    ...(startMs === undefined ? {} : { startMs }),
    ...(reconnect === undefined ? {} : { reconnect }),
    onEvent(event) {
      options.onEvent?.(event);
      if (event.type === 'connect_failed') report(connectError(event.error));
    },
  });

  return {
    signals,
    get vehicle() {
      return server === undefined ? undefined : car;
    },
    get isConnected() {
      return car.isConnected;
    },
    async apply(token, keys) {
      reported = new Set();
      const wanted = read(token, keys);
      if ('applied' in wanted) {
        await remove();
        if (wanted.error !== undefined) report(wanted.error);
        return wanted.applied;
      }
      car.configure(wanted.telemetry);
      car.start();
      if (!isDeepStrictEqual(server, wanted.server)) {
        server = wanted.server;
        await car.connectTo(server);
      }
      return 'accepted';
    },
    remove,
    control: (controls) => car.control(controls),
    setAwake: (isAwake) => car.setAwake(isAwake),
    install: (firmware) => car.install(firmware),
    stop: () => car.stop(),
  };

  async function remove(): Promise<void> {
    server = undefined;
    car.configure(NOTHING);
    await car.connectTo(undefined);
  }

  function read(
    token: string,
    keys: ReadonlySet<string>,
  ): { server: VehicleServer; telemetry: TelemetryConfig } | { applied: Applied; error?: VehicleError } {
    const content = readConfigToken(token);
    if (typeof content === 'string') return refusal('config_manager_error', content);
    const badSignature = signatureProblem(content, keys);
    if (badSignature !== undefined) return refusal('InvalidSignature', badSignature);
    const { hostname, port, ca, fields } = content.claims;
    // A car ignores a port that is a text, and reports nothing.
    if (typeof port !== 'number') return { applied: 'ignored' };
    const telemetry = { fields: fields as TelemetryConfig['fields'] };
    const problem = fieldsProblem(telemetry, options.firmware());
    if (problem !== undefined) return refusal('config_manager_error', problem);
    const { certificatePem = '', keyPem = '' } = options.identity() ?? {};
    return { server: { url: `wss://${hostname}:${port}/`, caPem: String(ca), certificatePem, keyPem }, telemetry };
  }

  function report(error: VehicleError): void {
    if (reported.has(error.text)) return;
    reported.add(error.text);
    options.onError(error);
  }
}

const NOTHING: TelemetryConfig = { fields: {} };

function refusal(name: string, text: string): { applied: 'refused'; error: VehicleError } {
  return { applied: 'refused', error: { name, text: `${name}: ${text}` } };
}

function signatureProblem(token: ConfigToken, keys: ReadonlySet<string>): string | undefined {
  const { publicKey } = token;
  if (publicKey.length !== 65 || publicKey[0] !== 4) {
    return 'invalid mailbox public key: only NIST-P256 ECDH keys permitted';
  }
  if (!keys.has(publicKey.toString('hex'))) return 'the public key is not paired with the vehicle';
  return isSignatureValid(token) ? undefined : 'the signature does not match the public key';
}

function connectError(error: Error): VehicleError {
  const { code } = (error.cause ?? {}) as { code?: string };
  const isTls = code !== undefined && /CERT|SSL|TLS|ISSUER|SIGNATURE|SELF_SIGNED/.test(code);
  return isTls
    ? { name: 'tls_verification_error', text: `TLS verification failed: ${error.message}` }
    : { name: 'connection_error', text: error.message };
}

function resolveBySystem(hostname: string): Promise<string> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, (error, address) => (error === null ? resolve(address) : reject(error)));
  });
}
