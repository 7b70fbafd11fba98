export { HandshakeGuard, type HandshakeLimits, handshakeLimits } from './handshake-guard.js';
