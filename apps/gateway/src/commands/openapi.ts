// The commands in the OpenAPI document, from the table that also checks their parameters.
import { commandSchema, commandTable } from '@fleetbridge/vehicle-command';

const answer = {
  type: 'object',
  properties: {
    response: {
      type: ['object', 'null'],
      properties: {
        result: { type: 'boolean' },
        reason: { type: 'string' },
        confirmed_by_telemetry: { type: 'boolean', description: 'No answer came, but a signal shows the effect.' },
      },
    },
    error: { type: 'string' },
    error_description: { type: 'string' },
  },
};

const described = (description: string) => ({ description, content: { 'application/json': { schema: answer } } });

const responses = {
  '200': described('Executed (result true), or refused by the vehicle (result false, with its reason).'),
  '400': described('A parameter is missing or wrong, or the body can not be read. Not executed.'),
  '401': described('The token is missing or not accepted, or Tesla does not accept the account. Not executed.'),
  '403': described('The token does not allow the command. Not executed.'),
  '404': described('The vehicle is not admitted, or the token is for another one. Not executed.'),
  '408': described('The vehicle is asleep or out of reach. Not executed.'),
  '412': described('The vehicle is not paired with the application key. Not executed.'),
  '413': described('The body has more than 64 kB. Not executed.'),
  '429': described('Too many calls per minute; Retry-After has the seconds. Not executed.'),
  '500': described('The vehicle rejects the message; error is its fault. Not executed.'),
  '502': described('Tesla can not be reached. Not executed.'),
  '503': described('Commands are not set up, too many wait for the vehicle, or Redis does not answer. Not executed.'),
  '504': described('Not executed in time, or the outcome is unknown; error_description advises whether to repeat it.'),
};

const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id, the vehicle_id or the VIN.',
  schema: { type: 'string' },
};
const wake = {
  name: 'wake',
  in: 'query',
  description: 'true or seconds: wakes the vehicle first.',
  schema: { type: 'string' },
};

const wait = {
  name: 'wait',
  in: 'query',
  description: 'Seconds to wait for the telemetry connection; 8 by default.',
  schema: { type: 'number' },
};

/** By path: every command with its parameters. */
export const commandPaths: Record<string, { post: Record<string, unknown> }> = Object.fromEntries(
  [...commandTable.values()].map((row) => {
    const schema = commandSchema(row);
    const body = { required: schema.required.length > 0, content: { 'application/json': { schema } } };
    const operation = {
      summary: row.summary,
      tags: ['commands'],
      parameters: [id, wake],
      requestBody: body,
      responses,
    };
    return [`/api/1/vehicles/{id}/command/${row.name}`, { post: operation }];
  }),
);

/** Of wake_up, where it differs from the one that sends nothing. */
export const wakingOperation = {
  summary: 'Wakes the vehicle, with a token for the command wake_up. Answers the vehicle with its state',
  parameters: [id, wait],
};
