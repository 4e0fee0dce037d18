import { defineConfig } from "vitest/config";
import SlowestFirstSequencer from "./tests/support/slowest-first-sequencer.ts";

export default defineConfig({
  // One copy of graphql, as Node resolves it: the bundler's resolution would take its ES modules for our files and leave CommonJS to the libraries.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["{standards,platform,catalog,exchange-nodes,base-databases,coordination-apps,server}/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"],
    globalSetup: ["tests/support/server-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    // A worker keeps what it has imported from file to file (31 files: 106 s of processor time instead of 184). No module
    // of ours may hold state that a test could meet again: services are made by factories, and databases are each file's own.
    isolate: false,
    sequence: { sequencer: SlowestFirstSequencer },
    testTimeout: 180_000,
    hookTimeout: 240_000,
    reporters: ["default", "./tests/support/closing-line-reporter.ts"],
  },
});
