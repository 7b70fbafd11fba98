// The OpenAPI document of the gateway. The fields of vehicle_data come from their tables, so that it can't differ from the
// answers.
import { vehicleDataSchema } from '@fleetbridge/vehicle-state';
import { commandPaths, wakingOperation } from '../commands/index.js';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const failure = (description: string) => ({ description, ...json(ref('Error')) });

const unauthorized = { '401': failure('No token, or one that is not accepted.') };
const notReady = { '503': failure('Redis does not answer; retry after the time in Retry-After.') };
const ofVehicle = { '404': failure('The vehicle is not admitted, or the token is for another one.') };

const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The id, the vehicle_id or the VIN.',
  schema: { type: 'string', example: '5YJ3E1EA7KF000001' },
};
const token = {
  name: 'token',
  in: 'query',
  description: 'The token, instead of a bearer header.',
  schema: { type: 'string' },
};

const vehicles = {
  summary: 'Vehicles that the token grants',
  parameters: [token],
  responses: {
    '200': {
      description: 'By VIN. A vehicle that has never sent anything is offline.',
      ...json({
        type: 'object',
        required: ['response', 'count'],
        properties: { response: { type: 'array', items: ref('Vehicle') }, count: { type: 'integer' } },
      }),
    },
    ...unauthorized,
    ...notReady,
  },
};

const vehicle = (summary: string) => ({
  summary,
  parameters: [id, token],
  responses: {
    '200': {
      description: 'The vehicle with its state.',
      ...json({ type: 'object', required: ['response'], properties: { response: ref('Vehicle') } }),
    },
    ...unauthorized,
    ...ofVehicle,
    ...notReady,
  },
});

const vehicleFields = {
  id: { type: 'integer', description: 'Below 2^53; never changes.' },
  id_s: { type: 'string' },
  vehicle_id: { type: 'integer', description: 'Below 2^53; never changes.' },
  vin: { type: 'string' },
  state: { type: 'string', enum: ['online', 'asleep', 'offline'] },
  display_name: { type: ['string', 'null'] },
  in_service: { type: 'boolean' },
};

const tokenRequest = {
  type: 'object',
  properties: {
    grant_type: { type: 'string', const: 'refresh_token' },
    refresh_token: { type: ['string', 'null'] },
    client_id: { type: 'string' },
    scope: { type: 'string' },
  },
};

/** With the vehicle commands if they are on. */
export function openapiDocument({ hasCommands }: { hasCommands: boolean }): object {
  if (!hasCommands) return openapi;
  const wakeUp = openapi.paths['/api/1/vehicles/{id}/wake_up'].post;
  const waking = { '/api/1/vehicles/{id}/wake_up': { post: { ...wakeUp, ...wakingOperation } } };
  return { ...openapi, paths: { ...openapi.paths, ...waking, ...commandPaths } };
}

const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'fleetbridge gateway',
    version: '1',
    description: "The part of Tesla's Fleet API that TeslaMate and similar programs poll, answered from telemetry.",
  },
  security: [{ bearer: [] }, { query: [] }],
  paths: {
    '/api/1/products': { get: vehicles },
    '/api/1/vehicles': { get: vehicles },
    '/api/1/vehicles/{id}': { get: vehicle('One vehicle, without the sections of vehicle_data') },
    '/api/1/vehicles/{id}/wake_up': { post: vehicle('The vehicle with its state. Nothing is sent to it') },
    '/api/1/vehicles/{id}/vehicle_data': {
      get: {
        summary: 'The whole document of an online vehicle',
        parameters: [
          id,
          token,
          {
            name: 'endpoints',
            in: 'query',
            description: 'Accepted and ignored: every section is answered.',
            schema: { type: 'string' },
          },
          {
            name: 'refresh',
            in: 'query',
            description: 'true: gets one document of Tesla first, within the budget, and keeps it as the seed.',
            schema: { type: 'string', enum: ['true'] },
          },
        ],
        responses: {
          '200': {
            description: 'All sections have the same timestamp, the time of the newest record.',
            ...json({ type: 'object', required: ['response'], properties: { response: ref('VehicleData') } }),
          },
          '405': failure('The vehicle is in service.'),
          '408': failure('The vehicle is asleep or offline.'),
          '429': failure('With refresh: the budget of calls to Tesla is used up, or Tesla limits their rate.'),
          '502': failure("With refresh: Tesla's answer is an error, or Tesla did not answer."),
          ...unauthorized,
          ...ofVehicle,
          ...notReady,
        },
      },
    },
    '/api/1/vehicles/fleet_status': {
      post: {
        summary: 'Whether the application key is paired, and the firmware, as telemetry shows them',
        parameters: [token],
        requestBody: {
          content: json({ type: 'object', properties: { vins: { type: 'array', items: { type: 'string' } } } }).content,
        },
        responses: {
          '200': { description: 'A vehicle that has sent records is paired. What only Tesla knows is null.' },
          '400': failure('vins is not a list of texts.'),
          ...unauthorized,
          ...notReady,
        },
      },
    },
    '/api/1/users/region': {
      get: {
        summary: 'The address of this gateway, for programs that ask Tesla for the one of their region',
        parameters: [token],
        responses: {
          '200': { description: 'fleet_api_base_url is the address of the request.' },
          ...unauthorized,
          ...notReady,
        },
      },
    },
    '/vehicles/{id}/coverage': {
      get: {
        summary: 'Where each field of vehicle_data comes from',
        parameters: [id, token],
        responses: {
          '200': {
            description: 'origin: telemetry, derived, seed, default or missing.',
            ...json({
              type: 'object',
              properties: { vin: { type: 'string' }, fields: { type: 'array', items: { type: 'object' } } },
            }),
          },
          ...unauthorized,
          ...ofVehicle,
          ...notReady,
        },
      },
    },
    '/oauth2/v3/token': {
      post: {
        summary: 'Sign-in and refresh',
        security: [],
        requestBody: {
          content: {
            'application/json': { schema: tokenRequest },
            'application/x-www-form-urlencoded': { schema: tokenRequest },
          },
        },
        responses: {
          '200': { description: 'Tokens for 8 hours; the refresh token stays.', ...json(ref('Tokens')) },
          '400': failure('The request is not valid.'),
          '401': failure('The refresh token was not issued here.'),
          ...notReady,
        },
      },
    },
  },
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      query: { type: 'apiKey', in: 'query', name: 'token' },
    },
    schemas: {
      Vehicle: { type: 'object', required: ['id', 'vehicle_id', 'vin', 'state'], properties: vehicleFields },
      VehicleData: {
        type: 'object',
        required: ['id', 'vehicle_id', 'vin', 'state'],
        properties: { ...vehicleFields, ...vehicleDataSchema() },
      },
      Tokens: {
        type: 'object',
        required: ['access_token', 'refresh_token', 'expires_in', 'token_type'],
        properties: {
          access_token: { type: 'string' },
          refresh_token: { type: 'string' },
          id_token: { type: 'string' },
          token_type: { type: 'string' },
          expires_in: { type: 'integer', description: 'Seconds.' },
          created_at: { type: 'integer', description: 'Epoch seconds.' },
        },
      },
      Error: {
        type: 'object',
        properties: {
          response: { type: 'null' },
          error: { type: 'string' },
          error_description: { type: 'string' },
        },
      },
    },
  },
};
