// A drive: get in, reverse, follow the route, stop at lights, park, get out. The car moves along the route by its speed,
// so its position never jumps.

import { MPS_PER_MPH, type Route, wrap } from './route.js';

export type Gear = 'P' | 'R' | 'D';

export type DriveStage = 'entering' | 'reversing' | 'changing' | 'forward' | 'arriving' | 'leaving' | 'done';

export interface Motion {
  stage: DriveStage;
  stageSeconds: number;
  gear: Gear;
  /** Distance along the route; grows without limit, minus a few metres per start for reversing. */
  alongM: number;
  speedMps: number;
  accelerationMps2: number;
  isDoorOpen: boolean;
  /** Factor between the speed limit and the driver's speed. */
  pace: number;
  /** The next traffic lights, and how long they stay red. */
  lights: { index: number; redSeconds: number } | undefined;
}

export function standStill(alongM: number): Motion {
  return {
    stage: 'done',
    stageSeconds: 0,
    gear: 'P',
    alongM,
    speedMps: 0,
    accelerationMps2: 0,
    isDoorOpen: false,
    pace: 1,
    lights: undefined,
  };
}

export interface DriveTick {
  readonly route: Route;
  readonly random: () => number;
  readonly seconds: number;
  /** The driver wants to end the drive: brake, park, get out. */
  readonly isArriving: boolean;
}

/** Moves by one tick and returns the metres driven (never negative). */
export function drive(motion: Motion, tick: DriveTick): number {
  motion.stageSeconds += tick.seconds;
  const targetMps = stages[motion.stage](motion, tick);
  return move(motion, targetMps, tick.seconds);
}

/** Time that a drive needs to end from this speed. */
export function secondsToArrive(motion: Motion): number {
  return motion.speedMps / COMFORTABLE_BRAKE + 4;
}

const COMFORTABLE_BRAKE = 1.8;
const HARD_BRAKE = 3;
const REVERSE_MPS = 3 * MPS_PER_MPH;
const LIGHTS_SEEN_M = 90;

/** The behaviour of each stage; returns its target speed. */
const stages: Record<DriveStage, (motion: Motion, tick: DriveTick) => number> = {
  entering(motion) {
    motion.isDoorOpen = motion.stageSeconds < 3;
    if (motion.stageSeconds >= 5) enter(motion, 'reversing', 'R');
    return 0;
  },
  reversing(motion) {
    if (motion.stageSeconds < 4) return REVERSE_MPS;
    if (motion.speedMps === 0) enter(motion, 'changing', 'R');
    return 0;
  },
  changing(motion) {
    if (motion.stageSeconds >= 1) enter(motion, 'forward', 'D');
    return 0;
  },
  forward(motion, tick) {
    if (tick.isArriving) enter(motion, 'arriving', 'D');
    return forwardTargetMps(motion, tick);
  },
  arriving(motion) {
    if (motion.speedMps > 0) motion.stageSeconds = 0;
    if (motion.stageSeconds >= 1) enter(motion, 'leaving', 'P');
    return 0;
  },
  leaving(motion) {
    motion.isDoorOpen = motion.stageSeconds < 3;
    if (motion.stageSeconds >= 3) enter(motion, 'done', 'P');
    return 0;
  },
  done: () => 0,
};

export function startDrive(motion: Motion): void {
  enter(motion, 'entering', 'P');
}

function enter(motion: Motion, stage: DriveStage, gear: Gear): void {
  motion.stage = stage;
  motion.stageSeconds = 0;
  motion.gear = gear;
}

function forwardTargetMps(motion: Motion, { route, random, seconds }: DriveTick): number {
  if (random() < seconds / 10) motion.pace = 0.9 + random() * 0.17;
  let targetMps = route.limitMpsAt(motion.alongM) * motion.pace;
  for (const corner of route.corners) {
    const aheadM = wrap(corner.atM - motion.alongM, route.lengthM);
    targetMps = Math.min(targetMps, speedToReach(corner.limitMps, aheadM));
    if (corner.hasLights)
      targetMps = Math.min(targetMps, lightsTargetMps(motion, corner.index, aheadM, random, seconds));
  }
  return targetMps;
}

function lightsTargetMps(motion: Motion, index: number, aheadM: number, random: () => number, seconds: number): number {
  if (aheadM > LIGHTS_SEEN_M) {
    if (motion.lights?.index === index) motion.lights = undefined;
    return Number.POSITIVE_INFINITY;
  }
  if (motion.lights?.index !== index) {
    motion.lights = { index, redSeconds: random() < 0.4 ? 5 + random() * 15 : 0 };
  }
  if (motion.lights.redSeconds <= 0) return Number.POSITIVE_INFINITY;
  if (motion.speedMps === 0) motion.lights.redSeconds -= seconds;
  return speedToReach(0, Math.max(0, aheadM - 3));
}

/** The highest speed from which comfortable braking reaches `limitMps` within the distance. */
function speedToReach(limitMps: number, aheadM: number): number {
  return Math.sqrt(limitMps ** 2 + 2 * COMFORTABLE_BRAKE * aheadM);
}

function move(motion: Motion, targetMps: number, seconds: number): number {
  const before = motion.speedMps;
  const strongest = 2.2 * Math.max(0.1, 1 - before / 35);
  const wantedMps = Math.min(targetMps, before + strongest * seconds);
  motion.speedMps = Math.max(wantedMps, before - HARD_BRAKE * seconds, 0);
  // Without this the car approaches a stop ever more slowly and never reaches it.
  if (targetMps < 0.4 && motion.speedMps < 0.4) motion.speedMps = 0;
  motion.accelerationMps2 = (motion.speedMps - before) / seconds;

  const metres = ((before + motion.speedMps) / 2) * seconds;
  motion.alongM += motion.gear === 'R' ? -metres : metres;
  return metres;
}

const MASS_KG = 1900;
const ROLLING = 0.009;
const DRAG_AREA_M2 = 0.55;

/** Power in kW from the pack to the wheels; negative in regeneration. */
export function tractionPowerKw({ speedMps, accelerationMps2 }: Motion): number {
  const newtons = MASS_KG * accelerationMps2 + MASS_KG * 9.81 * ROLLING + 0.5 * 1.2 * DRAG_AREA_M2 * speedMps ** 2;
  if (speedMps === 0) return 0;
  const wheelsKw = (newtons * speedMps) / 1000;
  return wheelsKw > 0 ? wheelsKw / 0.88 : Math.max(-70, wheelsKw * 0.75);
}
