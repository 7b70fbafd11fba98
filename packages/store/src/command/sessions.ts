// Sessions for signed commands, and their counters. Only the holder of the vehicle's turn can write and allocate.
import { LeaseLost, runScript, type Store } from '../redis/index.js';
import { allocateCounterScript, writeSessionScript } from '../scripts/index.js';
import type { CommandTurn } from './turns.js';

const MAX_COUNTER = 0xffff_ffff;

/** No secret: keys that sign and encrypt are derived from it and the private key, which is not in Redis. */
export interface CommandSession {
  vehicleKey: Uint8Array;
  epoch: Uint8Array;
  counter: number;
  /** Epoch milliseconds at which the vehicle's clock was 0. */
  clockZeroMs: number;
  /** Seconds. */
  clockTime: number;
}

/** The session store of a signer, for the time of one turn. Throws LeaseLost for writes after the turn has ended. */
export interface CommandSessions {
  load(vin: string, domain: number): Promise<CommandSession | undefined>;
  save(vin: string, domain: number, session: CommandSession): Promise<void>;
  drop(vin: string, domain: number): Promise<void>;
  /** Undefined beyond the highest counter. */
  allocateCounter(vin: string, domain: number, epoch: Uint8Array, atLeast: number): Promise<number | undefined>;
}

export function commandSessions(store: Store, turn: CommandTurn): CommandSessions {
  const { redis } = store;
  const write = async (vin: string, domain: number, text: string): Promise<void> => {
    const { commandTurnPrefix, commandSessionsPrefix } = store.keysOf(vin);
    const named = [commandTurnPrefix + vin, commandSessionsPrefix + vin];
    const isWritten = await runScript(redis, writeSessionScript, named, [turn.value, domain, text]);
    if (isWritten !== 1) throw new LeaseLost(commandTurnPrefix + vin);
  };
  return {
    load: async (vin, domain) => {
      const text = await redis.hget(store.keysOf(vin).commandSessionsPrefix + vin, String(domain));
      return text === null ? undefined : readSession(text);
    },
    save: (vin, domain, session) => write(vin, domain, writeSession(session)),
    drop: (vin, domain) => write(vin, domain, ''),
    allocateCounter: async (vin, domain, epoch, atLeast) => {
      const { commandTurnPrefix, commandCountersPrefix } = store.keysOf(vin);
      const named = [commandTurnPrefix + vin, commandCountersPrefix + vin];
      const args = [turn.value, `${domain} ${Buffer.from(epoch).toString('hex')}`, atLeast, MAX_COUNTER];
      const reply = await runScript(redis, allocateCounterScript, named, args);
      if (reply === -1) throw new LeaseLost(commandTurnPrefix + vin);
      return reply === '' ? undefined : Number(reply);
    },
  };
}

function writeSession({ vehicleKey, epoch, counter, clockZeroMs, clockTime }: CommandSession): string {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  return JSON.stringify({ vehicleKey: hex(vehicleKey), epoch: hex(epoch), counter, clockZeroMs, clockTime });
}

/** Undefined for a session of another version: the next command begins with a handshake. */
function readSession(text: string): CommandSession | undefined {
  try {
    const { vehicleKey, epoch, counter, clockZeroMs, clockTime } = JSON.parse(text) as Record<string, unknown>;
    if (typeof vehicleKey !== 'string' || typeof epoch !== 'string' || typeof counter !== 'number') return undefined;
    if (typeof clockZeroMs !== 'number' || typeof clockTime !== 'number') return undefined;
    const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
    return { vehicleKey: bytes(vehicleKey), epoch: bytes(epoch), counter, clockZeroMs, clockTime };
  } catch {
    return undefined;
  }
}
