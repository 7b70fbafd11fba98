// The messages of the Owner API's streaming, as TeslaMate reads and writes them (docs/protocol/teslamate.md#messages).

/** TeslaMate ignores a hello without `connection_timeout`. Each hello restarts its timer of 30 s. */
export const HELLO = JSON.stringify({ msg_type: 'control:hello', connection_timeout: 30_000 });

/** The client subscribes again on the same socket after a while. Any message before that would cancel the subscribe. */
export function vehicleDisconnected(tag: string): string {
  return JSON.stringify({ msg_type: 'data:error', tag, error_type: 'vehicle_disconnected' });
}

/** The client reads the vehicle's state from REST at once. */
export function vehicleOffline(tag: string): string {
  return JSON.stringify({ msg_type: 'data:error', tag, error_type: 'vehicle_error', value: 'Vehicle is offline' });
}

/** The only text of a client_error about tokens that does not crash TeslaMate. The client reconnects at once. */
export function tokenRejected(tag: string): string {
  const value = "Can't validate token. The bridge does not accept it: see docs/teslamate.md";
  return JSON.stringify({ msg_type: 'data:error', tag, error_type: 'client_error', value });
}

export type ClientMessage =
  | { kind: 'subscribe'; tag: string; columns: string; token: string | undefined }
  | { kind: 'unsubscribe'; tag: string }
  | { kind: 'unknown'; reason: 'not_json' | 'unknown_type' | 'no_tag' };

/** `data:subscribe_oauth`, the older `data:subscribe`, `data:unsubscribe`. Never throws. */
export function parseClientMessage(text: string): ClientMessage {
  let message: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    message = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return { kind: 'unknown', reason: 'not_json' };
  }
  const kind = message.msg_type;
  const tag = typeof message.tag === 'number' ? String(message.tag) : message.tag;
  if (kind === 'data:unsubscribe') return { kind: 'unsubscribe', tag: typeof tag === 'string' ? tag : '' };
  if (kind !== 'data:subscribe_oauth' && kind !== 'data:subscribe') return { kind: 'unknown', reason: 'unknown_type' };
  if (typeof tag !== 'string' || tag === '') return { kind: 'unknown', reason: 'no_tag' };
  const { value, token } = message;
  return {
    kind: 'subscribe',
    tag,
    columns: typeof value === 'string' ? value : '',
    token: typeof token === 'string' ? token : undefined,
  };
}
