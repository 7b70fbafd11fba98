// Short names of the enums of signals: `P` for `ShiftStateP`. In protobuf the members of all enums share one namespace, so
// each name begins with that of its enum.
import { topicShapes } from '../messages/index.js';

export interface SignalEnum {
  /** What the names of all members begin with, such as `ShiftState`. */
  prefix: string;
  /** Names of the members, as in the schema. */
  members: readonly string[];
}

const DATUM_VALUE = topicShapes.V.message.byNumber[1]!.message!.byNumber[2]!.message!;

/** The enums that a signal can have, by their name in the schema. */
export const signalEnums: ReadonlyMap<string, SignalEnum> = new Map(
  DATUM_VALUE.fields.flatMap(({ kind, type, enumNames }) => {
    if (kind !== 'enum') return [];
    const members = [...enumNames!.values()];
    // the member 0 of every enum is <prefix>Unknown
    return [[type.slice(type.lastIndexOf('.') + 1), { prefix: enumNames!.get(0)!.replace(/Unknown$/, ''), members }]];
  }),
);

const shortNames = new Map(
  [...signalEnums.values()].flatMap(({ prefix, members }) =>
    members.map((member) => [member, member.slice(prefix.length)] as const),
  ),
);

/** `P` for `ShiftStateP`; any other text unchanged. */
export function shortEnumName(member: string): string {
  return shortNames.get(member) ?? member;
}
