// One command: what clients may send, and the message that the vehicle executes.
import {
  type CarAction,
  carAction,
  Domain,
  type SecurityAction,
  securityAction,
  type VehicleAction,
} from '../messages/index.js';
import type { Parameters, Refusal, ValuesOf } from './parameters.js';

/**
 * What executing a command twice does. `same`: nothing more. `same_with_id`: nothing more if the request has an id, else
 * it adds another one. `toggle`: it changes again. It decides what clients are advised, never whether to sign again.
 */
export type RepeatClass = 'same' | 'same_with_id' | 'harmless' | 'toggle' | 'destructive';

/** The narrowest of Tesla's scopes that covers the command. `vehicle_cmds` covers all. */
export type CommandScope = 'vehicle_cmds' | 'vehicle_charging_cmds';

export interface SignedCommand {
  via: 'signed';
  name: string;
  summary: string;
  domain: Domain;
  scope: CommandScope;
  repeat: RepeatClass;
  parameters: Parameters;
  /** Tesla's proxy refuses it as invalid_command. */
  isBeyondProxy: boolean;
  /** The bytes that are signed, from values that were read by `parameters`. */
  payload(values: Values, now: { seconds: number }): Uint8Array | Refusal;
  /** Reasons of the vehicle that mean that nothing had to be done. */
  isDoneReason(values: Values, reason: string): boolean;
}

/** A command that only Tesla's REST API executes. */
export interface RestCommand {
  via: 'rest';
  name: string;
  summary: string;
  scope: CommandScope;
}

export type CommandRow = SignedCommand | RestCommand;
export type Values = Record<string, number | boolean | string>;

interface Declaration<P extends Parameters, M> {
  summary: string;
  repeat: RepeatClass;
  scope?: CommandScope;
  parameters?: P;
  isBeyondProxy?: true;
  message: (values: ValuesOf<P>, now: { seconds: number }) => M | Refusal;
  isDoneReason?: (values: ValuesOf<P>, reason: string) => boolean;
}

/** A command for infotainment: `message` is the member of VehicleAction. */
export function infotainment<P extends Parameters = Record<never, never>>(
  name: string,
  declaration: Declaration<P, VehicleAction>,
): SignedCommand {
  const encode = (vehicleAction: VehicleAction) => carAction.encode({ vehicleAction } satisfies CarAction);
  return signed(name, Domain.INFOTAINMENT, declaration, encode);
}

/** A command for VCSEC, the security controller. */
export function security<P extends Parameters = Record<never, never>>(
  name: string,
  declaration: Declaration<P, SecurityAction>,
): SignedCommand {
  return signed(name, Domain.VEHICLE_SECURITY, declaration, securityAction.encode);
}

export function rest(name: string, summary: string): RestCommand {
  return { via: 'rest', name, summary, scope: 'vehicle_cmds' };
}

function signed<P extends Parameters, M extends object>(
  name: string,
  domain: Domain,
  declaration: Declaration<P, M>,
  encode: (message: M) => Uint8Array,
): SignedCommand {
  const { message, isDoneReason } = declaration;
  return {
    via: 'signed',
    name,
    domain,
    summary: declaration.summary,
    scope: declaration.scope ?? 'vehicle_cmds',
    repeat: declaration.repeat,
    parameters: declaration.parameters ?? {},
    isBeyondProxy: declaration.isBeyondProxy ?? false,
    payload(values, now) {
      const built = message(values as ValuesOf<P>, now);
      return isRefusal(built) ? built : encode(built);
    },
    isDoneReason: (values, reason) => isDoneReason?.(values as ValuesOf<P>, reason) ?? false,
  };
}

function isRefusal(built: object): built is Refusal {
  return 'kind' in built && built.kind === 'parameter_error';
}
