// The state of a car that drives, parks, charges and sleeps by a plan. Pure: the same seed and the same steps give the
// same state.

import { CAPACITY_KWH, CHARGE_LIMIT_SOC, energyAfter, type PackReading, readPack, socOf } from './battery.js';
import { type Charger, type ChargerOptions, chargerPowerKw, createCharger } from './charger.js';
import { drive, type Motion, secondsToArrive, standStill, startDrive, tractionPowerKw } from './driving.js';
import { seededRandom } from './random.js';
import { createRoute, METRES_PER_MILE, munichLoop, type Route, type Waypoint } from './route.js';
import { createSignalSchedule, type SentSignal, type SignalSchedule } from './signal-schedule.js';
import { defaultTelemetry, type TelemetryConfig } from './telemetry-config.js';

export type Phase = 'drive' | 'park' | 'charge' | 'sleep';

export interface PhasePlan {
  readonly phase: Phase;
  /** A drive lasts longer until the car has stopped, a charge when the battery is nearly empty. */
  readonly seconds: number;
}

export const defaultPlan: readonly PhasePlan[] = [
  { phase: 'drive', seconds: 15 * 60 },
  { phase: 'park', seconds: 3 * 60 },
  { phase: 'charge', seconds: 10 * 60 },
  { phase: 'sleep', seconds: 2 * 60 },
];

export type ChargeState = 'Disconnected' | 'Starting' | 'Charging' | 'Complete' | 'Stopped';

export interface VehicleModel {
  readonly route: Route;
  readonly plan: readonly PhasePlan[];
  readonly random: () => number;
  /** The vehicle's clock, epoch milliseconds. */
  timeMs: number;
  planIndex: number;
  phase: Phase;
  phaseSeconds: number;
  phaseSecondsLeft: number;
  motion: Motion;
  odometerMiles: number;
  energyKwh: number;
  /** Positive = consumption. */
  powerKw: number;
  pack: PackReading;
  chargeState: ChargeState;
  readonly charger: Charger;
  /** On the charger's side. */
  chargerPowerKw: number;
  /** Of the session: at the charger, and in the battery. */
  chargerEnergyKwh: number;
  addedEnergyKwh: number;
  insideTempC: number;
  outsideTempC: number;
  /** By a command, until the next phase; undefined: as the phase has it. */
  isLocked: boolean | undefined;
  /** By a command, until the next phase. */
  isChargingStopped: boolean;
  chargeLimitSoc: number;
  isClimateOn: boolean;
  /** As the signal Version shows it. */
  firmware: string;
  /** What to send when; `configureTelemetry` replaces it. */
  schedule: SignalSchedule;
  /** The last sent signal, by field number. */
  readonly sent: Map<number, SentSignal>;
}

export interface VehicleModelOptions {
  readonly seed: number;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly route?: readonly Waypoint[];
  readonly plan?: readonly PhasePlan[];
  readonly firmware?: string;
  /** Default: `defaultTelemetry`. */
  readonly telemetry?: TelemetryConfig;
  /** Default: a wallbox of 11 kW. */
  readonly charger?: ChargerOptions;
}

/** Throws RangeError for a telemetry configuration that can't be, an empty plan, a phase without duration or a route of fewer than three waypoints. */
export function createVehicleModel(options: VehicleModelOptions): VehicleModel {
  const plan = options.plan ?? defaultPlan;
  const first = plan[0];
  if (first === undefined) throw new RangeError('a plan needs at least one phase');
  if (plan.some(({ seconds }) => !(seconds > 0))) throw new RangeError('each phase of a plan needs seconds above 0');

  const random = seededRandom(options.seed);
  const route = createRoute(options.route ?? munichLoop);
  const energyKwh = CAPACITY_KWH * (0.5 + random() * 0.25);
  const outsideTempC = 8 + random() * 12;
  const model: VehicleModel = {
    route,
    plan,
    random,
    timeMs: options.startMs,
    planIndex: 0,
    phase: 'park',
    phaseSeconds: 0,
    phaseSecondsLeft: 0,
    motion: standStill(random() * route.lengthM),
    odometerMiles: 5_000 + random() * 50_000,
    energyKwh,
    powerKw: PARKED_KW,
    pack: readPack(energyKwh, PARKED_KW),
    chargeState: 'Disconnected',
    charger: createCharger(options.charger),
    chargerPowerKw: 0,
    chargerEnergyKwh: 0,
    addedEnergyKwh: 0,
    insideTempC: outsideTempC + 3,
    outsideTempC,
    isLocked: undefined,
    isChargingStopped: false,
    chargeLimitSoc: CHARGE_LIMIT_SOC,
    isClimateOn: false,
    firmware: options.firmware ?? DEFAULT_FIRMWARE,
    schedule: createSignalSchedule(options.telemetry ?? defaultTelemetry),
    sent: new Map(),
  };
  enterPhase(model, 0);
  return model;
}

/** Begins again with this configuration: each of its signals is sent once, then by its rules. Throws RangeError. */
export function configureTelemetry(model: VehicleModel, telemetry: TelemetryConfig): void {
  model.schedule = createSignalSchedule(telemetry);
  model.sent.clear();
}

export const DEFAULT_FIRMWARE = '2026.20.6';
const PARKED_KW = 0.27;
const DRIVING_AUXILIARIES_KW = 0.8;
/** Below this, a drive does not start; below twice this, the car keeps charging. */
const LOW_SOC = 10;

/** Advances the model in place, by at most 100 ms, so that it stays stable. */
export function advance(model: VehicleModel, tickMs: number): void {
  const seconds = tickMs / 1000;
  model.timeMs += tickMs;
  model.phaseSeconds += seconds;
  model.phaseSecondsLeft -= seconds;
  phases[model.phase](model, seconds);
  model.energyKwh = energyAfter(model.energyKwh, model.powerKw, seconds);
  model.pack = readPack(model.energyKwh, model.powerKw);
  weather(model, seconds);
  if (model.phaseSecondsLeft <= 0 && canLeavePhase(model)) enterPhase(model, (model.planIndex + 1) % model.plan.length);
}

const phases: Record<Phase, (model: VehicleModel, seconds: number) => void> = {
  drive(model, seconds) {
    const { motion, route, random } = model;
    const isArriving = model.phaseSecondsLeft <= secondsToArrive(motion) || socOf(model.energyKwh) < 2;
    model.odometerMiles += drive(motion, { route, random, seconds, isArriving }) / METRES_PER_MILE;
    model.powerKw = tractionPowerKw(motion) + (motion.gear === 'P' ? PARKED_KW : DRIVING_AUXILIARIES_KW);
  },
  park(model) {
    model.powerKw = PARKED_KW;
  },
  charge(model, seconds) {
    if (socOf(model.energyKwh) < 2 * LOW_SOC) {
      model.phaseSecondsLeft = Math.max(model.phaseSecondsLeft, stoppedSeconds(model) + 1);
    }
    model.chargeState = chargeStateNow(model);
    const isCharging = model.chargeState === 'Charging';
    const { charger } = model;
    // within a second to full power
    const rising = model.chargerPowerKw + charger.fullKw * seconds;
    model.chargerPowerKw = isCharging ? Math.min(chargerPowerKw(charger, model), rising) : 0;
    model.chargerEnergyKwh += (model.chargerPowerKw * seconds) / 3600;
    model.powerKw = isCharging ? -model.chargerPowerKw * charger.efficiency : PARKED_KW;
    model.addedEnergyKwh += (Math.max(0, -model.powerKw) * seconds) / 3600;
  },
  sleep(model) {
    model.powerKw = 0.005;
  },
};

function canLeavePhase(model: VehicleModel): boolean {
  return model.phase !== 'drive' || model.motion.stage === 'done';
}

function enterPhase(model: VehicleModel, planIndex: number): void {
  const planned = model.plan[planIndex]!;
  model.planIndex = planIndex;
  model.phaseSeconds = 0;
  model.phaseSecondsLeft = planned.seconds;
  model.chargerPowerKw = 0;
  model.isLocked = undefined;
  model.isChargingStopped = false;
  // With an empty battery the car would strand.
  model.phase = planned.phase === 'drive' && socOf(model.energyKwh) < LOW_SOC ? 'park' : planned.phase;
  if (model.phase === 'drive') {
    model.chargeState = 'Disconnected';
    startDrive(model.motion);
  }
  if (model.phase === 'charge') {
    model.chargeState = 'Starting';
    model.chargerEnergyKwh = 0;
    model.addedEnergyKwh = 0;
  }
}

/** Starting, Charging, then Stopped for long enough to be sent before the next phase, or by a command; Complete at the limit. */
function chargeStateNow(model: VehicleModel): ChargeState {
  if (model.chargeState === 'Complete' || socOf(model.energyKwh) >= model.chargeLimitSoc) return 'Complete';
  if (model.isChargingStopped) return 'Stopped';
  if (model.phaseSeconds < Math.min(5, plannedSeconds(model) / 5)) return 'Starting';
  return model.phaseSecondsLeft > stoppedSeconds(model) ? 'Charging' : 'Stopped';
}

function stoppedSeconds(model: VehicleModel): number {
  return Math.min(12, plannedSeconds(model) / 5);
}

function plannedSeconds(model: VehicleModel): number {
  return model.plan[model.planIndex]!.seconds;
}

function weather(model: VehicleModel, seconds: number): void {
  model.outsideTempC += (Math.sin(model.timeMs / 3_000_000) * seconds) / 1800;
  const wantedC = model.motion.gear === 'P' && !model.isClimateOn ? model.outsideTempC + 3 : 21;
  model.insideTempC += ((wantedC - model.insideTempC) * seconds) / 300;
}
