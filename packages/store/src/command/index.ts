export { type AuditedCommand, CommandAudit } from './audit.js';
export { type CountedCall, countCall } from './calls.js';
export { CommandProtocols } from './protocols.js';
export { type CommandSession, type CommandSessions, commandSessions } from './sessions.js';
export {
  type AcquiredTurn,
  acquireTurn,
  type CommandTurn,
  MAX_WAITING,
  releaseTurn,
  type TurnRequest,
} from './turns.js';
