import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../../server/bin/zhengtong.ts", import.meta.url));

/** The `zhengtong` command as it is run, to its end. */
export function runZhengtong(args: readonly string[], environment: Record<string, string>): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ["--import", "tsx", command, ...args], { env: { PATH: process.env.PATH, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.once("error", fail);
    child.once("close", (code) => done({ code, out, err }));
  });
}

export interface CenterProcess {
  url: string;
  start(): Promise<void>;
  /** As a power cut would. */
  kill(): Promise<void>;
}

/** `zhengtong center` in a process of its own at one port. */
export function createCenterProcess(port: number, environment: Record<string, string>): CenterProcess {
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  return {
    url,
    async start() {
      const started = spawn(process.execPath, ["--import", "tsx", command, "center"], { env: { PATH: process.env.PATH, ZHENGTONG_PORT: String(port), ZHENGTONG_LOG_LEVEL: "error", ...environment }, stdio: ["ignore", "inherit", "inherit"] });
      child = started;
      gone = new Promise((done) => started.once("exit", () => done()));
      for (const deadline = performance.now() + 90_000; ; ) {
        if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) return;
        if (started.exitCode !== null || performance.now() > deadline) throw new Error(`the centre at ${port} did not become ready (exit ${started.exitCode})`);
        await new Promise((done) => setTimeout(done, 100));
      }
    },
    async kill() {
      child?.kill("SIGKILL");
      await gone;
    },
  };
}
