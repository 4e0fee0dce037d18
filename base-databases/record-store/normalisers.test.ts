import { afterAll, beforeAll, expect, test } from "vitest";
import { platformMigrations } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { baseDefinitions } from "../base-databases.ts";
import { baseDatabasesMigrations } from "../migrations.ts";
import { checkDefinition, type NormaliserName } from "./definition.ts";
import { columnTypes, freshnessSql, normalisers } from "./normalisers.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase([platformMigrations, baseDatabasesMigrations]);
});
afterAll(() => db.drop());

const one = async (sql: string, values: unknown[]) => (await db.database.read((reader) => reader.query<{ value: unknown }>(`select (select ${sql}) as value`, values))).rows[0]!.value;
const read = (name: NormaliserName, text: string | null, type = "text") => one(`(${normalisers[name].value("x", type)})::text from (select $1::${type} as x) t`, [text]);
const same = async (name: NormaliserName, a: string, b: string) => one(`${normalisers[name].compare!("a")} = ${normalisers[name].compare!("b")} from (select ${normalisers[name].value("x", "text")} as a, ${normalisers[name].value("y", "text")} as b from (select $1::text as x, $2::text as y) t) u`, [a, b]);

test.each([
  ["9,715.96万(元)", "9715.96", "CNY"],
  ["9715.96万人民币", "9715.96", "CNY"],
  ["500万人民币", "500", "CNY"],
  ["500万元人民币", "500", "CNY"],
  ["1亿元", "10000", "CNY"],
  ["3000000元", "300", "CNY"],
  ["100.0万美元", "100", "USD"],
  ["１００万（美元）", "100", "USD"],
  ["2000万港元", "2000", "HKD"],
  ["135.29", "135.29", "CNY"],
  ["人民币 50 万元整", "50", "CNY"],
  ["-", null, null],
  ["", null, null],
  ["面议", null, null],
])("capital %s is %s 万 of %s", async (written, amount, currency) => {
  expect(await read("capital", written)).toBe(amount);
  expect(await read("capital-currency", written)).toBe(currency);
});

test.each([
  ["1994-12-31", "1994-12-31"],
  ["19941231", "1994-12-31"],
  ["1994/1/2", "1994-01-02"],
  ["1994年1月2日", "1994-01-02"],
  ["1994.01.02 08:00:00", "1994-01-02"],
  ["2008-02-29", "2008-02-29"],
  ["2007-02-29", null],
  ["1994-13-01", null],
  ["0000-00-00", null],
  ["-", null],
  ["长期", null],
])("date %s is %s", async (written, expected) => expect(await read("date", written)).toBe(expected));

test("what is written and cannot be read is kept to be shown; dashes say nothing", async () => {
  const unreadable = (name: NormaliserName, text: string) => one(`${normalisers[name].unreadable!("x", "text")!} from (select $1::text as x) t`, [text]);
  expect(await unreadable("date", "2007-02-29")).toBe("2007-02-29");
  expect(await unreadable("date", "-")).toBeNull();
  expect(await unreadable("capital", "面议")).toBe("面议");
  expect(await unreadable("month", "200813")).toBe("200813");
  expect(await unreadable("number", "1,234.50")).toBeNull();
});

test.each<[NormaliserName, string, string, boolean]>([
  ["person-name", "张 三", "张三", true],
  ["person-name", "买买提・艾力", "买买提·艾力", true],
  ["person-name", "ＬＩ ＭＩＮＧ", "Li Ming", true],
  ["person-name", "张三", "张山", false],
  ["organisation-name", "某公司(杭州)", "某公司（杭州）", true],
  ["organisation-name", "某 公司", "某公司", true],
  ["organisation-name", "某公司", "某分公司", false],
  ["address", "安徽省合肥市长江中路152号", "合肥市长江中路152号", true],
  ["address", "北蜂窝路18号（综合楼9层）", "北蜂窝路18号(综合楼9层)", true],
  ["address", "延安路1号", "延安路11号", false],
  ["category", "有限责任公司（自然人独资）", "有限责任公司(自然人独资)", true],
  ["code", "TEXT0001-7", "text00017", true],
])("%s: %s and %s mean the same: %s", async (name, a, b, expected) => expect(await same(name, a, b)).toBe(expected));

test("blanks of every kind are folded, and fast and slow path agree", async () => {
  for (const text of ["湖滨街道", " 湖滨 街道 ", "湖滨\u3000街道", "湖滨\t街道\n", "-", "——", "NULL", "", "a-b", "NLnl"]) expect(await read("text", text)).toBe(await one("base.clean_text($1)", [text]));
  for (const text of ["91330100TEXT00017T", "ａｂ１", " x ", "-"]) expect(await read("code", text)).toBe(await one("base.clean_code($1)", [text]));
});

test("times of sources are read from dates, times and months", async () => {
  expect(await one(`(${freshnessSql("x", "text")})::text from (select $1::text as x) t`, ["200810"])).toBe("2008-10-01 00:00:00");
  expect(await one(`(${freshnessSql("x", "text")})::text from (select $1::text as x) t`, ["2008-10-05"])).toBe("2008-10-05 00:00:00");
  expect(await one(`(${freshnessSql("x", "text")})::text from (select $1::text as x) t`, ["-"])).toBeNull();
});

test("the definitions are sound, and each golden table has exactly their columns, with the key as primary key", async () => {
  for (const definition of baseDefinitions) {
    expect(checkDefinition(definition)).toEqual([]);
    const { rows } = await db.database.read((reader) => reader.query<{ name: string; type: string; key: boolean }>("select a.attname as name, format_type(a.atttypid, -1) as type, coalesce(i.indisprimary, false) as key from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary and a.attnum = any(i.indkey) where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum", [`base.${definition.goldenTable}`]));
    expect(rows.map((row) => `${row.name} ${row.type}${row.key ? " key" : ""}`)).toEqual([`${definition.key} text key`, ...definition.attributes.map((attribute) => `${attribute.name} ${columnTypes[attribute.type]}`), "record_number bigint", "updated_at timestamp with time zone", "change_sequence bigint"]);
  }
  const [population, legalEntity] = baseDefinitions;
  const units = (definition: typeof population) => new Set(definition!.sources.filter((source) => Object.keys(source.attributes).length > 0).map((source) => source.unit)).size;
  expect([units(population), units(legalEntity)]).toEqual([9, 7]);
  // The keys are basic items too.
  expect([population!, legalEntity!].map((definition) => 1 + definition.attributes.filter((attribute) => attribute.basic).length)).toEqual([6, 10]);
});
