import { defaultColumns } from '@fleetbridge/vehicle-state';
import { describe, expect, it } from 'vitest';
import { createFrame } from './frame.js';
import { FrameMessages } from './frame-messages.js';

const values = { odometer: '10.5', soc: '80', est_lat: '48.1', est_lng: '11.5', power: '0', shift_state: 'P' };
const frame = createFrame('5-0', { timeMs: 5, values });

describe('messages of a frame', () => {
  it('are made once for all who ask for the same', () => {
    const messages = new FrameMessages();
    const request = asked('a');
    expect(messages.of(frame, { ...request })).toBe(messages.of(frame, request));
  });

  it('are not kept for each of ever so many tags, however long the vehicle stands still', () => {
    const messages = new FrameMessages();
    const first = messages.of(frame, asked('first'));
    for (let n = 0; n < 1_000; n++) messages.of(frame, asked(`tag-${n}`));
    expect(messages.of(frame, asked('first'))).not.toBe(first);
    expect(messages.of(frame, asked('first'))).toEqual(first);
  });
});

function asked(tag: string) {
  return { tag, columns: defaultColumns, key: `${tag}\n${defaultColumns}` };
}
