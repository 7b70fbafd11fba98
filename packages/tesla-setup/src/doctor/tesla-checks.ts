// The checks of the application, the account and the vehicles at Tesla.
import type { ConfigurationState, TelemetryReport, VehicleStatus } from '@fleetbridge/fleet-api';
import {
  configurationVerdict,
  firmwareVerdict,
  green,
  notChecked,
  pairingVerdict,
  problem,
  recordsVerdict,
  registrationVerdict,
  reportsVerdict,
  scopesVerdict,
  teslaVerdict,
  toggleVerdict,
  type Verdict,
} from '../checks/index.js';
import type { Facts } from './facts.js';
import { type CheckRun, NeedsFirst, needed, type VehicleVerdict } from './run-check.js';

export function teslaChecks(facts: Facts): CheckRun[] {
  return [
    { name: 'application.access', run: access },
    { name: 'application.registration', run: registration },
    { name: 'account.sign_in', run: signIn },
    { name: 'account.scopes', run: scopes },
    { name: 'vehicle.pairing', run: () => ofStatus(pairingVerdict) },
    { name: 'vehicle.firmware', run: () => ofStatus(firmwareVerdict) },
    { name: 'vehicle.streaming_toggle', run: () => ofStatus(toggleVerdict) },
    { name: 'vehicle.configuration', run: configuration },
    { name: 'vehicle.reports', run: reports },
    { name: 'vehicle.records', run: records },
  ];

  async function access(): Promise<Verdict> {
    if ((await facts.application()) === undefined) return problem('not_set_up');
    await facts.partner();
    return green('Tesla accepts the client id and the client secret');
  }

  async function registration(): Promise<Verdict> {
    const domain = await facts.domain();
    const registered = await facts.registeredKey();
    const own = await needed(facts.ownKey(), 'needs the application key first');
    return registrationVerdict(registered, own?.publicKey.hex, domain ?? '');
  }

  async function signIn(): Promise<Verdict> {
    await facts.signIn();
    return green('Tesla accepts the sign-in');
  }

  async function scopes(): Promise<Verdict> {
    const state = await facts.signIn().catch(() => {
      throw new NeedsFirst('needs the sign-in first');
    });
    if (state.kind === 'signed_out') return notChecked('needs the sign-in first');
    if (state.scopes !== undefined) return scopesVerdict(state.scopes);
    const isMissing = await facts.products().then(
      () => false,
      (error: unknown) => error instanceof NeedsFirst && /scope/.test(error.message),
    );
    return isMissing ? teslaVerdict('scope_missing') : scopesVerdict(undefined);
  }

  async function ofStatus(verdict: (status: VehicleStatus) => Verdict): Promise<Verdict | VehicleVerdict[]> {
    const statuses = new Map((await facts.statuses()).map((status) => [status.vin, status]));
    return await perVehicle((vin) => {
      const status = statuses.get(vin);
      return status === undefined ? teslaVerdict('vehicle_not_found') : verdict(status);
    });
  }

  async function configuration(): Promise<Verdict | VehicleVerdict[]> {
    const states: ReadonlyMap<string, ConfigurationState> = await facts.states();
    const [sent, watchStopped] = [await facts.configurations(), await facts.watchStopped()];
    return await perVehicle((vin) => {
      const state = states.get(vin)!;
      if (state.keyPaired === false) return notChecked('needs the pairing first');
      const isWatchStopped = watchStopped.has(vin);
      return configurationVerdict({ state, sent: sent.get(vin)?.configuration, nowMs: facts.nowMs(), isWatchStopped });
    });
  }

  async function reports(): Promise<Verdict | VehicleVerdict[]> {
    const all: readonly TelemetryReport[] = await facts.reports();
    const [sent, { vehicles }] = [await facts.configurations(), await facts.overview()];
    return await perVehicle((vin) =>
      reportsVerdict({
        reports: all.filter((report) => report.vin === vin),
        nowMs: facts.nowMs(),
        sentMs: sent.get(vin)?.sentMs,
        lastRecordMs: vehicles.find((vehicle) => vehicle.vin === vin)?.lastReceivedMs,
      }),
    );
  }

  async function records(): Promise<Verdict | VehicleVerdict[]> {
    const { vehicles } = await facts.overview();
    const atTesla = await facts
      .signIn()
      .then(() => facts.products())
      .catch(() => []);
    const configured = await facts.vins().catch(() => []);
    const vins = [...new Set([...configured, ...vehicles.map(({ vin }) => vin)])];
    if (vins.length === 0) return notChecked('no vehicle is known');
    return vins.map((vin) => {
      const seen = vehicles.find((vehicle) => vehicle.vin === vin);
      const verdict = recordsVerdict({
        nowMs: facts.nowMs(),
        connectedSinceMs: seen?.connectedSinceMs,
        lastRecordMs: seen?.lastReceivedMs,
        state: atTesla.find((vehicle) => vehicle.vin === vin)?.state,
      });
      return { vin, ...verdict };
    });
  }

  async function perVehicle(verdict: (vin: string) => Verdict): Promise<Verdict | VehicleVerdict[]> {
    const vins = await facts.vins();
    if (vins.length === 0) return notChecked('the account has no vehicle');
    return vins.map((vin) => ({ vin, ...verdict(vin) }));
  }
}
