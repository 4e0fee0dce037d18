import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "./engine.ts";

/** Whether a Docker engine answers. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    const { getContainerRuntimeClient } = await import("testcontainers");
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

export interface OpenContainerOptions {
  image: string;
  /** Fixed on both sides, so that a restarted engine has the address that it had. */
  ports: { container: number; host: number }[];
  environment: Record<string, string>;
  url: string;
  isReady: () => Promise<boolean>;
  readyWithinMs?: number;
}

/** The `Engine` face over a container of Testcontainers, which removes it when the test process is gone. */
export async function openContainer({ image, ports, environment, url, isReady, readyWithinMs = 120_000 }: OpenContainerOptions): Promise<Engine> {
  const { GenericContainer, getContainerRuntimeClient } = await import("testcontainers");
  const started = await new GenericContainer(image).withEnvironment(environment).withExposedPorts(...ports).start();
  const { container } = await getContainerRuntimeClient();
  const handle = container.getById(started.getId());
  const isRunning = async () => (await handle.inspect()).State.Running;

  async function untilReady(): Promise<void> {
    for (const deadline = performance.now() + readyWithinMs; !(await isReady().catch(() => false)); await sleep(200)) {
      if (performance.now() > deadline) throw new Error(`${image} was not ready within ${readyWithinMs / 1000} s`);
    }
  }
  const engine: Engine = {
    url,
    async start() {
      if (!(await isRunning())) await handle.start();
      await untilReady();
    },
    async stop() {
      if (await isRunning()) await handle.stop();
    },
    async kill() {
      if (await isRunning()) await handle.kill({ signal: "SIGKILL" });
    },
    async restart() {
      await engine.stop();
      await engine.start();
    },
    async close() {
      await handle.remove({ force: true, v: true });
    },
  };
  await untilReady();
  return engine;
}
