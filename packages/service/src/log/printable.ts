// Text from a vehicle, a client or another server, made safe for a terminal and for a person who reads it.

/**
 * Escapes control characters, which move the cursor or change settings of the terminal (C0, DEL and C1), format characters
 * such as right-to-left overrides, which make text appear as other text, and line separators. The escape is the one of
 * JSON strings, so JSON on one line stays valid and keeps its meaning.
 */
export function printable(text: string): string {
  // Nearly all texts need no second look.
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replaceAll(UNPRINTABLE, escaped);
}

/** The same for text of several lines: the ends of its lines stay. Its parts must be printable already. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

const PRINTABLE_ASCII = /^[ -~]*$/;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escaped(character: string): string {
  // A character beyond 16 bits is two escapes, as in JSON.
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}
