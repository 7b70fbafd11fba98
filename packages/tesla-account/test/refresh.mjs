// Another process with the account. With `die` it is killed between Tesla's answer and the store.

import { readFileSync } from 'node:fs';
import { createFleetApi, systemClock } from '@fleetbridge/fleet-api';
import { openStore, whenReady } from '@fleetbridge/store';
import { createTeslaAccount } from '@fleetbridge/tesla-account';

const [redisUrl, namespace, apiUrl, caFile, directory, mode] = process.argv.slice(2);
const store = openStore({ url: redisUrl, name: 'test', namespace, partitions: 1 });
await whenReady(store.redis, 10_000);
const clock = systemClock;
const api = createFleetApi({ clock, random: Math.random, ca: readFileSync(caFile, 'utf8'), apiUrl, authUrl: apiUrl });
const fleet = {
  async refresh(request) {
    const answer = await api.refresh(request);
    if (mode === 'die') process.kill(process.pid, 'SIGKILL');
    return answer;
  },
};
// the lease of a process that died delays the others
const leaseMs = mode === 'die' ? 300 : 15_000;
const account = createTeslaAccount({ store, directory, fleet, clock, owner: `test-${process.pid}`, leaseMs });
process.stdout.write(await account.accessToken());
store.close();
