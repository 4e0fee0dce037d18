import { createServer } from "node:http";
import { inject } from "vitest";
import { dockerAnswers } from "./container.ts";
import type { EngineKind, LocalEngineOptions } from "./engine-kind.ts";
import type { Engine } from "./engine.ts";
import { kafka } from "./kafka.ts";
import { neo4j } from "./neo4j.ts";

/** Every engine that tests may ask for. */
const kinds = { kafka, neo4j } satisfies Record<string, EngineKind>;
export type EngineName = keyof typeof kinds;

/** An engine of one's own, to be killed at will; whoever opens it closes it. */
export async function openEngine(name: EngineName, options: LocalEngineOptions = {}): Promise<Engine> {
  return (await dockerAnswers()) ? kinds[name].openInDocker() : kinds[name].openLocally(options);
}

export interface EngineHost {
  url: string;
  close(): Promise<void>;
}

type Answer = { url: string } | { missing: string };

/**
 * Lives in the run's main process and starts an engine when the first test file asks for it: one for the whole run,
 * none for a run that needs none.
 */
export async function startEngineHost(): Promise<EngineHost> {
  const opened = new Map<string, Promise<Engine>>();
  async function answer(name: string): Promise<Answer> {
    if (!(name in kinds)) return { missing: `no engine is called ${name}` };
    let engine = opened.get(name);
    if (!engine) {
      engine = openEngine(name as EngineName);
      opened.set(name, engine);
    }
    return engine.then(({ url }) => ({ url }), (error: unknown) => ({ missing: error instanceof Error ? error.message : String(error) }));
  }
  const server = createServer((request, response) => {
    void answer((request.url ?? "/").slice(1)).then((body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body)));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      const engines = await Promise.allSettled(opened.values());
      for (const engine of engines) if (engine.status === "fulfilled") await engine.value.close();
    },
  };
}

/**
 * The address of the run's engine: of the server that the environment names, else of one in Docker, else of a local
 * process. Undefined where none can be had, after saying so: the file then skips its tests
 * (`describe.skipIf(url === undefined)`). With ZHENGTONG_TEST_ENGINES=required, a missing engine is a failure.
 */
export async function engineUrl(name: EngineName): Promise<string | undefined> {
  const { title, environmentVariable } = kinds[name];
  const given = process.env[environmentVariable];
  if (given) return given;
  const response = await fetch(`${inject("engineHost")}/${name}`);
  const found = (await response.json()) as Answer;
  if ("url" in found) return found.url;
  const message = `${title} cannot be had: ${found.missing}. Set ${environmentVariable}, or start Docker, or install what is missing.`;
  if (process.env.ZHENGTONG_TEST_ENGINES === "required") throw new Error(message);
  process.stderr.write(`\n!!! SKIPPED: ${message}\n\n`);
  return undefined;
}

declare module "vitest" {
  interface ProvidedContext {
    engineHost: string;
  }
}
