import { renderUnicodeCompact } from 'uqr';

/** For a terminal, two rows of squares per line. */
export function qrLines(text: string): string[] {
  return ['', ...renderUnicodeCompact(text).split('\n'), ''];
}
