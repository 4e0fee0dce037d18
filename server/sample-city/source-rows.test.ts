import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createSampleRows } from "./source-rows.ts";

function digestOf(seed: number): { tables: Record<string, string>; planted: string } {
  const { tables, planted } = createSampleRows({ seed, people: 1_000, asOf: "2026-11-22" });
  const digest = (rows: Iterable<unknown>) => {
    const hash = createHash("sha256");
    for (const row of rows) hash.update(JSON.stringify(row));
    return hash.digest("hex");
  };
  return { tables: Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, digest(rows())])), planted: digest(planted) };
}

test("a seed gives the same city every time, and another seed another one in every table and in what is planted", () => {
  const first = digestOf(3);
  expect(digestOf(3)).toEqual(first);
  const other = digestOf(7);
  expect(Object.keys(other.tables)).toEqual(Object.keys(first.tables));
  for (const [name, digest] of Object.entries(other.tables)) expect(digest, name).not.toBe(first.tables[name]);
  expect(other.planted).not.toBe(first.planted);
});
