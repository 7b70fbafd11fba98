import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { redisUrl } from './redis-url.js';
import { Secret } from './secret.js';
import {
  commaList,
  durationSeconds,
  filePath,
  flag,
  hostName,
  integer,
  oneOf,
  origin,
  port,
  secret,
  text,
  topicList,
  url,
} from './values.js';

const here = fileURLToPath(import.meta.url);
const redis = url({ protocols: ['redis:', 'rediss'] });

const cases: { name: string; schema: z.ZodType; good: [unknown, unknown][]; bad: unknown[] }[] = [
  {
    name: 'port',
    schema: port(),
    good: [
      ['0', 0],
      ['65535', 65_535],
      [' 4443 ', 4443],
      [4443, 4443],
    ],
    bad: ['-1', '65536', '80.5', '1e3', '0x50', 'banana', 80.5, {}, undefined],
  },
  {
    name: 'integer',
    schema: integer({ min: -2, max: 2 }),
    good: [
      ['-2', -2],
      ['+2', 2],
      ['02', 2],
    ],
    bad: ['-3', '3', '1.0', '', '1 2', Number.NaN],
  },
  {
    name: 'integer without limits',
    schema: integer(),
    good: [['9007199254740991', 9_007_199_254_740_991]],
    bad: ['9007199254740992'],
  },
  {
    name: 'durationSeconds',
    schema: durationSeconds(),
    good: [
      ['0', 0],
      ['0.1', 0.1],
      ['2147483', 2_147_483],
    ],
    bad: ['-1', '2147484', '10s', '.5', '1e3', 'Infinity'],
  },
  {
    name: 'flag',
    schema: flag(),
    good: [
      ['on', true],
      ['TRUE', true],
      ['yes', true],
      ['1', true],
      [true, true],
      ['off', false],
      ['False', false],
      ['no', false],
      ['0', false],
      [false, false],
    ],
    bad: ['', 'enabled', '2'],
  },
  { name: 'oneOf', schema: oneOf(['token', 'none']), good: [['none', 'none']], bad: ['None', 'tok', ''] },
  {
    name: 'text',
    schema: text(),
    good: [
      [' a b ', 'a b'],
      [7, '7'],
    ],
    bad: ['', ' ', null, {}],
  },
  {
    name: 'text with a pattern',
    schema: text({ pattern: /^[a-z]+$/, expected: 'small letters' }),
    good: [['abc', 'abc']],
    bad: ['Abc'],
  },
  {
    name: 'commaList',
    schema: commaList(),
    good: [
      ['a, b,,c ', ['a', 'b', 'c']],
      [',', []],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      ['*', ['*']],
    ],
    bad: [{}, [{}], undefined],
  },
  { name: 'filePath', schema: filePath(), good: [['/no/such/file', '/no/such/file']], bad: ['', null] },
  {
    name: 'filePath that must exist',
    schema: filePath({ mustExist: true }),
    good: [[here, here]],
    bad: ['/no/such/file', '/'],
  },
  {
    name: 'filePath that must exist, or a pattern',
    schema: filePath({ mustExist: true, orPattern: true }),
    good: [
      [here, here],
      ['/no/*/file', '/no/*/file'],
    ],
    bad: ['/no/such/file', '/no/*'],
  },
  { name: 'topicList', schema: topicList(), good: [['V, x.y-z_1', ['V', 'x.y-z_1']]], bad: ['a b', 'V,ä', {}] },
  { name: 'hostName', schema: hostName(), good: [['::1', '::1']], bad: ['https://x', ''] },
  {
    name: 'url',
    schema: redis,
    good: [
      ['redis://:p@h:6379/0', 'redis://:p@h:6379/0'],
      ['rediss://h', 'rediss://h'],
    ],
    bad: ['http://h', 'redis:h', 'redis://', 'h:6379', 'redis//h'],
  },
  {
    name: 'redisUrl',
    schema: redisUrl(),
    good: [
      'redis://:p@h:6379/0',
      'rediss://h',
      'redis+cluster://a',
      'redis+cluster://me:p%40ss@a:7000,b:7001,c',
      'rediss+cluster://[::1]:7000,10.0.0.2',
    ].map((text) => [text, text] as [string, string]),
    bad: [
      'http://h',
      'redis:h',
      'redis://:100%@h',
      'redis://:p@ss/word@h:6379',
      'redis://:a?b@h',
      'redis://:a#b@h:6379/0',
      // several nodes, but not redis+cluster://
      'redis://a:1,b:2',
      'redis+cluster://',
      'redis+cluster://a:1,',
      'redis+cluster://a:1, b:2',
      'redis+cluster://a:1/3',
      'redis+cluster://a:1?family=6',
      'redis+cluster://a:99999',
      'redis+cluster://:100%@a',
      'cluster+redis://a',
    ],
  },
];

for (const { name, schema, good, bad } of cases) {
  describe(name, () => {
    test.each(good)('reads %j as %j', (given, value) => {
      expect(schema.parse(given)).toEqual(value);
    });
    test.each(bad.map((given) => [given]))('rejects %j with what it expects', (given) => {
      expect(schema.safeParse(given).error?.issues).toEqual([
        expect.objectContaining({ message: expect.stringMatching(/^expected /) }),
      ]);
    });
  });
}

test('the error of a number has its limits', () => {
  const sentence = (schema: z.ZodType) => schema.safeParse('?').error?.issues[0]?.message;
  expect(sentence(integer({ min: 1 }))).toBe('expected a whole number, at least 1');
  expect(sentence(integer({ max: 9 }))).toBe('expected a whole number, at most 9');
  expect(sentence(integer({ min: 1, max: 9 }))).toBe('expected a whole number from 1 to 9');
});

test('a port accepts exactly the numbers from 0 to 65535', () => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000, max: 100_000 }), (number) => {
      expect(port().safeParse(String(number)).success).toBe(number >= 0 && number <= 65_535);
    }),
  );
});

test('an origin has no path and no password, and is encrypted except on this machine', () => {
  expect(origin().parse('https://Fleet.example.com:443/')).toBe('https://fleet.example.com');
  expect(origin().parse('http://127.0.0.1:8085')).toBe('http://127.0.0.1:8085');
  for (const text of ['fleet.example.com', 'http://fleet.example.com', 'https://u:p@h', 'https://h/api', 'https://']) {
    expect(origin().safeParse(text).success).toBe(false);
  }
});

test('a secret keeps its blanks, and a blank secret is rejected', () => {
  expect(secret().parse(' a ').reveal()).toBe(' a ');
  expect(secret().parse(1234)).toBeInstanceOf(Secret);
  expect(secret().safeParse('  ').success).toBe(false);
});

test('a wrapped value accepts the same as the value', () => {
  const schema = z.object({ A: port().default(1), B: port().optional() });
  expect(schema.parse({})).toEqual({ A: 1 });
  expect(schema.parse({ A: '2', B: '3' })).toEqual({ A: 2, B: 3 });
});

test.each<[z.ZodType, string, string]>([
  [hostName(), 'https://x.example.com', 'remove "https://" (with Docker Compose: in DOMAIN)'],
  [hostName(), 'x.example.com/', 'remove "/" (with Docker Compose: in DOMAIN)'],
  [origin(), 'https://localhost:8085/oauth2/v3', 'remove "/oauth2/v3"'],
  [hostName(), '"x.example.com"', 'the quotes are part of the value; remove them'],
  [port(), '4443;', 'the semicolon at the end is part of the value; remove it'],
  [redisUrl(), 'redis://:p@ss/word@redis:6379', 'write / ? # @ % in a password as %2F %3F %23 %40 %25'],
  [filePath({ mustExist: true }), import.meta.dirname, 'it is a folder; Docker makes one'],
])('%#: the error of %j has the remedy', (schema, given, remedy) => {
  expect(schema.safeParse(given).error?.issues[0]?.message).toContain(`; ${remedy}`);
});
