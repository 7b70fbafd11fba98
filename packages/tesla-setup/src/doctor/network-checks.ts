// The checks of names, ports and certificates.
import { HandshakeError } from '@fleetbridge/pki';
import {
  chainVerdict,
  configuredCaVerdict,
  expiryVerdict,
  green,
  nameVerdict,
  notChecked,
  problem,
  servedKeyVerdict,
  servicePortVerdict,
  telemetryNameVerdict,
  type Verdict,
  vehicleCasVerdict,
  vehiclePortVerdict,
} from '../checks/index.js';
import type { Facts } from './facts.js';
import { fetchServedKey, isAnyOpen } from './network-probes.js';
import type { DoctorOptions, Place } from './options.js';
import { type CheckRun, NeedsFirst, type VehicleVerdict } from './run-check.js';

export function networkChecks(facts: Facts, options: DoctorOptions): CheckRun[] {
  const { names, inside, web = {} } = options;
  const { isStandIn: arePrivateAllowed } = facts;

  return [
    { name: 'dns.domain', run: async () => named(await facts.domain(), 'DOMAIN') },
    { name: 'dns.telemetry', run: telemetryName },
    { name: 'dns.streaming', run: async () => named(names.streaming ?? (await facts.domain()), 'STREAMING_HOST') },
    { name: 'port.telemetry', run: telemetryPort },
    { name: 'port.streaming', run: () => servicePort(inside.streaming) },
    { name: 'port.gateway', run: () => servicePort(inside.gateway) },
    { name: 'certificate.chain', run: chain },
    { name: 'certificate.expiry', run: async () => expiryVerdict(await handshake(), facts.nowMs()) },
    { name: 'certificate.ca', run: configuredCa },
    {
      name: 'certificate.vehicle_cas',
      run: async () => vehicleCasVerdict(await handshake(), await options.vehicleCas()),
    },
    { name: 'application.key', run: servedKey },
  ];

  async function named(name: string | undefined, variable: string): Promise<Verdict> {
    if (name === undefined) return notChecked(`needs ${variable}, or \`fleetbridge setup\` first`);
    return nameVerdict({ name, addresses: await facts.addressesOf(name), arePrivateAllowed });
  }

  async function telemetryName(): Promise<Verdict> {
    const { hostname: name } = await facts.telemetry();
    if (name === undefined) return notChecked('needs TELEMETRY_HOST, or `fleetbridge setup` first');
    const addresses = await facts.addressesOf(name);
    return telemetryNameVerdict({ name, addresses, arePrivateAllowed }, await facts.domain());
  }

  async function telemetryPort(): Promise<Verdict> {
    const places = await facts.publicPlaces();
    const [isOpen, isPublic] = await Promise.all([
      isAnyOpen(inside.telemetry),
      places.length === 0 ? undefined : isAnyOpen(places),
    ]);
    return vehiclePortVerdict((await facts.telemetry()).port, isOpen, isPublic);
  }

  async function servicePort(places: readonly Place[]): Promise<Verdict> {
    return servicePortVerdict(places[0]?.port ?? 0, await isAnyOpen(places));
  }

  async function chain(): Promise<Verdict> {
    const { hostname } = await facts.telemetry();
    try {
      const found = await facts.handshake();
      if (hostname === undefined) return notChecked('needs TELEMETRY_HOST, or `fleetbridge setup` first');
      return chainVerdict(found, hostname);
    } catch (error) {
      if (error instanceof HandshakeError) return problem('tls_failed', `(${error.message})`);
      throw error;
    }
  }

  async function handshake() {
    return await facts.handshake().catch((error: unknown) => {
      throw error instanceof HandshakeError ? new NeedsFirst('needs the certificate chain first') : error;
    });
  }

  /** Per vehicle only what is wrong. */
  async function configuredCa(): Promise<Verdict | readonly VehicleVerdict[]> {
    const destinations = await facts.destinations();
    if (destinations.length === 0) return notChecked('needs a telemetry configuration first');
    const found = await handshake();
    const { hostname, port } = await facts.telemetry();
    const verdicts = destinations
      .filter((one) => one.hostname === hostname && one.port === port)
      .map(({ vin, ca }) => ({ vin, ...configuredCaVerdict(found, ca, new Date(facts.nowMs())) }));
    const wrong = verdicts.filter(({ colour }) => colour !== 'green');
    return wrong.length > 0 ? wrong : green(verdicts[0]?.text ?? '');
  }

  async function servedKey(): Promise<Verdict> {
    const domain = await facts.domain();
    if (domain === undefined) return notChecked('needs DOMAIN, or `fleetbridge setup` first');
    const [address] = await facts.addressesOf(domain);
    if (address === undefined) return notChecked('needs the DNS of the domain first');
    const own = (await facts.ownKey())?.publicKey.hex;
    const isSetUp = (await facts.application().catch(() => undefined)) !== undefined;
    if (own === undefined && !isSetUp) return notChecked('needs `fleetbridge setup` first');
    const served = await fetchServedKey({ domain, address, port: web.port ?? 443, ca: web.ca });
    return servedKeyVerdict(served, own);
  }
}
