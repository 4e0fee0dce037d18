import { defineConfig } from "vitest/config";

export default defineConfig({
  // One copy of graphql, as Node resolves it: the bundler's resolution would take its ES modules for our files and leave CommonJS to the libraries.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["{standards,platform,catalog,exchange-nodes,base-databases,coordination-apps,server}/**/*.test.ts", "tests/**/*.test.ts", "bench/**/*.test.ts"],
    globalSetup: ["tests/support/server-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    reporters: ["default", "./tests/support/closing-line-reporter.ts"],
  },
});
