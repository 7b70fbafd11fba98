export { type Addressing, isAnswerTo, newAddressing } from './addressing.js';
export { type HandshakeAnswer, handshakeRequest, readHandshakeAnswer } from './handshake.js';
export {
  areEqual,
  readSessionInfo,
  type Session,
  type SessionInfoReading,
  type SessionInfoRequest,
  type SessionUpdate,
  sessionOf,
  updateSession,
  type VerifiedSessionInfo,
  vehicleClock,
} from './session.js';
export { MAX_COUNTER, memorySessionStore, type SessionStore } from './session-store.js';
