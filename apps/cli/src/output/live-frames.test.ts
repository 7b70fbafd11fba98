import { expect, it } from 'vitest';
import { createBoard } from './board.js';
import { showLiveFrames } from './live-frames.js';

it.each([
  [5, / power {2}\(3 of 5 shown\)\n$/],
  [3, / power\n$/],
])('shows in the heading how many of %i vehicles it shows', (count, heading) => {
  let text = '';
  const board = createBoard({ write: (part) => (text += part) });
  const vins = Array.from({ length: count }, (_, index) => `VIN${index}`);
  // nothing listens there; a terminal would show the vehicles as waiting
  const shown = showLiveFrames({ url: 'ws://127.0.0.1:1', token: 'T', vins, board });
  shown.stop();
  expect(text).toMatch(heading);
});
