export type { Clock, SignerParts } from './attempt.js';
export { type CommandToExecute, executeCommand, executePrepared } from './execute.js';
export type { CommandOutcome, CommandResult, UnknownCause, UnknownOutcome } from './outcome.js';
export { type AnsweredOutcome, type CommandResponse, commandResponse, type StatusCodes } from './response.js';
export { type SignedCommandMessage, type SigningRequest, signCommand } from './sign.js';
export {
  isOffline,
  MAX_ANSWER_BYTES,
  messageInBody,
  signedCommandBody,
  type Transport,
  type TransportResult,
} from './transport.js';
