export { guardAdminPort } from './admin-port.js';
export {
  admitConnection,
  type ConnectionGuard,
  type ConnectionGuardOptions,
  type GuardLimits,
  guardConnections,
  guardedTimeouts,
  type HandshakeCounts,
} from './connection-guard.js';
