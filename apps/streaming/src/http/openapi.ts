// The HTTP part as an OpenAPI document, by hand: it is short, and says what a schema can't.
const time = { type: 'string', format: 'date-time' };
const cursor = { type: 'string', description: 'A place in the log. What comes after it is to be had from /events.' };
const vin = { type: 'string', example: '5YJ3E1EA7KF000001' };
const connectivity = {
  type: ['object', 'null'],
  properties: {
    isConnected: { type: 'boolean' },
    connectionId: { type: 'string' },
    networkInterface: { type: 'string', example: 'wifi' },
    time,
  },
};
const refusals = {
  '401': { description: 'No token, or one that is not accepted.' },
  '403': { description: 'The token is for another vehicle.' },
  '503': { description: 'The log can not be read now; Retry-After says when to ask again.' },
};
const json = (schema: object) => ({ content: { 'application/json': { schema } } });
const query = (name: string, description: string, schema: object = { type: 'string' }) => ({
  name,
  in: 'query',
  description,
  schema,
});

export const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'fleetbridge streaming',
    version: '1',
    description: "Vehicles' telemetry as it is now, and as it comes. Tokens are those of TeslaMate's subscription.",
  },
  security: [{ bearer: [] }, { query: [] }],
  paths: {
    '/vehicles': {
      get: {
        summary: 'The vehicles that the token opens',
        responses: {
          '200': {
            description: 'By VIN.',
            ...json({
              type: 'object',
              properties: {
                vehicles: {
                  type: 'array',
                  items: { type: 'object', properties: { vin, connectivity, cursor } },
                },
              },
            }),
          },
          ...refusals,
        },
      },
    },
    '/vehicles/{vin}': {
      get: {
        summary: 'What is known of a vehicle now',
        parameters: [{ name: 'vin', in: 'path', required: true, schema: vin }],
        responses: {
          '200': {
            description: 'The newest value of each signal, with its time by the vehicle’s clock.',
            ...json({
              type: 'object',
              properties: {
                vin,
                connectivity,
                signals: {
                  type: 'object',
                  additionalProperties: {
                    type: 'object',
                    properties: {
                      value: { description: 'null: the vehicle marked it invalid.' },
                      unit: { type: 'string', example: 'mph' },
                      time,
                    },
                  },
                },
                cursor,
              },
            }),
          },
          '404': { description: 'Nothing is known of this vehicle.' },
          ...refusals,
        },
      },
    },
    '/events': {
      get: {
        summary: 'Records as they come, as server-sent events',
        description:
          'The id of an event is its cursor: sent back as Last-Event-ID, the stream goes on after it, without a gap or a repeat. An event named gap says that the log no longer holds what follows the cursor.',
        parameters: [
          query('vin', 'One vehicle; default: all that the token opens.', vin),
          query('topics', 'V, alerts, errors, connectivity, separated by commas; default: all.'),
          query('cursor', 'Begin after this place; Last-Event-ID counts more.'),
          query('from', 'Begin with the first record received at or after this time.', time),
          { name: 'Last-Event-ID', in: 'header', schema: cursor },
        ],
        responses: {
          '200': {
            description: 'data: a record; its `data` is what Tesla’s own server publishes for it (protojson).',
            content: {
              'text/event-stream': {
                schema: {
                  type: 'object',
                  properties: {
                    vin,
                    topic: { type: 'string', example: 'V' },
                    txid: { type: 'string' },
                    created_at: time,
                    received_at: time,
                    data: { type: ['object', 'null'] },
                  },
                },
              },
            },
          },
          '400': { description: 'A parameter that makes no sense.' },
          ...refusals,
        },
      },
    },
    '/': {
      post: {
        summary: 'A push of Google Pub/Sub, with Tesla’s own server behind it',
        description:
          'Answered with 404 until PUBSUB_PUSH_AUDIENCE and PUBSUB_PUSH_ACCOUNT, or PUBSUB_PUSH_TOKEN are set.',
        security: [{ google: [] }, { query: [] }],
        responses: {
          '204': { description: 'Stored, or known already.' },
          '400': { description: 'No record that the log can hold.' },
          '401': { description: 'Not the configured account, audience or token.' },
          '403': { description: 'The vehicle is not in ALLOWED_VINS.' },
          '404': { description: 'Not configured.' },
          '503': { description: 'Not stored; Pub/Sub sends it again.' },
        },
      },
    },
  },
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer' },
      query: { type: 'apiKey', in: 'query', name: 'token' },
      google: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT of the push subscription' },
    },
  },
};
