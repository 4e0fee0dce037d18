import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { createDatabase, createSilentLog, quoteIdentifier, systemActor, type Database } from "#platform";
import { centerMigrations, checkBackup, cityMigrations, createCenterServices, restoreBackup, takeBackup, verifyEverything } from "#server";
import { createTestDatabase, testServerUrl, type TestDatabase } from "#test-support";
import { reconcileFeed } from "../../../server/compose/reconcile.ts";
import { dropSlots, newGrant, startExchangeCity, until, type ExchangeCity } from "../../support/exchange/exchange-city.ts";

/**
 * The rehearsal: a centre with a catalog and a flowing exchange is backed up while it runs, goes on for a while, loses
 * both databases, and is restored from the backup; the departments' nodes were never touched. So the providing node has
 * sent what the restored centre does not know of, and of what the office's node receives, one target was restored with
 * the centre and another, a database of its own, is ahead of it.
 */
const items: DataItem[] = [
  { name: "编号", field: "person_no", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
  { name: "金额", field: "amount", type: "Y", length: 12, scale: 2 },
];
const entry = { id: "entry_people", code: "33A001/000001", title: "人员", organisationId: "org_provider", state: "published", items };
const actor = systemActor("test");
const log = createSilentLog();
const folder = mkdtempSync(join(tmpdir(), "zhengtong-backup-"));
const backup = join(folder, "monday");
const made: TestDatabase[] = [];

let city: ExchangeCity;
let source: Database;
let centerUrl: string;
let cityUrl: string;
let ownUrl: string;

const write = (sql: string) => source.withTransaction((tx) => tx.query(sql));
const sourceRows = async () => JSON.stringify((await source.read((reader) => reader.query("select person_no, name, amount::text as amount from public.people order by person_no"))).rows);

async function on<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = createDatabase({ url, log, maxConnections: 1 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
const landedRows = (table: string, url = cityUrl) => on(url, async (database) => JSON.stringify((await database.read((reader) => reader.query(`select person_no, name, amount::text as amount from landing.${quoteIdentifier(table)} order by person_no`))).rows));

async function onServer(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
const nameOf = (url: string) => quoteIdentifier(new URL(url).pathname.slice(1));

async function withServices<T>(work: (services: Awaited<ReturnType<typeof createCenterServices>>) => Promise<T>): Promise<T> {
  const services = await createCenterServices({ databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, log, migrate: false, maxConnections: 4 });
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}

/** Everything about a search but which generation of the index gave it. */
const searchCatalog = () =>
  withServices(async ({ catalog }) => {
    const answers: unknown[] = [];
    for (const text of ["", "失业", "shiye", "低保 民政"]) {
      const { total, hits } = await catalog.search.search(actor, { text, first: 20 });
      answers.push({ text, total, hits: hits.map((hit) => [hit.entry.code, hit.entry.title]) });
    }
    return answers;
  });

async function flowOf(id: string, url = cityUrl) {
  const grant = newGrant(id, entry);
  await city.announce("grant.issued", grant);
  let feed = await city.exchange.feeds.findByGrant(city.office, id);
  await until("the first load", async () => {
    feed ??= await city.exchange.feeds.findByGrant(city.office, id);
    if (!feed) return false;
    const { rows } = await on(url, (database) => database.read((reader) => reader.query<{ state: string }>("select state from exchange_target.feed where feed_id = $1", [feed!.id]))).catch(() => ({ rows: [] }));
    return rows[0]?.state === "current";
  }, 90_000, 100);
  return city.exchange.feeds.get(city.office, feed!.id);
}

beforeAll(async () => {
  const sets = [[], centerMigrations, cityMigrations, [], []];
  for (const set of sets) made.push(await createTestDatabase(set));
  const [sourceBase, centerBase, cityBase, providerBase, subscriberBase] = made as [TestDatabase, TestDatabase, TestDatabase, TestDatabase, TestDatabase];
  source = sourceBase.database;
  centerUrl = centerBase.url;
  cityUrl = cityBase.url;
  ownUrl = subscriberBase.url;
  await write("create table public.people (person_no text primary key, name text, amount numeric(12,2))");
  await write("insert into public.people select 'P' || lpad(n::text, 5, '0'), '王小' || n || case when n % 50 = 0 then e'\\t换\\n行\\\\' else '' end, n from generate_series(1, 500) as n");
  city = await startExchangeCity({ centerDatabaseUrl: centerUrl, providerDatabaseUrl: providerBase.url, subscriberDatabaseUrl: subscriberBase.url, targets: { default: cityUrl, own: ownUrl }, sources: [{ name: "main", kind: "postgres-direct", url: sourceBase.url }], log });
  await city.addEntry(entry, "public.people");
  await withServices(async ({ catalog }) => {
    await catalog.organisations.create(actor, { name: "杭州市数据资源管理局", kind: "city-data-office", regionCode: "330100" });
    const lines = ["失业保险金申领信息", "失业登记信息", "低保对象信息", "社会组织登记信息", "婚姻登记信息"].map((title) => `${title},杭州市民政局,说明,电子表格,xlsx,无条件共享,,每月,民政`);
    const job = await catalog.imports.run(actor, { file: { name: "目录.csv", bytes: Buffer.from(["信息资源名称,信息资源提供方,信息资源摘要,信息资源格式分类,信息资源格式类型,共享类型,共享条件,更新周期,主题分类", ...lines].join("\r\n")) }, createOrganisations: true });
    expect(job.counts.created).toBe(5);
    await catalog.search.bringUpToDate();
  });
}, 240_000);

afterAll(async () => {
  await city?.end();
  await dropSlots(source);
  for (const one of made) await one.drop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test("a running centre is backed up, loses both databases, is restored, and goes on with nothing lost and nothing doubled", async () => {
  const feed = await flowOf("grant_1");
  const table = feed.target!.table;
  expect(await landedRows(table)).toBe(await sourceRows());
  await city.exchange.bindings.setRoute(city.office, { consumerOrganisationId: "org_consumer", grantId: "grant_own", nodeId: city.nodeId("subscriber"), target: { name: "own", schema: "landing", table: "people_own", trackChanges: false } });
  const own = await flowOf("grant_own", ownUrl);
  const applied = async () => (await on(ownUrl, (database) => database.read((reader) => reader.query<{ applied_sequence: number; generation: number }>("select applied_sequence, generation from exchange_target.feed where feed_id = $1", [own.id])))).rows[0]!;
  expect(await landedRows("people_own", ownUrl)).toBe(await sourceRows());
  const searched = await searchCatalog();
  const audited = await withServices((services) => verifyEverything(services));
  expect(audited.intact).toBe(true);

  // Rows change while the backup is taken, and for a while after it.
  let changing = true;
  const writer = (async () => {
    for (let n = 0; changing; n += 1) await write(`insert into public.people values ('W${String(n % 300).padStart(5, "0")}', '改${n}', ${n}) on conflict (person_no) do update set name = excluded.name, amount = excluded.amount`);
  })();
  const manifest = await takeBackup({ databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, directory: backup, log });
  const inBackup = manifest.databases.center.tables.find(({ name }) => name === "feed_log_head")!.data!.rows;
  expect(inBackup).toBe(2);
  const { sequence } = await city.exchange.feedLog.head(feed.id);
  await until("the feed has gone on beyond the backup", async () => (await city.exchange.feedLog.head(feed.id)).sequence > sequence + 3, 60_000, 50);
  changing = false;
  await writer;
  await write("delete from public.people where person_no between 'P00001' and 'P00020'");
  await until("what came after the backup was applied", async () => (await landedRows(table)) === (await sourceRows()) && (await landedRows("people_own", ownUrl)) === (await sourceRows()), 60_000, 100);
  const ahead = await city.exchange.feedLog.head(feed.id);
  const appliedAhead = await applied();

  // With the centre stops who else writes into its databases: the office's own node. The department's never stops.
  await city.center.kill();
  await city.subscriber.kill();
  for (const url of [centerUrl, cityUrl]) await onServer(`drop database ${nameOf(url)} with (force)`, `create database ${nameOf(url)}`);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", fileURLToPath(new URL("../../../server/bin/zhengtong.ts", import.meta.url)), "restore", "--from", backup, "--json"], { env: { PATH: process.env.PATH, DATABASE_URL: centerUrl, ZHENGTONG_CITY_DATABASE_URL: cityUrl, ZHENGTONG_LOG_LEVEL: "silent" } });
  expect(JSON.parse(stdout)).toMatchObject({ id: manifest.id, takenAt: manifest.takenAt, batchesGivenUp: 0, intact: true });

  // The chain goes on from where it stood, with one record more: of the restore.
  const restored = await withServices((services) => verifyEverything(services));
  expect(restored.intact).toBe(true);
  expect(restored.feeds).toEqual(expect.arrayContaining([feed, own].map(({ id }) => expect.objectContaining({ feedId: id, intact: true }))));
  expect(await searchCatalog()).toEqual(searched);
  expect((await city.exchange.feedLog.head(feed.id)).sequence, "the restored log is behind the nodes").toBeLessThan(ahead.sequence);
  expect((await city.exchange.feedLog.head(own.id)).sequence, "and behind what was applied").toBeLessThan(appliedAhead.applied_sequence);

  await city.center.start();
  await city.subscriber.start();
  await write("insert into public.people values ('Z00001', '恢复之后', 1)");
  await until("source and target are equal again", async () => (await landedRows(table)) === (await sourceRows()), 120_000, 100);
  await until("so is the target that was ahead, in a new generation", async () => (await landedRows("people_own", ownUrl)) === (await sourceRows()) && (await applied()).generation > appliedAhead.generation, 120_000, 100);
  for (const { id } of [feed, own]) {
    const outcome = await reconcileFeed({ exchange: city.exchange, actor: city.office, feedId: id, repair: false, timeoutMs: 60_000 });
    expect(outcome).toMatchObject({ differing: 0, differedFirst: 0, rowsTarget: outcome.rowsSource });
  }
  await write("update public.people set amount = 7 where person_no = 'Z00001'");
  await until("and stay so", async () => (await landedRows(table)) === (await sourceRows()) && (await landedRows("people_own", ownUrl)) === (await sourceRows()), 60_000, 100);
  expect((await withServices((services) => verifyEverything(services))).intact).toBe(true);

  // A feed that begins only now takes numbers that nobody has.
  await write("insert into public.people values ('Z00002', '新数据流', 2)");
  const second = await flowOf("grant_2");
  expect([feed.id, own.id]).not.toContain(second.id);
  expect(await landedRows(second.target!.table)).toBe(await sourceRows());
}, 420_000);

test("nothing is restored over what is there", async () => {
  await expect(restoreBackup({ directory: backup, databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, log })).resolves.toMatchObject({ rows: { center: 0, city: 0 } });
  const other = await createTestDatabase(centerMigrations);
  const empty = await createTestDatabase();
  made.push(other, empty);
  await expect(restoreBackup({ directory: backup, databaseUrl: other.url, cityDatabaseUrl: empty.url, log })).rejects.toMatchObject({ kind: "Conflict", code: "restore.not-empty", zh: expect.stringContaining("不是空库") });
  await expect(empty.database.read((reader) => reader.query("select 1 from pg_tables where schemaname = 'platform'"))).resolves.toMatchObject({ rowCount: 0 });
});

test("a backup of other schema versions is refused, and each that differs is named", async () => {
  const altered = join(folder, "other-version");
  cpSync(backup, altered, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(altered, "manifest.json"), "utf8")) as { databases: { center: { migrations: { schema: string; number: number; name: string; checksum: string }[] } } };
  const known = manifest.databases.center.migrations.pop()!;
  manifest.databases.center.migrations.push({ schema: "catalog", number: 99, name: "from-tomorrow", checksum: "00" });
  writeFileSync(join(altered, "manifest.json"), JSON.stringify(manifest));
  await expect(restoreBackup({ directory: altered, databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, log })).rejects.toMatchObject({
    code: "backup.schema-version",
    zh: expect.stringContaining("不一致"),
    issues: expect.arrayContaining([expect.objectContaining({ path: "catalog/99-from-tomorrow" }), expect.objectContaining({ path: `${known.schema}/${known.number}-${known.name}` })]),
  });
});

test("a damaged backup is found before anything is written, and the file named", async () => {
  const damaged = join(folder, "damaged");
  cpSync(backup, damaged, { recursive: true });
  const file = join(damaged, "center", "platform.audit_log.copy.gz");
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  await expect(checkBackup(damaged)).rejects.toMatchObject({ code: "backup.damaged", issues: [expect.objectContaining({ path: file })] });
  await expect(checkBackup(backup)).resolves.toMatchObject({ format: 1 });
  await expect(checkBackup(folder)).rejects.toMatchObject({ code: "backup.manifest" });
});

test("a backup that was broken off is none, and a restore that was broken off is begun again", async () => {
  const broken = join(folder, "broken");
  await expect(takeBackup({ databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, directory: broken, log, onTable: () => { throw new Error("power cut"); } })).rejects.toThrow("power cut");
  expect(() => statSync(broken)).toThrow();
  const [center, town] = [await createTestDatabase(), await createTestDatabase()];
  made.push(center, town);
  const options = { directory: backup, databaseUrl: center.url, cityDatabaseUrl: town.url, log };
  await expect(restoreBackup({ ...options, onTable: ({ database, done }) => { if (database === "city" && done === 3) throw new Error("power cut"); } })).rejects.toThrow("power cut");
  const again = await restoreBackup(options);
  expect(again.rows.center, "the centre's was whole already").toBe(0);
  expect(again.rows.city).toBeGreaterThan(500);
});

test("without Kafka's data, batches that lay in it are given up and the rest can be read", async () => {
  const [center, town] = [await createTestDatabase(), await createTestDatabase()];
  made.push(center, town);
  // As the Kafka adapter leaves its rows: the older half of the feed's payloads are records.
  const rehearsal = join(folder, "with-kafka");
  const { feed, half } = await on(centerUrl, (database) => database.withTransaction(async (tx) => {
    const { rows } = await tx.query<{ feed_id: string; half: number }>("select feed_id, (min(sequence) + max(sequence)) / 2 as half from exchange.feed_log group by feed_id order by count(*) desc limit 1");
    await tx.query("update exchange.feed_log set payload = null, record_offset = sequence where feed_id = $1 and sequence <= $2", [rows[0]!.feed_id, rows[0]!.half]);
    return { feed: rows[0]!.feed_id, half: rows[0]!.half };
  }));
  const manifest = await takeBackup({ databaseUrl: centerUrl, cityDatabaseUrl: cityUrl, directory: rehearsal, log });
  expect(manifest.batchesInKafka).toBeGreaterThan(0);
  const result = await restoreBackup({ directory: rehearsal, databaseUrl: center.url, cityDatabaseUrl: town.url, log, withoutKafka: true });
  expect(result.batchesGivenUp).toBe(manifest.batchesInKafka);
  const { rows } = await center.database.read((reader) => reader.query("select h.first_sequence, min(l.sequence) as oldest from exchange.feed_log_head h left join exchange.feed_log l using (feed_id) where feed_id = $1 group by 1", [feed]));
  expect(rows).toEqual([{ first_sequence: half + 1, oldest: half + 1 }]);
});
