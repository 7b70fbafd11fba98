// Encodes and decodes the messages of proto/vehicle_command with protobufjs' static code. The only file that uses the
// generated code. Decoding never throws: bytes that are not the message give undefined.
import { CarServer, Errors, Keys, Signatures, UniversalMessage, VCSEC } from '../gen/messages.js';

export type RoutableMessage = UniversalMessage.RoutableMessage.$Properties;
export type SignatureData = Signatures.SignatureData.$Properties;
export type SessionInfo = Signatures.SessionInfo.$Properties;
/** What infotainment executes, and its answer. */
export type CarAction = CarServer.Action.$Properties;
export type VehicleAction = CarServer.VehicleAction.$Properties;
export type CarResponse = CarServer.Response.$Properties;
/** What VCSEC executes, and its answer. */
export type SecurityAction = VCSEC.UnsignedMessage.$Properties;
export type SecurityResponse = VCSEC.FromVCSECMessage.$Properties;

export interface Codec<T> {
  encode(message: T): Uint8Array;
  decode(bytes: Uint8Array): T | undefined;
}

export const routableMessage = codec<RoutableMessage>(UniversalMessage.RoutableMessage);
export const sessionInfo = codec<SessionInfo>(Signatures.SessionInfo);
export const carAction = codec<CarAction>(CarServer.Action);
export const carResponse = codec<CarResponse>(CarServer.Response);
export const securityAction = codec<SecurityAction>(VCSEC.UnsignedMessage);
export const securityResponse = codec<SecurityResponse>(VCSEC.FromVCSECMessage);

/** The computer of the vehicle that a message is for. Each has its own key, clock and counter. */
export const Domain = { VEHICLE_SECURITY: 2, INFOTAINMENT: 3 } as const;
export type Domain = (typeof Domain)[keyof typeof Domain];

/** Flag of a command: the vehicle encrypts its answer. */
export const ENCRYPT_RESPONSE = 1 << UniversalMessage.Flags.FLAG_ENCRYPT_RESPONSE;

export const MessageFault = UniversalMessage.MessageFault_E;
export const OperationStatus = UniversalMessage.OperationStatus_E;
export const SessionInfoStatus = Signatures.Session_Info_Status;
export const GenericError = Errors.GenericError_E;
export const KeyRole = Keys.Role;
export const RemoteKeyAction = VCSEC.RKEAction_E;
export const ClosureMove = VCSEC.ClosureMoveType_E;
export const SecurityStatus = VCSEC.OperationStatus_E;
export const SignedMessageInformation = VCSEC.SignedMessage_information_E;
export const KeychainInformation = VCSEC.WhitelistOperation_information_E;
export const ActionResult = CarServer.OperationStatus_E;

interface GeneratedType {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

function codec<T extends object>(type: unknown): Codec<T> {
  const generated = type as GeneratedType;
  return {
    encode: (message) => generated.encode(message).finish(),
    decode: (bytes) => {
      try {
        return generated.decode(bytes) as T;
      } catch {
        return undefined;
      }
    },
  };
}
