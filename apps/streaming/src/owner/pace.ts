// Delays and limits of the connections of TeslaMate, in milliseconds where no other unit is named. They follow from the
// client's own timers (docs/protocol/teslamate.md#timers).
export const ownerPace = {
  /** The client times out after 30 s without a message; while no frame is due, a hello restarts its timer. */
  helloEveryMs: 10_000,
  /** An earlier error would make the client reconnect at once, in an endless loop. */
  tokenErrorAfterMs: 25_000,
  /** A client opens a new connection after its token was rejected. One that stays is disconnected. */
  refusedStaysMs: 60_000,
  /** A client sends its first message as soon as it is connected. */
  noFirstMessageMs: 15_000,
  noSubscribeMs: 60_000,
  /** TeslaMate crashes on a failed send, so TCP ends only after the client has sent nothing for this long. */
  quietMs: 500,
  /** Delay before Redis, which holds tokens, snapshots and slots, is asked again. */
  retryMs: 1_000,
  /** Interval of asking for a slot while its last holder can still prove that it is connected. */
  slotAskEveryMs: 50,
  /** Shortest interval between pings, which ask what has arrived, and the interval while nothing is sent. */
  pingEveryMs: 1_000,
  idlePingEveryMs: 3_000,
  noPongEndMs: 60_000,
  replayFramesPerSecond: 400,
  /** Until a client that was just shown a vehicle in a drive has fetched vehicle_data and begun its own drive. */
  driveBeginsMs: 3_000,
  /** A client with more unread bytes is disconnected. It resumes where it was. */
  unreadBytes: 256_000,
};
export type Pace = typeof ownerPace;
