import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandSchema, commandTable, prepareCommand, readBody } from '../src/index.js';
import { vectors } from './vectors.js';

const NOW = 1_790_000_000;

describe('plaintexts', () => {
  // `ping` tests a session; it is not a command of clients.
  const actions = [...vectors.actions, ...vectors.actionsBeyond].filter(({ name }) => name !== 'ping');

  it('has the plaintexts of all vectors', () => expect(actions).toHaveLength(143 + 13));

  it.each(actions.filter(isNotCorrected))('$name $params', ({ name, params, domain, payload }) => {
    const prepared = prepareCommand(name, params, NOW);
    if (prepared.kind !== 'prepared') throw new Error(`not prepared: ${JSON.stringify(prepared)}`);
    expect([prepared.row.domain, Buffer.from(prepared.payload).toString('hex')]).toEqual([domain, payload]);
  });

  it('rejects a trunk that is not text, for which tesla-http-proxy opens the rear trunk', () => {
    const corrected = actions.filter((action) => !isNotCorrected(action));
    expect(corrected.map(({ params }) => params)).toEqual([{ which_trunk: 1 }]);
    expect(prepareCommand('actuate_trunk', { which_trunk: 1 }, NOW)).toMatchObject({
      kind: 'parameter_error',
      text: 'invalid which_trunk param',
    });
  });

  function isNotCorrected({ name, params }: { name: string; params: Record<string, unknown> }): boolean {
    return name !== 'actuate_trunk' || typeof params.which_trunk === 'string';
  }
});

describe('refusals', () => {
  const reasons = new Map(
    Object.entries({
      adjust_volume: 'Tesla documents 0 to 11 and vehicles report a maximum of 10.33',
      remote_boombox: 'signed',
      remote_seat_heater_request: 'heater is accepted as another name of seat_position',
    }),
  );
  const isServed = (body: unknown) => (body as { error: string }).error === 'invalid_command';
  const [served, refused] = [
    vectors.refused.filter(({ name, body }) => isServed(body) || reasons.has(name)),
    vectors.refused.filter(({ name, body }) => !isServed(body) && !reasons.has(name)),
  ];

  it.each(refused)('$name $params: $note', ({ name, params, status, body }) => {
    const refusal = prepareCommand(name, params, NOW);
    if (refusal.kind !== 'parameter_error') throw new Error(`not refused: ${refusal.kind}`);
    const { response, error } = body as { response: { reason: string } | null; error: string };
    const expected = response === null ? ['plain', error] : ['nominal', response.reason];
    expect([refusal.form, refusal.text, refusal.proxyStatus]).toEqual([...expected, status]);
  });

  it.each(served)('serves what tesla-http-proxy refuses: $name $params', ({ name, params }) => {
    const request = prepareCommand(name, params, NOW);
    const isComplete = request.kind === 'prepared' || request.kind === 'parameter_error';
    expect([isComplete, commandTable.get(name)?.via]).toEqual([true, 'signed']);
  });

  it('rejects a volume above 11', () => {
    expect(prepareCommand('adjust_volume', { volume: 11.5 }, NOW)).toMatchObject({
      text: 'invalid volume (should be in [0, 11])',
    });
  });
});

describe('the table', () => {
  it('has 68 commands that tesla-http-proxy signs, 12 more, and 5 for REST', () => {
    const rows = [...commandTable.values()];
    const signed = rows.filter((row) => row.via === 'signed');
    const counts = [signed.filter((row) => !row.isBeyondProxy), signed.filter((row) => row.isBeyondProxy)];
    expect([...counts.map((list) => list.length), rows.length]).toEqual([68, 12, 85]);
  });

  it('gives the id of a new schedule from the clock', () => {
    const body = { lat: 1, lon: 2, days_of_week: 'all', precondition_time: 1, enabled: true };
    const payloads = [NOW, NOW + 1].map((now) => prepareCommand('add_precondition_schedule', body, now));
    expect(payloads[0]).not.toEqual(payloads[1]);
    const withId = [NOW, NOW + 1].map((now) => prepareCommand('add_precondition_schedule', { ...body, id: 7 }, now));
    expect(withId[0]).toEqual(withId[1]);
  });

  it('checks the types of JSON strictly and ignores unknown parameters', () => {
    const text = (body: object) => {
      const request = prepareCommand('set_charging_amps', { ...body, unknown: 1 }, NOW);
      return request.kind === 'parameter_error' ? request.text : request.kind;
    };
    const invalid = 'invalid charging_amps param';
    expect(text({ charging_amps: '16' })).toBe(invalid);
    expect(text({ charging_amps: true })).toBe(invalid);
    expect(text({ charging_amps: null })).toBe(invalid);
    expect(text({ charging_amps: Number.POSITIVE_INFINITY })).toBe(invalid);
    expect(text({ charging_amps: 2 ** 32 + 16 })).toBe(invalid);
    expect(text({})).toBe('missing charging_amps param');
    expect(text({ charging_amps: 16.9 })).toBe('prepared');
  });

  it('reads nothing but `enable` of a departure that is switched off', () => {
    expect(prepareCommand('set_scheduled_departure', { enable: false, departure_time: 'x' }, NOW).kind).toBe(
      'prepared',
    );
  });

  it('any parameters give bytes or a refusal, never an exception', () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant({}));
    fc.assert(
      fc.property(fc.constantFrom(...commandTable.values()), fc.array(value, { maxLength: 12 }), (row, values) => {
        const names = row.via === 'signed' ? Object.keys(row.parameters) : [];
        const body = Object.fromEntries(names.map((name, index) => [name, values[index]]));
        expect(prepareCommand(row.name, body, NOW).kind).toMatch(/^(prepared|parameter_error|rest_command)$/);
      }),
    );
  });

  it('describes its parameters as a JSON schema', () => {
    const description = 'Minutes after midnight.';
    expect(commandSchema(commandTable.get('set_scheduled_charging')!)).toEqual({
      type: 'object',
      properties: {
        enable: { type: 'boolean', description: 'On or off.' },
        time: { type: 'integer', description, default: 0 },
      },
      required: ['enable'],
    });
    expect(commandSchema(commandTable.get('wake_up')!)).toEqual({ type: 'object', properties: {}, required: [] });
  });

  it('names that every object has are not commands', () => {
    expect(prepareCommand('constructor', {}, NOW)).toEqual({ kind: 'unknown_command' });
    expect(prepareCommand('set_sentry_mode', JSON.parse('{"__proto__":{"on":true}}'), NOW)).toMatchObject({
      text: 'missing on param',
    });
  });
});

it('a body is an object, null or empty', () => {
  expect(['', ' \n', 'null', '{}'].map(readBody)).toEqual([{}, {}, {}, {}]);
  expect(readBody('{"percent":80}')).toEqual({ percent: 80 });
  expect(['[]', '"x"', '1', 'percent=80', '{'].map(readBody)).toEqual(Array(5).fill(undefined));
});
