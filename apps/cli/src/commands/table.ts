// All commands, in the order of `fleetbridge --help`. A new command is a file here and a line in this table.
import { ca } from './ca.js';
import { cert } from './cert.js';
import type { Command } from './command.js';
import { completionOf } from './completion.js';
import { forget } from './forget.js';
import { coverage, seed, teslamate } from './gateway/index.js';
import { migrate } from './migrate.js';
import { simulate } from './simulate.js';
import { snapshot } from './snapshot.js';
import { subscription } from './subscription.js';
import { tail } from './tail.js';
import { token } from './token.js';
import { up } from './up.js';
import { vehicle } from './vehicle.js';

export const commands: Readonly<Record<string, Command>> = {
  up,
  simulate,
  tail,
  token,
  teslamate,
  snapshot,
  subscription,
  vehicle,
  seed,
  coverage,
  forget,
  ca,
  cert,
  migrate,
  completion: completionOf(() => commands),
};
