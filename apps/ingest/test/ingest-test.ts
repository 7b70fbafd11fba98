// The test function of files that run ingest: one redis-server and one set of certificates per file, and per test as many
// ingests as it starts, in this process or as processes of their own. Everything is stopped after the test.
import { it as redisTest } from '@fleetbridge/store/testing';
import { createIngestProcesses, type IngestProcesses } from './ingest-process.js';
import { createTestPki, startTestIngest, type TestIngest, type TestIngestOptions, type TestPki } from './ingest-rig.js';

export interface IngestTestContext {
  /** Certificates in a DATA_DIR; the same for all tests of the file. */
  pki: TestPki;
  /** Starts ingest in this process, in the namespace of the test. */
  startIngest: (options?: Partial<TestIngestOptions>) => Promise<TestIngest>;
  /** Starts `node dist/main.js`, in the namespace of the test. */
  processes: IngestProcesses;
}

export const it = redisTest.extend<IngestTestContext>({
  pki: [
    async ({}, use) => {
      const pki = createTestPki();
      await use(pki);
      pki.dispose();
    },
    { scope: 'file' },
  ],
  startIngest: async ({ redisServer, namespace, pki }, use) => {
    const started: TestIngest[] = [];
    await use(async (options) => {
      const ingest = await startTestIngest({ redisUrl: redisServer.url, namespace, pki, ...options });
      started.push(ingest);
      return ingest;
    });
    redisServer.resume();
    for (const ingest of started.reverse()) await ingest.dispose();
  },
  processes: async ({ redisServer, namespace, pki }, use) => {
    const processes = createIngestProcesses({ redisUrl: redisServer.url, namespace, pki });
    await use(processes);
    redisServer.resume();
    processes.killAll();
  },
});
