// While a process starts for long, the terminal shows every ten seconds what it waits for.
const NOTICE_MS = 10_000;

export interface StartNotice {
  name: string;
  /** Its admin port, whose /readyz names what is missing. */
  url?: string;
  print: (line: string) => void;
  intervalMs?: number;
}

/** The same promise; until it settles, notices are printed. */
export async function withNotices<T>(start: Promise<T>, { name, url, print, intervalMs = NOTICE_MS }: StartNotice) {
  const startedMs = performance.now();
  let isOver = false;
  const timer = setInterval(async () => {
    const reason = url === undefined ? '' : await failedChecks(url);
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    const page = name === 'ingest' && reason !== '' ? `; see ${url}/` : '';
    if (!isOver) print(`waiting for ${name} since ${seconds} s${reason === '' ? '' : ` (${reason})`}${page}`);
  }, intervalMs);
  try {
    return await start;
  } finally {
    isOver = true;
    clearInterval(timer);
  }
}

/** `redis: unreachable, vehicles_port: starting`; empty while the port does not answer. */
async function failedChecks(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    const { checks } = (await response.json()) as { checks: Record<string, { ready: boolean; reason?: string }> };
    const failed = Object.entries(checks).filter(([, { ready }]) => !ready);
    return failed.map(([check, { reason = 'not ready' }]) => `${check}: ${reason}`).join(', ');
  } catch {
    return '';
  }
}
