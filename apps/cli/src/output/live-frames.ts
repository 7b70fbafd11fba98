// Live frames on the terminal, received like TeslaMate does, so each one has passed through all services.
import { TeslaMateClient } from '@fleetbridge/simulator';
import type { Board } from './board.js';
import { FRAME_HEADING, frameLine } from './frame-line.js';

/** More vehicles would make the output unreadable. */
const MAX_SHOWN = 3;
const POLL_MS = 1_000;
/** Like TeslaMate's supervisor, which restarts a crashed vehicle process. */
const RECONNECT_MS = 5_000;

export interface LiveFramesOptions {
  readonly url: string;
  readonly token: string;
  readonly vins: readonly string[];
  readonly caPem?: string;
  readonly board: Board;
}

/** Shows the frames of the first three vehicles until it is stopped; reconnects when a connection fails. */
export function showLiveFrames(options: LiveFramesOptions): { stop(): void } {
  const { vins, board } = options;
  const hidden = vins.length > MAX_SHOWN ? `  (${MAX_SHOWN} of ${vins.length} shown)` : '';
  if (vins.length > 0) board.heading(`${FRAME_HEADING}${hidden}`);
  const shown = vins.slice(0, MAX_SHOWN).map((vin) => showVehicle(vin, options));
  return {
    stop() {
      for (const { stop } of shown) stop();
    },
  };
}

function showVehicle(vin: string, { url, token, caPem, board }: LiveFramesOptions): { stop(): void } {
  let restart: NodeJS.Timeout | undefined;
  let client = open();
  let lastEvent = '';
  let hadFrame = false;
  const print = (line: string) => board.print(line);
  board.row(vin, `${' '.repeat(10)}${vin}  waiting for its first record`, { isNews: false });

  const poll = setInterval(() => {
    for (const { type } of client.events) {
      if (type === 'disconnected') print(`${vin}: connection to streaming lost; reconnecting`);
      // Before the first frame the vehicle has not connected yet.
      if (type === 'vehicle_disconnected' && lastEvent !== type && hadFrame)
        print(`${vin}: vehicle disconnected (asleep or offline)`);
      if (type === 'tokens_expired' && lastEvent !== type) print(`${vin}: streaming rejected the token`);
      lastEvent = type;
    }
    const [crash] = client.crashes;
    // The client keeps its events for tests; here it can run for months.
    client.events.length = 0;
    client.messages.length = 0;
    if (crash === undefined) return;
    print(`${vin}: ${crash}; reconnecting in ${RECONNECT_MS / 1000} s`);
    restart = setTimeout(() => {
      client = open();
    }, RECONNECT_MS);
  }, POLL_MS);

  function open(): TeslaMateClient {
    const opened = new TeslaMateClient({
      url,
      token,
      tag: vin,
      ...(caPem === undefined ? {} : { caPem }),
      onFrame: (frame) => {
        lastEvent = '';
        hadFrame = true;
        opened.frames.length = 0;
        board.row(vin, frameLine(vin, frame));
      },
    });
    // The poll above finds a failed first connection among the crashes.
    opened.connect().catch(() => {});
    return opened;
  }

  return {
    stop() {
      clearInterval(poll);
      clearTimeout(restart);
      client.stop();
    },
  };
}
