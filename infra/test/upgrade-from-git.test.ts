// The same as upgrade.test.ts with data that the release writes now, with the local Redis, Node and clock. Long, because the
// release is installed and built.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { buildRelease, hasRelease, makeReleaseData, RELEASE } from '../fixtures/make-release-fixture.mjs';
import { testTakeOver } from './upgrade-rig.js';

const BUILD_LIMIT_MS = 900_000;
const whyNot = !process.env.TEST_LONG
  ? 'a long test: npm run test:long'
  : hasRelease()
    ? undefined
    : `the history here does not hold ${RELEASE}; git fetch --unshallow brings it`;
if (whyNot !== undefined) console.log(`skipped: an upgrade of what release 0.1 writes now (${whyNot})`);

describe.skipIf(whyNot !== undefined)('after a build from git', () => {
  testTakeOver(
    'release 0.1, written now',
    async () => {
      const build = mkdtempSync(join(tmpdir(), 'fleetbridge-release-'));
      const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-upgrade-'));
      try {
        await buildRelease(build);
        return { folder, facts: await makeReleaseData({ checkout: build, folder }) };
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      } finally {
        rmSync(build, { recursive: true, force: true });
      }
    },
    BUILD_LIMIT_MS,
  );
});
