// A time limit for an answer of Redis. A Redis that is suspended or cut off keeps its connection and never answers.

/** Rejects when there is no answer within the limit; `onTimeout` closes the connection. */
export async function withAnswerLimit<T>(answer: Promise<T>, limitMs: number, onTimeout: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onTimeout();
      reject(new Error(`no answer within ${limitMs} ms`));
    }, limitMs);
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
  }
}
