import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { createDatabase, createSilentLog, startEmbeddedPostgres } from "#platform";
import { engineUrl, kafkaBrokers, neo4jConnection } from "#test-support";

/** The first command of the README, as a process of its own in a folder of its own. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const parent = mkdtempSync(join(tmpdir(), "zhengtong-demo-test-"));
chmodSync(parent, 0o755);
const running = new Set<ChildProcess>();
afterAll(async () => {
  // After a test that timed out: what it started ends with it.
  for (const child of running) {
    child.kill("SIGTERM");
    await new Promise((done) => child.once("close", done));
  }
  rmSync(parent, { recursive: true, force: true, maxRetries: 5 });
});

function startCommand(parts: string[], settings?: Record<string, string>): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, ["--import", "tsx", "server/bin/zhengtong.ts", ...parts], { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...(settings === undefined ? {} : { env: { PATH: process.env.PATH, ...settings } }) });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

interface Demo {
  engines: { index: string; log: string };
  city: Record<"departments" | "entries" | "items", number>;
  exchange: Record<"feeds" | "rowsSent" | "rowsApplied" | "parked" | "differences", number>;
  bases: Record<"population" | "legalEntities", { golden: number; contradictions: number }>;
  check: Record<"claims" | "planted" | "hits" | "missing" | "extra" | "confirmed", number>;
  durationsMs: Record<string, number>;
}

/** Runs it once; `interruptAt`: Ctrl-C when that many steps have begun; `settings`: of the production engines. */
async function runDemo(options: { seed: number; folder: string; interruptAt?: number; settings?: Record<string, string> }): Promise<{ code: number | null; output: string; told: string }> {
  const child = startCommand(["demo", "--once", "--json", "--people", "1000", "--seed", String(options.seed), "--data-dir", join(parent, options.folder), ...(options.settings === undefined ? [] : ["--engines", "production"])], options.settings);
  let output = "";
  let told = "";
  let interrupted = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
    if (options.interruptAt !== undefined && !interrupted && (told.match(/^ ?\d+\. .* …$/gm)?.length ?? 0) >= options.interruptAt) {
      interrupted = true;
      child.kill("SIGINT");
    }
  });
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, output, told };
}

/** Any other command, with nothing but these settings. */
async function runCommand(parts: string[], settings: Record<string, string>): Promise<{ code: number | null; output: string; told: string }> {
  const child = startCommand(parts, settings);
  let output = "";
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, output, told };
}

async function figuresOf(run: Promise<{ code: number | null; output: string; told: string }>): Promise<Demo> {
  const { code, output, told } = await run;
  expect(code, told.slice(-2_000)).toBe(0);
  expect(output.trim().split("\n")).toHaveLength(1);
  return JSON.parse(output) as Demo;
}

function expectFound(demo: Demo): void {
  const number = expect.any(Number) as number;
  expect(demo).toEqual({
    engines: { index: "postgres", log: "postgres" },
    city: { departments: 28, entries: number, items: number },
    exchange: { feeds: number, rowsSent: number, rowsApplied: number, parked: number, differences: 0 },
    bases: { population: { golden: number, contradictions: number }, legalEntities: { golden: number, contradictions: number } },
    check: { claims: number, planted: number, hits: demo.check.planted, missing: 0, extra: 0, confirmed: number },
    durationsMs: expect.any(Object) as Record<string, number>,
  });
  expect(demo.city.entries).toBeGreaterThanOrEqual(233);
  expect(demo.city.items).toBeGreaterThanOrEqual(906);
  expect(demo.check.planted).toBeGreaterThan(0);
}

const withoutDurations = ({ durationsMs: _, ...figures }: Demo) => figures;

let undisturbed: Demo;

test("the demonstration finds exactly what was planted", async () => {
  undisturbed = await figuresOf(runDemo({ seed: 3, folder: "undisturbed" }));
  expectFound(undisturbed);
}, 900_000);

test("the commands work on what the demonstration left: intact evidence verifies, and tampering is named", async () => {
  const server = await startEmbeddedPostgres({ directory: join(parent, "undisturbed", "postgres"), log: createSilentLog() });
  const center = createDatabase({ url: server.url("center"), log: createSilentLog(), maxConnections: 1 });
  const sql = (text: string, values: unknown[] = []) => center.withTransaction((tx) => tx.query<{ hash: string; feed_id: string }>(text, values));
  const run = (...parts: string[]) => runCommand(parts, { DATABASE_URL: server.url("center"), ZHENGTONG_CITY_DATABASE_URL: server.url("city"), ZHENGTONG_LOG_LEVEL: "error" });
  try {
    expect(await run("verify-audit")).toMatchObject({ code: 0, output: expect.stringMatching(/evidence roots: intact, [1-9]\d*\nfeeds: 35 of 35 intact/) as string });
    expect(await run("reindex")).toMatchObject({ code: 0, output: expect.stringMatching(/serves 233 entries/) as string });
    expect(await run("doctor")).toMatchObject({ code: 0, output: expect.stringContaining("Everything that is needed is there.") as string });
    expect(await runCommand(["doctor"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", ZHENGTONG_CITY_DATABASE_URL: server.url("city") })).toMatchObject({ code: 1, output: expect.stringContaining("→ Check that the server runs") as string });
    expect(await runCommand(["verify-audit"], { DATABASE_URL: "not a url" })).toMatchObject({ code: 1, told: expect.stringMatching(/DATABASE_URL/) as string });

    const envelope = (await sql("select feed_id, envelope as hash from exchange.batch_evidence where sequence = 2 order by feed_id limit 1")).rows[0]!;
    await sql("update exchange.batch_evidence set envelope = replace(envelope, '\"rows\":', '\"rows\":1') where feed_id = $1 and sequence = 2", [envelope.feed_id]);
    await sql("alter table platform.audit_log disable trigger audit_log_append_only");
    await sql("update platform.audit_log set actor_id = 'somebody-else' where sequence = 100");
    const verified = await run("verify-audit");
    expect(verified).toMatchObject({ code: 1, output: expect.stringMatching(new RegExp(`feed ${envelope.feed_id}: BROKEN: .*"sequence":2,"check":"signature"[^]*34 of 35 intact`)) as string });
    expect(verified.output).toContain("audit chain center: BROKEN at record 100");
  } finally {
    await center.close();
    await server.stop();
  }
}, 900_000);

const [neo4jUrl, brokers] = [await engineUrl("neo4j"), await kafkaBrokers()];
const production = neo4jUrl !== undefined && brokers !== undefined;
function productionSettings(): Record<string, string> {
  const neo4j = neo4jConnection(neo4jUrl!);
  return { ZHENGTONG_NEO4J_URL: neo4j.url, ZHENGTONG_NEO4J_USER: neo4j.user, ZHENGTONG_NEO4J_PASSWORD: neo4j.password, ZHENGTONG_KAFKA_BROKERS: brokers! };
}

/** One run shows both, as a demonstration is dear; without the production engines it is the interruption alone. */
test(`${production ? "with the index in Neo4j and the feeds in Kafka, " : ""}stopped by Ctrl-C twice on its way and started again, the account is the same`, async () => {
  const options = { seed: 3, folder: "interrupted", ...(production ? { settings: productionSettings() } : {}) };
  // While nodes enrol, and while data flows.
  for (const interruptAt of [7, 10]) {
    const { code, output } = await runDemo({ ...options, interruptAt });
    expect(code).toBe(130);
    expect(output).toBe("");
  }
  const resumed = await figuresOf(runDemo(options));
  expect(withoutDurations(resumed)).toEqual({ ...withoutDurations(undisturbed), ...(production ? { engines: { index: "neo4j", log: "kafka" } } : {}) });
}, 900_000);
