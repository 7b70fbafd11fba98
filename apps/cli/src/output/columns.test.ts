import { expect, it } from 'vitest';
import { columns } from './columns.js';

it('aligns rows below their headings', () => {
  expect(
    columns(
      ['id', 'label'],
      [
        ['a', ''],
        ['abc', 'my car'],
      ],
    ),
  ).toEqual(['ID   LABEL', 'a', 'abc  my car']);
});
