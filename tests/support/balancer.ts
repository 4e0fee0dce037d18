import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "./engines/engine.ts";
import { onPath } from "./engines/maven-libraries.ts";

/** The balancer of deploy/, with its own configuration, in front of two centres. */
export interface TestBalancer {
  url: string;
  /** Of the authority that signed its certificate. */
  caFile: string;
  ca: string;
  stop(): Promise<void>;
}

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));

/** Undefined, after saying so, where haproxy is not installed. */
export async function startBalancer(centers: readonly [string, string]): Promise<TestBalancer | undefined> {
  if (!(await onPath("haproxy"))) {
    process.stderr.write("haproxy is not installed (Debian: haproxy): what goes through the balancer is not tested\n");
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "zhengtong-balancer-"));
  await promisify(execFile)("bash", [join(deploy, "make-secrets.sh"), "localhost"], { env: { ...process.env, ZHENGTONG_ENV_FILE: join(folder, "env"), ZHENGTONG_SECRETS_FOLDER: join(folder, "secrets") } });
  const [port, health] = (await freePorts(2)) as [number, number];
  const child = spawn("haproxy", ["-db", "-f", join(deploy, "haproxy/haproxy.cfg")], {
    env: { PATH: process.env.PATH, BALANCER_BIND: `127.0.0.1:${port}`, BALANCER_HEALTH_BIND: `127.0.0.1:${health}`, BALANCER_CERTIFICATE: join(folder, "secrets/balancer.pem"), CENTER_1_ADDRESS: new URL(centers[0]).host, CENTER_2_ADDRESS: new URL(centers[1]).host },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const gone = new Promise<void>((done) => child.once("exit", () => done()));
  for (const deadline = performance.now() + 30_000; ; ) {
    const answer = await fetch(`http://127.0.0.1:${health}/health`).catch(() => undefined);
    if (answer?.ok) break;
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`haproxy did not become healthy (exit ${child.exitCode})`);
    await new Promise((done) => setTimeout(done, 50));
  }
  const caFile = join(folder, "secrets/authority.pem");
  return {
    url: `https://localhost:${port}`,
    caFile,
    ca: readFileSync(caFile, "utf8"),
    async stop() {
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 2_000);
      await gone;
      clearTimeout(hard);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
