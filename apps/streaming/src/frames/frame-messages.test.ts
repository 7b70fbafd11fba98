import { defaultColumns } from '@fleetbridge/vehicle-state';
import { describe, expect, it } from 'vitest';
import { createFrame } from './frame.js';
import { FrameMessages } from './frame-messages.js';

const values = { odometer: '10.5', soc: '80', est_lat: '48.1', est_lng: '11.5', power: '0', shift_state: 'P' };
const frame = createFrame('5-0', { timeMs: 5, values });

describe('messages of a frame', () => {
  it('are formatted once for equal requests', () => {
    const messages = new FrameMessages();
    const request = requestFor('a');
    expect(messages.of(frame, { ...request })).toBe(messages.of(frame, request));
  });

  it('are kept for a bounded number of tags while the frame stays the same', () => {
    const messages = new FrameMessages();
    const first = messages.of(frame, requestFor('first'));
    for (let n = 0; n < 1_000; n++) messages.of(frame, requestFor(`tag-${n}`));
    expect(messages.of(frame, requestFor('first'))).not.toBe(first);
    expect(messages.of(frame, requestFor('first'))).toEqual(first);
  });
});

function requestFor(tag: string) {
  return { tag, columns: defaultColumns, key: `${tag}\n${defaultColumns}` };
}
