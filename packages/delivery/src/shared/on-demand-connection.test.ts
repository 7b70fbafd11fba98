import { describe, expect, it } from 'vitest';
import { awayByConnection, OnDemandConnection } from './on-demand-connection.js';

describe('OnDemandConnection', () => {
  it('distinguishes the use that failed from those that its failure took along', async () => {
    const { connection, closed } = shared();
    const others = [0, 1].map(() => connection.use((session) => session.ended));
    const bad = connection.use(() => Promise.reject(new Error('refused')));
    const outcomes = await Promise.all([bad, ...others].map(async (use) => await use.catch(awayByConnection)));
    expect(outcomes).toEqual([
      { kind: 'away', error: 'refused' },
      { kind: 'away', error: 'closed', isCollateral: true },
      { kind: 'away', error: 'closed', isCollateral: true },
    ]);
    expect(closed()).toBe(1);
  });

  it('of a broker that goes away fails for each use on its own', async () => {
    const { connection, lose } = shared();
    const uses = [0, 1].map(() => connection.use((session) => session.ended));
    await connection.use(async () => {});
    lose();
    const outcomes = await Promise.all(uses.map(async (use) => await use.catch(awayByConnection)));
    expect(outcomes).toEqual(Array(2).fill({ kind: 'away', error: 'lost' }));
  });
});

function shared() {
  let closed = 0;
  let lose = () => {};
  const connection = new OnDemandConnection({
    open: (onLost) => {
      lose = () => onLost(new Error('lost'));
      let end: (error: Error) => void = () => {};
      const ended = new Promise<never>((_, reject) => {
        end = reject;
      });
      ended.catch(() => {});
      return Promise.resolve({ ended, end });
    },
    close: ({ end }) => {
      closed++;
      end(new Error('closed'));
    },
    timeoutMs: 1_000,
  });
  return { connection, closed: () => closed, lose: () => lose() };
}
