import { describe, expect, it } from 'vitest';
import { createBoard, withBoldUrls } from './board.js';

describe('on a terminal', () => {
  it('replaces the line of a vehicle in place, and prints everything else above', () => {
    const screen = new Screen(40);
    const board = createBoard(screen);
    board.print('welcome');
    board.heading('time  vin');
    board.row('A', 'A 1');
    board.row('B', 'B 1');
    board.row('A', 'A 2');
    board.print('WARN something');
    board.row('B', `B 2 ${'x'.repeat(60)}`);
    expect(screen.lines()).toEqual(['welcome', 'WARN something', 'time  vin', 'A 2', `B 2 ${'x'.repeat(35)}`]);
    board.close();
    board.row('A', 'A 3');
    board.print('stopping …');
    expect(screen.lines().slice(-3)).toEqual(['A 2', `B 2 ${'x'.repeat(35)}`, 'stopping …']);
  });
});

it('elsewhere prints each line once, without control characters and placeholders', () => {
  let text = '';
  const board = createBoard({ write: (part) => (text += part) });
  board.heading('time  vin');
  board.row('A', 'A waits', { isNews: false });
  board.row('A', 'A 1');
  board.row('A', 'A 2');
  expect(text).toBe('time  vin\nA 1\nA 2\n');
});

it('shows URLs in bold on a terminal only', () => {
  expect(withBoldUrls('page http://localhost:8081/ x', { isTTY: true })).toBe(
    'page \u001b[1mhttp://localhost:8081/\u001b[0m x',
  );
  expect(withBoldUrls('http://localhost', {})).toBe('http://localhost');
});

/** Understands what the board sends: text, newlines, "up n lines" and "clear to the end". */
class Screen {
  readonly isTTY = true;
  readonly columns: number;
  readonly #lines: string[] = [''];

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is a terminal
    for (const part of text.split(/(\u001b\[\d*[A-Za-z]|\n)/)) {
      const up = /\[(\d+)A$/.exec(part);
      if (part === '\n') this.#lines.push('');
      else if (up) this.#lines.splice(this.#lines.length - 1 - Number(up[1]) + 1);
      else if (part.startsWith('\u001b')) continue;
      else this.#lines[this.#lines.length - 1] += part;
      if (up) this.#lines[this.#lines.length - 1] = '';
    }
  }

  lines(): string[] {
    return this.#lines.slice(0, -1);
  }
}
