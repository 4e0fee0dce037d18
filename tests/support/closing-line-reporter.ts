import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";

/** Ends the run with one plain line, `N passed, N failed`, that any script can read. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: TestRunEndReason): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      // A file that could not be loaded or set up runs no test, and that is a failure, not silence.
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped += 1;
      }
    }
    // A run that ended before any file was reached (the server did not start) has failed as a whole.
    if (reason === "failed" && failed === 0) failed = 1;
    process.on("exit", () => process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`));
  }
}
