import { mkdtempSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { createSilentLog, startEmbeddedPostgres } from "#platform";
import { startEngineHost } from "./engines/engine-host.ts";

/**
 * One real PostgreSQL for the whole run: the server of ZHENGTONG_TEST_DATABASE_URL when given, else the embedded one
 * in a folder of its own. Each test file gets its own database, cloned from a migrated template. Other engines are
 * started by the host when a test file asks for them.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const engines = await startEngineHost();
  project.provide("engineHost", engines.url);
  const given = process.env.ZHENGTONG_TEST_DATABASE_URL;
  if (given) {
    project.provide("postgresUrl", given);
    return () => engines.close();
  }
  const parent = mkdtempSync(join(tmpdir(), "zhengtong-test-"));
  chmodSync(parent, 0o755);
  const server = await startEmbeddedPostgres({ directory: join(parent, "postgres"), log: createSilentLog(), settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", shared_buffers: "128MB" } });
  project.provide("postgresUrl", server.url("postgres"));
  return async () => {
    await engines.close();
    await server.stop();
    rmSync(parent, { recursive: true, force: true });
    if (!server.directory.startsWith(parent)) rmSync(server.directory, { recursive: true, force: true });
  };
}

declare module "vitest" {
  interface ProvidedContext {
    postgresUrl: string;
  }
}
