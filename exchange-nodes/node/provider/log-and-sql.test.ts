import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataItem, Grant } from "#standards";
import { createSilentLog, newId, type Database } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { keyBucketSql, rowChecksumSql } from "../../protocol/checksum.ts";
import { parseCopyTextLine } from "../../protocol/copy-text.ts";
import { findRelation } from "../sources/introspect.ts";
import { createLogDecoder } from "../sources/pgoutput.ts";
import { openSourceDatabase } from "../sources/source-database.ts";
import { createCells, createLineWriter } from "./cells.ts";
import { createChunkReader } from "./chunk.ts";
import { compileFeed, mapColumns, type FeedPlan } from "./feed-plan.ts";
import { newAssignment } from "./memory-gateway.fixture.ts";
import { createRowReader } from "./row-reader.ts";
import { copyChunk } from "./snapshot-task.ts";

/**
 * A row must look the same whether a snapshot selects it or the log tells of it: same filter, same mask, same text,
 * same verdict. The log is pgoutput's own, read back from a slot.
 */
const items: DataItem[] = [
  { name: "编号", field: "id", type: "I", key: true, required: true },
  { name: "姓名", field: "name", type: "C", length: 12, required: true },
  { name: "代码", field: "code", type: "C", length: 6 },
  { name: "金额", field: "amount", type: "Y", length: 10, scale: 3 },
  { name: "份额", field: "share", type: "B" },
  { name: "出生日期", field: "born", type: "D" },
  { name: "登记时间", field: "seen_at", type: "T" },
  { name: "更新时间", field: "zoned_at", type: "T" },
  { name: "有效", field: "active", type: "L" },
  { name: "日期文本", field: "day_text", type: "D" },
  { name: "数字文本", field: "number_text", type: "N", length: 10, scale: 2 },
  { name: "备注", field: "note", type: "M" },
];
const definition = "id bigint primary key, name varchar(40), code char(8), amount numeric(14,4), share float8, born date, seen_at timestamp, zoned_at timestamptz, active boolean, day_text text, number_text varchar(20), note text";

let made: TestDatabase;
let source: Database;

beforeAll(async () => {
  made = await createTestDatabase();
  await made.database.withTransaction(async (tx) => {
    await tx.query(`create table things (${definition})`);
    await tx.query("create publication things_log for table things");
  });
  source = openSourceDatabase({ url: made.url, log: createSilentLog() });
});
afterAll(async () => {
  await source.close();
  await made.database.read((reader) => reader.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"));
  await made.drop();
});

const character = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(..."张三abc01 9-") }, { weight: 2, arbitrary: fc.constantFrom("\t", "\n", "\\", "\r", "𠮷", "龚", "'", "街", "道", "区") });
const text = (maxLength: number) => fc.array(character, { maxLength }).map((parts) => parts.join(""));
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { freq: 5, nil: null });
const twoDigits = (from: number, to: number) => fc.integer({ min: from, max: to }).map((n) => String(n).padStart(2, "0"));
const day = fc.tuple(fc.integer({ min: 1900, max: 2099 }), twoDigits(1, 12), twoDigits(1, 28)).map(([year, month, date]) => `${year}-${month}-${date}`);
const moment = fc.tuple(day, twoDigits(0, 23), twoDigits(0, 59), twoDigits(0, 59), fc.constantFrom("", ".5", ".120", ".000001")).map(([date, hour, minute, second, rest]) => `${date} ${hour}:${minute}:${second}${rest}`);
const dayText = fc.oneof(day, day.map((value) => value.replaceAll("-", "")), day.map((value) => value.replaceAll("-", "/")), fc.constantFrom("", "无", "1990-02-30", "1990年3月5日", "2001-01-01 10:00:00"));
const numberText = fc.oneof(fc.integer({ min: -999, max: 99_999 }).map(String), fc.constantFrom("012.50", "1e3", "abc", "", "-0.0", "1234567890.5", "3.14159"));
const row = fc.tuple(
  maybe(text(14)),
  maybe(text(8).filter((value) => [...value].length <= 8)),
  maybe(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((n) => (n / 1_000).toFixed(4))),
  maybe(fc.double({ noNaN: true, noDefaultInfinity: true })),
  maybe(day),
  maybe(moment),
  maybe(moment.map((value) => `${value}+03`)),
  maybe(fc.boolean()),
  maybe(dayText),
  maybe(numberText),
  maybe(text(20)),
);
const conditions: NonNullable<Grant["rowCondition"]>[] = [
  { field: "active", op: "=", value: true },
  { all: [{ field: "amount", op: ">=", value: 0 }, { not: { field: "name", op: "starts-with", value: "张" } }] },
  { any: [{ field: "born", op: "<", value: "1980-01-01" }, { field: "note", op: "is-null" }] },
  { field: "zoned_at", op: ">", value: "1990-06-01 00:00:00" },
  { field: "day_text", op: ">=", value: "1990-01-01" },
  { field: "number_text", op: "<", value: 500 },
  { field: "code", op: "in", values: ["01", "a", "张三"] },
  { field: "share", op: "<=", value: 1 },
];
const masks: NonNullable<Grant["masks"]>[] = [{}, { name: "name" }, { name: "hash", note: "address" }, { code: "phone" }, { born: "birth-year", note: "account" }, { day_text: "birth-year", name: "citizen-number" }];

interface Outcome {
  lines: Map<string, string>;
  parked: Map<string, string>;
}

/** What a chunk gives, by the row's id. */
async function bySql(plan: FeedPlan): Promise<Outcome> {
  const read = createChunkReader(plan, { newId, batchBytes: () => 2_000 });
  const lines = new Map<string, string>();
  const parked = new Map<string, string>();
  for (let key: string[] | undefined; ; ) {
    const { bytes } = await source.withTransaction((reader) => copyChunk(reader, plan, "public.things", key, 7), { readOnly: true });
    const chunk = read(bytes, { lsn: 1, index: 0 });
    for (const content of chunk.contents) for (const line of content.payload.toString("utf8").split("\n").filter((candidate) => candidate !== "")) lines.set(line.split("\t")[0]!, line);
    for (const bad of chunk.parked) parked.set(bad.keyText ?? "", JSON.stringify(bad.reasons));
    if (chunk.rowsRead < 7) return { lines, parked };
    key = chunk.lastKey;
  }
}

/** What the log gives, from the messages that the server decoded in a session with the capture's settings. */
function byLog(plan: FeedPlan, messages: readonly Buffer[]): Outcome {
  const cells = createCells(64);
  const reader = createRowReader(plan);
  const lines = new Map<string, string>();
  const parked = new Map<string, string>();
  let map: Int32Array | undefined;
  const nothing = () => undefined;
  const decode = createLogDecoder(
    {
      begin: nothing,
      commit: nothing,
      truncate: nothing,
      update: nothing,
      delete: nothing,
      relation: (relation) => void (map = mapColumns(plan, relation.columns.map((column) => column.name))),
      insert: (_oid, inserted) => {
        const verdict = reader.read(inserted, map!, "log");
        if (verdict === "bad") parked.set(reader.keyText(), JSON.stringify(reader.failures));
        if (verdict !== "row") return;
        const writer = createLineWriter(16);
        reader.writeRow(writer);
        lines.set(reader.keyText(), writer.take().toString("utf8").slice(0, -1));
      },
    },
    cells,
    createCells(64),
  );
  for (const message of messages) decode(message, 0);
  return { lines, parked };
}

test("snapshot and log agree on filter, mask, text and verdict for every kind of column", { timeout: 120_000 }, async () => {
  let summed = 0;
  const columns = ["name", "code", "amount", "share", "born", "seen_at", "zoned_at", "active", "day_text", "number_text", "note"];
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), fc.option(fc.constantFrom(...conditions), { nil: undefined }), fc.constantFrom(...masks), fc.boolean(), async (rows, rowCondition, maskRules, natural) => {
      const slot = `things_${process.pid}_${Math.floor(performance.now() * 1_000)}`;
      await made.database.withTransaction((tx) => tx.query("truncate things"));
      await made.database.read((reader) => reader.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [slot]));
      const inserted = rows.map((values, index) => [index + 1, ...values]);
      await made.database.withTransaction(async (tx) => {
        // Only what is flushed can be peeked at.
        await tx.query("set local synchronous_commit = on");
        for (const values of inserted) await tx.query(`insert into things (id, ${columns.join(", ")}) values (${values.map((_, index) => `$${index + 1}`).join(", ")})`, values);
      });
      const messages = await source.read(async (reader) => (await reader.query<{ data: Buffer }>("select data from pg_logical_slot_peek_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'things_log')", [slot])).rows.map((message) => message.data));
      await made.database.read((reader) => reader.query("select pg_drop_replication_slot($1)", [slot]));

      const schema = (await source.read((reader) => findRelation(reader, "public.things")))!;
      const assignment = newAssignment({ feedId: "feed_a", items, relation: "public.things", ...(natural ? { fields: items.map((item) => item.field).filter((field) => !field.endsWith("_text")) } : {}), ...(rowCondition ? { rowCondition } : {}), masks: natural ? Object.fromEntries(Object.entries(maskRules).filter(([field]) => !field.endsWith("_text"))) : maskRules });
      const plan = compileFeed({ assignment, schema, maskKey: Buffer.from("key of this grant") });
      const [sql, log] = [await bySql(plan), byLog(plan, messages)];
      expect(sql.lines).toEqual(log.lines);
      expect(sql.parked).toEqual(log.parked);

      // Where SQL can make the whole row, its checksum is that of what was sent.
      if (!plan.wholeInSql) return;
      summed += sql.lines.size;
      const texts = plan.wire.map((column) => column.textSql!);
      const sums = await source.read((reader) => reader.query<{ id: string; sum: string; bucket: number }>(`select id::text, ${rowChecksumSql(texts)}::text as sum, ${keyBucketSql(texts.slice(0, 1), 8)} as bucket from things`));
      const wireTable = `(values ${[...sql.lines.values()].map((line) => `(${parseCopyTextLine(line).map((value) => (value === null ? "null" : `'${value.replaceAll("'", "''")}'`)).join(", ")})`).join(", ")})`;
      if (sql.lines.size === 0) return;
      const names = plan.wire.map((_, index) => `c${index}::text`);
      const wire = await source.read((reader) => reader.query<{ id: string; sum: string }>(`select c0 as id, ${rowChecksumSql(names)}::text as sum from ${wireTable} as t (${plan.wire.map((_, index) => `c${index}`).join(", ")})`));
      for (const sent of wire.rows) expect(sums.rows.find((candidate) => candidate.id === sent.id)?.sum).toBe(sent.sum);
    }),
    { numRuns: Number(process.env.ZHENGTONG_PROPERTY_RUNS ?? 60) },
  );
  expect(summed).toBeGreaterThan(0);
});
