import { eventually } from '@fleetbridge/testing';
import { describe, expect, it } from 'vitest';
import { type LiveClient, LiveClients } from './live-clients.js';

describe('live clients', () => {
  it('are checked again after a check has failed', async () => {
    let checks = 0;
    const { live, events } = open(() => {
      checks++;
      return checks === 1 ? Promise.reject(new TypeError('a mistake')) : Promise.resolve(() => false);
    });
    const { client, ends } = newClient();
    live.add(client);
    live.start();
    await eventually(() => ends.length === 1);
    expect(ends).toEqual(['token_revoked']);
    expect(events).toEqual(['grant_check_failed', 'token_revoked']);
    await live.stop('shutdown');
  });

  it('are all ended when one of them can not be ended', async () => {
    const { live, events } = open(() => Promise.resolve(() => false));
    const bad = newClient(() => Promise.reject(new TypeError('a mistake')));
    const worse = newClient(() => {
      throw new TypeError('a mistake');
    });
    const good = newClient();
    for (const { client } of [bad, worse, good]) live.add(client);
    live.start();
    await eventually(() => good.ends.length === 1);
    await live.stop('shutdown');
    expect([bad.ends, worse.ends, good.ends]).toEqual(Array(3).fill(['token_revoked', 'shutdown']));
    expect(events.filter((event) => event === 'client_end_failed')).toHaveLength(4);
  });
});

function open(revocationCheck: () => Promise<() => boolean>) {
  const events: string[] = [];
  const note = (_: unknown, event: string) => void events.push(event);
  const log = { info: note, error: note } as unknown as ConstructorParameters<typeof LiveClients>[0]['log'];
  return { live: new LiveClients({ access: { revocationCheck }, log, checkEveryMs: 1 }), events };
}

function newClient(end: () => Promise<void> | void = () => {}) {
  const ends: string[] = [];
  const client: LiveClient = {
    kind: 'raw',
    access: { granted: { principal: 'token:1', vin: '*', scopes: [] }, address: '192.0.2.1' },
    end: (reason) => {
      ends.push(reason);
      return end();
    },
  };
  return { client, ends };
}
