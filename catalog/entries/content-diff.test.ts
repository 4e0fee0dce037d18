import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemTypes, sharingTypes, updateCycles, type CatalogEntry, type DataItem } from "#standards";
import { newContent, newItem } from "../testing/new-content.ts";
import { diffContents } from "./content-diff.ts";
import { nextVersion, parseVersion } from "./version.ts";

const base = newContent();
const withItems = (change: (items: DataItem[]) => DataItem[]): CatalogEntry => ({ ...base, items: change(base.items!.map((item) => ({ ...item }))) });
const changeItem = (field: string, changes: Partial<DataItem>) => withItems((items) => items.map((item) => (item.field === field ? { ...item, ...changes } : item)));

describe("a consumer of the version before", () => {
  test.each<[string, CatalogEntry]>([
    ["an added item", withItems((items) => [...items, newItem({ field: "extra" })])],
    ["a longer item", changeItem("name", { length: 100 })],
    ["a wider type", changeItem("name", { type: "M" })],
    ["an item that is always filled from now on", changeItem("name", { required: true })],
    ["a better abstract", { ...base, abstract: "更好的摘要" }],
    ["looser sharing", { ...base, sharingType: "unconditional" }],
    ["more frequent updates", { ...base, updateCycle: "daily" }],
    ["another order of items", withItems((items) => items.toReversed())],
  ])("goes on reading after %s: minor", (_what, after) => expect(diffContents(base, after)).toMatchObject({ kind: "minor", reasons: [] }));

  test.each<[string, CatalogEntry, string]>([
    ["a removed item", withItems((items) => items.slice(0, -1)), "/items/monthly_amount"],
    ["a renamed field", changeItem("name", { field: "full_name" }), "/items/name"],
    ["another type", changeItem("name", { type: "N" }), "/items/name/type"],
    ["a shorter item", changeItem("name", { length: 10 }), "/items/name/length"],
    ["fewer decimal places", changeItem("monthly_amount", { scale: 1 }), "/items/monthly_amount/scale"],
    ["fewer digits before the point", changeItem("monthly_amount", { scale: 4 }), "/items/monthly_amount/scale"],
    ["an item that may now be empty", changeItem("claim_number", { required: false }), "/items/claim_number/required"],
    ["another key", changeItem("citizen_number", { key: true }), "/items/citizen_number/key"],
    ["an added key item", withItems((items) => [...items, newItem({ field: "extra", key: true })]), "/items/extra/key"],
    ["tighter sharing", { ...base, sharingType: "refused" }, "/sharingType"],
    ["a way of sharing that ends", { ...base, sharingMethod: ["file"] }, "/sharingMethod"],
    ["rarer updates", { ...base, updateCycle: "yearly" }, "/updateCycle"],
  ])("is broken by %s: major, with the reason", (_what, after, path) => {
    const diff = diffContents(base, after);
    expect(diff.kind).toBe("major");
    expect(diff.reasons.map((reason) => reason.path)).toContain(path);
  });
});

test("a changed item shows what changed in the words of the form", () => {
  expect(diffContents(base, changeItem("name", { length: 10, definition: "法定姓名" })).items).toEqual([
    { field: "name", name: "姓名", kind: "changed", changes: [{ path: "/items/name/length", label: "长度", kind: "changed", before: 60, after: 10 }, { path: "/items/name/definition", label: "说明", kind: "added", after: "法定姓名" }] },
  ]);
});

const anyItems = fc.uniqueArray(fc.record({ name: fc.constantFrom("甲", "乙", "丙"), field: fc.constantFrom("a", "b", "c", "d"), type: fc.constantFrom(...itemTypes), length: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }), key: fc.boolean(), required: fc.boolean() }), { selector: (item) => item.field, maxLength: 4 });
const anyContent = fc.record({ items: anyItems, sharingType: fc.constantFrom(...sharingTypes), updateCycle: fc.constantFrom(...updateCycles), open: fc.boolean(), abstract: fc.constantFrom("甲", "乙") }).map((parts) => ({ ...base, ...parts }) as CatalogEntry);

test("nothing differs from itself, every difference has a kind, and only a reason makes it major", () => {
  fc.assert(
    fc.property(anyContent, anyContent, (one, other) => {
      expect(diffContents(one, one)).toEqual({ kind: "none", reasons: [], members: [], items: [] });
      const diff = diffContents(one, other);
      expect(diff.kind === "major").toBe(diff.reasons.length > 0);
      if (diff.kind === "none") expect(diff.members.length + diff.items.length).toBe(0);
      expect(new Set(diff.items.filter((item) => item.kind === "removed").map((item) => item.field))).toEqual(new Set(diffContents(other, one).items.filter((item) => item.kind === "added").map((item) => item.field)));
    }),
  );
});

test("a removed item is always a major change", () => {
  fc.assert(fc.property(anyContent, anyContent, (one, other) => (diffContents(one, other).items.some((item) => item.kind === "removed") ? diffContents(one, other).kind === "major" : true)));
});

test("versions only rise", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("minor" as const, "major" as const), { minLength: 1 }), (kinds) => {
      let version = "1.0";
      for (const kind of kinds) {
        const next = nextVersion(version, kind);
        const [before, after] = [parseVersion(version), parseVersion(next)];
        expect(after.major > before.major || (after.major === before.major && after.minor > before.minor)).toBe(true);
        version = next;
      }
    }),
  );
  expect(parseVersion("1.x")).toEqual({ major: -1, minor: -1 });
});
