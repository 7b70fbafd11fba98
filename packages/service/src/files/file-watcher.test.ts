import { afterEach, describe, expect, it } from 'vitest';
import { type ApplyOutcome, type FileWatcher, type FileWatchOptions, watchFiles } from './file-watcher.js';

const running: FileWatcher[] = [];
afterEach(async () => {
  for (const watcher of running.splice(0)) await watcher.stop();
});

const mismatch = new Error('mismatch');
const missing = new Error('missing');

describe('new content', () => {
  it('is applied once, and the content in use never', async () => {
    expect(await outcomes(['a', 'b', 'b', 'a'])).toEqual([[], ['b'], [], ['a']]);
  });

  it('is applied by the first poll when nothing is in use', async () => {
    expect(await outcomes(['a', 'a'], { currentKey: undefined })).toEqual([['a'], []]);
  });

  it('is applied when as many polls in a row as asked for have found it', async () => {
    const options = { contentPolls: 2 };
    expect(await outcomes(['b', 'b', 'b'], options)).toEqual([[], ['b'], []]);
    expect(await outcomes(['b', 'c', 'c'], options)).toEqual([[], [], ['c']]);
    expect(await outcomes(['b', 'a', 'b', 'b'], options)).toEqual([[], [], [], ['b']]);
    expect(await outcomes(['b', missing, 'b', 'b'], options)).toEqual([[], [], [], ['b']]);
  });

  it('is not applied again after a rejection, until it changes or is back', async () => {
    const options = { apply: (content: string): ApplyOutcome => (content === 'bad' ? 'rejected' : 'applied') };
    expect(await outcomes(['bad', 'bad', 'good', 'bad'], options)).toEqual([['bad'], [], ['good'], ['bad']]);
    expect(await outcomes(['bad', 'a', 'bad'], options)).toEqual([['bad'], [], ['bad']]);
    expect(await outcomes(['bad', missing, 'bad'], options)).toEqual([['bad'], [], ['bad']]);
  });

  it('is applied again by each poll as long as that asks for a retry', async () => {
    const results: ApplyOutcome[] = ['retry', 'retry', 'applied'];
    const options = { contentPolls: 2, apply: async (): Promise<ApplyOutcome> => results.shift() ?? 'rejected' };
    expect(await outcomes(['b', 'b', 'b', 'b', 'b'], options)).toEqual([[], ['b'], ['b'], ['b'], []]);
  });
});

describe('a problem', () => {
  it('is not reported when the next poll no longer finds it', async () => {
    expect(await outcomes([mismatch, 'b', missing, 'a'])).toEqual([[], ['b'], [], ['a']]);
    expect(await outcomes([mismatch, 'a', mismatch, 'a'])).toEqual([[], [], [], []]);
    expect(await outcomes([missing, mismatch, 'b'])).toEqual([[], [], ['b']]);
  });

  it('that lasts is reported once, and again when it is back', async () => {
    expect(await outcomes([mismatch, mismatch, mismatch, mismatch])).toEqual([[], [mismatch], [], []]);
    expect(await outcomes([mismatch, mismatch, missing, missing])).toEqual([[], [mismatch], [], [missing]]);
    expect(await outcomes([mismatch, mismatch, 'a', mismatch, mismatch])).toEqual([[], [mismatch], [], [], [mismatch]]);
  });

  it('is reported by the first poll if asked for', async () => {
    expect(await outcomes([missing, missing, 'a', missing], { errorPolls: 1 })).toEqual([[missing], [], [], [missing]]);
  });

  it('that was known before is not reported again', async () => {
    const options = { knownProblem: missing };
    expect(await outcomes([missing, missing, mismatch, mismatch], options)).toEqual([[], [], [], [mismatch]]);
  });

  it('of content that can be used is reported too', async () => {
    const options = { problemOf: (content: string) => (content === 'stand-in' ? missing : undefined) };
    expect(await outcomes(['stand-in', 'stand-in', 'stand-in', 'b'], options)).toEqual([
      ['stand-in'],
      [missing],
      [],
      ['b'],
    ]);
  });
});

describe('the polls', () => {
  it('follow each other at the interval, the first one possibly earlier', async () => {
    const pauses: number[] = [];
    const pause = async (ms: number) => void pauses.push(ms);
    await outcomes(['a', 'a', 'a'], { intervalMs: 1_000, firstPollMs: 0, pause });
    expect(pauses.slice(0, 3)).toEqual([0, 1_000, 1_000]);
  });
});

describe('after stop', () => {
  it('nothing is applied or reported, even by a poll under way', async () => {
    for (const finding of ['b', mismatch]) {
      let finish = () => {};
      const isLoading = new Promise<void>((resolve) => {
        const events: unknown[] = [];
        const watcher = watchFiles<string>({
          load: async () => {
            resolve();
            await new Promise<void>((done) => {
              finish = done;
            });
            if (finding instanceof Error) throw finding;
            return finding as string;
          },
          keyOf: (content) => content,
          currentKey: 'a',
          apply: (content) => {
            events.push(content);
            return 'applied';
          },
          onError: (error) => events.push(error),
          errorPolls: 1,
          intervalMs: 1,
        });
        running.push({
          stop: async () => {
            await watcher.stop();
            expect(events).toEqual([]);
          },
        });
      });
      await isLoading;
      const stopped = running.pop()!.stop();
      finish();
      await stopped;
    }
  });
});

/** What each of the polls, which find these in turn, applies and reports. */
async function outcomes(findings: (string | Error)[], given: Partial<FileWatchOptions<string>> = {}) {
  const { apply = () => 'applied', ...options } = given;
  const all: unknown[][] = [];
  await new Promise<void>((resolve) => {
    const watcher = watchFiles<string>({
      currentKey: 'a',
      intervalMs: 1,
      pause: async () => {},
      ...options,
      load: () => {
        const finding = findings[all.length];
        if (finding === undefined) {
          void watcher.stop();
          resolve();
          return Promise.resolve('a');
        }
        all.push([]);
        return finding instanceof Error ? Promise.reject(finding) : Promise.resolve(finding);
      },
      keyOf: (content) => content,
      apply: (content) => {
        all.at(-1)!.push(content);
        return apply(content);
      },
      onError: (error) => all.at(-1)!.push(error),
    });
  });
  return all;
}
