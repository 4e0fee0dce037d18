import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

/** The first command of the README, as a process of its own in a folder of its own. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const parent = mkdtempSync(join(tmpdir(), "zhengtong-demo-test-"));
chmodSync(parent, 0o755);
afterAll(() => rmSync(parent, { recursive: true, force: true }));

interface Demo {
  engines: { index: string; log: string };
  city: Record<"departments" | "entries" | "items", number>;
  exchange: Record<"feeds" | "rowsSent" | "rowsApplied" | "parked" | "differences", number>;
  bases: Record<"population" | "legalEntities", { golden: number; contradictions: number }>;
  check: Record<"claims" | "planted" | "hits" | "missing" | "extra" | "confirmed", number>;
  durationsMs: Record<string, number>;
}

/** Runs it once; `interruptAt`: Ctrl-C when that many steps have begun. */
async function runDemo(options: { seed: number; folder: string; interruptAt?: number }): Promise<{ code: number | null; output: string; told: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "server/bin/zhengtong.ts", "demo", "--once", "--json", "--people", "1000", "--seed", String(options.seed), "--data-dir", join(parent, options.folder)], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
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
/** What was sent again after a stop is sent more than once; what stands in the targets is not. */
const standing = (demo: Demo) => ({ ...withoutDurations(demo), exchange: { ...demo.exchange, rowsSent: 0 } });

let undisturbed: Demo;

test("the demonstration finds exactly what was planted", async () => {
  undisturbed = await figuresOf(runDemo({ seed: 3, folder: "undisturbed" }));
  expectFound(undisturbed);
}, 180_000);

test("another seed plants another city, and that is found too", async () => {
  const other = await figuresOf(runDemo({ seed: 7, folder: "other" }));
  expectFound(other);
  expect(withoutDurations(other)).not.toEqual(withoutDurations(undisturbed));
}, 180_000);

test("stopped by Ctrl-C twice on its way and started again, it ends with the same figures", async () => {
  let seed = 20_261_122;
  const random = (below: number) => ((seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) >>> 8) % below;
  for (const [from, upTo] of [[3, 9], [8, 13]] as const) {
    const { code, output } = await runDemo({ seed: 3, folder: "interrupted", interruptAt: from + random(upTo - from) });
    expect(code).toBe(130);
    expect(output).toBe("");
  }
  const demo = await figuresOf(runDemo({ seed: 3, folder: "interrupted" }));
  expectFound(demo);
  expect(standing(demo)).toEqual(standing(undisturbed));
}, 300_000);
