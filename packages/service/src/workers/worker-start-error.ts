/** The first worker exited before it was ready. It has printed the reason to stderr. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  /** 2: the worker rejected its configuration, which is the primary's too. */
  readonly exitCode: 1 | 2;

  constructor({ code, signal }: { code: number; signal: string | null }) {
    super(`the first worker ${signal ? `was killed by ${signal}` : `exited with code ${code}`} before it was ready`);
    this.exitCode = code === 2 ? 2 : 1;
  }
}
