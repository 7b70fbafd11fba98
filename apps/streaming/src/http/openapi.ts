// The OpenAPI document of the HTTP API, written by hand: it is short, and it describes what a schema can't.
const time = { type: 'string', format: 'date-time' };
const cursor = { type: 'string', description: 'A position in the log, from which /events continues.' };
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
  '401': { description: 'The token is missing or not accepted.' },
  '403': { description: 'The token is for another vehicle.' },
  '503': { description: 'The log is not readable; retry after the time in Retry-After.' },
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
    description: "Vehicles' current telemetry, and their records as they arrive. Tokens are the same as for TeslaMate.",
  },
  security: [{ bearer: [] }, { query: [] }],
  paths: {
    '/vehicles': {
      get: {
        summary: 'Vehicles that the token grants',
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
        summary: 'Current state of a vehicle',
        parameters: [{ name: 'vin', in: 'path', required: true, schema: vin }],
        responses: {
          '200': {
            description: 'The latest value of each signal, with its time by the vehicle’s clock.',
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
          '404': { description: 'The vehicle is unknown.' },
          ...refusals,
        },
      },
    },
    '/events': {
      get: {
        summary: 'Records as they arrive, as server-sent events',
        description:
          'The id of an event is its cursor. When it is sent back as Last-Event-ID, the stream continues after it, without a gap or a repeat. An event named gap means that records after the cursor are no longer in the log.',
        parameters: [
          query('vin', 'One vehicle; default: all vehicles that the token grants.', vin),
          query('topics', 'V, alerts, errors, connectivity, separated by commas; default: all.'),
          query('cursor', 'Start after this position; Last-Event-ID takes precedence.'),
          query('from', 'Start with the first record received at or after this time.', time),
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
          '400': { description: 'A parameter is invalid.' },
          ...refusals,
        },
      },
    },
    '/': {
      post: {
        summary: 'Google Pub/Sub push from Tesla’s own server',
        description:
          'Answered with 404 unless PUBSUB_PUSH_AUDIENCE and PUBSUB_PUSH_ACCOUNT, or PUBSUB_PUSH_TOKEN are set.',
        security: [{ google: [] }, { query: [] }],
        responses: {
          '204': { description: 'Stored, or stored before.' },
          '400': { description: 'The push holds no valid record.' },
          '401': { description: 'The account, audience or token is not the configured one.' },
          '403': { description: 'The vehicle is not in ALLOWED_VINS.' },
          '404': { description: 'Not configured.' },
          '503': { description: 'Not stored; Pub/Sub retries.' },
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
