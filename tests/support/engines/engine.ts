import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A real server that a test may stop, kill and start again at the same address with the same data. */
export interface Engine {
  readonly url: string;
  /** Resolves once it answers. Does nothing when it runs. */
  start(): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Ends it as a power cut would (SIGKILL). */
  kill(): Promise<void>;
  /** `stop` and `start`; after `kill`, only `start`. */
  restart(): Promise<void>;
  /** Ends it and throws its data away. */
  close(): Promise<void>;
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** For a server that lives for minutes on few cores: the quick compiler only, and the collector that needs no threads of its own. */
export const shortLivedJava = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] as const;

export interface EngineProcessOptions {
  name: string;
  command: readonly [string, ...string[]];
  cwd: string;
  /** Gets stdout and stderr of every start. */
  logFile: string;
  /** Throws, or answers false, until the engine serves. */
  isReady: () => Promise<boolean>;
  readyWithinMs?: number;
  stopWithinMs?: number;
}

export interface EngineProcess {
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/**
 * The shell between holds a pipe from us: when we are gone, however, it reads the end of it and kills the engine, so
 * that no test run leaves a server behind. SIGUSR1 kills the engine at once; the shell ends when it is really gone.
 */
const guard = 'exec 3<&0; "$@" </dev/null 3<&- & child=$!; trap "kill -TERM $child" TERM; trap "kill -KILL $child" USR1; ( while read -r line <&3; do :; done; kill -KILL $child 2>/dev/null ) & watcher=$!; wait $child; code=$?; while kill -0 $child 2>/dev/null; do wait $child; code=$?; done; kill -KILL $watcher 2>/dev/null; exit $code';

function tailOf(file: string): string {
  return readFileSync(file, "utf8").split("\n").slice(-40).join("\n");
}

export function createEngineProcess({ name, command, cwd, logFile, isReady, readyWithinMs = 120_000, stopWithinMs = 30_000 }: EngineProcessOptions): EngineProcess {
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  const hasEnded = (process: ChildProcess): boolean => process.exitCode !== null || process.signalCode !== null;

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const running = child;
    if (running?.pid === undefined || hasEnded(running)) return;
    if (signal === "SIGTERM") {
      running.kill("SIGTERM");
      const ended = await Promise.race([gone.then(() => true), sleep(stopWithinMs, false, { ref: false })]);
      if (ended) return;
    }
    running.kill("SIGUSR1");
    await gone;
  }

  return {
    async start() {
      if (child !== undefined && !hasEnded(child)) return;
      const log = openSync(logFile, "a");
      const started = spawn("sh", ["-c", guard, "sh", ...command], { cwd, stdio: ["pipe", log, log], detached: true });
      closeSync(log);
      child = started;
      gone = new Promise((resolve) => started.once("exit", () => resolve()).once("error", () => resolve()));
      const deadline = performance.now() + readyWithinMs;
      for (;;) {
        if (hasEnded(started)) throw new Error(`${name} ended while it started; its log ends with:\n${tailOf(logFile)}`);
        if (await isReady().catch(() => false)) return;
        if (performance.now() > deadline) {
          await end("SIGKILL");
          throw new Error(`${name} was not ready within ${readyWithinMs / 1000} s; its log ends with:\n${tailOf(logFile)}`);
        }
        await Promise.race([sleep(100), gone]);
      }
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Starts a process as an engine whose data lie in `folder`; one that does not start leaves nothing behind. */
export async function startLocalEngine({ url, folder, process }: { url: string; folder: string; process: EngineProcess }): Promise<Engine> {
  const engine: Engine = {
    url,
    ...process,
    async restart() {
      await process.stop();
      await process.start();
    },
    async close() {
      await process.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await engine.start();
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}
