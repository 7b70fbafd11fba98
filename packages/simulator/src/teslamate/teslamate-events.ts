// The events of a TeslaMate client, for tests.

export type TeslaMateEvent =
  /** Subscribed; `isFirst` for the first connection of a process. */
  | { readonly type: 'connected'; readonly atMs: number; readonly isFirst: boolean }
  /** Again on the same connection, after `vehicle_disconnected`. */
  | { readonly type: 'subscribed_again'; readonly atMs: number }
  /**
   * TCP ended without a close frame. `quietMs`: time since the last message in either direction. Below 500 TeslaMate may
   * have been sending, which kills its process.
   */
  | { readonly type: 'disconnected'; readonly atMs: number; readonly quietMs: number }
  | { readonly type: 'reconnect_failed'; readonly atMs: number; readonly reason: string }
  /** No message within TeslaMate's timeout; it reconnects. */
  | { readonly type: 'timed_out'; readonly atMs: number; readonly consecutive: number }
  | { readonly type: 'inactive'; readonly atMs: number }
  | { readonly type: 'vehicle_disconnected'; readonly atMs: number; readonly consecutive: number }
  | { readonly type: 'too_many_disconnects'; readonly atMs: number }
  | { readonly type: 'vehicle_offline'; readonly atMs: number }
  | { readonly type: 'owner_api_error'; readonly atMs: number; readonly value: string }
  | { readonly type: 'tokens_expired'; readonly atMs: number }
  /** TeslaMate only logs it: not JSON, an unknown message, another tag, another error. */
  | { readonly type: 'logged'; readonly atMs: number; readonly level: 'warning' | 'error'; readonly text: string }
  | { readonly type: 'unsubscribed'; readonly atMs: number }
  | { readonly type: 'crash'; readonly atMs: number; readonly reason: string };

/** An event before it gets its time. */
export type TeslaMateEventFacts = TeslaMateEvent extends infer E
  ? E extends TeslaMateEvent
    ? Omit<E, 'atMs'>
    : never
  : never;
