import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { nodeMigrations } from "../../migrations.ts";
import type { NodeProvider } from "../provider-port.ts";
import { dropSlot } from "../sources/slot.ts";
import { createSilentLog } from "#platform";
import type { SourceOptions } from "./context.ts";
import { createMemoryGateway, newAssignment, startProvider, testKey, until, type AssignmentInput, type MemoryGateway } from "./memory-gateway.fixture.ts";
import { slotNames } from "./slot-engine.ts";

/** Capture from a replication slot, against a strict centre in memory. */
const items: DataItem[] = [
  { name: "编号", field: "id", type: "I", key: true, required: true },
  { name: "姓名", field: "name", type: "C", length: 20 },
  { name: "金额", field: "amount", type: "Y", length: 12, scale: 2 },
  { name: "状态", field: "status", type: "C", length: 2 },
  { name: "备注", field: "note", type: "M" },
];

let source: TestDatabase;
let own: TestDatabase;
let gateway: MemoryGateway;
let provider: NodeProvider | undefined;
let fault: ((point: string) => void) | undefined;

beforeEach(async () => {
  [source, own] = await Promise.all([createTestDatabase(), createTestDatabase([nodeMigrations])]);
  gateway = createMemoryGateway(testKey);
  fault = undefined;
  await sql("create table people (id bigint primary key, name varchar(30), amount numeric(12,2), status char(4), note text)");
});
afterEach(async () => {
  await provider?.stop();
  provider = undefined;
  await dropSlot(source.url, names().slotName, createSilentLog());
  await own.drop();
  await source.drop();
});

const sql = (text: string, values: unknown[] = []) => source.database.withTransaction((tx) => tx.query(text, values));
const names = () => slotNames("node_1", { name: "main", kind: "postgres-direct" });
const assign = (input: Partial<AssignmentInput> & { feedId: string }) => newAssignment({ items, relation: "public.people", ...input });

async function start(options: SourceOptions = {}): Promise<NodeProvider> {
  provider = startProvider({ nodeDatabase: own.database, gateway, source: { name: "main", kind: "postgres-direct", url: source.url, options: { capture: "slot", lingerMs: 3, ...options } }, fault: (point) => fault?.(point) });
  await provider.start();
  return provider;
}

const canonical = "id::text || chr(9) || coalesce(name, '\\N') || chr(9) || coalesce(trim_scale(amount)::text, '\\N') || chr(9) || coalesce(status::text, '\\N') || chr(9) || coalesce(note, '\\N')";
async function sourceRows(where = "true"): Promise<string[]> {
  return (await source.database.read((reader) => reader.query<{ line: string }>(`select ${canonical} as line from people where ${where} order by 1`))).rows.map((row) => row.line).sort();
}
const held = (feedId: string) => [...(gateway.feeds.get(feedId)?.live.values() ?? [])].map((row) => row.values).sort();
const equal = (feedId: string, where?: string) => async () => gateway.feeds.get(feedId)?.building === undefined && JSON.stringify(held(feedId)) === JSON.stringify(await sourceRows(where));
async function settled(feedId: string, what: string, where?: string, timeoutMs?: number): Promise<void> {
  await until(equal(feedId, where), `${feedId} ${what}`, timeoutMs).catch(async (error: Error) => {
    const [expected, got] = [await sourceRows(where), held(feedId)];
    const missing = expected.filter((row) => !got.includes(row));
    const extra = got.filter((row) => !expected.includes(row));
    throw new Error(`${error.message}; missing ${missing.length}: ${missing.slice(0, 3).join(" | ")}; extra ${extra.length}: ${extra.slice(0, 3).join(" | ")}; ${JSON.stringify({ problems: gateway.problems, health: provider?.health() })}`);
  });
}
const fill = (rows: number) => sql("insert into people select n, '人' || n, n * 1.10, lpad((n % 4)::text, 2, '0'), null from generate_series(1, $1::integer) n", [rows]);

test("a snapshot in small chunks beside writers ends equal to the source, and so does what follows", async () => {
  await fill(3_000);
  const running = await start();
  await running.update([assign({ feedId: "feed_a", limits: { batchRows: 100 } })]);
  for (let round = 0; round < 60; round += 1) {
    await sql(`update people set amount = amount + 1, name = name || 'x' where id % 37 = ${round % 37}`);
    await sql(`delete from people where id = ${round * 31 + 7}`);
    await sql(`insert into people values (${10_000 + round}, '新', 1.5, '01', 'a	b\\c' || chr(10) || 'd')`);
    await sql(`update people set id = ${20_000 + round} where id = ${round * 29 + 5}`);
  }
  await until(async () => gateway.feeds.get("feed_a")?.kinds.includes("refresh-end") ?? false, "the refresh ends");
  await until(async () => {
    const there = [...(gateway.feeds.get("feed_a")?.live.values() ?? [])].length;
    const { rows } = await source.database.read((reader) => reader.query<{ n: number }>("select count(*) as n from people"));
    return there === rows[0]!.n;
  }, "all rows");
  await sql("delete from people where note is not null");
  await settled("feed_a", "equal");
  expect(gateway.feeds.get("feed_a")!.kinds[0]).toBe("refresh-begin");
});

test("several feeds over one table share a slot, each with its own fields and rows", async () => {
  await fill(200);
  const running = await start();
  await running.update([
    assign({ feedId: "feed_all" }),
    assign({ feedId: "feed_some", fields: ["id", "status"], rowCondition: { field: "status", op: "=", value: "01" } }),
    assign({ feedId: "feed_masked", fields: ["id", "name"], masks: { name: "name" } }),
  ]);
  await settled("feed_all", "equal");
  await sql("update people set name = '欧阳' || id where id % 2 = 0");
  await sql("delete from people where id < 20");
  await settled("feed_all", "equal after changes");
  await until(async () => {
    const { rows } = await source.database.read((reader) => reader.query<{ line: string }>("select id::text || chr(9) || status::text as line from people where status = '01'"));
    return JSON.stringify(held("feed_some")) === JSON.stringify(rows.map((row) => row.line).sort());
  }, "the filtered feed");
  await until(() => held("feed_masked").length === 181 && held("feed_masked").every((line) => /^\d+\t(人|欧)\*$/.test(line)), "the masked feed");
  const slots = await source.database.read((reader) => reader.query("select 1 from pg_replication_slots where database = current_database()"));
  expect(slots.rowCount).toBe(1);
  expect(gateway.feeds.get("feed_masked")!.lines.join("\n")).not.toContain("阳");
});

test("a row that leaves the condition is deleted at the consumer, and no key outside the condition ever leaves", async () => {
  await fill(40);
  const running = await start();
  await running.update([assign({ feedId: "feed_some", rowCondition: { field: "status", op: "=", value: "01" } })]);
  await settled("feed_some", "equal", "status = '01'");
  const never = (await sourceRows("status in ('02', '03')")).map((line) => line.split("\t")[0]!);
  await sql("update people set name = 'changed' where status = '02'");
  await sql("delete from people where status = '03'");
  await sql("update people set status = '00' where id in (1, 5)");
  await sql("begin; update people set status = '00' where id = 9; update people set status = '01' where id = 9; update people set status = '00', id = 909 where id = 9; commit");
  await sql("update people set id = 1300 where id = 13");
  await settled("feed_some", "equal after exits", "status = '01'");
  const keys = new Set(gateway.feeds.get("feed_some")!.lines.map((line) => (/^[UD]\t/.test(line) ? line.split("\t")[3]! : line.split("\t")[0]!)));
  for (const key of never) expect(keys.has(key)).toBe(false);
  expect(keys.has("909")).toBe(false);
});

test("a large value that an update leaves alone is carried whole", async () => {
  await sql("alter table people alter column note set storage external");
  await sql("insert into people values (1, '甲', 1, '01', repeat('长', 5000)), (2, '乙', 2, '01', repeat('文', 5000))");
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  await sql("update people set name = '改' where id = 1");
  await sql("begin; update people set name = '再改' where id = 2; delete from people where id = 2; commit");
  await settled("feed_a", "equal after an update");
});

test("truncation and a lost slot each ask for a full refresh instead of passing in silence", async () => {
  await fill(20);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  await sql("truncate people");
  await until(() => gateway.refreshes.some(({ reason }) => reason.includes("TRUNCATE")), "a refresh is asked for");
  await running.update([assign({ feedId: "feed_a", generation: 2, head: gateway.feeds.get("feed_a")!.head })]);
  await settled("feed_a", "empty after the refresh");
  await fill(5);
  await settled("feed_a", "equal again");

  await running.stop();
  await dropSlot(source.url, names().slotName, createSilentLog());
  await sql("delete from people where id = 3");
  // Somebody made it anew under its name: the deletion was never in it.
  await sql("select pg_create_logical_replication_slot($1, 'pgoutput')", [names().slotName]);
  const again = await start();
  await again.update([assign({ feedId: "feed_a", generation: 2, head: gateway.feeds.get("feed_a")!.head })]);
  await until(() => gateway.refreshes.some(({ reason }) => reason.includes("moved or made anew")), "the recreated slot is found out");
  await again.update([assign({ feedId: "feed_a", generation: 3, head: gateway.feeds.get("feed_a")!.head })]);
  await settled("feed_a", "equal after the refresh");
});

test("a feed that was taken from the node for a while is refreshed when it comes back: its slot was given up", async () => {
  await fill(20);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  await running.update([]);
  await until(async () => (await source.database.read((reader) => reader.query("select 1 from pg_replication_slots where database = current_database()"))).rowCount === 0, "the slot is dropped");
  await sql("delete from people where id = 3");
  await running.update([assign({ feedId: "feed_a", head: gateway.feeds.get("feed_a")!.head })]);
  await until(() => gateway.refreshes.some(({ reason }) => reason.includes("given up")), "a refresh is asked for");
  await running.update([assign({ feedId: "feed_a", generation: 2, head: gateway.feeds.get("feed_a")!.head })]);
  await settled("feed_a", "equal again");
});

test("a slot that makes the source keep too much is dropped and the feed that stood still is refreshed", { timeout: 60_000 }, async () => {
  await fill(20);
  const running = await start({ maxRetainedBytes: 4_000_000 });
  // A park of nothing: one bad row halts the feed, and it needs the log from there on.
  await running.update([assign({ feedId: "feed_a", limits: { parkRows: 0 } })]);
  await settled("feed_a", "equal");
  await sql("insert into people values (500, repeat('长', 25), 1, '01', null)");
  await until(() => gateway.problems.some(({ problem }) => problem.code === "park-overflow"), "halted");
  await sql("create table filler (t text)");
  for (let round = 0; round < 8; round += 1) await sql("insert into filler select repeat(md5(n::text), 20) from generate_series(1, 2000) n");
  await until(() => gateway.refreshes.some(({ reason }) => reason.includes("stood still")), "the held feed is given up", 30_000);
  await until(async () => {
    const { rows } = await source.database.read((reader) => reader.query<{ kept: number }>("select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::float8 as kept from pg_replication_slots where database = current_database()"));
    return rows[0]!.kept < 4_000_000;
  }, "the source may forget its log", 30_000);
});

test("a quiet table in a busy database does not hold the log back", { timeout: 30_000 }, async () => {
  await fill(3);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  const confirmed = async () => (await source.database.read((reader) => reader.query<{ lsn: number }>("select (confirmed_flush_lsn - '0/0')::float8 as lsn from pg_replication_slots where database = current_database()"))).rows[0]!.lsn;
  await sql("create table other (t text)");
  await sql("insert into other select md5(n::text) from generate_series(1, 5000) n");
  const { rows } = await source.database.read((reader) => reader.query<{ lsn: number }>("select (pg_current_wal_lsn() - '0/0')::float8 as lsn"));
  await until(async () => (await confirmed()) >= rows[0]!.lsn, "the slot moves on");
});

describe("drift", () => {
  test("an added column changes nothing, a missing one stops the feed with the reason, and it goes on once it is back", { timeout: 60_000 }, async () => {
    await fill(10);
    const running = await start();
    await running.update([assign({ feedId: "feed_a" })]);
    await settled("feed_a", "equal");
    await sql("alter table people add column extra text default 'x'");
    await sql("update people set name = '一' where id = 1");
    await settled("feed_a", "equal with an added column");
    await sql("alter table people rename column amount to amount2");
    await sql("update people set name = '二' where id = 2");
    await until(() => gateway.problems.some(({ problem }) => problem.code === "source-drift" && problem.message.includes("column amount") && problem.zh.includes("amount")), "halted by drift");
    const before = gateway.feeds.get("feed_a")!.head.sequence;
    await sql("update people set name = '三' where id = 3");
    expect(running.health().feeds[0]).toMatchObject({ state: "halted", problem: { code: "source-drift" } });
    expect(gateway.refreshes).toEqual([]);
    await sql("alter table people rename column amount2 to amount");
    await running.update([assign({ feedId: "feed_a", grantVersion: 2 })]);
    // What was changed under the other name cannot be read from the log any more.
    await until(() => gateway.refreshes.some(({ reason }) => reason.includes("another schema")), "a refresh is asked for");
    await running.update([assign({ feedId: "feed_a", grantVersion: 2, generation: 2 })]);
    await settled("feed_a", "equal after the column is back");
    expect(gateway.feeds.get("feed_a")!.head.sequence).toBeGreaterThan(before);
    await sql("delete from people where id = 4");
    await settled("feed_a", "equal after what follows");
    expect(gateway.refreshes).toHaveLength(1);
  });

  test("a table whose log does not carry the key is refused with what to do about it", async () => {
    await sql("create table loose (id bigint, name varchar(30), amount numeric(12,2), status char(4), note text)");
    const running = await start();
    await running.update([assign({ feedId: "feed_a", relation: "public.loose" })]);
    await until(() => gateway.problems.some(({ problem }) => problem.message.includes("replica identity")), "refused");
    expect(gateway.feeds.size).toBe(0);
  });
});

describe("park", () => {
  test("bad rows are parked from snapshot and changes, overtaken by corrections, replayed and discarded", async () => {
    await fill(5);
    await sql("insert into people values (100, repeat('长', 25), 1, '01', null)");
    const running = await start();
    await running.update([assign({ feedId: "feed_a" })]);
    await settled("feed_a", "all but the bad one", "id <> 100");
    await sql("insert into people values (101, '好', 1, '999', null), (102, '好', 1, '998', null)");
    await until(async () => (await own.database.read((reader) => reader.query("select 1 from node.park where state = 'parked'"))).rowCount === 3, "three parked");
    await sql("update people set name = '短' where id = 100");
    await sql("delete from people where id = 101");
    await settled("feed_a", "the corrected one comes", "id <> 102");
    // The deletion of a row that was never sent sends nothing: it may be taken in a moment later.
    await until(async () => (await own.database.read((reader) => reader.query("select 1 from node.park where state = 'parked'"))).rowCount === 1, "two are overtaken");
    const { rows } = await own.database.read((reader) => reader.query<{ key_text: string; state: string; reasons: unknown }>("select key_text, state, reasons from node.park order by key_text"));
    expect(rows).toEqual([
      { key_text: "100", state: "overtaken", reasons: [{ field: "name", code: "length" }] },
      { key_text: "101", state: "overtaken", reasons: [{ field: "status", code: "length" }] },
      { key_text: "102", state: "parked", reasons: [{ field: "status", code: "length" }] },
    ]);
    expect(await running.command({ id: "c1", feedId: "feed_a", kind: "replay-parked" })).toMatchObject({ ok: true, rows: 0 });
    expect(await running.command({ id: "c2", feedId: "feed_a", kind: "discard-parked" })).toMatchObject({ ok: true, rows: 1 });
  });

  test("over its budget the feed stops and says so; after discarding it goes on without loss", async () => {
    await fill(5);
    const running = await start();
    await running.update([assign({ feedId: "feed_a", limits: { parkRows: 2 } })]);
    await settled("feed_a", "equal");
    await sql("insert into people select n, repeat('长', 25), 1, '01', null from generate_series(201, 203) n");
    await until(() => gateway.problems.some(({ problem }) => problem.code === "park-overflow"), "halted");
    await sql("insert into people values (300, '后来', 1, '01', null)");
    expect(await running.command({ id: "c1", feedId: "feed_a", kind: "discard-parked" })).toMatchObject({ rows: 3 });
    await settled("feed_a", "what came while it stood still", "id not between 201 and 203");
  });
});

test("while the centre is away the queue fills to its limit, the source waits, and nothing is lost", { timeout: 60_000 }, async () => {
  await fill(50);
  const running = await start();
  await running.update([assign({ feedId: "feed_a", limits: { queueBytes: 20_000, batchRows: 100 } })]);
  await settled("feed_a", "equal");
  gateway.unreachable = true;
  for (let round = 0; round < 40; round += 1) await sql(`insert into people select ${round * 200 + 1000} + n, left(md5(random()::text), 18), n, '01', null from generate_series(1, 100) n`);
  await until(async () => (await own.database.read((reader) => reader.query<{ bytes: number }>("select coalesce(sum(payload_bytes), 0)::bigint as bytes from node.outbox"))).rows[0]!.bytes >= 20_000, "the queue is full");
  const { rows } = await own.database.read((reader) => reader.query<{ bytes: number }>("select sum(payload_bytes)::bigint as bytes from node.outbox"));
  expect(rows[0]!.bytes).toBeLessThan(200_000);
  gateway.unreachable = false;
  await settled("feed_a", "equal once the centre is back");
  expect(gateway.refreshes).toEqual([]);
});

test("a stopped feed sends nothing more, drops what waits, confirms, and gives its slot back", async () => {
  await fill(50);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  gateway.unreachable = true;
  await sql("update people set name = '机密' where id = 1");
  await until(async () => (await own.database.read((reader) => reader.query("select 1 from node.outbox"))).rowCount > 0, "a batch waits");
  await running.update([assign({ feedId: "feed_a", state: "stopping" })]);
  gateway.unreachable = false;
  expect(gateway.stops).toEqual([{ feedId: "feed_a", sequence: gateway.feeds.get("feed_a")!.head.sequence }]);
  expect((await own.database.read((reader) => reader.query("select 1 from node.outbox"))).rowCount).toBe(0);
  await until(async () => (await source.database.read((reader) => reader.query("select 1 from pg_replication_slots where database = current_database()"))).rowCount === 0, "the slot is dropped");
  expect(gateway.feeds.get("feed_a")!.lines.join("\n")).not.toContain("机密");
});

test("a one-off delivery ends by itself", async () => {
  await fill(10);
  const running = await start();
  await running.update([assign({ feedId: "feed_a", deliveryMode: "batch" })]);
  await until(() => gateway.feeds.get("feed_a")?.ended ?? false, "the end");
  expect(held("feed_a")).toEqual(await sourceRows());
  expect(gateway.feeds.get("feed_a")!.kinds).toEqual(["refresh-begin", "chunk", "refresh-end", "end"]);
});

test("checksums stand at their place of the stream: equal to what was sent before them, beside a writer", { timeout: 60_000 }, async () => {
  await fill(500);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" })]);
  await settled("feed_a", "equal");
  let writing = true;
  const writer = (async () => {
    for (let round = 0; writing; round += 1) await sql(`update people set amount = amount + 1 where id % 50 = ${round % 50}`);
  })();
  for (let round = 0; round < 3; round += 1) expect(await running.command({ id: `c${round}`, feedId: "feed_a", kind: "checksum", buckets: 4 })).toMatchObject({ ok: true, rows: 500 });
  writing = false;
  await writer;
  await settled("feed_a", "equal at the end");
  const { checksums } = gateway.feeds.get("feed_a")!;
  expect(checksums.map(({ values }) => values.reduce((sum, [, rows]) => sum + rows, 0))).toEqual([500, 500, 500]);
});

test("a comparison that is asked for while the capture begins again waits for it", async () => {
  await fill(50);
  const running = await start();
  await running.update([assign({ feedId: "feed_a" }), assign({ feedId: "feed_b" })]);
  await settled("feed_a", "equal");
  await settled("feed_b", "equal");
  await running.update([assign({ feedId: "feed_a" })]);
  await until(() => running.health().feeds.length === 1, "feed_b is gone");
  expect(await running.command({ id: "c_again", feedId: "feed_a", kind: "checksum", buckets: 4 })).toMatchObject({ ok: true, rows: 50 });
});

describe("crashes", () => {
  const points = ["chunk.before", "chunk.read", "commit.before", "commit.after", "send.before", "send.after", "confirm.before", "refresh.end"];

  test.each([1, 2, 3, 4])("stopped and failing at random steps, it ends equal to the source without a repeated or missing batch (seed %i)", { timeout: 90_000 }, async (seed) => {
    let state = seed * 2_654_435_761;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    await fill(1_500);
    const everything = assign({ feedId: "feed_a", limits: { batchRows: 100 } });
    const some = assign({ feedId: "feed_some", limits: { batchRows: 70 }, rowCondition: { field: "status", op: "in", values: ["01", "02"] } });
    let next = "";
    fault = (point) => {
      if (point !== next) return;
      next = "";
      throw new Error(`fault at ${point}`);
    };
    let running = await start();
    await running.update([everything, some]);
    for (let round = 0; round < 24; round += 1) {
      if (next === "" && round < 20) next = points[Math.floor(random() * points.length)]!;
      const id = Math.floor(random() * 1_500);
      await sql(`update people set status = lpad(((status::integer + 1) % 4)::text, 2, '0'), amount = amount + 1 where id % 97 = ${id % 97}`);
      await sql(`delete from people where id = ${id}`);
      await sql(`insert into people values (${id}, '回来', ${round}, '01', null) on conflict do nothing`);
      await sql(`update people set id = id + ${(round + 1) * 100_000} where id = ${Math.floor(random() * 1_500)}`);
      if (random() < 0.2) {
        await running.stop();
        running = await start();
        await running.update([everything, some].map((assignment) => ({ ...assignment, head: gateway.feeds.get(assignment.feedId)?.head ?? assignment.head })));
      }
      await new Promise((done) => setTimeout(done, random() * 60));
    }
    next = "";
    await settled("feed_a", "equal", undefined, 60_000);
    await settled("feed_some", "equal", "status in ('01', '02')", 60_000);
    expect(gateway.refreshes).toEqual([]);
    expect(gateway.problems).toEqual([]);
  });
});
