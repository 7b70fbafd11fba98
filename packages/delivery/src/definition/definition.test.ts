import { describe, expect, it } from 'vitest';
import { checkDefinition, checkDefinitions } from './definition.js';

describe('checkDefinition', () => {
  it("fills in Pub/Sub's defaults", () => {
    const checked = checkDefinition({ name: 'a', push: { url: 'https://x/' } }, 'a');
    expect(checked).toMatchObject({
      value: {
        topics: ['V', 'alerts', 'errors', 'connectivity'],
        from: 'now',
        ackDeadlineSeconds: 10,
        backOff: { minimumSeconds: 0.1, maximumSeconds: 60 },
        maximumDeliveries: 5,
        push: { wrapped: true, headers: {} },
      },
    });
  });

  it('accepts each delivery, and `log: true`', () => {
    const deliveries = [
      { mqtt: { url: 'mqtt://mosquitto:1883', base: 'fleetbridge', homeAssistant: true } },
      { kafka: { brokers: ['kafka:9092'] } },
      { nats: { servers: ['nats://nats:4222'] } },
      { log: true },
      { log: { file: '/tmp/x' } },
    ];
    for (const delivery of deliveries) expect(checkDefinition({ name: 'a', ...delivery }, 'a')).toHaveProperty('value');
  });
});

describe('a new definition', () => {
  const VIN = '5YJ3E1EA7KF000001';
  const problems = (given: object, names = { extraTopics: ['das'] }) => {
    const checked = checkDefinition({ name: 'a', log: true, ...given }, 'a', names);
    return 'mistakes' in checked ? checked.mistakes.map(({ path, problem }) => `${path}: ${problem}`) : [];
  };

  it('has only topics that are stored', () => {
    expect(problems({ topics: ['V', 'das'] })).toEqual([]);
    expect(problems({ topics: ['v', 'Z9-some-topic'] })).toEqual([
      'a.topics[0]: unknown topic "v", expected V, alerts, errors, connectivity, das; did you mean V? (topics of your own: EXTRA_TOPICS)',
      'a.topics[1]: unknown topic "Z9-some-topic", expected V, alerts, errors, connectivity, das (topics of your own: EXTRA_TOPICS)',
    ]);
    expect(checkDefinition({ name: 'a', log: true, topics: ['v'] }, 'a')).toHaveProperty('value');
  });

  it('has only VINs of vehicles, in any case; stored ones are unchanged', () => {
    expect(problems({ vins: [VIN.toLowerCase()] })).toEqual([]);
    expect(problems({ vins: ['foo', `"${VIN}"`] }).map((text) => text.slice(0, 14))).toEqual([
      'a.vins[1]: exp',
      'a.vins[0]: "fo',
    ]);
    expect(checkDefinition({ name: 'a', log: true, vins: ['foo'] }, 'a')).toMatchObject({ value: { vins: ['FOO'] } });
    expect(
      checkDefinition({ name: 'a', log: true, vins: ['foo'] }, 'a', { extraTopics: [], anyVin: true }),
    ).toHaveProperty('value');
  });

  it.each([
    [
      { mqtt: { url: 'mqtt://x', homeasistant: true }, log: undefined },
      'a.mqtt.homeasistant: unknown setting; did you mean homeAssistant?',
    ],
    [{ topic: ['V'] }, 'a.topic: unknown setting; did you mean topics?'],
    [{ topics: 'V' }, 'a.topics: expected a list such as [V]'],
    [{ maximumDeliveries: '5' }, 'a.maximumDeliveries: expected a number'],
    [{ signals: ['VehicleSped'] }, 'a.signals[0]: unknown signal; did you mean VehicleSpeed?'],
  ])('%j: %s', (given, problem) => {
    expect(problems(given)).toEqual([problem]);
  });
});

describe('checkDefinition of a push', () => {
  const mistakesOf = (value: string) => {
    const checked = checkDefinition({ name: 'a', push: { url: 'https://x/', headers: { 'x-a': value } } }, 'a');
    return 'mistakes' in checked ? checked.mistakes.map(({ path }) => path) : [];
  };

  it('refuses headers that HTTP does not allow, and accepts all others', () => {
    for (const value of ['a\r\nb', 'a\n', '\r', 'a\u0000', '\u001b[31m', 'ő', '🚗', '\ud800'])
      expect(mistakesOf(value)).toEqual(['a.push.headers.x-a']);
    for (const value of ['', 'a b', '\ta', 'é', 'x'.repeat(70_000)]) expect(mistakesOf(value)).toEqual([]);
  });
});

describe('checkDefinitions', () => {
  it('accepts the form in the documentation, and an empty file', () => {
    const subscriptions = [
      { name: 'teslamate-bridge', topics: ['V'], push: { url: 'https://streaming.example.com/' } },
      {
        name: 'home',
        topics: ['V', 'connectivity'],
        vins: ['5YJ3E1EA7KF000001'],
        mqtt: { url: 'mqtt://mosquitto:1883', base: 'fleetbridge', homeAssistant: true },
      },
    ];
    const checked = checkDefinitions({ subscriptions });
    expect('value' in checked && checked.value.map(({ given }) => given)).toEqual(subscriptions);
    for (const empty of [null, undefined, {}, { subscriptions: [] }]) {
      expect(checkDefinitions(empty)).toEqual({ value: [] });
    }
  });

  it('reports every mistake at once, each with its path', () => {
    const checked = checkDefinitions({
      subscriptions: [
        { name: 'a b', push: { url: 'nowhere' }, signals: ['Speeed'], maximumDeliveries: 0 },
        { name: 'b', topics: [], log: true, nats: { servers: [] } },
        { name: 'c', mqtt: { url: 'mqtt://x', base: 'a/#', qos: 3 }, retries: 1 },
        { name: 'c', kafka: { brokers: ['kafka'] }, backOff: { minimumSeconds: 9, maximumSeconds: 1 } },
        {
          name: 'd',
          push: { url: 'http://x', token: 'a', signedToken: { audience: 'x', serviceAccount: 'x', keyFile: 'k' } },
        },
        { name: 'e' },
        'f',
      ],
    });
    const mistakes = 'mistakes' in checked ? checked.mistakes : [];
    expect(mistakes.map(({ path }) => path).sort()).toEqual(
      [
        'subscriptions[0].maximumDeliveries',
        'subscriptions[0].name',
        'subscriptions[0].push.url',
        'subscriptions[0].signals[0]',
        'subscriptions[1]',
        'subscriptions[1].nats.servers',
        'subscriptions[1].topics',
        'subscriptions[2].mqtt.base',
        'subscriptions[2].mqtt.qos',
        'subscriptions[2].retries',
        'subscriptions[3].backOff',
        'subscriptions[3].kafka.brokers[0]',
        'subscriptions[3].name',
        'subscriptions[4].push.signedToken.serviceAccount',
        'subscriptions[4].push.token',
        'subscriptions[5]',
        'subscriptions[6]',
      ].sort(),
    );
    const problemOf = (path: string) => mistakes.find((mistake) => mistake.path === path)?.problem;
    expect(problemOf('subscriptions[2].retries')).toBe('unknown setting');
    expect(problemOf('subscriptions[0].signals[0]')).toMatch(/^unknown signal/);
    expect(problemOf('subscriptions[5]')).toBe('expected exactly one of push, mqtt, kafka, nats, log, got no delivery');
    expect(problemOf('subscriptions[3].name')).toBe('"c" is already the name of a subscription above');
  });
});
