// A vehicle that has come back may have left an open socket in another process, on this machine or the next. The script
// that makes the new connection the present one publishes which connection it took the place of; all processes listen.
// A message that is lost (Redis away) costs no more than a dead socket that lives until it is found silent.
import { connectAnyNode, replacedPattern, type Store } from '../redis/index.js';

export interface ReplacedConnection {
  vin: string;
  connectionId: string;
}

export interface ReplacedConnectionsOptions {
  store: Pick<Store, 'url' | 'namespace'>;
  onReplaced: (replaced: ReplacedConnection) => void;
  /** Listening again after a break, in which messages may have been missed. */
  onResumed?: () => void;
  /** This Redis doesn't let us listen (an ACL without channels). */
  onRefused?: (error: Error) => void;
}

/**
 * Listens until `stop`, on a connection of its own: one that subscribes can do nothing else. The nodes of a cluster pass
 * on what is published at one of them, so any of them will do.
 */
export function watchReplacedConnections(options: ReplacedConnectionsOptions): { stop: () => void } {
  const { store, onReplaced, onResumed, onRefused } = options;
  const redis = connectAnyNode({ url: store.url, name: 'fleetbridge-replaced' });
  let wasListening = false;
  redis.on('ready', () => {
    redis.psubscribe(replacedPattern(store.namespace)).then(
      () => {
        if (wasListening) onResumed?.();
        wasListening = true;
      },
      (error: Error) => {
        // a connection that broke meanwhile comes back to 'ready' by itself
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
