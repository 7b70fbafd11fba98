// What a client receives of a vehicle that drives, charges, sleeps and vanishes, message by message
// (docs/protocol/teslamate.md#messages).
import { setTimeout as delay } from 'node:timers/promises';
import { DetailedChargeState, Field } from '@fleetbridge/protocol';
import { VehicleIdStore } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { type RigOptions, TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest, type TestSocket } from './streaming-test.js';
import { driving, VehicleLog } from './vehicle-log.js';

const HELLO = 'hello';
const OFFLINE = 'Vehicle is offline';
const GONE = 'vehicle_disconnected';
const HOUR_MS = 3_600_000;

interface Setup {
  vehicle: VehicleLog;
  newClient: () => Promise<OwnerSocket>;
  /** Whether the client has confirmed the last entry. */
  isConfirmed: () => Promise<boolean>;
}

const it = streamingTest.extend<{ open: (options?: Partial<RigOptions>) => Promise<Setup> }>({
  open: async ({ startRig, connect, redis, namespace }, use) => {
    await use(async (options) => {
      const rig = await startRig(options);
      const vehicle = new VehicleLog(redis, namespace, VIN);
      await vehicle.connect();
      return {
        vehicle,
        newClient: async () => ownerSocket(await connect(rig.wsUrl)),
        isConfirmed: async () =>
          (await redis.hvals(`${namespace}:{0}:slots:${VIN}`))[0]?.endsWith(vehicle.lastEntry) === true,
      };
    });
  },
});

describe('connected', () => {
  it('and driving: hello, the present frame, a frame per record that changes a column', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await vehicle.send({ PackCurrent: 52.3 }, 2_000);
    await vehicle.send({ PackCurrent: 52.2 }, 3_000);
    await vehicle.send({ PackCurrent: 0 }, 4_000);
    await client.received([HELLO, '1000,D,21', '2000,D,-21', '4000,D,0']);
  });

  it('and parked: power is a number; then hello, and no other frame', async ({ open }) => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await eventually(() => client.hellos() >= 4);
    await client.received([HELLO, '1000,P,0', HELLO]);
  });

  it('and charging: no shift state, negative power', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ ...driving, Gear: 'P', PackCurrent: 0 }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,P,0']);
    const charging = DetailedChargeState.DetailedChargeStateCharging;
    await vehicle.sendData(
      [
        { key: Field.DetailedChargeState, value: { detailedChargeStateValue: charging } },
        { key: Field.ACChargingPower, value: { doubleValue: 11.04 } },
      ],
      2_000,
    );
    await client.received([HELLO, '1000,P,0', '2000,,-11']);
  });
});

describe('a parked vehicle', () => {
  it('that disconnects: offline once, a last frame without a shift state, disconnected; then nothing, whatever happens', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20, driveBeginsMs: 1 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P', VehicleSpeed: 0 }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,P,0', HELLO]);
    await vehicle.disconnect();
    const before = [HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE];
    await client.received(before);

    // it wakes and drives, all before the client subscribes
    await vehicle.connect();
    await vehicle.send({ Gear: 'D', PackVoltage: 400, PackCurrent: -50 }, 2_000);
    await vehicle.send({ PackCurrent: -100 }, 3_000);
    await client.silent();
    client.subscribe();
    await client.received([...before, HELLO, '1000,P,0', '2000,D,20', '3000,D,40'], { orMore: true });
  });

  it('that sleeps: each subscribe is answered with a frame without shift state and power, which wakes nothing', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open({ pace: { helloEveryMs: 20 } });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE]);
    await client.silent();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE, HELLO, '1000,,', GONE]);
    await client.silent();
    const next = await newClient();
    next.subscribe();
    await next.received([HELLO, '1000,,', GONE]);
  });

  it('that falls asleep: a client that was connected then gets no further frame at its next subscribe', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,P,0']);
    await vehicle.disconnect();
    client.subscribe();
    await client.received([HELLO, '1000,P,0', OFFLINE, '1000,,0', GONE, HELLO, GONE]);
    const next = await newClient();
    next.subscribe();
    await next.received([HELLO, '1000,,', GONE]);
  });

  it('that sleeps and has no known location is answered the same', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, expect.stringMatching(/^\d+,,$/), GONE]);
  });

  it('whose configuration was removed: offline after ten minutes of subscriptions, and for every later client', async ({
    open,
  }) => {
    let aheadMs = 20 * HOUR_MS;
    const { vehicle, newClient } = await open({
      now: () => Date.now() + aheadMs,
      monotonicNow: () => performance.now() + aheadMs,
    });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE]);
    aheadMs += 590_000;
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE, HELLO, '1000,,', GONE]);
    aheadMs += 10_000;
    client.subscribe();
    const before = [HELLO, '1000,,', GONE, HELLO, '1000,,', GONE];
    await client.received([...before, HELLO, OFFLINE, GONE]);
    client.subscribe();
    await client.received([...before, HELLO, OFFLINE, GONE, HELLO, GONE]);
    const next = await newClient();
    next.subscribe();
    await next.received([HELLO, OFFLINE, GONE]);

    // the ten minutes begin again when it has been connected
    await vehicle.connect();
    await vehicle.disconnect();
    const last = await newClient();
    last.subscribe();
    await last.received([HELLO, '1000,,', GONE]);
  });

  it('whose configuration was removed: offline at once when nothing was received for 24 hours', async ({ open }) => {
    const { vehicle, newClient } = await open({ now: () => Date.now() + 25 * HOUR_MS });
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, OFFLINE, GONE]);
  });

  it('that has sent records without a change: the present frame of a reconnect has the time of the newest one', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,P,0']);
    // TeslaMate can have this time from REST, and would ignore an older frame
    await vehicle.send({ VehicleSpeed: 0 }, 61_000);
    await client.received([HELLO, '1000,P,0']);
    client.socket.terminate();
    const back = await newClient();
    back.subscribe();
    await back.received([HELLO, '61000,P,0']);
    await vehicle.disconnect();
    await back.received([HELLO, '61000,P,0', OFFLINE, '61000,,0', GONE]);
    await vehicle.connect();
    await vehicle.send({ PackVoltage: 400, PackCurrent: -10 }, 62_000);
    back.subscribe();
    await back.received([HELLO, '61000,P,0', OFFLINE, '61000,,0', GONE, HELLO, '62000,P,4']);
  });

  it('that wakes: the next subscribe receives the present frame', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    await vehicle.disconnect();
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE]);
    await vehicle.connect();
    await client.silent();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE, HELLO, '1000,P,0']);
    // another disconnect is reported
    await vehicle.disconnect();
    await client.received([HELLO, '1000,,', GONE, HELLO, '1000,P,0', OFFLINE, '1000,,0', GONE]);
  });

  it('that reconnects unchanged: its shift state is sent again, and nothing to a client that has it', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send({ Location: [48.1, 11.5], Gear: 'P' }, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,P,0']);
    client.subscribe();
    await client.received([HELLO, '1000,P,0', HELLO]);
    await vehicle.disconnect();
    await client.received([HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE]);
    await vehicle.connect();
    client.subscribe();
    await client.received([HELLO, '1000,P,0', HELLO, OFFLINE, '1000,,0', GONE, HELLO, '1000,P,0']);
  });
});

describe('a vehicle that vanishes in a drive', () => {
  it('is not reported for two minutes, and its frames continue', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 100_000 });
    await client.silent();
    await vehicle.connect();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await client.received([HELLO, '1000,D,21', '2000,D,40']);
  });

  it('is reported after that: offline, a last frame without a shift state, disconnected', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 119_900 });
    await client.received([HELLO, '1000,D,21', OFFLINE, '1000,,0', GONE]);
  });

  it('is replayed to a client that waits to subscribe, from the first frame that it has not received', async ({
    open,
  }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await vehicle.disconnect({ agoMs: 130_000 });
    const before = [HELLO, '1000,D,21', OFFLINE, '1000,,0', GONE];
    await client.received(before);
    await vehicle.connect();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await vehicle.send({ PackCurrent: -200 }, 3_000);
    await client.silent();
    client.subscribe();
    await client.received([...before, HELLO, '2000,D,40', '3000,D,80']);
  });

  it('is asleep for a new client that subscribes only then', async ({ open }) => {
    const { vehicle, newClient } = await open();
    await vehicle.send(driving, 1_000);
    await vehicle.disconnect({ agoMs: 130_000 });
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,,', GONE]);
  });

  it('in a tunnel of five minutes is offline for the client that had its drive, however often that subscribes', async ({
    open,
  }) => {
    const { vehicle, newClient, isConfirmed } = await open({ pace: { pingEveryMs: 5 } });
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await eventually(isConfirmed);
    await vehicle.disconnect({ agoMs: 130_000 });
    const before = [HELLO, '1000,D,21', OFFLINE, '1000,,0', GONE];
    await client.received(before);
    client.subscribe();
    await client.received([...before, HELLO, GONE]);
    client.socket.terminate();
    for (let connection = 0; connection < 2; connection++) {
      const back = await newClient();
      back.subscribe();
      await back.received([HELLO, OFFLINE, GONE]);
      back.socket.terminate();
    }
    await vehicle.connect();
    await vehicle.send({ PackCurrent: -100 }, 301_000);
    const last = await newClient();
    last.subscribe();
    await last.received([HELLO, '301000,D,40']);
  });

  it('is replayed completely to a client that reconnects only then', async ({ open }) => {
    const { vehicle, newClient, isConfirmed } = await open({ pace: { pingEveryMs: 5 } });
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe();
    await client.received([HELLO, '1000,D,21']);
    await eventually(isConfirmed);
    client.socket.terminate();
    await vehicle.send({ PackCurrent: -100 }, 2_000);
    await vehicle.disconnect({ agoMs: 130_000 });
    const back = await newClient();
    back.subscribe();
    await back.received([HELLO, '2000,D,40', OFFLINE, '2000,,0', GONE]);
  });
});

describe('a tag', () => {
  it.for([
    ['of no known vehicle', '5YJ3E1EA7KF999999'],
    ['that is malformed', 'no VIN at all, '.repeat(100)],
  ] as const)('%s is answered like an offline vehicle', async ([_, tag], { open }) => {
    const { newClient } = await open();
    const client = await newClient();
    client.subscribe(tag);
    await client.received([HELLO, OFFLINE, GONE]);
  });

  it('that is the vehicle id of REST is the vehicle', async ({ open, store }) => {
    const { vehicle, newClient } = await open();
    const { vehicleId } = await new VehicleIdStore(store).of(VIN);
    await vehicle.send(driving, 1_000);
    const client = await newClient();
    client.subscribe(String(vehicleId));
    await client.received([HELLO, '1000,D,21']);
  });
});

type OwnerSocket = ReturnType<typeof ownerSocket>;

function ownerSocket(client: TestSocket) {
  const { messages } = client;
  /** Consecutive hellos count as one: their number depends on the time. */
  const kinds = () => messages.map(kindOf).filter((kind, n, all) => kind !== HELLO || all[n - 1] !== HELLO);
  return {
    ...client,
    hellos: () => messages.filter((text) => kindOf(text) === HELLO).length,
    subscribe: (tag: string = VIN) =>
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'shift_state,power', tag }),
    /** Expects these messages, and no others a moment later. */
    received: async (expected: string[], { orMore = false } = {}) => {
      await eventually(() => kinds().length >= expected.length, 5_000).catch(() => {});
      if (!orMore && !expected.at(-1)?.startsWith(HELLO)) await delay(15);
      expect(orMore ? kinds().slice(0, expected.length) : kinds()).toEqual(expected);
    },
    /** Expects no message for several times the interval of hellos in these tests. */
    silent: async () => {
      const count = messages.length;
      await delay(70);
      expect(kinds().slice(count)).toEqual([]);
    },
  };
}

function kindOf(text: string): string {
  const { msg_type, error_type, value } = JSON.parse(text);
  if (msg_type === 'control:hello') return HELLO;
  if (msg_type === 'data:update') return value;
  return error_type === 'vehicle_error' ? value : error_type;
}
