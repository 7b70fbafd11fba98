export { attributesOf } from './attributes.js';
export {
  assertHeld,
  away,
  DELIVERED,
  type Delivery,
  type DeliveryOutcome,
  type DeliveryWork,
  type KnownVehicle,
  messageOf,
  type OutgoingRecord,
  rejected,
} from './delivery.js';
export {
  type DeliveryContext,
  type DeliveryKind,
  type DeliveryLog,
  defineDeliveryKind,
  type FlagValues,
} from './kind.js';
export { awayByConnection, OnDemandConnection } from './on-demand-connection.js';
export {
  contentTypeOf,
  type PayloadOptions,
  payloadForms,
  payloadOf,
  type SignalSelection,
} from './payload.js';
export { isUrlOf, SECRET_DESCRIPTION } from './schema-parts.js';
export { type Environment, SecretMissing, secretText } from './secret.js';
export { headerText, NOT_IN_HEADER, subjectToken } from './vehicle-text.js';
