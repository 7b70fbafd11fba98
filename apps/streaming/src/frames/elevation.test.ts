import { createServer } from 'node:http';
import { eventually } from '@fleetbridge/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Elevation } from './elevation.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
});

describe('Elevation', () => {
  it('knows a height from the second frame near a place on, and asks for a place once', async () => {
    const { url, asked } = await service(() => ({ results: [{ elevation: 519.6 }] }));
    const elevation = new Elevation({ url });
    expect(elevation.at(48.13715, 11.57612)).toBeUndefined();
    expect(elevation.at(48.1372, 11.5761)).toBeUndefined();
    await eventually(() => elevation.at(48.13719, 11.57609) === 520);
    expect(asked).toEqual(['48.137,11.576']);
  });

  it('remembers that a place has none', async () => {
    const { url, asked } = await service(() => ({ results: [{ elevation: null }] }));
    const elevation = new Elevation({ url });
    elevation.at(0, 0);
    await eventually(() => asked.length === 1);
    await eventually(() => elevation.at(0, 0) === undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['an error', () => undefined],
    ['nonsense', () => ({ results: 'none' })],
  ])('goes without when the service answers %s, says so once, and asks again', async (_, answer) => {
    let isBroken = true;
    const { url, asked } = await service(() => (isBroken ? answer() : { results: [{ elevation: 7 }] }));
    const story: string[] = [];
    const elevation = new Elevation({
      url,
      onTrouble: () => story.push('trouble'),
      onRecovered: () => story.push('recovered'),
    });
    await eventually(() => {
      expect(elevation.at(1, 1)).toBeUndefined();
      return asked.length >= 3;
    });
    isBroken = false;
    await eventually(() => elevation.at(1, 1) === 7);
    expect(story).toEqual(['trouble', 'recovered']);
  });
});

/** `undefined` is answered as an internal error. */
async function service(answer: () => object | undefined) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url!, 'http://x').searchParams.get('locations')!);
    const body = answer();
    response.writeHead(body ? 200 : 500, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/v1/test`, asked };
}
