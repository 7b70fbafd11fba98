// A headless Chromium, controlled through its debugging protocol. Each start uses a new profile, which is removed later, and
// makes no requests except for the page.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '@fleetbridge/testing';
import { WebSocket } from 'ws';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const hasBrowser = existsSync(program);

const settings = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

export interface PageView {
  url: string;
  width: number;
  height: number;
  scheme?: 'light' | 'dark';
}

export async function startBrowser() {
  const profile = mkdtempSync(path.join(tmpdir(), 'fleetbridge-browser-'));
  const child: ChildProcess = spawn(program, [...settings, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const [, address = ''] = await eventually(() => /DevTools listening on (\S+)/.exec(stderr) ?? false, 30_000);
  const protocol = await connectProtocol(address);
  return {
    /** Opens a new page; call `close` on it. */
    async open({ url, width, height, scheme = 'light' }: PageView) {
      const { targetId } = await protocol.ask('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await protocol.ask('Target.attachToTarget', { targetId, flatten: true });
      const ask = (method: string, params = {}) => protocol.ask(method, params, sessionId);
      const problems = protocol.problemsOf(sessionId);
      for (const domain of ['Page', 'Log', 'Runtime']) await ask(`${domain}.enable`);
      const isMobile = width < 600;
      await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isMobile });
      await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      await ask('Page.navigate', { url });
      const evaluate = async <T>(expression: string): Promise<T> =>
        (await ask('Runtime.evaluate', { expression, returnByValue: true })).result.value;
      await eventually(() =>
        evaluate<boolean>(`document.readyState === 'complete' && location.href !== 'about:blank'`),
      );
      return {
        evaluate,
        /** Problems that the browser reports: blocked styles, failed requests. */
        problems,
        screenshot: async () =>
          Buffer.from((await ask('Page.captureScreenshot', { captureBeyondViewport: true })).data, 'base64'),
        close: () => protocol.ask('Target.closeTarget', { targetId }),
      };
    },
    async stop() {
      protocol.end();
      child.kill('SIGKILL');
      await ended;
      // child processes of the browser may still write to the profile
      await rm(profile, { recursive: true, force: true, maxRetries: 50, retryDelay: 20 });
    },
  };
}

export type Browser = Awaited<ReturnType<typeof startBrowser>>;

async function connectProtocol(address: string) {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  // biome-ignore lint/suspicious/noExplicitAny: a protocol with hundreds of message types, of which three are read
  const waiting = new Map<number, { resolve: (answer: any) => void; reject: (error: Error) => void }>();
  const problems = new Map<string, string[]>();
  let requests = 0;
  socket.on('message', (data) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(data.toString());
    if (method === 'Log.entryAdded') problems.get(sessionId)?.push(params.entry.text);
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  return {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    ask: (method: string, params: object, sessionId?: string): Promise<any> =>
      new Promise((resolve, reject) => {
        const id = ++requests;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, method, params, sessionId }));
      }),
    problemsOf: (sessionId: string) => {
      const list: string[] = [];
      problems.set(sessionId, list);
      return list;
    },
    end: () => socket.terminate(),
  };
}
