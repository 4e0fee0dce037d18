import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "#test-support";
import type { TestDatabase } from "#test-support";
import type { RowCondition } from "../generated/types.ts";
import type { ItemType } from "../generated/values.ts";
import { checkRowCondition } from "./check-row-condition.ts";
import { compareCodePoints } from "./comparison-keys.ts";
import { compareDecimals, decimalKey } from "./decimal.ts";
import { compileRowCondition, evaluateRowCondition } from "./evaluate-row-condition.ts";
import { explainRowCondition } from "./explain-row-condition.ts";
import { fieldsOfRowCondition } from "./fields.ts";
import { rowConditionToSql } from "./row-condition-to-sql.ts";

const types: Record<string, ItemType> = {
  name: "C",
  area: "C",
  capital: "N",
  persons: "I",
  ratio: "B",
  rate: "F",
  born: "D",
  seen: "T",
  zoned: "T",
  active: "L",
};
const typeOfField = (field: string): ItemType | undefined => types[field];
const passes = (condition: RowCondition, row: Record<string, string | number | boolean | null>): boolean =>
  evaluateRowCondition(condition, row, typeOfField);

describe("row conditions", () => {
  test("numbers compare as numbers, dates as dates, text by code point", () => {
    expect(passes({ field: "capital", op: ">", value: "9" }, { capital: "10.50" })).toBe(true);
    expect(passes({ field: "capital", op: "=", value: 10.5 }, { capital: "10.50" })).toBe(true);
    expect(passes({ field: "area", op: ">", value: "9" }, { area: "10" })).toBe(false);
    expect(passes({ field: "born", op: "<", value: "2000-01-01" }, { born: "1999-12-31" })).toBe(true);
    expect(passes({ field: "seen", op: "=", value: "2026-01-01 08:00:00" }, { seen: "2026-01-01 00:00:00+00" })).toBe(
      true,
    );
    expect(passes({ field: "active", op: "=", value: true }, { active: "t" })).toBe(true);
    expect(passes({ field: "area", op: "starts-with", value: "3301" }, { area: "330102" })).toBe(true);
    expect(passes({ field: "capital", op: "in", values: ["1.0", 2] }, { capital: "1.00" })).toBe(true);
  });

  test("a missing or unreadable value lets no row pass, not even through `not`", () => {
    for (const cell of [null, "not a number"]) {
      expect(passes({ field: "capital", op: ">", value: 1 }, { capital: cell })).toBe(false);
      expect(passes({ not: { field: "capital", op: ">", value: 1 } }, { capital: cell })).toBe(false);
    }
    expect(passes({ field: "capital", op: "is-null" }, { capital: null })).toBe(true);
    expect(passes({ not: { field: "capital", op: "is-null" } }, { capital: null })).toBe(false);
  });

  test("unknown fields, missing values, wrong types and deep nesting are reported and stop compilation", () => {
    const codes = (condition: RowCondition): string[] =>
      checkRowCondition(condition, typeOfField).map((issue) => issue.code);
    expect(codes({ field: "nothing", op: "is-null" })).toEqual(["row-condition.unknown-field"]);
    expect(codes({ field: "area", op: "=" })).toEqual(["row-condition.value-missing"]);
    expect(codes({ field: "born", op: "=", value: "2023-02-29" })).toEqual(["row-condition.value-type"]);
    expect(codes({ field: "persons", op: "starts-with", value: "1" })).toEqual(["row-condition.not-text"]);
    expect(codes({ field: "area", op: "=", value: "a\0" })).toEqual(["row-condition.value-type"]);
    let deep: RowCondition = { field: "area", op: "is-null" };
    for (let level = 0; level < 10; level++) deep = { not: deep };
    expect(codes(deep)).toEqual(["row-condition.depth"]);
    expect(() => compileRowCondition({ field: "nothing", op: "is-null" }, typeOfField)).toThrow("nothing");
    expect(() => rowConditionToSql({ field: "nothing", op: "is-null" }, () => undefined)).toThrow("nothing");
  });

  test("the SQL form holds no value, only parameters, numbered from where the caller says", () => {
    const condition: RowCondition = {
      all: [
        { field: "area", op: "starts-with", value: "3301'; drop table x" },
        { not: { field: "capital", op: "in", values: [1, "2.5"] } },
      ],
    };
    expect(rowConditionToSql(condition, (field) => ({ sql: `t."${field}"`, type: types[field] ?? "C" }), 3)).toEqual({
      text: `((starts_with((t."area")::text collate "C", $3::text)) and (not ((t."capital") = any($4::numeric[]))))`,
      values: ["3301'; drop table x", ["1", "2.5"]],
    });
  });

  test("a condition is explained in both languages with names and labels", () => {
    const condition: RowCondition = {
      all: [
        { field: "area", op: "in", values: ["330102", "330109"] },
        { any: [{ field: "capital", op: ">=", value: 100 }, { not: { field: "born", op: "is-null" } }] },
      ],
    };
    const names: Record<string, string> = { area: "区划", capital: "注册资本", born: "成立日期" };
    const labels: Record<string, string> = { "330102": "上城区" };
    expect(
      explainRowCondition(
        condition,
        (field) => names[field] ?? field,
        (_field, value) => labels[value],
      ),
    ).toEqual({
      zh: "区划是 330102(上城区)、330109 之一，且(注册资本不小于 100，或不满足(成立日期为空))",
      en: "区划 is one of 330102(上城区), 330109 and (注册资本 >= 100 or not (成立日期 is empty))",
    });
    expect(fieldsOfRowCondition(condition)).toEqual(["area", "capital", "born"]);
  });

  test("decimals of any length are compared exactly", () => {
    const compare = (left: string, right: string): number =>
      compareDecimals(decimalKey(left) ?? Number.NaN, decimalKey(right) ?? Number.NaN);
    expect(compare("12345678901234567890.10", "12345678901234567890.1")).toBe(0);
    expect(compare("12345678901234567890.11", "12345678901234567890.1")).toBe(1);
    expect(compare("12345678.1234567", "12345678.12345670000000001")).toBe(-1);
    expect(compare("-0", "0.000")).toBe(0);
    expect(compare("1e3", "1000.0")).toBe(0);
    expect(compare("0.0000001", "0.00000010000000000000001")).toBe(-1);
    expect(compare("-99999999999999999999", "5")).toBe(-1);
    expect(decimalKey("12a")).toBeUndefined();
  });

  test("text order is the order of the UTF-8 bytes", () => {
    const unit = fc.constantFrom("a", "b", "中", "\uE000", "\uFFFD", "😀", "𠮷");
    fc.assert(
      fc.property(fc.string({ unit }), fc.string({ unit }), (left, right) => {
        expect(compareCodePoints(left, right)).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
      }),
    );
  });
});

describe("row conditions in PostgreSQL", () => {
  let testDatabase: TestDatabase;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    await testDatabase.database.withTransaction((tx) =>
      tx.query(
        "create table people (n int, name text, area char(6), capital numeric, persons bigint, ratio float8, rate real, born date, seen timestamp, zoned timestamptz, active boolean)",
      ),
    );
  });
  afterAll(() => testDatabase.drop());

  const pools: Record<string, readonly string[]> = {
    name: ["", "a", "ab", "b", "张", "张三", "\uE000", "😀", "𠮷", "10", "9", "%", "a'\\"],
    area: ["330102", "330109", "330182", "110101"],
    capital: ["0", "-0.5", "10.50", "10.5", "12345678901234567890.1", "12345678901234567890.10", "9.999", "NaN"],
    persons: ["0", "-1", "9", "10", "9007199254740993", "9007199254740992"],
    ratio: ["0", "0.1", "0.30000000000000004", "0.3", "-1e300", "NaN", "Infinity", "1e-300"],
    rate: ["0", "0.1", "0.2", "16777216", "3.4e38", "-0.1"],
    born: ["1999-12-31", "2000-02-29", "2000-01-01", "infinity"],
    seen: ["2026-01-01 00:00:00", "2026-01-01 00:00:00.000001", "2025-12-31 23:59:59.999999"],
    zoned: ["2026-01-01 00:00:00+00", "2026-01-01 08:00:00+08", "1988-07-01 12:00:00+08", "2025-12-31 16:00:00Z"],
    active: ["true", "false"],
  };
  const fields = Object.keys(pools);
  const fieldAndValue = fc
    .constantFrom(...fields)
    .chain((field) => fc.tuple(fc.constant(field), fc.constantFrom(...(pools[field] ?? []))));
  const comparison: fc.Arbitrary<RowCondition> = fc.oneof(
    fc
      .tuple(fieldAndValue, fc.constantFrom("=", "!=", "<", "<=", ">", ">=" as const))
      .map(([[field, value], op]) => ({ field, op: op as "=", value })),
    fieldAndValue.map(([field, value]) => ({ field, op: "in" as const, values: [value, pools[field]?.[0] ?? ""] })),
    fc
      .tuple(fc.constantFrom("name", "area"), fc.constantFrom("3301", "", "张", "a", "%"))
      .map(([field, value]) => ({ field, op: "starts-with" as const, value })),
    fc
      .tuple(fc.constantFrom(...fields), fc.constantFrom("is-null", "is-not-null"))
      .map(([field, op]) => ({ field, op: op as "is-null" })),
  );
  const condition = fc.letrec<{ tree: RowCondition }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", maxDepth: 3 },
      comparison,
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie("tree"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
      tie("tree").map((not) => ({ not })),
    ),
  })).tree;
  const row = fc.record(
    Object.fromEntries(
      fields.map((field) => [field, fc.option(fc.constantFrom(...(pools[field] ?? [])), { freq: 4 })]),
    ),
  );

  test("the rows that SQL selects are the rows that pass in process, for any condition, NULLs included", async () => {
    const { database } = testDatabase;
    const rows = fc.sample(row, { numRuns: 150, seed: 20261121 });
    await database.withTransaction(async (tx) => {
      for (const [n, values] of rows.entries()) {
        const cells = fields.map((field) => values[field] ?? null);
        await tx.query(
          `insert into people (n, ${fields.join(", ")}) values (${n}, ${fields.map((_, i) => `$${i + 1}`).join(", ")})`,
          cells,
        );
      }
    });
    const stored = (
      await database.read((reader) =>
        reader.query<Record<string, string | null>>(
          `select n::text, ${fields.map((field) => `${field}::text`).join(", ")} from people order by people.n`,
        ),
      )
    ).rows;
    await fc.assert(
      fc.asyncProperty(condition, async (tree) => {
        const { text, values } = rowConditionToSql(
          tree,
          (field) => ({ sql: `"${field}"`, type: types[field] ?? "C", withTimeZone: field === "zoned" }),
          1,
        );
        const selected = await database.read((reader) =>
          reader.query<{ n: number }>(`select n from people where ${text} order by n`, values),
        );
        const pass = compileRowCondition(tree, typeOfField);
        expect(stored.filter(pass).map((each) => Number(each["n"]))).toEqual(selected.rows.map((each) => each.n));
      }),
      { numRuns: 400 },
    );
  });
});
