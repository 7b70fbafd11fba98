export {
  commandTag,
  decryptAnswer,
  decryptCommand,
  encryptAnswer,
  encryptCommand,
  requestHash,
  type Sealed,
  sessionInfoTag,
  tagsEqual,
} from './authentication.js';
export {
  type CommandKey,
  commandKeyFromPem,
  commandKeyFromScalar,
  isPublicKey,
  type SharedKeys,
  sharedKeys,
} from './keys.js';
export {
  type AnswerFacts,
  answerMetadata,
  type CommandFacts,
  type CommandMethod,
  commandMetadata,
  type SessionInfoFacts,
  SignatureMethod,
  sessionInfoMetadata,
} from './metadata.js';
