// Tesla's token endpoint on a real HTTPS server: refresh tokens rotate, and the last used one stays valid if the test wants.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type DecidedAnswer, type HttpsAnswers, startHttpsAnswers } from '@fleetbridge/testing';

export interface TeslaServer {
  server: HttpsAnswers;
  /** A folder of the test. */
  directory: string;
  caFile: string;
  ca: string;
  /** Tokens that are valid now; a refresh replaces `current`. */
  refreshTokens: { current: string; used: string | undefined };
  keepsUsedToken: boolean;
  /** The next refreshes: `lose` executes and loses the answer; `fail` answers 503 without executing. */
  faults: ('lose' | 'fail')[];
  stop(): Promise<void>;
}

export async function startTeslaServer(): Promise<TeslaServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tesla-account-'));
  const pki = ensureDevelopmentPki({ directory: join(directory, 'pki'), hosts: [], vins: [] });
  const read = (file: string) => readFileSync(file, 'utf8');
  const caFile = pki.serverAuthority.certFile;
  let issued = 0;
  const server = await startHttpsAnswers({
    cert: read(pki.server.certFile),
    key: read(pki.server.keyFile),
    answer({ body }): DecidedAnswer {
      const fault = tesla.faults.shift();
      if (fault === 'fail') return { status: 503, body: { error: 'busy' } };
      const given = new URLSearchParams(body).get('refresh_token');
      const { refreshTokens } = tesla;
      const isUsed = tesla.keepsUsedToken && given === refreshTokens.used;
      if (given !== refreshTokens.current && !isUsed) return { status: 401, body: { error: 'login_required' } };
      issued += 1;
      tesla.refreshTokens = { current: `refresh-${issued}`, used: given };
      if (fault === 'lose') return 'lose';
      const tokens = { access_token: `access-${issued}`, refresh_token: `refresh-${issued}`, expires_in: 28_800 };
      return { status: 200, body: tokens };
    },
  });
  const tesla: TeslaServer = {
    server,
    directory: join(directory, 'tesla'),
    caFile,
    ca: read(caFile),
    refreshTokens: { current: 'refresh-0', used: undefined },
    keepsUsedToken: true,
    faults: [],
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true });
    },
  };
  return tesla;
}
