// Tells a server when its certificate was renewed. It reads both files every few seconds and compares what is in them.
// Not fs.watch: renewals swap symbolic links (certbot, Kubernetes) or happen on the other side of a Docker volume, where
// the watched inode never changes or no event arrives; and a time stamp can be kept by a copy. 4 KB every 10 s is cheap.

import { ServerCertificateError } from './errors.js';
import {
  loadServerCertificate,
  readCertificateIn,
  type ServerCertificate,
  type ServerCertificateFiles,
} from './server-certificate.js';

const DEFAULT_INTERVAL_MS = 10_000;

export interface ServerCertificateWatch extends ServerCertificateFiles {
  /** What is in use; only another certificate is reported. Without it, whatever the first look finds is reported. */
  readonly current?: Pick<ServerCertificate, 'cert' | 'awaited'>;
  /** A new pair, checked and ready to serve. */
  readonly onChange: (certificate: ServerCertificate) => void;
  /** Trouble that two looks in a row have found; once, however long it lasts. The pair in use stays in use. */
  readonly onError: (error: ServerCertificateError) => void;
  readonly intervalMs?: number;
}

/** Starts watching; `stop` ends it, and no callback comes after. Does not keep the process alive. */
export function watchServerCertificate(watch: ServerCertificateWatch): { stop: () => void } {
  const intervalMs = watch.intervalMs ?? DEFAULT_INTERVAL_MS;
  // What is awaited was said when it was loaded.
  const awaited = watch.current?.awaited;
  const trouble = awaited === undefined ? undefined : { message: awaited.message, looks: 2 };
  let state: WatchState = { currentCert: watch.current?.cert, trouble };
  let isStopped = false;
  let isAwaiting = awaited !== undefined;
  let timer = setTimeout(look, intervalMs).unref();

  function look(): void {
    void readFinding(watch, isAwaiting).then((finding) => {
      if (isStopped) return;
      const step = judge(state, finding);
      state = step.state;
      timer = setTimeout(look, intervalMs).unref();
      if (step.changed !== undefined) {
        isAwaiting = step.changed.awaited !== undefined;
        watch.onChange(step.changed);
      }
      if (step.failed !== undefined) watch.onError(step.failed);
    });
  }

  return {
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

export type Finding = ServerCertificate | ServerCertificateError;

export interface WatchState {
  readonly currentCert: string | undefined;
  readonly trouble: { readonly message: string; readonly looks: number } | undefined;
}

/**
 * Pure: what one look means. A renewal writes two files one after the other, so a look may fall between the two and
 * find a key that belongs to the other certificate, or no file at all. Only what the next look finds again is trouble.
 */
export function judge(
  state: WatchState,
  finding: Finding,
): { state: WatchState; changed?: ServerCertificate; failed?: ServerCertificateError } {
  const found = finding instanceof ServerCertificateError ? undefined : finding;
  const problem = finding instanceof ServerCertificateError ? finding : finding.awaited;
  // The certificate alone decides: it was checked that the key belongs to it, so a new key means a new certificate.
  const currentCert = found?.cert ?? state.currentCert;
  const looks = state.trouble !== undefined && state.trouble.message === problem?.message ? state.trouble.looks + 1 : 1;
  return {
    state: { currentCert, trouble: problem && { message: problem.message, looks } },
    ...(found === undefined || found.cert === state.currentCert ? {} : { changed: found }),
    ...(problem === undefined || looks !== 2 ? {} : { failed: problem }),
  };
}

/** What stands in is looked at too, but only as long as it does: a pair that is in use is never given up for it. */
async function readFinding(files: ServerCertificateFiles, isAwaiting: boolean): Promise<Finding> {
  const now = new Date();
  try {
    return isAwaiting ? await loadServerCertificate(files, { now }) : await readCertificateIn(files, now);
  } catch (error) {
    if (error instanceof ServerCertificateError) return error;
    throw error;
  }
}
