import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import neo4jDriver from "neo4j-driver";
import { createDatabase, createSilentLog, migrate, platformMigrations, startEmbeddedPostgres, systemActor, systemClock } from "#platform";
import { catalogMigrations, createCatalogSearch, createCatalogTokeniser, createNeo4jCatalogIndex, type IndexSearchRequest } from "#catalog";
import { namesOf, slotNames, type Slot } from "../../catalog/search/neo4j/schema.ts";
import { searchStatements } from "../../catalog/search/neo4j/search.ts";
import { luceneQueryOf } from "../../catalog/search/neo4j/lucene.ts";
import { parseQuery } from "../../catalog/search/text/query-terms.ts";
import { neo4jConnection, openLocalNeo4j } from "../../tests/support/engines/neo4j.ts";
import { createBareCypher } from "./bare-cypher.ts";
import { loadEntries } from "./load-entries.ts";
import { createGeneratedQuestions, createGeneratedSchema } from "./neo4j-graphql.ts";
import { benchActor, openBenchCatalog } from "./open-bench-catalog.ts";
import { allFacets, candidates } from "./questions.ts";

/**
 * The catalog index in Neo4j: search with facets, lineage at 4 hops and the count of an impact, beside the same
 * statements through the bare driver and beside the schema that @neo4j/graphql generates over the same data; how quickly
 * entries are projected, and what searching costs while the index is rebuilt. Rounds alternate, medians are compared.
 * Options: --entries=100000 --items=10 --rounds=3 --seconds=4 --connections=4 --heap=3072 --pagecache=1024 (MiB of a server of
 * its own; ZHENGTONG_TEST_NEO4J_URL names another). How far it is goes to the standard error.
 */
const { values: options } = parseArgs({
  options: {
    index: { type: "string" },
    entries: { type: "string", default: "100000" },
    items: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "4" },
    heap: { type: "string", default: "3072" },
    pagecache: { type: "string", default: "1024" },
  },
});
const [entries, itemsPerEntry, rounds, seconds, connections, heap, pageCache] = [options.entries, options.items, options.rounds, options.seconds, options.connections, options.heap, options.pagecache].map(Number) as [number, number, number, number, number, number, number];
const prefix = "Bench";
const hops = 4;

const print = (text = "") => void process.stdout.write(`${text}\n`);
const since = (start: number) => (performance.now() - start) / 1_000;
const began = performance.now();
/** Where somebody watches; figures go to the standard output alone. */
const tell = (text: string) => void process.stderr.write(`${since(began).toFixed(0).padStart(5)} s  ${text}\n`);

const folder = mkdtempSync(join(tmpdir(), "zhengtong-bench-"));
chmodSync(folder, 0o755);
tell("starting PostgreSQL and Neo4j");
const postgres = await startEmbeddedPostgres({ directory: join(folder, "postgres"), log: createSilentLog() });
const given = process.env.ZHENGTONG_TEST_NEO4J_URL;
const engine = given === undefined ? await openLocalNeo4j({ heapMebibytes: heap, pageCacheMebibytes: pageCache, forMeasuring: true }) : undefined;
async function end(): Promise<void> {
  await engine?.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
  if (!postgres.directory.startsWith(folder)) rmSync(postgres.directory, { recursive: true, force: true });
}
// The servers are processes of their own and would outlive this one.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end().then(() => process.exit(130)));

interface Rate {
  rate: number;
  p50: number;
  p99: number;
}

/** So many askers, each asking again as soon as it is answered, until the time is over or `until` says so. */
async function fire(ask: (turn: number) => Promise<unknown>, until: { seconds: number } | { done: () => boolean }, askers = connections): Promise<Rate> {
  const times: number[] = [];
  const start = performance.now();
  let turn = 0;
  const goesOn = "seconds" in until ? () => since(start) < until.seconds : () => !until.done();
  await Promise.all(
    Array.from({ length: askers }, async () => {
      while (goesOn()) {
        const asked = performance.now();
        await ask((turn += 1));
        times.push(performance.now() - asked);
      }
    }),
  );
  times.sort((a, b) => a - b);
  return { rate: times.length / since(start), p50: times[Math.floor(times.length / 2)] ?? 0, p99: times[Math.floor(times.length * 0.99)] ?? 0 };
}

try {
  await postgres.ensureDatabase("center");
  const url = postgres.url("center");
  const database = createDatabase({ url, log: createSilentLog() });
  await migrate(database, [platformMigrations, catalogMigrations]);
  tell(`registering ${entries} entries`);
  const loading = performance.now();
  const items = await loadEntries(database, entries, itemsPerEntry);
  await database.close();
  print(`records       ${entries} entries, ${items} data items, loaded in ${since(loading).toFixed(1)} s`);

  const { kernel } = await openBenchCatalog(url);
  const connection = { ...neo4jConnection(given ?? engine!.url), database: "neo4j" };
  const index = createNeo4jCatalogIndex({ ...connection, prefix, access: kernel.access, clock: systemClock, log: kernel.log, monotonicMs: () => performance.now() });
  const tokeniser = createCatalogTokeniser();
  const search = createCatalogSearch({ kernel, index, tokeniser });
  const system = systemActor("bench");

  async function rebuild(): Promise<{ seconds: number; phases: string }> {
    const phases: string[] = [];
    const start = performance.now();
    let [phase, phaseStart, told] = ["loading", start, start];
    await search.rebuild(system, {
      onProgress(progress) {
        if (since(told) >= 5 || progress.phase !== phase) {
          tell(`rebuild: ${progress.phase}, ${progress.done} of ${progress.total} entries loaded`);
          told = performance.now();
        }
        if (progress.phase === phase) return;
        // The last phase is also that in which the generation before is removed.
        phases.push(`${phase}${phase === "catching-up" ? ", switching and removing the one before" : ""} ${since(phaseStart).toFixed(1)} s`);
        [phase, phaseStart] = [progress.phase, performance.now()];
      },
    });
    return { seconds: since(start), phases: phases.join(", ") };
  }
  const first = await rebuild();
  print(`rebuild       ${first.seconds.toFixed(1)} s, ${(entries / first.seconds).toFixed(0)} entries/s: ${first.phases}; ${Math.round(process.memoryUsage().rss / 1e6)} MB RSS of this process`);

  tell("choosing questions");
  const texts: string[] = [];
  const spread: number[] = [];
  for (const text of candidates) {
    if (texts.length >= 100) break;
    const { total, relaxed } = await search.search(benchActor, { text, first: 1 });
    if (relaxed || total < 50 * (entries / 100_000) || total > 2_000 * (entries / 100_000)) continue;
    texts.push(text);
    spread.push(total);
  }
  spread.sort((a, b) => a - b);
  print(`questions     ${texts.length} texts with ${spread[0]}–${spread.at(-1)} hits (median ${median(spread)})`);

  const driver = neo4jDriver.driver(connection.url, neo4jDriver.auth.basic(connection.user, connection.password), { disableLosslessIntegers: true, fetchSize: -1 });
  const currentNames = async () => {
    const [row] = await index.connection.read((cypher) => cypher<{ slot: Slot }>(`MATCH (g:${namesOf(prefix).generation} {state: 'serving'}) RETURN g.slot AS slot`));
    return slotNames(namesOf(prefix), row!.slot);
  };
  const names = await currentNames();
  const bare = createBareCypher(driver, connection.database, names);
  const generated = createGeneratedQuestions(await createGeneratedSchema(names), driver, connection.database);

  // What most hangs on, of what this viewer sees: a walk worth the name.
  const roots = (await bare.run(`MATCH (d:${names.entry}) WHERE d.state = 'published' AND d.sharingType <> 'refused' WITH d, COUNT { (d)<-[:DERIVED_FROM]-() } AS derived ORDER BY derived DESC, d.id LIMIT 20 RETURN d.id AS id`, {})).map((record) => String(record.get("id")));
  const [impact, bareImpact, generatedImpact] = [(await search.impact(benchActor, roots[0]!, { hops, deadlineMs: 5_000 })).entries, await bare.impact(roots[0]!, { hops }), await generated.impact(roots[0]!, hops)];
  print(`walks         ${roots.length} entries; on the first hang ${impact} within ${hops} hops (bare Cypher counts ${bareImpact}, @neo4j/graphql ${generatedImpact})`);

  const today = Math.floor(systemClock.now().getTime() / 86_400_000);
  const statements = new Map<string, ReturnType<typeof searchStatements>>();
  const statementsOf = (text: string, facets: boolean) => {
    const key = `${facets} ${text}`;
    const terms = parseQuery(tokeniser, text);
    const request: IndexSearchRequest = { terms, required: terms.terms.map((_, at) => at), filters: { values: {} }, sort: "relevance", first: 20, facets: facets ? allFacets : [], today };
    const found = statements.get(key) ?? searchStatements(kernel.access, names, benchActor, request, new Map());
    statements.set(key, found);
    return found;
  };
  const bareSearch = async (text: string, facets: boolean) => {
    const { page, counts } = statementsOf(text, facets);
    const session = driver.session({ database: connection.database, defaultAccessMode: "READ" });
    try {
      await session.executeRead((tx) => Promise.all([tx.run(page.text, page.parameters), tx.run(counts.text, counts.parameters)]));
    } finally {
      await session.close();
    }
  };
  /** As our own statements ask the full-text index: the same words, so the same hits. */
  const phraseOf = (text: string) => luceneQueryOf(parseQuery(tokeniser, text).terms)!;
  const textAt = (turn: number) => texts[turn % texts.length]!;
  const rootAt = (turn: number) => roots[turn % roots.length]!;
  const scenarios: Record<string, (turn: number) => Promise<unknown>> = {
    "search, page": (turn) => search.search(benchActor, { text: textAt(turn), first: 20 }),
    "  bare Cypher": (turn) => bareSearch(textAt(turn), false),
    "  @neo4j/graphql (page only)": (turn) => generated.search(phraseOf(textAt(turn))),
    "search, page + facets": (turn) => search.search(benchActor, { text: textAt(turn), first: 20, facets: allFacets }),
    "  bare Cypher + facets": (turn) => bareSearch(textAt(turn), true),
    [`lineage, ${hops} hops`]: (turn) => search.lineage(benchActor, rootAt(turn), "downstream", { hops }),
    "  bare Cypher, lineage": (turn) => bare.lineage(rootAt(turn), { hops }),
    "  @neo4j/graphql, lineage": (turn) => generated.lineage(rootAt(turn), hops),
    [`impact count, ${hops} hops`]: (turn) => search.impact(benchActor, rootAt(turn), { hops }),
    "  bare Cypher, impact": (turn) => bare.impact(rootAt(turn), { hops }),
    "  @neo4j/graphql, impact": (turn) => generated.impact(rootAt(turn), hops),
  };
  const results = new Map<string, Rate[]>();
  // A question of more than this many seconds is asked by one asker, in the first round alone, and marked.
  const longQuestion = 2;
  const slow = new Set<string>();
  for (const [name, ask] of Object.entries(scenarios)) {
    tell(`warming up: ${name.trim()}`);
    // The first ones are planned by the server.
    await fire(ask, { seconds: 1 }, 1);
    const alone = await fire(ask, { seconds: 1 }, 1);
    if (alone.p50 > longQuestion * 1_000) slow.add(name);
    else await fire(ask, { seconds: Math.min(seconds, 2) });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, ask] of Object.entries(scenarios)) {
      if (round > 0 && slow.has(name)) continue;
      tell(`round ${round + 1} of ${rounds}: ${name.trim()}`);
      results.set(name, [...(results.get(name) ?? []), await fire(ask, { seconds }, slow.has(name) ? 1 : connections)]);
    }
  }
  const measure = (name: string, of: keyof Rate) => median(results.get(name)!.map((result) => result[of]));
  print();
  print(`${"".padEnd(34)}req/s   p50 ms   p99 ms   (${connections} askers, median of ${rounds} rounds of ${seconds} s)`);
  for (const name of Object.keys(scenarios)) print(`${name.padEnd(34)}${measure(name, "rate").toFixed(0).padStart(5)} ${measure(name, "p50").toFixed(1).padStart(8)} ${measure(name, "p99").toFixed(1).padStart(8)}${slow.has(name) ? "   (one asker, one round: a question takes more than 2 s)" : ""}`);
  const ratio = (one: string, other: string) => (measure(one, "rate") / measure(other, "rate")).toFixed(2);
  print();
  print(`search ÷ bare Cypher ${ratio("search, page", "  bare Cypher")}; with facets ${ratio("search, page + facets", "  bare Cypher + facets")}; ÷ @neo4j/graphql ${ratio("search, page", "  @neo4j/graphql (page only)")}`);
  print(`lineage ÷ bare Cypher ${ratio(`lineage, ${hops} hops`, "  bare Cypher, lineage")}; ÷ @neo4j/graphql ${ratio(`lineage, ${hops} hops`, "  @neo4j/graphql, lineage")}`);
  print(`impact ÷ bare Cypher ${ratio(`impact count, ${hops} hops`, "  bare Cypher, impact")}; ÷ @neo4j/graphql ${ratio(`impact count, ${hops} hops`, "  @neo4j/graphql, impact")}`);

  const some = Math.min(entries, 5_000);
  await kernel.database.withTransaction(async (tx) => {
    const { rows } = await tx.query<{ id: string }>("select id from catalog.entry order by id limit $1", [some]);
    await kernel.eventLog.append(tx, system, rows.map(({ id }) => ({ subjectType: "entry", subjectId: id, kind: "entry.changed", payload: { entryId: id } })));
  });
  tell(`projecting ${some} changes`);
  const projecting = performance.now();
  await search.bringUpToDate();
  print(`projection    ${some} changed entries taken in at ${(some / since(projecting)).toFixed(0)} a second`);

  const ask = scenarios["search, page + facets"]!;
  const alone = await fire(ask, { seconds }, 1);
  let rebuilt = false;
  const [second, during] = await Promise.all([rebuild().finally(() => (rebuilt = true)), fire(ask, { done: () => rebuilt }, 1)]);
  print(`rebuilding    ${(entries / second.seconds).toFixed(0)} entries/s while one asker searches with facets: p50 ${during.p50.toFixed(1)} ms, p99 ${during.p99.toFixed(1)} ms (before: ${alone.p50.toFixed(1)} and ${alone.p99.toFixed(1)} ms); ${second.phases}`);

  tell("done");
  await search.stop();
  if (given !== undefined) await index.removeAll();
  await driver.close();
  await index.close();
  await kernel.database.close();
} finally {
  await end();
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
