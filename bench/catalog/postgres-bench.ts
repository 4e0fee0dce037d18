import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { createDatabase, createSilentLog, migrate, platformMigrations, startEmbeddedPostgres, systemActor } from "#platform";
import { catalogMigrations } from "#catalog";
import { loadEntries } from "./load-entries.ts";
import { benchActor, openBenchCatalog } from "./open-bench-catalog.ts";
import { cpuSecondsOf, cpuSecondsOfPostgres } from "./process-cpu.ts";
import { broadQueries, candidates, facetDocument, pageDocument } from "./questions.ts";

/**
 * Search with facets through GraphQL over an invented catalog, beside a bare yoga field and beside the same SQL behind
 * bare HTTP. Rounds alternate, medians are compared, ratios come from one run. Options: --entries=100000 --items=10
 * --rounds=3 --seconds=4.
 */
const { values: options } = parseArgs({ options: { index: { type: "string" }, entries: { type: "string", default: "100000" }, items: { type: "string", default: "10" }, rounds: { type: "string", default: "3" }, seconds: { type: "string", default: "4" } } });
const [entries, itemsPerEntry, rounds, seconds] = [options.entries, options.items, options.rounds, options.seconds].map(Number) as [number, number, number, number];
const connections = 8;

const print = (text = "") => void process.stdout.write(`${text}\n`);
const since = (start: number) => (performance.now() - start) / 1_000;

const folder = mkdtempSync(join(tmpdir(), "zhengtong-bench-"));
chmodSync(folder, 0o755);
const postgres = await startEmbeddedPostgres({ directory: join(folder, "postgres"), log: createSilentLog() });
let server: ChildProcess | undefined;
// The database server is a process of its own and would outlive this one.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
async function end(): Promise<void> {
  if (server && server.exitCode === null) {
    const ended = new Promise((done) => server!.once("exit", done));
    server.kill("SIGTERM");
    await ended;
  }
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
  if (!postgres.directory.startsWith(folder)) rmSync(postgres.directory, { recursive: true, force: true });
}

try {
  await postgres.ensureDatabase("center");
  const url = postgres.url("center");
  const database = createDatabase({ url, log: createSilentLog() });
  await migrate(database, [platformMigrations, catalogMigrations]);
  const loading = performance.now();
  const items = await loadEntries(database, entries, itemsPerEntry);
  await database.close();
  print(`records       ${entries} entries, ${items} data items, loaded in ${since(loading).toFixed(1)} s`);

  const catalog = await openBenchCatalog(url);
  const phases: string[] = [];
  let phaseStart = performance.now();
  let phase = "loading";
  const rebuilding = performance.now();
  const cpuBefore = { own: cpuSecondsOf(process.pid), postgres: cpuSecondsOfPostgres(postgres.directory) };
  const { documents, parked } = await catalog.search.rebuild(systemActor("bench"), {
    onProgress(progress) {
      if (progress.phase === phase) return;
      phases.push(`${phase} ${since(phaseStart).toFixed(1)} s`);
      [phase, phaseStart] = [progress.phase, performance.now()];
    },
  });
  const rebuildSeconds = since(rebuilding);
  const rebuildCpu = { own: used(cpuBefore.own, cpuSecondsOf(process.pid)), postgres: used(cpuBefore.postgres, cpuSecondsOfPostgres(postgres.directory)) };
  print(`rebuild       ${rebuildSeconds.toFixed(1)} s for ${documents} documents (${parked} parked): ${phases.join(", ")}; ${Math.round(process.memoryUsage().rss / 1e6)} MB RSS; CPU ${rebuildCpu.own.toFixed(1)} s here, ${rebuildCpu.postgres.toFixed(1)} s PostgreSQL`);

  const queries: { text: string; hits: number }[] = [];
  for (const text of candidates) {
    if (queries.length >= 100) break;
    const { total, relaxed } = await catalog.search.search(benchActor, { text, first: 1 });
    if (!relaxed && total >= 50 * (entries / 100_000) && total <= 2_000 * (entries / 100_000)) queries.push({ text, hits: total });
  }
  const broad: { text: string; hits: number }[] = [];
  for (const text of broadQueries) broad.push({ text, hits: (await catalog.search.search(benchActor, { text, first: 1 })).total });
  const spread = queries.map(({ hits }) => hits).sort((a, b) => a - b);
  print(`questions     ${queries.length} texts with ${spread[0]}–${spread.at(-1)} hits (median ${median(spread)}); broad: ${broad.map(({ text, hits }) => `"${text}" ${hits}`).join(", ")}`);

  const someEntry = (await catalog.search.search(benchActor, { text: queries[0]!.text, first: 1 })).hits[0]!.entry.id;
  const walks: [string, () => Promise<unknown>][] = [
    ["lineage, 4 hops", () => catalog.search.lineage(benchActor, someEntry, "downstream")],
    ["impact, 4 hops", () => catalog.search.impact(benchActor, someEntry)],
    ["related", () => catalog.search.related(benchActor, someEntry, 10)],
    ["suggest, 1 letter", () => catalog.search.suggest(benchActor, "s", 10)],
    ["suggest, pinyin", () => catalog.search.suggest(benchActor, "shiye", 10)],
    ["shared items", () => catalog.search.sharedItems(benchActor, { first: 20 })],
    ["path", () => catalog.search.path(benchActor, someEntry, someEntry)],
  ];
  for (const [name, ask] of walks) {
    const times: number[] = [];
    for (let turn = 0; turn < 11; turn += 1) {
      const start = performance.now();
      await ask();
      times.push(performance.now() - start);
    }
    print(`${name.padEnd(20)} ${median(times).toFixed(1)} ms (median of 11, alone)`);
  }
  await catalog.search.stop();
  await catalog.kernel.database.close();

  server = spawn(process.execPath, ["--import", "tsx", new URL("serve.ts", import.meta.url).pathname, url], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_ENV: "production" } });
  const port = await new Promise<number>((done, fail) => {
    server!.stdout!.once("data", (text: Buffer) => done(Number(text.toString())));
    server!.once("exit", (code) => fail(new Error(`the server process ended with ${code}`)));
  });
  const post = (path: string, query: string, text?: string): autocannon.Request => ({ method: "POST", path, headers: { "content-type": "application/json" }, body: JSON.stringify({ query, ...(text === undefined ? {} : { variables: { text } }) }) });
  const get = (text: string, facets: boolean): autocannon.Request => ({ method: "GET", path: `/raw?text=${encodeURIComponent(text)}${facets ? "&facets" : ""}` });
  const scenarios: Record<string, autocannon.Request[]> = {
    "bare yoga field": [post("/hello", "{ hello }")],
    "raw HTTP + pg: page": queries.map(({ text }) => get(text, false)),
    "GraphQL: page": queries.map(({ text }) => post("/graphql", pageDocument, text)),
    "raw HTTP + pg: page + facets": queries.map(({ text }) => get(text, true)),
    "GraphQL: page + highlights + facets": queries.map(({ text }) => post("/graphql", facetDocument, text)),
    "GraphQL: broad, page + facets": broad.map(({ text }) => post("/graphql", facetDocument, text)),
  };
  const results = new Map<string, { rate: number; p50: number; p99: number; server: number; postgres: number }[]>();
  const fire = (requests: autocannon.Request[], duration: number) => autocannon({ url: `http://127.0.0.1:${port}`, connections, duration, requests });
  for (const requests of Object.values(scenarios)) await fire(requests, 1);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, requests] of Object.entries(scenarios)) {
      const before = { server: cpuSecondsOf(server.pid!), postgres: cpuSecondsOfPostgres(postgres.directory) };
      const result = await fire(requests, seconds);
      const perRequest = (from: number | undefined, to: number | undefined) => (1_000 * used(from, to)) / result.requests.total;
      if (result.non2xx > 0 || result.errors > 0) throw new Error(`${name}: ${result.non2xx} answers that are no success, ${result.errors} errors`);
      results.set(name, [...(results.get(name) ?? []), { rate: result.requests.average, p50: result.latency.p50, p99: result.latency.p99, server: perRequest(before.server, cpuSecondsOf(server.pid!)), postgres: perRequest(before.postgres, cpuSecondsOfPostgres(postgres.directory)) }]);
    }
  }
  print();
  print(`${"".padEnd(38)}req/s   p50 ms  p99 ms   CPU ms a request: server, PostgreSQL   (${connections} connections, median of ${rounds} rounds of ${seconds} s)`);
  const measure = (name: string, of: "rate" | "p50" | "p99" | "server" | "postgres") => median(results.get(name)!.map((result) => result[of]));
  for (const name of Object.keys(scenarios)) print(`${name.padEnd(38)}${measure(name, "rate").toFixed(0).padStart(5)}  ${measure(name, "p50").toFixed(0).padStart(7)} ${measure(name, "p99").toFixed(0).padStart(7)}   ${measure(name, "server").toFixed(2).padStart(24)} ${measure(name, "postgres").toFixed(2).padStart(11)}`);
  const ratio = (one: string, other: string) => measure(one, "rate") / measure(other, "rate");
  const cost = (name: string) => measure(name, "server") + measure(name, "postgres");
  print();
  print(`CPU of the raw page ÷ CPU of the GraphQL page: ${(cost("raw HTTP + pg: page") / cost("GraphQL: page")).toFixed(2)}; with facets (and highlights): ${(cost("raw HTTP + pg: page + facets") / cost("GraphQL: page + highlights + facets")).toFixed(2)}`);
  print(`P12  GraphQL page ÷ raw HTTP + pg: ${ratio("GraphQL: page", "raw HTTP + pg: page").toFixed(2)} (bar 0.65); with facets and highlights ÷ raw with facets: ${ratio("GraphQL: page + highlights + facets", "raw HTTP + pg: page + facets").toFixed(2)}`);
  print(`P13  search with facets, p99: ${measure("GraphQL: page + highlights + facets", "p99").toFixed(0)} ms (bar 80 ms)`);
  print(`P14  rebuild of ${documents} entries with ${items} items: ${rebuildSeconds.toFixed(1)} s (bar 60 s)`);
} finally {
  await end();
}

/** NaN where CPU times cannot be read. */
function used(from: number | undefined, to: number | undefined): number {
  return (to ?? Number.NaN) - (from ?? Number.NaN);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
