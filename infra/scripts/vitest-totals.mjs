// A vitest reporter that counts. Failures outside of a test (a file that can't be loaded, a hook, an uncaught error) count
// too: a total without them would be green for a broken run.

export default class TotalsReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    process.send?.({ type: 'totals', ...totalsOf(testModules, unhandledErrors) });
  }
}

export function totalsOf(testModules, unhandledErrors) {
  const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of testModules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // 'pending' is a test that the run ended without.
      totals[state === 'pending' ? 'failed' : state] += 1;
    }
    for (const suite of [module, ...module.children.allSuites()]) {
      if (suite.errors().length > 0) totals.failed += 1;
    }
  }
  return totals;
}
