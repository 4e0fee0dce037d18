import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { createDatabase, createSilentLog, getSuite, systemClock, type Database } from "#platform";
import { signRequest, stopLatencyMs, verifyFeedEvidence } from "#exchange-nodes";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { loadIdentity } from "../../exchange-nodes/node/agent/identity.ts";
import { reconcileFeed } from "../../server/compose/reconcile.ts";
import { dropSlots, newGrant, startExchangeCity, until, type ExchangeCity } from "../support/exchange/exchange-city.ts";

/** The exchange as it runs: a centre and two departments' nodes, each a process, on real databases and real HTTP. */
const items: DataItem[] = [
  { name: "编号", field: "person_no", type: "C", length: 18, key: true },
  { name: "姓名", field: "name", type: "C", length: 50 },
  { name: "状态", field: "status", type: "C", length: 10 },
  { name: "金额", field: "amount", type: "Y", length: 12, scale: 2 },
  { name: "备注", field: "secret_note", type: "C", length: 200 },
];
const entry = { id: "entry_people", code: "33A001/000001", title: "人员", organisationId: "org_provider", state: "published", items };

let city: ExchangeCity;
let source: Database;
let target: Database;
let providerUrl: string;
const made: TestDatabase[] = [];

beforeAll(async () => {
  for (let count = 0; count < 4; count += 1) made.push(await createTestDatabase());
  const [sourceBase, centerBase, providerBase, subscriberBase] = made as [TestDatabase, TestDatabase, TestDatabase, TestDatabase];
  source = sourceBase.database;
  target = subscriberBase.database;
  providerUrl = providerBase.url;
  await write("create table public.people (person_no text primary key, name text, status text, amount numeric(12,2), secret_note text)");
  await write("insert into public.people select 'P' || lpad(n::text, 5, '0'), '王小' || n, case when n % 3 = 0 then 'gone' else 'here' end, n, 'note ' || n from generate_series(1, 300) as n");
  city = await startExchangeCity({ centerDatabaseUrl: centerBase.url, providerDatabaseUrl: providerBase.url, subscriberDatabaseUrl: subscriberBase.url, sources: [{ name: "main", kind: "postgres-direct", url: sourceBase.url }], log: createSilentLog() });
  await city.addEntry(entry, "public.people");
}, 300_000);

afterAll(async () => {
  await city?.end();
  await dropSlots(source);
  for (const one of made) await one.drop();
}, 60_000);

const write = (sql: string, values: unknown[] = []) => source.withTransaction((tx) => tx.query(sql, values));
const read = async (sql: string) => (await source.read((reader) => reader.query(sql))).rows;
const landed = async (table: string, columns: string) => (await target.read((reader) => reader.query(`select ${columns} from landing."${table}" order by person_no`))).rows;

let grants = 0;
async function flowOf(changes: Parameters<typeof newGrant>[2] = {}) {
  const grant = newGrant(`grant_${(grants += 1)}`, entry, { fields: ["person_no", "name", "status", "amount"], ...changes });
  await city.announce("grant.issued", grant);
  let feed = await city.exchange.feeds.findByGrant(city.office, grant.id);
  await until("the first load", async () => {
    feed ??= await city.exchange.feeds.findByGrant(city.office, grant.id);
    if (!feed) return false;
    const { rows } = await target.read((reader) => reader.query<{ state: string }>("select state from exchange_target.feed where feed_id = $1", [feed!.id])).catch(() => ({ rows: [] }));
    return rows[0]?.state === "current";
  });
  feed = await city.exchange.feeds.get(city.office, feed!.id);
  return { grant, feed, table: feed.target!.table };
}
const stateOf = async (feedId: string) => (await city.exchange.feeds.get(city.office, feedId)).state;

async function revoke(flow: Awaited<ReturnType<typeof flowOf>>): Promise<void> {
  await city.announce("grant.revoking", { ...flow.grant, version: flow.grant.version + 1, state: "revoking" });
  await until("stopped", async () => (await stateOf(flow.feed.id)) === "stopped");
}

test("delivers exactly the granted fields of exactly the granted rows, masked as granted, and every later change", async () => {
  const flow = await flowOf({ fields: ["person_no", "name", "amount"], rowCondition: { field: "status", op: "=", value: "here" }, masks: { name: "name" } });
  const wanted = async () => (await read("select person_no, amount::text as amount from public.people where status = 'here' order by person_no")) as { person_no: string; amount: string }[];
  expect(await landed(flow.table, "person_no, amount::text as amount")).toEqual(await wanted());
  const { rows: columns } = await target.read((reader) => reader.query<{ name: string }>("select column_name as name from information_schema.columns where table_schema = 'landing' and table_name = $1 and column_name not like 'zt\\_%' order by 1", [flow.table]));
  expect(columns.map(({ name }) => name)).toEqual(["amount", "name", "person_no"]);
  for (const { name } of (await landed(flow.table, "person_no, name")) as { name: string }[]) expect(name).toMatch(/^王\*+$|^\*+/);

  await write("insert into public.people values ('P90001', '新来', 'here', 1.25, 'x'), ('P90002', '不给', 'gone', 2, 'x')");
  await write("update public.people set amount = 99.99 where person_no = 'P00001'");
  await write("delete from public.people where person_no = 'P00002'");
  await write("update public.people set status = 'gone' where person_no = 'P00004'");
  await write("update public.people set status = 'here' where person_no = 'P00003'");
  const expected = await wanted();
  await until("every change is there", async () => JSON.stringify(await landed(flow.table, "person_no, amount::text as amount")) === JSON.stringify(expected));
  expect(expected.map(({ person_no }) => person_no)).not.toContain("P00004");
  await revoke(flow);
}, 300_000);

test("many changes at once all arrive", async () => {
  const flow = await flowOf();
  await write("insert into public.people select 'Q' || lpad(n::text, 6, '0'), repeat('名', 40), 'here', n, repeat('x', 150) from generate_series(1, 5000) as n");
  await until("all five thousand", async () => (await landed(flow.table, "person_no")).length === (await read("select from public.people")).length, 120_000);
  await write("delete from public.people where person_no like 'Q%'");
  await until("and their deletion", async () => (await landed(flow.table, "person_no")).length === (await read("select from public.people")).length, 120_000);
  await revoke(flow);
}, 300_000);

test("centre, provider and subscriber killed again and again while rows change leave source and target equal", async () => {
  const flow = await flowOf();
  let seed = 20_261_122;
  const random = (below: number) => ((seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) >>> 8) % below;
  let changing = true;
  const writer = (async () => {
    for (let n = 0; changing; n += 1) {
      const person = `K${String(random(400)).padStart(5, "0")}`;
      if (random(4) === 0) await write("delete from public.people where person_no = $1", [person]);
      else await write("insert into public.people values ($1, $2, 'here', $3, null) on conflict (person_no) do update set name = excluded.name, amount = excluded.amount", [person, `改${n}`, n]);
    }
  })();
  const victims = [city.provider, city.subscriber, city.center];
  for (let round = 0; round < 6; round += 1) {
    const victim = victims[round % 3]!;
    const before = (await read("select pg_current_wal_lsn()::text as lsn"))[0] as { lsn: string };
    const distance = 2_000 + random(60_000);
    await until("some more was written", async () => ((await read(`select pg_current_wal_lsn() - '${before.lsn}'::pg_lsn > ${distance} as far`))[0] as { far: boolean }).far);
    await victim.kill();
    await victim.start();
  }
  changing = false;
  await writer;
  const all = "person_no, name, status, amount::text as amount";
  const expected = JSON.stringify(await read(`select ${all} from public.people order by person_no`));
  await until("source and target are equal row by row", async () => JSON.stringify(await landed(flow.table, all)) === expected);
  const outcome = await reconcileFeed({ exchange: city.exchange, actor: city.office, feedId: flow.feed.id, repair: false, timeoutMs: 60_000 });
  expect(outcome).toMatchObject({ differing: 0, differedFirst: 0, rowsTarget: outcome.rowsSource });
  await revoke(flow);
}, 400_000);

test.each([
  ["its payload", "update exchange.feed_log set payload = set_byte(payload, 20, (get_byte(payload, 20) + 1) % 256) where feed_id = $1 and sequence = $2", false],
  ["its envelope", "update exchange.feed_log set envelope = regexp_replace(envelope, '\"rows\":[0-9]+', '\"rows\":77') where feed_id = $1 and sequence = $2", true],
  ["its place in the order", "update exchange.feed_log a set envelope = b.envelope, payload = b.payload, hash = b.hash from exchange.feed_log b where a.feed_id = $1 and b.feed_id = $1 and a.sequence = $2 and b.sequence = a.sequence + 1", true],
] as const)("a stored batch whose log was tampered with in %s is not applied, and named", async (_, sql, inEvidence) => {
  const flow = await flowOf();
  await city.subscriber.kill();
  const head = async () => (await city.exchange.feedLog.head(flow.feed.id)).sequence;
  const start = await head();
  // Of this case alone: what an earlier one wrote is in the first load.
  const last = `乙${grants}`;
  for (const name of [`甲${grants}`, last]) {
    const before = await head();
    await write("update public.people set name = $1 where person_no = 'P00010'", [name]);
    await until("the change is in the log", async () => (await head()) > before);
  }
  const database = city.kernel.database;
  const altered = await database.withTransaction((tx) => tx.query(sql, [flow.feed.id, start + 1]));
  expect(altered.rowCount).toBe(1);
  await city.subscriber.start();
  await until("the feed stands still", async () => ["failed", "paused"].includes(await stateOf(flow.feed.id)));
  expect((await city.exchange.feeds.get(city.office, flow.feed.id)).reason).toMatchObject({ sequence: start + 1 });
  expect(await landed(flow.table, "name").then((rows) => rows.some((row) => (row as { name: string }).name === last))).toBe(false);
  if (inEvidence) {
    await database.withTransaction((tx) => tx.query(sql.replaceAll("exchange.feed_log", "exchange.batch_evidence").replace("payload = b.payload, ", ""), [flow.feed.id, start + 1]));
    expect(await verifyFeedEvidence(city.exchange.evidence.exportFeed(city.office, flow.feed.id))).toMatchObject({ intact: false, firstBad: { sequence: expect.any(Number) as number } });
  }
  await revoke(flow);
}, 300_000);

test("a revoked grant stops at gateway and node, and is revoked only after all three have confirmed", async () => {
  const flow = await flowOf();
  let changing = true;
  const writer = (async () => {
    for (let n = 0; changing; n += 1) await write("update public.people set amount = $1 where person_no = 'P00020'", [n % 1_000]);
  })();
  const begun = (await city.exchange.feedLog.head(flow.feed.id)).sequence;
  await until("changes flow", async () => (await city.exchange.feedLog.head(flow.feed.id)).sequence > begun + 3);
  await revoke(flow);
  const { rows: parties } = await city.kernel.database.read((reader) => reader.query<{ party: string; state_before: string }>("select party, state_before from test_catalog.confirmation where grant_id = $1 order by at", [flow.grant.id]));
  expect(parties.map(({ party }) => party).sort()).toEqual(["gateway", "provider", "subscriber"]);
  expect(parties.map(({ state_before }) => state_before)).toEqual(["revoking", "revoking", "revoking"]);
  const { rows: grant } = await city.kernel.database.read((reader) => reader.query<{ state: string }>("select document ->> 'state' as state from test_catalog.granted where id = $1", [flow.grant.id]));
  expect(grant).toEqual([{ state: "revoked" }]);
  const stop = (await city.exchange.feeds.stop(city.office, flow.feed.id))!;
  const latency = stopLatencyMs(stop);
  process.stdout.write(`revocation, from the decision to the last row: ${latency} ms\n`);
  expect(latency).toBeGreaterThanOrEqual(0);
  const head = await city.exchange.feedLog.head(flow.feed.id);
  const last = (await landed(flow.table, "zt_sequence")).length;
  await write("insert into public.people values ('P99999', '撤销之后', 'here', 0, null)");
  changing = false;
  await writer;
  expect((await city.exchange.feedLog.head(flow.feed.id)).sequence).toBe(head.sequence);
  expect(await landed(flow.table, "person_no")).toHaveLength(last);
}, 300_000);

test("a node's request works once and only with the node's own key", async () => {
  const database = createDatabase({ url: providerUrl, log: createSilentLog(), maxConnections: 1 });
  const { key } = await loadIdentity({ database, clock: systemClock, suite: "sha256-ed25519" });
  await database.close();
  const path = "/exchange/v1/heartbeat";
  const body = Buffer.from(JSON.stringify({ softwareVersion: "1", startedAt: "2026-01-01T00:00:00Z", feeds: [], sources: [] }));
  const send = async (headers: Record<string, string>, payload = body) => {
    const answer = await fetch(new URL(path, city.centerUrl()), { method: "POST", headers: { ...headers, "content-type": "application/octet-stream" }, body: new Uint8Array(payload) });
    return { status: answer.status, code: ((await answer.json()) as { code?: string }).code };
  };
  const sign = (by = key) => signRequest({ method: "POST", path, body }, { nodeId: city.nodeId("provider"), key: by, now: systemClock.now() }).headers;
  const headers = sign();
  expect((await send(headers)).status).toBe(200);
  expect(await send(headers)).toEqual({ status: 401, code: "request.replay" });
  expect(await send(sign(), Buffer.from("{}"))).toEqual({ status: 401, code: "request.body-digest" });
  const suite = getSuite("sha256-ed25519");
  expect((await send(sign(suite.load(suite.generate().privateKey)))).status).toBe(401);
});
