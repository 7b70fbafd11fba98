// A vehicle that reconnects may have left an open socket in another process, on this machine or another. The script that
// stores the new connection publishes the connection that it replaces; all processes subscribe to that channel. When a
// message is lost because Redis is unreachable, the dead socket stays open until its idle timeout.
import { connectAnyNode, replacedPattern, type Store } from '../redis/index.js';

export interface ReplacedConnection {
  vin: string;
  connectionId: string;
}

export interface ReplacedConnectionsOptions {
  store: Pick<Store, 'url' | 'namespace'>;
  onReplaced: (replaced: ReplacedConnection) => void;
  /** Subscribed again after an outage, during which messages may have been missed. */
  onResumed?: () => void;
  /** This Redis denies the subscription (an ACL without channels). */
  onRefused?: (error: Error) => void;
}

/**
 * Subscribes until `stop`, on a connection of its own, because a subscribed connection accepts no other commands. The
 * nodes of a cluster forward messages to each other, so any node will do.
 */
export function watchReplacedConnections(options: ReplacedConnectionsOptions): { stop: () => void } {
  const { store, onReplaced, onResumed, onRefused } = options;
  const redis = connectAnyNode({ url: store.url, name: 'fleetbridge-replaced' });
  let wasSubscribed = false;
  redis.on('ready', () => {
    redis.psubscribe(replacedPattern(store.namespace)).then(
      () => {
        if (wasSubscribed) onResumed?.();
        wasSubscribed = true;
      },
      (error: Error) => {
        // a broken connection reconnects and becomes 'ready' again
        if (error.message.startsWith('NOPERM')) onRefused?.(error);
      },
    );
  });
  redis.on('pmessage', (_pattern: string, _channel: string, message: string) => {
    const [vin = '', connectionId = ''] = message.split(' ');
    onReplaced({ vin, connectionId });
  });
  return { stop: () => redis.disconnect() };
}
