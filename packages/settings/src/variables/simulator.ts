// Simulated vehicles.
import { integer } from '../values/index.js';
import { setting } from './setting.js';

export const simulatorSettings = {
  SIM_VEHICLES: setting({
    value: integer({ min: 0, max: 1_000 }).optional(),
    readBy: ['up'],
    description: 'Number of simulated vehicles. Default: 1 with the development CA, otherwise 0.',
  }),
};
