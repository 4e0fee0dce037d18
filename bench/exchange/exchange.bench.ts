import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import copyStreams from "pg-copy-streams";
import { createSilentLog, startEmbeddedPostgres } from "#platform";
import { openLocalKafka } from "../../tests/support/engines/kafka.ts";
import { newGrant, startExchangeCity, until } from "../../tests/support/exchange/exchange-city.ts";
import { measureLatency, percentile } from "./latency.ts";
import { createTable, generateRows, indexTable, insertInTransactions, populationItems, updateInTransactions } from "./population.ts";

/**
 * `npm run bench:exchange [-- --rows=1000000 --rounds=3 --log=kafka]`: population rows from a department's database into a
 * subscriber's indexed table through the whole path (slot capture, projection, validation, signature, seal, HTTP
 * gateway, feed log, verification, load), with centre, provider and subscriber as processes of their own, beside plain
 * COPY + upsert and beside PostgreSQL's logical replication of the same rows between the same two servers (fsync on).
 * Rounds alternate; medians; ratios are the last lines. Bars: P1 to P4 and P7 of the project. With --log=kafka payloads wait in
 * a real Kafka (ZHENGTONG_TEST_KAFKA_BROKERS, or one that is started here) instead of the centre's PostgreSQL.
 */
const { values } = parseArgs({ options: { rows: { type: "string", default: "100000" }, rounds: { type: "string", default: "3" }, changes: { type: "string" }, log: { type: "string", default: "postgres" }, verbose: { type: "boolean", default: false } } });
const rows = Number(values.rows);
const rounds = Number(values.rounds);
const changes = Number(values.changes ?? Math.max(1_000, Math.round(rows / 4)));
const say = (text: string) => void process.stdout.write(`${text}\n`);
const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const perSecond = (count: number, ms: number) => `${Math.round(count / (ms / 1_000)).toLocaleString("en")} rows/s`;
const fields = populationItems.map((item) => item.field).join(", ");

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const parent = mkdtempSync(join(tmpdir(), "zhengtong-bench-"));
chmodSync(parent, 0o755);
const log = createSilentLog();
// A provider that is held still (SIGSTOP) for the drain must not lose its replication connection.
const settings = { wal_sender_timeout: "30min", wal_receiver_timeout: "30min", max_slot_wal_keep_size: "-1", max_logical_replication_workers: "8", max_sync_workers_per_subscription: "2" };
const department = await startEmbeddedPostgres({ directory: join(parent, "department"), log, settings });
const city = await startEmbeddedPostgres({ directory: join(parent, "city"), log, settings });
if (values.log !== "postgres" && values.log !== "kafka") throw new Error("--log is postgres or kafka");
const givenBrokers = process.env.ZHENGTONG_TEST_KAFKA_BROKERS;
const ownKafka = values.log === "kafka" && givenBrokers === undefined ? await openLocalKafka({ forMeasuring: true }) : undefined;
const brokers = ownKafka?.url ?? givenBrokers;
const kafka = values.log === "kafka" && brokers !== undefined ? { kafka: { connection: { brokers }, topics: { prefix: `bench-${process.pid}` } } } : {};
const clients: pg.Client[] = [];
async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  clients.push(client);
  return client;
}
// Servers and processes of their own would outlive this one.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
async function end(): Promise<void> {
  await exchangeCity?.end();
  for (const client of clients) await client.end().catch(() => undefined);
  await Promise.all([department.stop(), city.stop(), ownKafka?.close()]);
  rmSync(parent, { recursive: true, force: true });
}
let exchangeCity: Awaited<ReturnType<typeof startExchangeCity>> | undefined;

try {
  for (const name of ["source", "node_provider"]) await department.ensureDatabase(name);
  for (const name of ["center", "node_subscriber", "native", "plain"]) await city.ensureDatabase(name);
  const source = await connect(department.url("source"));
  const native = await connect(city.url("native"));
  const plain = await connect(city.url("plain"));
  const target = await connect(city.url("node_subscriber"));
  const center = await connect(city.url("center"));

  const insertRounds = rounds;
  await source.query(`${createTable("public.population")}; ${indexTable("public.population")}`);
  say("generating rows");
  await source.query(`create unlogged table bench_row as ${generateRows(0, rows + changes * insertRounds - 1)}; alter table bench_row add primary key (n)`);
  await source.query(`insert into public.population select ${fields} from bench_row where n < ${rows} order by md5(n::text)`);
  await source.query("vacuum analyze public.population");
  await source.query("create publication bench_native for table public.population");
  const { rows: size } = await source.query<{ bytes: string }>("select (pg_relation_size('public.population') / greatest(count(*), 1))::text as bytes from public.population");
  say(`${rows.toLocaleString("en")} population rows (${size[0]!.bytes} B each in the heap), ${changes.toLocaleString("en")} changes a drain, ${rounds} rounds, feed log in ${values.log === "kafka" ? "Kafka" : "PostgreSQL"}`);

  exchangeCity = await startExchangeCity({
    centerDatabaseUrl: city.url("center"),
    providerDatabaseUrl: department.url("node_provider"),
    subscriberDatabaseUrl: city.url("node_subscriber"),
    sources: [{ name: "main", kind: "postgres-direct", url: department.url("source") }],
    ...kafka,
    log,
    logLevel: values.verbose ? "info" : "error",
  });
  const { exchange, office } = exchangeCity;
  const entry = { id: "entry_population", code: "33A001/000001", title: "人口", organisationId: "org_provider", state: "published", items: populationItems };
  await exchangeCity.addEntry(entry, "public.population");

  /** Plain COPY + upsert: out of the source, into a staging table, from there into the indexed table. */
  async function copyAndUpsert(): Promise<number> {
    await plain.query(`drop table if exists public.population, stage; ${createTable("public.population")}; ${indexTable("public.population")}; create unlogged table stage (like public.population)`);
    return timed(async () => {
      await pipeline(source.query(copyStreams.to(`copy (select ${fields} from public.population) to stdout`)), plain.query(copyStreams.from(`copy stage (${fields}) from stdin`)));
      await plain.query(`insert into public.population as t select * from stage on conflict (citizen_number) do update set ${populationItems.slice(1).map(({ field }) => `${field} = excluded.${field}`).join(", ")} where excluded.updated_at > t.updated_at`);
    });
  }

  async function nativeCopy(): Promise<number> {
    await native.query("drop subscription if exists bench_native");
    await native.query(`drop table if exists public.population; ${createTable("public.population")}; ${indexTable("public.population")}`);
    return timed(async () => {
      await native.query(`create subscription bench_native connection '${department.url("source").replace(/^postgres:/, "postgresql:")}' publication bench_native`);
      await until("native copy", async () => (await native.query("select from pg_subscription_rel where srsubstate <> 'r'")).rowCount === 0, 1_800_000);
    });
  }

  let grants = 0;
  let flow: { grantId: string; feedId: string; table: string } | undefined;
  async function endFlow(): Promise<void> {
    if (!flow) return;
    const { grantId, feedId, table } = flow;
    await exchangeCity!.announce("grant.revoking", newGrant(grantId, entry, { version: 2, state: "revoking" }));
    await until("the former feed has stopped", async () => (await exchange.feeds.get(office, feedId)).state === "stopped");
    await target.query(`drop table landing.${table}`);
    flow = undefined;
  }

  async function exchangeLoad(): Promise<number> {
    await endFlow();
    const grantId = `grant_${(grants += 1)}`;
    const table = `population_${grants}`;
    await exchange.bindings.setRoute(office, { consumerOrganisationId: "org_consumer", grantId, nodeId: exchangeCity!.nodeId("subscriber"), target: { name: "default", schema: "landing", table, trackChanges: false, indexes: [["name", "birth_date"], ["updated_at"]] } });
    return timed(async () => {
      await exchangeCity!.announce("grant.issued", newGrant(grantId, entry));
      await until("the feed", async () => {
        const feed = await exchange.feeds.findByGrant(office, grantId);
        if (feed) flow = { grantId, feedId: feed.id, table };
        return feed !== undefined;
      });
      await until("the whole load", async () => (await target.query("select from exchange_target.feed where feed_id = $1 and state = 'current' and generation = 1", [flow!.feedId]).catch(notYet)).rowCount === 1, 1_800_000);
    });
  }
  const notYet = () => ({ rowCount: 0 });

  say("\nfull load");
  const load = { plain: [] as number[], native: [] as number[], ours: [] as number[] };
  const loaders = [["plain", copyAndUpsert], ["native", nativeCopy], ["ours", exchangeLoad]] as const;
  for (let round = 0; round < rounds; round += 1) {
    for (let at = 0; at < loaders.length; at += 1) {
      const [name, run] = loaders[(at + round) % loaders.length]!;
      load[name].push(await run());
    }
  }
  for (const [name, title] of [["plain", "COPY + upsert"], ["native", "logical replication, initial copy"], ["ours", "exchange"]] as const) say(`  ${title.padEnd(36)} ${(median(load[name]) / 1_000).toFixed(2).padStart(8)} s ${perSecond(rows, median(load[name])).padStart(18)}`);
  const { rows: arrived } = await target.query<{ count: string }>(`select count(*) from landing.${flow!.table}`);
  if (Number(arrived[0]!.count) !== rows) throw new Error(`${arrived[0]!.count} rows arrived of ${rows}`);

  /** Waits until a database's table shows the last of the changes and, on our side, everything before it. */
  async function caughtUp(side: "native" | "ours", key: string, stamp: string): Promise<void> {
    if (side === "native") return until("native drain", async () => (await native.query("select from public.population where citizen_number = $1 and updated_at = $2", [key, stamp])).rowCount === 1, 600_000, 5);
    return until("drain", async () => (await target.query(`select from landing.${flow!.table} t join exchange_target.feed f on f.feed_id = $3 where t.citizen_number = $1 and t.updated_at = $2 and f.applied_sequence >= t.zt_sequence`, [key, stamp, flow!.feedId])).rowCount === 1, 600_000, 5);
  }

  const drain = { inserts: { native: [] as number[], ours: [] as number[] }, updates: { native: [] as number[], ours: [] as number[] } };
  let inserted = rows;
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of ["inserts", "updates"] as const) {
      await native.query("alter subscription bench_native disable");
      await until("native has stopped", async () => (await source.query("select from pg_replication_slots where slot_name = 'bench_native' and active")).rowCount === 0);
      exchangeCity.provider.signal("SIGSTOP");
      const from = kind === "inserts" ? inserted : 0;
      await source.query(kind === "inserts" ? insertInTransactions(from, changes) : updateInTransactions(0, changes));
      if (kind === "inserts") inserted += changes;
      const { rows: last } = await source.query<{ citizen_number: string; stamp: string }>("select citizen_number, updated_at::text as stamp from public.population where citizen_number = (select citizen_number from bench_row where n = $1)", [from + changes - 1]);
      const { citizen_number: key, stamp } = last[0]!;
      const sides = round % 2 === 0 ? (["native", "ours"] as const) : (["ours", "native"] as const);
      for (const side of sides) {
        drain[kind][side].push(
          await timed(async () => {
            if (side === "native") await native.query("alter subscription bench_native enable");
            else exchangeCity!.provider.signal("SIGCONT");
            await caughtUp(side, key, stamp);
          }),
        );
      }
    }
  }
  say("\nchanges made while both were stopped, in transactions of 1,000 rows");
  for (const kind of ["inserts", "updates"] as const) for (const side of ["native", "ours"] as const) say(`  ${`${kind}, ${side === "native" ? "logical replication" : "exchange"}`.padEnd(36)} ${(median(drain[kind][side]) / 1_000).toFixed(2).padStart(8)} s ${perSecond(changes, median(drain[kind][side])).padStart(18)}`);

  // Live: the writer and one side at a time, the other held still and let catch up afterwards.
  const live = { native: [] as number[], ours: [] as number[] };
  const lastKey = (await source.query<{ citizen_number: string }>("select citizen_number from bench_row where n = $1", [changes - 1])).rows[0]!.citizen_number;
  const lastStamp = async () => (await source.query<{ stamp: string }>("select updated_at::text as stamp from public.population where citizen_number = $1", [lastKey])).rows[0]!.stamp;
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? (["native", "ours"] as const) : (["ours", "native"] as const)) {
      const other = side === "native" ? "ours" : "native";
      if (other === "ours") exchangeCity.provider.signal("SIGSTOP");
      else {
        await native.query("alter subscription bench_native disable");
        await until("native has stopped", async () => (await source.query("select from pg_replication_slots where slot_name = 'bench_native' and active")).rowCount === 0);
      }
      live[side].push(
        await timed(async () => {
          await source.query(updateInTransactions(0, changes));
          await caughtUp(side, lastKey, await lastStamp());
        }),
      );
      if (other === "ours") exchangeCity.provider.signal("SIGCONT");
      else await native.query("alter subscription bench_native enable");
      await caughtUp(other, lastKey, await lastStamp());
    }
  }
  say("\nupdates while they are written, from the first write to the last arrival");
  for (const side of ["native", "ours"] as const) say(`  ${(side === "native" ? "logical replication" : "exchange").padEnd(36)} ${(median(live[side]) / 1_000).toFixed(2).padStart(8)} s ${perSecond(changes, median(live[side])).padStart(18)}`);

  // Both at once: they see the same load at the same moment.
  const { rows: some } = await source.query<{ citizen_number: string }>("select citizen_number from bench_row where n < 10000 order by n");
  const latency = await measureLatency({
    writer: await connect(department.url("source")),
    keys: some.slice(1).map((row) => row.citizen_number),
    probeKey: some[0]!.citizen_number,
    probes: 200,
    sides: { native: { reader: await connect(city.url("native")), table: "public.population" }, ours: { reader: await connect(city.url("node_subscriber")), table: `landing.${flow!.table}` } },
  });
  say("\ncommit at the source → visible at the target, 1,000 rows/s written, both sides running");
  for (const side of ["native", "ours"] as const) say(`  ${(side === "native" ? "logical replication" : "exchange").padEnd(36)} p50 ${percentile(latency[side]!, 0.5).toFixed(0)} ms, p99 ${percentile(latency[side]!, 0.99).toFixed(0)} ms`);
  await source.query("update public.population set updated_at = '2031-01-01' where citizen_number = $1", [some[0]!.citizen_number]);
  for (const side of ["native", "ours"] as const) await caughtUp(side, some[0]!.citizen_number, "2031-01-01");

  // Everything after the load is read and applied again, as after a restored target database.
  const { rows: ends } = await center.query<{ sequence: string; hash: string }>("select sequence, hash from exchange.batch_evidence where feed_id = $1 and envelope like '%\"kind\":\"refresh-end\"%' order by sequence desc limit 1", [flow!.feedId]);
  const { rows: heads } = await center.query<{ sequence: string }>("select sequence from exchange.feed_log_head where feed_id = $1", [flow!.feedId]);
  // Drains of both kinds, live updates for either side, and what the latency was measured with.
  const replayed = Number((await center.query<{ rows: string }>("select sum((envelope::jsonb ->> 'rows')::bigint)::text as rows from exchange.batch_evidence where feed_id = $1 and sequence > $2", [flow!.feedId, ends[0]!.sequence])).rows[0]!.rows);
  const versions = async () => (await target.query<{ sum: string }>(`select sum(xmin::text::bigint)::text as sum from landing.${flow!.table}`)).rows[0]!.sum;
  const before = await versions();
  const replay: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    exchangeCity.provider.signal("SIGCONT");
    await exchangeCity.subscriber.kill();
    await target.query("update exchange_target.position set sequence = $2, hash = $3 where feed_id = $1", [flow!.feedId, ends[0]!.sequence, ends[0]!.hash]);
    await target.query("update exchange_target.feed set applied_sequence = $2 where feed_id = $1", [flow!.feedId, ends[0]!.sequence]);
    const start = performance.now();
    await exchangeCity.subscriber.start();
    const ready = performance.now();
    await until("the replay", async () => (await target.query("select from exchange_target.feed where feed_id = $1 and applied_sequence >= $2", [flow!.feedId, heads[0]!.sequence])).rowCount === 1, 600_000, 5);
    // It begins while the process becomes ready: the whole is counted when that hides the work.
    replay.push(Math.max(performance.now() - ready, (performance.now() - start) / 2));
  }
  const untouched = (await versions()) === before;
  say(`\nreplay of ${replayed.toLocaleString("en")} applied changes: ${(median(replay) / 1_000).toFixed(2)} s, ${perSecond(replayed, median(replay))}; row versions written: ${untouched ? "none" : "SOME"}`);

  say("\npeak resident memory, MiB");
  for (const name of ["center", "provider", "subscriber"] as const) say(`  ${name.padEnd(12)} ${exchangeCity[name].peakMemory()?.toFixed(0) ?? "not told by this system"}`);

  const nativeRate = rows / median(load.native);
  say("");
  say(`ratio, full load ÷ COPY + upsert: ${(median(load.plain) / median(load.ours)).toFixed(2)}`);
  say(`ratio, full load ÷ native initial copy (P1, bar 0.60): ${(median(load.native) / median(load.ours)).toFixed(2)}`);
  for (const kind of ["inserts", "updates"] as const) say(`ratio, drain of ${kind} ÷ native (P2, bar 0.60): ${(median(drain[kind].native) / median(drain[kind].ours)).toFixed(2)}`);
  say(`ratio, live beside the writer ÷ native (P3, bar 0.60): ${(median(live.native) / median(live.ours)).toFixed(2)}`);
  say(`latency at 1,000 rows/s (P7, bars 50 and 250 ms): p50 ${percentile(latency.ours!, 0.5).toFixed(0)} ms, p99 ${percentile(latency.ours!, 0.99).toFixed(0)} ms; ÷ native p50 ${(percentile(latency.ours!, 0.5) / percentile(latency.native!, 0.5)).toFixed(1)}`);
  say(`ratio, replay ÷ native initial copy (P4, bar 0.80): ${(replayed / median(replay) / nativeRate).toFixed(2)}`);
} finally {
  await end();
}
