export { casNotNamed } from './accepted-cas.js';
export {
  HandshakeError,
  type HandshakeProblem,
  type HandshakeRequest,
  readHandshake,
  type ServerHandshake,
} from './read-handshake.js';
