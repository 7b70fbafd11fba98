// The frames on the terminal, received as TeslaMate receives them: what is shown here has gone the whole way.
import { TeslaMateClient } from '@fleetbridge/simulator';
import { frameLine } from './frame-line.js';

/** More than that nobody can follow. */
const MAX_SHOWN = 3;
const LOOK_MS = 1_000;
/** TeslaMate's supervisor starts a vehicle that crashed anew, too. */
const AGAIN_AFTER_MS = 5_000;

export interface LiveFramesOptions {
  readonly url: string;
  readonly token: string;
  readonly vins: readonly string[];
  readonly caPem?: string;
  readonly say: (line: string) => void;
}

/** Shows the first three vehicles until it is stopped, whatever happens to the connections. */
export function showLiveFrames(options: LiveFramesOptions): { stop(): void } {
  const shown = options.vins.slice(0, MAX_SHOWN).map((vin) => showVehicle(vin, options));
  return {
    stop() {
      for (const { stop } of shown) stop();
    },
  };
}

function showVehicle(vin: string, { url, token, caPem, say }: LiveFramesOptions): { stop(): void } {
  let restart: NodeJS.Timeout | undefined;
  let client = open();
  let lastTrouble = '';

  const looking = setInterval(() => {
    for (const { type } of client.events) {
      if (type === 'disconnected') say(`${vin}: streaming has gone; reconnecting`);
      if (type === 'vehicle_disconnected' && lastTrouble !== type) say(`${vin}: asleep or out of reach`);
      if (type === 'tokens_expired' && lastTrouble !== type) say(`${vin}: streaming does not admit the token`);
      lastTrouble = type;
    }
    const [crash] = client.crashes;
    // The client keeps what it saw, as a test wants it; here it runs for months.
    client.events.length = 0;
    client.messages.length = 0;
    if (crash === undefined) return;
    say(`${vin}: ${crash}; connecting again in ${AGAIN_AFTER_MS / 1000} s`);
    restart = setTimeout(() => {
      client = open();
    }, AGAIN_AFTER_MS);
  }, LOOK_MS);

  function open(): TeslaMateClient {
    const opened = new TeslaMateClient({
      url,
      token,
      tag: vin,
      ...(caPem === undefined ? {} : { caPem }),
      onFrame: (frame) => {
        lastTrouble = '';
        opened.frames.length = 0;
        say(frameLine(vin, frame));
      },
    });
    // A first connection that fails is a crash among its events, where it is looked for.
    opened.connect().catch(() => {});
    return opened;
  }

  return {
    stop() {
      clearInterval(looking);
      clearTimeout(restart);
      client.stop();
    },
  };
}
