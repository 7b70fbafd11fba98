import { describe, expect, it, vi } from 'vitest';

const loaded = vi.hoisted(() => new Set<string>());
for (const name of ['@platformatic/kafka', '@nats-io/transport-node', 'mqtt', 'jose']) {
  vi.doMock(name, (importOriginal) => {
    loaded.add(name);
    return importOriginal();
  });
}

// after the mocks, so that they see what index.ts imports
const { checkDefinition, createDelivery, deliveryKinds } = await import('./index.js');

describe('deliveryKinds', () => {
  it('loads a client library only when a delivery of its kind is created', async () => {
    expect(deliveryKinds.map(({ name }) => name)).toEqual(['push', 'mqtt', 'kafka', 'nats', 'log']);
    await create({ log: true });
    await create({ push: { url: 'https://x/' } });
    expect([...loaded]).toEqual([]);
    await create({ mqtt: { url: 'mqtt://x' } });
    expect([...loaded]).toEqual(['mqtt']);
    await create({ kafka: { brokers: ['x:1'] } });
    await create({ nats: { servers: ['nats://x'] } });
    expect([...loaded]).toEqual(['mqtt', '@platformatic/kafka', '@nats-io/transport-node']);
  });

  it('fails when a secret that the settings name is missing', async () => {
    const creating = create({ mqtt: { url: 'mqtt://x', password: 'env:PASSWORD' } });
    await expect(creating).rejects.toThrow('the variable PASSWORD is not set');
  });

  it('has settings for the flags of each kind, and a schema that accepts them', () => {
    const examples = { push: 'https://x/', mqtt: 'mqtt://x', kafka: ['x:1'], nats: ['nats://x'], log: true };
    for (const { name, flags } of deliveryKinds) {
      expect(flags.usage).toMatch(new RegExp(`^--${name}\\b`));
      expect(flags.settings({})).toBeUndefined();
      expect(checkDefinition({ name: 'a', [name]: flags.settings(examples) }, 'a')).toHaveProperty('value');
    }
  });
});

async function create(settings: object): Promise<void> {
  const checked = checkDefinition({ name: 'a', ...settings }, 'a');
  if (!('value' in checked)) throw new Error(JSON.stringify(checked.mistakes));
  const log = { info: () => {}, warn: () => {} };
  const delivery = await createDelivery(checked.value, { namespace: 'n', partition: 0, env: {}, now: Date.now, log });
  await delivery.stop();
}
