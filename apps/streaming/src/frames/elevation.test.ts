import { createServer } from 'node:http';
import { eventually } from '@fleetbridge/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Elevation } from './elevation.js';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

describe('Elevation', () => {
  it('is known from the second frame near a place on, and is requested once per place', async () => {
    const { url, requested } = await service(() => ({ results: [{ elevation: 519.6 }] }));
    const elevation = new Elevation({ url });
    expect(elevation.at(48.13715, 11.57612)).toBeUndefined();
    expect(elevation.at(48.1372, 11.5761)).toBeUndefined();
    await eventually(() => elevation.at(48.13719, 11.57609) === 520);
    expect(requested).toEqual(['48.137,11.576']);
  });

  it('remembers places without an elevation', async () => {
    const { url, requested } = await service(() => ({ results: [{ elevation: null }] }));
    const elevation = new Elevation({ url });
    elevation.at(0, 0);
    await eventually(() => requested.length === 1);
    await eventually(() => elevation.at(0, 0) === undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(requested).toHaveLength(1);
  });

  it.each([
    ['an error', () => undefined],
    ['unexpected JSON', () => ({ results: 'none' })],
  ])('is unknown while the service answers with %s, which is reported once and retried', async (_, answer) => {
    let isBroken = true;
    const { url, requested } = await service(() => (isBroken ? answer() : { results: [{ elevation: 7 }] }));
    const events: string[] = [];
    const elevation = new Elevation({
      url,
      onTrouble: () => events.push('trouble'),
      onRecovered: () => events.push('recovered'),
    });
    await eventually(() => {
      expect(elevation.at(1, 1)).toBeUndefined();
      return requested.length >= 3;
    });
    isBroken = false;
    await eventually(() => elevation.at(1, 1) === 7);
    expect(events).toEqual(['trouble', 'recovered']);
  });
});

/** `undefined` becomes an internal server error. */
async function service(answer: () => object | undefined) {
  const requested: string[] = [];
  const server = createServer((request, response) => {
    requested.push(new URL(request.url!, 'http://x').searchParams.get('locations')!);
    const body = answer();
    response.writeHead(body ? 200 : 500, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/v1/test`, requested };
}
