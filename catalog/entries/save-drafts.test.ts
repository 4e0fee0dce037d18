import { afterAll, beforeAll, expect, test } from "vitest";
import { systemActor, type Actor } from "#platform";
import type { Organisation } from "../model/types.ts";
import { newContent, newItem } from "../testing/new-content.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import type { DraftInput } from "./entry-drafts.ts";

let t: TestCatalog;
let departments: Organisation[];
let cataloguer: Actor;
const importer = systemActor("import");

beforeAll(async () => {
  t = await createTestCatalog();
  departments = [await t.department("杭州市民政局"), await t.department("杭州市财政局"), await t.department("杭州市统计局")];
  cataloguer = t.actor(departments[0]!, "cataloguer");
});
afterAll(() => t?.drop());

const save = (actor: Actor, inputs: DraftInput[]) => t.db.database.withTransaction((tx) => t.catalog.entries.saveDrafts(tx, actor, inputs));
const input = (index: number, overrides: Parameters<typeof newContent>[0] = {}): DraftInput => ({ organisationId: departments[index % 3]!.id, content: newContent({ title: `导入条目 ${index}`, sourceReference: `portal:${index}`, items: Array.from({ length: 8 }, (_, position) => newItem({ name: `信息项${position}`, field: `field_${position}`, key: position === 0 })), ...overrides }) });
const count = async (table: string) => (await t.db.database.read((reader) => reader.query<{ count: number }>(`select count(*) as count from ${table}`))).rows[0]!.count;

test("thousands of drafts are saved in one call with codes of their own, an event each and one audit record", async () => {
  const total = 3_000;
  const outcomes = await save(importer, Array.from({ length: total }, (_, index) => input(index)));
  expect(outcomes.every((outcome) => outcome.outcome === "created")).toBe(true);
  expect(new Set(outcomes.map((outcome) => (outcome.outcome === "refused" ? "" : outcome.code))).size).toBe(total);
  expect(new Set(outcomes.map((outcome) => (outcome.outcome === "refused" ? "" : outcome.resourceId))).size).toBe(total);
  expect([await count("catalog.entry"), await count("catalog.entry_item"), await count("platform.event_log where kind = 'entry.created'"), await count("platform.audit_log where action = 'entry.save-drafts'")]).toEqual([total, total * 8, total, 1]);
});

test("importing again changes what differs, leaves the rest and makes nothing twice", async () => {
  const before = await count("catalog.entry");
  const outcomes = await save(importer, [input(0), input(1, { abstract: "摘要改过了,来源和范围都说明清楚了。" }), input(90_000)]);
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual(["unchanged", "updated", "created"]);
  expect(await count("catalog.entry")).toBe(before + 1);
});

test("each refused input says why and where, and the others are saved", async () => {
  const other = await t.catalog.entries.createDraft(t.actor(departments[1]!, "cataloguer"), departments[1]!.id, newContent({ title: "他部门的条目" }));
  const outcomes = await save(importer, [input(100_000, { sharingType: "often" as never }), input(100_001), input(100_001), { ...input(100_003), entryId: other.id }, { ...input(100_005), entryId: "entry_none" }]);
  expect(outcomes.map((outcome) => (outcome.outcome === "refused" ? outcome.issues.map((issue) => `${issue.path} ${issue.code}`) : outcome.outcome))).toEqual([["/sharingType enum"], "created", ["/sourceReference entry.source-twice"], "updated", ["/ entry.not-found"]]);
});

test("what is no longer a draft is not overwritten by an import", async () => {
  const [first] = await save(importer, [input(200_001)]);
  if (first!.outcome === "refused") throw new Error("refused");
  await t.catalog.entries.submit(importer, first!.entryId);
  const [again] = await save(importer, [input(200_001, { contact: "改" })]);
  expect(again).toMatchObject({ outcome: "refused", state: "department-review", issues: [{ code: "entry.not-draft" }] });
});

test("a transaction that is rolled back leaves nothing, and its numbers go to the next", async () => {
  const before = [await count("catalog.entry"), await count("catalog.entry_item"), await count("platform.event_log")];
  await expect(
    t.db.database.withTransaction(async (tx) => {
      await t.catalog.entries.saveDrafts(tx, importer, [input(300_000), input(300_001)]);
      throw new Error("the file ended in the middle");
    }),
  ).rejects.toThrow("the file ended");
  expect([await count("catalog.entry"), await count("catalog.entry_item"), await count("platform.event_log")]).toEqual(before);
});

test("a cataloguer imports for the own department only", async () => {
  await expect(save(cataloguer, [input(400_000), input(400_001)])).rejects.toMatchObject({ kind: "NotAllowed" });
  expect((await save(cataloguer, [input(400_002)])).map((outcome) => outcome.outcome)).toEqual(expect.arrayContaining([expect.stringMatching("created")]));
});

test("two imports at the same moment wait for each other and give no number twice", async () => {
  const outcomes = (await Promise.all([0, 1, 2].map((part) => save(importer, Array.from({ length: 50 }, (_, index) => input(500_000 + part * 1_000 + index)))))).flat();
  expect(new Set(outcomes.map((outcome) => (outcome.outcome === "refused" ? "" : outcome.code))).size).toBe(150);
});

test("many are submitted and approved at once; each that cannot be is told why and the others go on", async () => {
  const own = departments[0]!;
  const drafts = await save(cataloguer, Array.from({ length: 200 }, (_, index) => ({ organisationId: own.id, content: newContent({ title: index === 7 ? "成批条目 6" : `成批条目 ${index}`, ...(index === 5 ? { themeCodes: [] } : {}) }) })));
  const ids = drafts.map((outcome) => (outcome.outcome === "refused" ? "" : outcome.entryId));
  const submitted = await t.catalog.entries.submitMany(cataloguer, [...ids, "entry_none"]);
  const refused = submitted.flatMap((outcome, index) => (outcome.done ? [] : [[index, outcome.refusal.kind, outcome.refusal.code]]));
  expect(refused).toEqual([[5, "Input", "entry.invalid"], [7, "Conflict", "entry.title-taken"], [200, "NotFound", "entry.not-found"]]);

  expect((await t.catalog.entries.approveMany(cataloguer, ids)).every((outcome) => !outcome.done)).toBe(true);
  const approver = t.actor(own, "approver");
  const approved = await t.catalog.entries.approveMany(approver, ids);
  expect(approved.filter((outcome) => outcome.done)).toHaveLength(198);
  const reviewer = t.actor(t.cityDataOffice, "city-reviewer");
  const published = await t.catalog.entries.approveMany(reviewer, ids);
  expect(published.filter((outcome) => outcome.done && outcome.state === "published")).toHaveLength(198);
  expect(await count(`catalog.entry_version where published_by = '${reviewer.id}'`)).toBe(198);
  await expect(t.catalog.entries.approveMany(reviewer, Array.from({ length: 501 }, () => ids[0]!))).rejects.toMatchObject({ code: "entry.too-many" });
});
