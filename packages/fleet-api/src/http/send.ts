// One request with a limit of time and of bytes. Each has a connection of its own: on a reused one it would be unknown
// whether a request that failed had been received. Redirects are not followed, so that tokens stay with the host.
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from './clock.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface HttpLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export type HttpResult =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string; readonly headers: HttpHeaders }
  /** `isSent`: the connection was established, so the server may have executed the request. */
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly isSent: boolean; readonly cause: unknown };

export type FailureReason = 'connection' | 'certificate' | 'timeout' | 'too_large';

export interface HttpHeaders {
  readonly retryAfter: string | undefined;
  /** Of the server's clock. */
  readonly date: string | undefined;
}

export interface Sender {
  readonly clock: Clock;
  /** PEM, in place of the CAs of the system. */
  readonly ca?: string | undefined;
}

/** Never rejects. */
export function send(sender: Sender, request: HttpRequest, limits: HttpLimits): Promise<HttpResult> {
  // node:http throws for a header that it can't send, before it connects
  return exchange(sender, request, limits).catch((cause) => ({
    kind: 'failed',
    reason: 'connection',
    isSent: false,
    cause,
  }));
}

function exchange({ clock, ca }: Sender, request: HttpRequest, limits: HttpLimits): Promise<HttpResult> {
  return new Promise((resolve) => {
    const url = new URL(request.url);
    const isEncrypted = url.protocol === 'https:';
    let isSent = false;
    const fail = (reason: FailureReason, cause: unknown): void => {
      cancel();
      resolve({ kind: 'failed', reason, isSent, cause });
      outgoing.destroy();
    };
    const options = {
      method: request.method,
      agent: false as const,
      headers: {
        accept: 'application/json',
        'user-agent': 'fleetbridge',
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
      },
    };
    const outgoing = isEncrypted
      ? requestHttps(url, ca === undefined ? options : { ...options, ca })
      : requestHttp(url, options);
    const cancel = clock.after(limits.timeoutMs, () => fail('timeout', new Error(`${limits.timeoutMs} ms`)));

    outgoing.on('socket', (socket) => {
      socket.once(isEncrypted ? 'secureConnect' : 'connect', () => {
        isSent = true;
      });
    });
    outgoing.on('error', (error) => fail(isCertificateError(error) ? 'certificate' : 'connection', error));
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > limits.maxBytes) fail('too_large', new Error(`more than ${limits.maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', (error) => fail('connection', error));
      response.on('end', () => {
        cancel();
        const { 'retry-after': retryAfter, date } = response.headers;
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ kind: 'answered', status: response.statusCode ?? 0, body, headers: { retryAfter, date } });
      });
    });
    outgoing.end(request.body);
  });
}

/** Codes of OpenSSL's verification and of the check of the host name. */
function isCertificateError(error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA)/.test(code);
}
