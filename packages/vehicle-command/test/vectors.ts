// The recorded vectors: keys, signatures, messages and behaviours, with all bytes as lower-case hex.
import { readFileSync } from 'node:fs';

export interface SignedCommandVector {
  note: string;
  method: 'gcm' | 'hmac';
  vin: string;
  domain: 2 | 3;
  epoch: string;
  counter: number;
  expires_at: number;
  flags: number;
  plaintext: string;
  ciphertext?: string;
  nonce?: string;
  metadata: string;
  tag: string;
  request_hash: string;
  routable_message: string;
  routing_address: string;
  uuid: string;
  client_private_scalar: string;
  vehicle_private_scalar: string;
}

export interface AnswerVector {
  note: string;
  of_command: number;
  domain: 2 | 3;
  counter: number;
  flags: number;
  fault: number;
  nonce: string;
  plaintext: string;
  ciphertext: string;
  metadata: string;
  tag: string;
  routable_message: string;
}

export interface SessionInfoVector {
  note: string;
  vin: string;
  request_uuid: string;
  session_info: string;
  tag: string;
  valid: boolean;
  error: string;
  metadata: string;
  client_private_scalar: string;
}

export interface ActionVector {
  name: string;
  params: Record<string, unknown>;
  domain: 2 | 3;
  payload: string;
  note?: string;
}

export interface Vectors {
  keys: Record<
    | 'client_private_scalar'
    | 'client_public'
    | 'vehicle_private_scalar'
    | 'vehicle_public'
    | 'shared_key'
    | 'session_info_key'
    | 'command_key',
    string
  >[];
  invalidPublicKeys: { note: string; publicKey: string }[];
  handshake: { request: string; response: string };
  sessionInfo: SessionInfoVector[];
  sessionUpdates: {
    client_private_scalar: string;
    vin: string;
    steps: {
      note: string;
      request_uuid: string;
      session_info: string;
      tag: string;
      accepted: boolean;
      counter_after: number;
      epoch_after: string;
    }[];
  };
  commandsSigned: SignedCommandVector[];
  answers: AnswerVector[];
  actions: ActionVector[];
  actionsBeyond: ActionVector[];
  refused: { name: string; params: Record<string, unknown>; note: string; status: number; body: unknown }[];
}

export interface ProxyBehaviour {
  scenario: string;
  status?: number;
  body?: string;
  content_type?: string;
  fleet_api_calls?: string[];
  executed?: number;
}

export const vectors = read<Vectors>('vectors.json');
export const proxyBehaviours = read<ProxyBehaviour[]>('proxy-behaviour.json');

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')) as T;
}
