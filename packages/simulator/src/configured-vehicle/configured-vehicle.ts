// A simulated vehicle that connects by a telemetry configuration, and checks it as a car does: the signature, the type of
// the port, and at the connection the host name and the CA.
import { lookup as systemLookup } from 'node:dns';
import { type ConfigToken, isSignatureValid, readConfigToken } from '../config-token/index.js';
import type { PhasePlan, TelemetryConfig } from '../model/index.js';
import { type Clock, SimulatedVehicle, type SimulatedVehicleEvent } from '../vehicle/index.js';
import { createSignalCount, type SignalCount } from './signal-count.js';

export interface ConfiguredVehicleOptions {
  readonly vin: string;
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
  /** Replaces the configuration; `token` as `fleet_telemetry_config_jws` takes it, `keys` as hex: those on the vehicle. */
  apply(token: string, keys: ReadonlySet<string>): Promise<Applied>;
  /** Ends the connection. */
  remove(): Promise<void>;
}

export function createConfiguredVehicle(options: ConfiguredVehicleOptions): ConfiguredVehicle {
  const signals = createSignalCount();
  let vehicle: SimulatedVehicle | undefined;
  let reported = new Set<string>();
  /** Of the last `apply` or `remove`: one that was waiting meanwhile does nothing. */
  let generation = 0;

  return {
    signals,
    get vehicle() {
      return vehicle;
    },
    get isConnected() {
      return vehicle?.isConnected ?? false;
    },
    async apply(token, keys) {
      const removed = remove();
      const ours = generation;
      await removed;
      if (ours !== generation) return 'ignored';
      reported = new Set();
      const read = readConfigToken(token);
      if (typeof read === 'string') return refuse('config_manager_error', `config_manager_error: ${read}`);
      const problem = signatureProblem(read, keys);
      if (problem !== undefined) return refuse('InvalidSignature', `InvalidSignature: ${problem}`);
      const { hostname, port, ca, fields } = read.claims;
      // A car ignores a port that is a text, and reports nothing.
      if (typeof port !== 'number') return 'ignored';
      try {
        vehicle = start(
          { hostname: String(hostname), port, ca: String(ca) },
          { fields: fields as TelemetryConfig['fields'] },
        );
      } catch (error) {
        return refuse('config_manager_error', `config_manager_error: ${(error as Error).message}`);
      }
      return 'accepted';
    },
    remove,
  };

  async function remove(): Promise<void> {
    generation++;
    const removed = vehicle;
    vehicle = undefined;
    await removed?.stop();
  }

  function refuse(name: string, text: string): Applied {
    report({ name, text });
    return 'refused';
  }

  function report(error: VehicleError): void {
    if (reported.has(error.text)) return;
    reported.add(error.text);
    options.onError(error);
  }

  function start(server: { hostname: string; port: number; ca: string }, telemetry: TelemetryConfig): SimulatedVehicle {
    const { vin, plan, timeScale, startMs, clock, reconnect } = options;
    const identity = options.identity();
    const started = new SimulatedVehicle({
      vin,
      url: `wss://${server.hostname}:${server.port}/`,
      certificatePem: identity?.certificatePem ?? '',
      keyPem: identity?.keyPem ?? '',
      caPem: server.ca,
      telemetry,
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
    started.start();
    return started;
  }
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
