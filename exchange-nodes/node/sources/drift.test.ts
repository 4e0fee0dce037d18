import { describe, expect, test } from "vitest";
import type { DataItem } from "#standards";
import { breakingReason, compareSchema } from "./drift.ts";
import type { RelationColumn, RelationSchema } from "./introspect.ts";

const items: DataItem[] = [
  { name: "证件号", field: "id", type: "C", length: 18, key: true },
  { name: "金额", field: "amount", type: "Y", length: 12, scale: 2 },
  { name: "日期", field: "day", type: "D" },
];
const columns: RelationColumn[] = [
  { name: "id", type: "character varying(18)", baseType: "varchar", length: 18, nullable: false },
  { name: "amount", type: "numeric(12,2)", baseType: "numeric", length: 12, scale: 2, nullable: true },
  { name: "day", type: "date", baseType: "date", nullable: true },
];
const schema: RelationSchema = { relation: "public.people", kind: "table", columns, primaryKey: ["id"], uniqueKeys: [["id"]], identityColumns: ["id"] };

function compare(changes: Partial<RelationSchema>, changed?: RelationColumn) {
  const now = { ...schema, ...changes, ...(changed ? { columns: columns.map((column) => (column.name === changed.name ? changed : column)) } : {}) };
  return compareSchema({ schema: now, relation: "public.people", columns: { id: "id", amount: "amount", day: "day" }, items, keyFields: ["id"], baseline: columns, needsLog: true }).map(({ severity, code }) => `${severity} ${code}`);
}

describe("a source relation beside its entry", () => {
  test("unchanged, it gives no finding", () => expect(compare({})).toEqual([]));
  test("an added column is compatible", () => expect(compare({ columns: [...columns, { name: "extra", type: "text", baseType: "text", nullable: true }] })).toEqual(["compatible column-added"]));
  test("a missing column breaks", () => expect(compare({ columns: columns.slice(0, 2) })).toEqual(["breaking column-missing"]));
  test("a narrowed text breaks, a widened one does not", () => {
    expect(compare({}, { ...columns[0]!, type: "character varying(15)", length: 15 })).toEqual(["breaking narrowed"]);
    expect(compare({}, { name: "id", type: "character varying(30)", baseType: "varchar", length: 30, nullable: false })).toEqual(["compatible widened"]);
  });
  test("fewer decimals break", () => expect(compare({}, { ...columns[1]!, type: "numeric(12,0)", scale: 0 })).toEqual(["breaking narrowed"]));
  test("a type that cannot be read as the item's breaks", () => expect(compare({}, { ...columns[2]!, type: "boolean", baseType: "bool" })).toEqual(["breaking type"]));
  test("a date turned into text breaks, although texts can hold dates", () => expect(compare({}, { ...columns[2]!, type: "text", baseType: "text" })).toEqual(["breaking type"]));
  test("a whole number turned into a larger one does not break", () => expect(compareSchema({ schema: { ...schema, columns: [{ ...columns[0]!, baseType: "int8", type: "bigint" }] }, relation: "r", columns: { id: "id" }, items: [{ name: "号", field: "id", type: "I", key: true }], keyFields: ["id"], baseline: [{ ...columns[0]!, baseType: "int4", type: "integer" }], needsLog: true })).toMatchObject([{ severity: "compatible", code: "type" }]));
  test("a key that is not unique, or that the log does not carry, breaks", () => {
    expect(compare({ uniqueKeys: [], primaryKey: [] })).toEqual(["breaking key-not-unique"]);
    const { identityColumns: _identity, ...without } = schema;
    expect(compareSchema({ schema: without, relation: "r", columns: { id: "id", amount: "amount", day: "day" }, items, keyFields: ["id"], needsLog: true }).map(({ code }) => code)).toEqual(["key-not-in-log"]);
    expect(compareSchema({ schema: without, relation: "r", columns: { id: "id", amount: "amount", day: "day" }, items, keyFields: ["id"], needsLog: false })).toEqual([]);
  });
  test("a relation that is gone says so in both languages", () => {
    const reason = breakingReason(compareSchema({ schema: undefined, relation: "public.people", columns: {}, items, keyFields: ["id"], needsLog: true }));
    expect(reason).toMatchObject({ code: "source-drift", zh: expect.stringContaining("来源中没有 public.people") });
  });
});
