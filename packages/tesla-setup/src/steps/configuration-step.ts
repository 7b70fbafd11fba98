// The telemetry configuration of each vehicle: what it will cost, then sending it.
import { problems } from '@fleetbridge/fleet-api';
import { ConfigurationStore } from '@fleetbridge/store';
import { checkConfiguration, dollarsOf, prices } from '@fleetbridge/telemetry-config';
import { certificateAuthorities, knownRoots } from '../chain/index.js';
import {
  applyWanted,
  compareWithTesla,
  type DesiredConfiguration,
  desiredConfiguration,
  firmwareOfVehicle,
  readVehicleConfiguration,
  rememberFirmware,
  type WantedConfiguration,
} from '../configuration/index.js';
import { firstServed } from './network.js';
import type { Outcome, SetupContext, Step } from './step.js';

export const configurationStep: Step = {
  name: 'configuration',
  title: 'Telemetry configuration',
  async check(context) {
    const { facts, tesla, store, clock } = context;
    const wanted = await wantedConfiguration(context);
    if (!('hostname' in wanted)) return wanted;
    const missing: string[] = [];
    for (const vin of facts.vins!) {
      const { configuration } = desiredConfiguration(wanted, await firmwareOf(context, vin));
      const parts = { owner: tesla.owner, store: new ConfigurationStore(store), nowMs: clock.nowMs };
      const { differences } = await compareWithTesla(parts, { vin, desired: configuration });
      const kept = await readVehicleConfiguration(parts.store, vin);
      if (differences.length > 0 || kept.wanted === undefined) missing.push(vin);
    }
    if (missing.length === 0) return { state: 'done', text: `${facts.vins!.join(', ')} as wanted` };
    return { state: 'needed', text: `not sent to ${missing.join(', ')}`, remedy: 'Run setup.' };
  },
  async run(context, checked) {
    if (checked.state === 'failed') return checked;
    const wanted = await wantedConfiguration(context);
    if (!('hostname' in wanted)) return wanted;
    for (const vin of context.facts.vins!) {
      const refused = await send(context, vin, wanted);
      if (refused !== undefined) return refused;
    }
    return { state: 'done', text: `sent to ${context.facts.vins!.join(', ')}` };
  },
};

/** Undefined when it was sent, or was there. */
async function send(context: SetupContext, vin: string, wanted: WantedConfiguration): Promise<Outcome | undefined> {
  const { tesla, store, clock, facts, dialogue } = context;
  const desired = desiredConfiguration(wanted, await firmwareOf(context, vin));
  const [mistake] = checkConfiguration(desired.configuration, { nowSeconds: Math.floor(clock.nowMs() / 1_000) });
  if (mistake !== undefined) {
    const { path, problem, remedy } = mistake;
    return { state: 'failed', problem: 'configuration_not_valid', text: `${path}: ${problem}`, remedy };
  }
  dialogue.show(costLines(vin, desired));
  if (dialogue.isInteractive && !(await dialogue.confirm(`Send this configuration to ${vin}?`))) {
    return { state: 'needed', text: `not sent to ${vin}`, remedy: 'Choose another one with --profile.' };
  }
  const configurations = new ConfigurationStore(store);
  await rememberFirmware(configurations, { vin, fleetStatus: facts.firmware?.get(vin) });
  const applied = await applyWanted(
    { owner: tesla.owner, key: facts.key!.key, store: configurations, nowMs: clock.nowMs },
    { vin, wanted, desired: desired.configuration, replacesForeign: true },
  );
  if (applied.kind !== 'skipped') return undefined;
  const { meaning, remedy } = problems[applied.problem];
  return {
    state: 'failed',
    problem: applied.problem,
    text: `${vin} is skipped (${applied.reason}): ${meaning}`,
    remedy,
  };
}

function costLines(vin: string, { rate, leftOut }: DesiredConfiguration): string[] {
  const perMonth = (signals: number) => `US$${dollarsOf({ signals: signals * 30 }).toFixed(2)}`;
  const whole = (count: number) => Math.round(count).toLocaleString('en-US');
  return [
    `${vin}: ${whole(rate.floor)} to ${whole(rate.ceiling)} signals per hour awake;`,
    `a month with an hour awake per day costs ${perMonth(rate.floor)} to ${perMonth(rate.ceiling)}, of which Tesla gives US$${prices.monthlyCreditDollars} (fleetbridge cost).`,
    ...(leftOut.length === 0
      ? []
      : [`Left out, because the vehicle has not shown the firmware: ${leftOut.map(nameOf).join(', ')}.`]),
  ];
}

function nameOf({ field, key }: { field: string; key?: string }): string {
  return key === undefined ? field : `${field} ${key}`;
}

function firmwareOf({ facts, store }: SetupContext, vin: string): Promise<string> {
  const parts = { store, configurations: new ConfigurationStore(store) };
  return firmwareOfVehicle(parts, { vin, fleetStatus: facts.firmware?.get(vin) });
}

/** With the CA of the certificate that is served now. */
async function wantedConfiguration(context: SetupContext): Promise<WantedConfiguration | Outcome> {
  const { options, facts } = context;
  const base = { source: options.source, hostname: facts.telemetryHost!, port: options.port };
  if (options.ca !== undefined) return { ...base, ca: options.ca };
  const seen = await firstServed(context.network, options.servers, facts.telemetryHost!);
  if (seen === undefined) {
    return {
      state: 'failed',
      problem: 'server_not_reachable',
      text: `the telemetry server does not answer at ${options.servers.map(({ host, port }) => `${host}:${port}`).join(', ')}`,
      remedy:
        'Start ingest first (docker compose up -d, or npm start), or give the chain of its certificate with --ca-file.',
    };
  }
  const authorities = certificateAuthorities(seen.chain, knownRoots(options.dataDirectory));
  if (authorities.kind === 'found') return { ...base, ca: authorities.ca, server: seen.server };
  return {
    state: 'failed',
    problem: 'root_not_known',
    text: `the CA that signs the certificate of the telemetry server is not known here: ${authorities.issuer}`,
    remedy: 'Give its certificates, root included, with --ca-file <PEM>.',
  };
}
