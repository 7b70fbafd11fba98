/** The first worker of a node:cluster ended before it served; it has said why on stderr. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  /** 2: its configuration is bad, and so is ours. */
  readonly exitCode: 1 | 2;

  constructor({ code, signal }: { code: number; signal: string | null }) {
    super(`its first worker ${signal ? `was ended by ${signal}` : `ended with exit code ${code}`} before it served`);
    this.exitCode = code === 2 ? 2 : 1;
  }
}
