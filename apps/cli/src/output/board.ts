// The lines of `up`. On a terminal the vehicles have one line each at the bottom, which is replaced in place, so that the
// welcome stays on the screen; everything else is printed above. Elsewhere each line is printed once.

export interface BoardOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface Board {
  /** A line that stays. */
  print(line: string): void;
  /** The line of a vehicle; `isNews` is false for a placeholder, which only a terminal shows. */
  row(key: string, line: string, options?: { isNews?: boolean }): void;
  /** The line above the vehicles. */
  heading(line: string): void;
  /** Leaves the rows where they are; later lines are printed below. */
  close(): void;
}

const BOLD = '\u001b[1m';
const DIM = '\u001b[2m';
const PLAIN = '\u001b[0m';

export function createBoard(output: BoardOutput): Board {
  const print = (line: string) => void output.write(`${line}\n`);
  if (output.isTTY !== true) {
    return {
      print,
      row: (_, line, { isNews = true } = {}) => {
        if (isNews) print(line);
      },
      heading: print,
      close: () => {},
    };
  }
  let heading: string | undefined;
  let isClosed = false;
  let drawn = 0;
  const rows = new Map<string, string>();

  const draw = (above: string) => {
    const lines = [
      ...(heading === undefined ? [] : [`${DIM}${clipped(heading)}${PLAIN}`]),
      ...[...rows.values()].map(clipped),
    ];
    // Up to the first line of the last drawing, and clear from there to the end of the screen.
    const erase = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[0J`;
    output.write(`${erase}${above}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  };
  // A line that wraps would count as two.
  const clipped = (line: string) => line.slice(0, Math.max(20, (output.columns ?? 80) - 1));
  return {
    print: (line) => (isClosed ? print(line) : draw(`${line}\n`)),
    row: (key, line) => {
      if (isClosed) return;
      rows.set(key, line);
      draw('');
    },
    heading: (line) => {
      heading = line;
      draw('');
    },
    close: () => {
      isClosed = true;
    },
  };
}

/** URLs in bold, for a terminal. */
export function withBoldUrls(text: string, { isTTY }: Pick<BoardOutput, 'isTTY'>): string {
  return isTTY === true ? text.replace(/\b(?:https?|wss?):\/\/[^\s"']+/g, (url) => `${BOLD}${url}${PLAIN}`) : text;
}
