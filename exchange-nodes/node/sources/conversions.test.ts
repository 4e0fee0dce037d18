import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { conversionTo } from "./conversions.ts";

/** A converted text is what PostgreSQL prints once it has stored the value in a column of the item's type. */
let made: TestDatabase;
beforeAll(async () => {
  made = await createTestDatabase();
});
afterAll(() => made.drop());

async function printed(texts: readonly string[], expression: string): Promise<string[]> {
  const { rows } = await made.database.read((reader) => reader.query<{ t: string }>(`select ${expression} as t from unnest($1::text[]) with ordinality as u(x, n) order by n`, [texts]));
  return rows.map((row) => row.t);
}

test("numbers kept as text become what a numeric column prints without trailing zeros", async () => {
  const numbers = fc.oneof(
    fc.tuple(fc.constantFrom("", "-", "+"), fc.integer({ min: 0, max: 10 ** 9 }), fc.constantFrom("", ".0", ".50", ".1250", ".00", "."), fc.constantFrom("", "e2", "e-3", "E+1")).map((parts) => parts.join("")),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  );
  await fc.assert(fc.asyncProperty(fc.array(numbers, { minLength: 20, maxLength: 20 }), async (texts) => {
    expect(texts.map(conversionTo("N"))).toEqual(await printed(texts, "trim_scale(x::numeric)::text"));
  }), { numRuns: 30 });
});

test("numbers kept as text become what a double column prints", async () => {
  const doubles = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constantFrom(1e15, 1e14, 123456789012345680, 1e-4, 1e-5, 0.1, 1e22)).map((value) => (Object.is(value, -0) ? "0" : String(value)));
  await fc.assert(fc.asyncProperty(fc.array(doubles, { minLength: 20, maxLength: 20 }), async (texts) => {
    expect(texts.map(conversionTo("B"))).toEqual(await printed(texts, "x::float8::text"));
  }), { numRuns: 40 });
});

describe("dates and times as departments write them", () => {
  test.each([
    ["1985-03-02", "1985-03-02"],
    ["19850302", "1985-03-02"],
    ["1985/3/2", "1985-03-02"],
    ["1985.03.02", "1985-03-02"],
    ["1985年3月2日", "1985-03-02"],
    ["1985-03-02 00:00:00", "1985-03-02"],
    ["1985-03-02 08:00:00", undefined],
    ["无", undefined],
    ["", undefined],
  ])("date %s → %s", (text, expected) => expect(conversionTo("D")(text)).toBe(expected));

  test.each([
    ["2024-01-05 7:08", "2024-01-05 07:08:00"],
    ["2024-01-05T07:08:09.500", "2024-01-05 07:08:09.5"],
    ["20240105070809", "2024-01-05 07:08:09"],
    ["2024-01-05", "2024-01-05 00:00:00"],
    ["2024-01-05 later", undefined],
  ])("time %s → %s", (text, expected) => expect(conversionTo("T")(text)).toBe(expected));
});

test.each([
  ["是", "t"],
  ["0", "f"],
  ["maybe", undefined],
])("truth %s → %s", (text, expected) => expect(conversionTo("L")(text)).toBe(expected));

test.each([
  ["007", "7"],
  ["12.0", "12"],
  ["12.5", undefined],
])("whole number %s → %s", (text, expected) => expect(conversionTo("I")(text)).toBe(expected));
