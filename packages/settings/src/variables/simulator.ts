// Simulated vehicles.
import { flag, integer, port, text } from '../values/index.js';
import { setting } from './setting.js';

export const simulatorSettings = {
  SIM_VEHICLES: setting({
    value: integer({ min: 0, max: 1_000 }).optional(),
    readBy: ['up'],
    description: 'Number of simulated vehicles. Default: 1 with the development CA, otherwise 0.',
  }),
  SIM_TESLA: setting({
    value: flag().default(false),
    readBy: ['up', 'cli'],
    description:
      "`on`: a stand-in of Tesla's Fleet API runs, and simulated vehicles connect only by its configuration.",
    details: 'For trying the set-up without a vehicle: docs/simulated-tesla.md.',
  }),
  SIM_TESLA_PORT: setting({
    value: port().default(8085),
    readBy: ['up', 'cli'],
    description: "HTTPS port of the stand-in of Tesla's Fleet API, on 127.0.0.1.",
  }),
  SIM_TESLA_KEY_URL: setting({
    value: text({ pattern: /^https?:\/\/[^/]/, expected: 'a URL that begins with http:// or https://' }).optional(),
    readBy: ['cli'],
    description: 'Where the stand-in fetches the public key of every domain. Default: from the gateway of `npm start`.',
  }),
};
