import { afterAll, beforeAll, expect, test } from "vitest";
import { ConflictError, NotAllowedError, NotFoundError, type Actor } from "#platform";
import type { Organisation } from "../model/types.ts";
import { newContent } from "../testing/new-content.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import { parseMapping } from "./mapping/custom.ts";
import type { ImportOptions } from "./import-service.ts";
import type { ImportJob, ImportRowReport } from "./report.ts";

let t: TestCatalog;
let civil: Organisation;
let statistics: Organisation;
let cataloguer: Actor;
let reviewer: Actor;
let administrator: Actor;

beforeAll(async () => {
  t = await createTestCatalog();
  civil = await t.department("杭州市民政局");
  statistics = await t.department("杭州市统计局");
  cataloguer = t.actor(civil, "cataloguer");
  reviewer = t.actor(t.cityDataOffice, "city-reviewer");
  administrator = t.actor(t.cityDataOffice, "administrator");
});
afterAll(() => t?.drop());

const header = "信息资源名称,信息资源提供方,信息资源摘要,信息资源格式分类,信息资源格式类型,共享类型,共享条件,更新周期,主题分类";
const line = (title: string, { provider = "杭州市民政局", cycle = "每月", type = "无条件共享", abstract = "说明" } = {}) => `${title},${provider},${abstract},电子表格,xlsx,${type},,${cycle},民政`;
const csv = (...lines: string[]): ImportOptions["file"] => ({ name: "目录.csv", bytes: Buffer.from([header, ...lines].join("\r\n")) });
const run = (actor: Actor, file: ImportOptions["file"], more: Partial<ImportOptions> = {}) => t.catalog.imports.run(actor, { file, ...more });
async function rowsOf(job: ImportJob, actor: Actor = reviewer): Promise<ImportRowReport[]> {
  const rows: ImportRowReport[] = [];
  for await (const row of t.catalog.imports.allRows(actor, job.id)) rows.push(row);
  return rows;
}
const entryCount = async () => (await t.db.database.read((reader) => reader.query<{ count: number }>("select count(*) as count from catalog.entry"))).rows[0]!.count;
const head = () => t.db.database.read((reader) => t.kernel.eventLog.head(reader));
const codesOf = (row: ImportRowReport | undefined) => row?.issues.map((issue) => issue.code) ?? [];

test("acceptable rows become drafts with codes of their own, the others say which cell is wrong and why", async () => {
  const job = await run(cataloguer, csv(line("低保对象"), line("社会组织", { cycle: "隔三差五" }), line("婚姻登记", { type: "看情况" }), line("", {})));
  expect(job).toMatchObject({ imported: true, dryRun: false, mapping: "guide-2017", counts: { created: 1, updated: 0, unchanged: 0, skipped: 0, rejected: 3 }, createdBy: cataloguer.id, organisationId: civil.id });
  const rows = await rowsOf(job, cataloguer);
  expect(rows.map(({ row, outcome }) => [row, outcome])).toEqual([[2, "created"], [3, "rejected"], [4, "rejected"], [5, "rejected"]]);
  expect(rows[0]!.entryCode).toMatch(/^307\d{3}\/\d{5}$/);
  expect(rows[1]!.issues).toContainEqual(expect.objectContaining({ severity: "error", column: "更新周期", path: "/updateCycle", code: "value.unknown", value: "隔三差五" }));
  expect(rows[2]!.issues).toContainEqual(expect.objectContaining({ severity: "error", column: "共享类型", path: "/sharingType" }));
  expect(rows[3]!.issues).toContainEqual(expect.objectContaining({ severity: "error", column: "信息资源名称", path: "/title", code: "value.missing" }));
  for (const row of rows) for (const issue of row.issues) expect([issue.message, issue.zh].every((text) => text.length > 0)).toBe(true);
  const entry = await t.catalog.entries.get(cataloguer, rows[0]!.entryId!);
  expect(entry).toMatchObject({ state: "draft", content: { title: "低保对象", updateCycle: "monthly", sharingType: "unconditional", format: { class: "spreadsheet", types: ["xlsx"] } } });
});

test("a second import changes what differs, leaves the rest, and makes nothing twice", async () => {
  await run(cataloguer, csv(line("救助站"), line("福利机构")));
  const job = await run(cataloguer, csv(line("救助站"), line("福利机构", { cycle: "每年" }), line("福利机构名册")));
  expect(job.counts).toEqual({ created: 1, updated: 1, unchanged: 1, skipped: 0, rejected: 0 });
});

test("the same row twice is skipped once; the same title with other content is refused", async () => {
  const job = await run(cataloguer, csv(line("殡葬服务"), line("殡葬服务"), line("公墓", { cycle: "每年" }), line("公墓", { cycle: "每日" })));
  expect(job.counts).toEqual({ created: 2, updated: 0, unchanged: 0, skipped: 1, rejected: 1 });
  const rows = await rowsOf(job);
  expect(codesOf(rows[1])).toContain("duplicate.same");
  expect(codesOf(rows[3])).toContain("duplicate.key");
});

test("a dry run says what would be done and writes nothing but its report", async () => {
  const before = [await entryCount(), await head()];
  const job = await run(administrator, csv(line("试运行"), line("外局条目", { provider: "杭州市没有的局" })), { dryRun: true, createOrganisations: true });
  expect(job).toMatchObject({ dryRun: true, imported: false, counts: { created: 2, rejected: 0 } });
  expect([await entryCount(), await head()]).toEqual(before);
  expect(await t.catalog.organisations.find(administrator, "杭州市没有的局")).toBeUndefined();
  for (const row of await rowsOf(job, administrator)) expect([row.entryId, row.entryCode]).toEqual([undefined, undefined]);
  // What a dry run tells is what the run then does.
  expect((await run(administrator, csv(line("试运行"), line("外局条目", { provider: "杭州市没有的局" })), { createOrganisations: true })).counts).toEqual(job.counts);
});

test("strict: one rejected row and nothing is imported", async () => {
  const before = await entryCount();
  const job = await run(cataloguer, csv(line("严格一"), line("严格二", { cycle: "不知道" })), { strict: true });
  expect(job).toMatchObject({ imported: false, counts: { created: 0, skipped: 1, rejected: 1 } });
  expect(await entryCount()).toBe(before);
  expect(codesOf((await rowsOf(job))[0])).toContain("strict.withheld");
});

test("a failure on the way leaves neither drafts nor a report", async () => {
  const before = [await entryCount(), await head(), (await t.catalog.imports.list(reviewer, { first: 200 })).rows.length];
  const failing = { ...t.kernel.audit, record: () => Promise.reject(new Error("the disk is gone")) };
  const { createImportService } = await import("./import-service.ts");
  const { createEntryDrafts } = await import("../entries/entry-drafts.ts");
  const imports = createImportService({ kernel: { ...t.kernel, audit: failing }, area: { provinceCode: "33", areaLetter: "A" }, drafts: createEntryDrafts({ kernel: t.kernel }) });
  await expect(imports.run(cataloguer, { file: csv(line("半途一"), line("半途二")) })).rejects.toThrow("the disk is gone");
  expect([await entryCount(), await head(), (await t.catalog.imports.list(reviewer, { first: 200 })).rows.length]).toEqual(before);
});

test("two imports of one file at the same time make its entries once", async () => {
  const file = csv(...Array.from({ length: 40 }, (_, index) => line(`同时导入${index}`)));
  const jobs = await Promise.all([run(cataloguer, file), run(cataloguer, file), run(reviewer, file)]);
  expect(jobs.map((job) => job.counts.created).sort()).toEqual([0, 0, 40]);
  expect(jobs.map((job) => job.counts.unchanged).sort()).toEqual([0, 40, 40]);
});

test("a cataloguer imports for the own department only, the city for all, nobody else at all", async () => {
  const file = csv(line("统计年鉴", { provider: "杭州市统计局" }), line("民政年鉴"));
  const job = await run(cataloguer, file);
  expect(job.counts).toMatchObject({ created: 1, rejected: 1 });
  expect(codesOf((await rowsOf(job))[0])).toContain("organisation.not-allowed");
  expect((await run(reviewer, file)).counts).toMatchObject({ created: 1, unchanged: 1, rejected: 0 });
  expect((await run(administrator, file)).counts).toMatchObject({ unchanged: 2 });
  for (const role of ["approver", "analyst", "auditor", "case-officer"] as const) await expect(run(t.actor(civil, role), file)).rejects.toBeInstanceOf(NotAllowedError);
  expect((await run(t.actor(civil, "administrator"), file)).counts).toMatchObject({ rejected: 2 });
  await expect(run(cataloguer, file, { organisation: "杭州市统计局" })).rejects.toBeInstanceOf(NotAllowedError);
  await expect(run(cataloguer, file, { createOrganisations: true })).rejects.toThrow();
  await expect(run(reviewer, file, { organisation: "没有这个局" })).rejects.toBeInstanceOf(NotFoundError);
});

test("all rows can be given to one organisation, by whatever it is called", async () => {
  const job = await run(reviewer, csv(line("归口条目甲", { provider: "随便写的" }), line("归口条目乙", { provider: "杭州市民政局" })), { organisation: "杭州市统计局" });
  expect(job.counts).toMatchObject({ created: 2 });
  const rows = await rowsOf(job);
  expect(rows.map((row) => row.organisationId)).toEqual([statistics.id, statistics.id]);
  expect(codesOf(rows[1])).toContain("organisation.overridden");
  await t.catalog.organisations.change(administrator, (await t.department("杭州市旧局")).id, { active: false });
  await expect(run(reviewer, csv(line("甲")), { organisation: "杭州市旧局" })).rejects.toBeInstanceOf(ConflictError);
});

test("an unknown provider keeps its rows out and the nearest one is suggested", async () => {
  const job = await run(reviewer, csv(line("户籍", { provider: "杭州市民政厅" })));
  expect(job.counts.rejected).toBe(1);
  expect(job.summary.organisations.unknown).toEqual([{ name: "杭州市民政厅", rows: 1, suggestion: "杭州市民政局" }]);
  expect(job.summary.suggestions.length).toBeGreaterThan(0);
});

test("what is no longer a draft is left alone when it says the same, and refused when it differs", async () => {
  const draft = await t.catalog.entries.createDraft(cataloguer, civil.id, newContent({ title: "低收入家庭认定" }));
  await t.catalog.entries.submit(cataloguer, draft.id);
  const file = (abstract: string) => ({ name: "own.json", bytes: Buffer.from(JSON.stringify({ entries: [{ id: draft.id, code: draft.code, resourceId: draft.resourceId, organisation: civil.name, content: { ...draft.content, abstract } }] })) });
  expect((await run(cataloguer, file(draft.content.abstract))).counts).toMatchObject({ unchanged: 1 });
  const job = await run(cataloguer, file("另一段摘要,说明不一样了。"));
  expect(job.counts).toMatchObject({ rejected: 1 });
  expect(codesOf((await rowsOf(job))[0])).toEqual(["entry.not-draft"]);
});

test("an export holds withdrawn entries beside their successors, and imports as unchanged", async () => {
  const draft = (await run(cataloguer, csv(line("将注销的条目")))).id;
  const [row] = await rowsOf(await t.catalog.imports.get(reviewer, draft));
  await t.catalog.entries.discard(cataloguer, row!.entryId!, "不再编制");
  await run(cataloguer, csv(line("将注销的条目", { cycle: "每日" })));
  for (const format of ["csv", "json", "xlsx"] as const) {
    const parts: Uint8Array[] = [];
    for await (const chunk of (await t.catalog.exports.run(reviewer, { format, organisation: civil.name })).chunks) parts.push(chunk);
    const job = await run(cataloguer, { name: `export.${format}`, bytes: Buffer.concat(parts) });
    expect(job.counts, format).toEqual({ created: 0, updated: 0, unchanged: job.counts.unchanged, skipped: 0, rejected: 0 });
    expect(job.counts.unchanged).toBeGreaterThanOrEqual(2);
  }
});

test("whoever may not see an entry does not learn from an import that it is there", async () => {
  const portal = (provider: string) => ({ name: "p.json", bytes: Buffer.from(JSON.stringify([{ 标题: "内部名单", 提供方: provider, 开放条件: "不予开放", 更新周期: "每月", 数据格式: "xlsx", 详情页网址: "https://data.example.cn/d?id=1" }])) });
  const mapping = parseMapping("name: example\nportal: true\nfields: { title: 标题, provider: 提供方, openness: 开放条件, updateCycle: 更新周期, formats: 数据格式, sourceReference: 详情页网址 }\nkey: { parameter: id }", "m.yaml");
  expect((await run(reviewer, portal("杭州市统计局"), { mapping })).counts).toMatchObject({ created: 1 });
  const own = await run(cataloguer, portal("杭州市民政局"), { mapping });
  expect(JSON.stringify(await rowsOf(own))).not.toContain("统计局");
  expect(own.counts).toMatchObject({ created: 1 });
  const moved = await run(reviewer, portal("杭州市数据资源管理局"), { mapping });
  expect(codesOf((await rowsOf(moved))[0])).toContain("organisation.moved");
});

test("a report is seen by whoever ran it, by the department and by the city, and by nobody else", async () => {
  const job = await run(cataloguer, csv(line("谁能看报告")));
  const may = [cataloguer, t.actor(civil, "approver"), reviewer, t.actor(t.cityDataOffice, "auditor")];
  const mayNot = [t.actor(statistics, "cataloguer"), t.actor(statistics, "administrator"), t.actor(civil, "analyst"), t.actor(statistics, "approver")];
  for (const actor of may) {
    expect((await t.catalog.imports.get(actor, job.id)).id).toBe(job.id);
    expect((await t.catalog.imports.list(actor, { first: 200 })).rows.some((one) => one.id === job.id)).toBe(true);
  }
  for (const actor of mayNot) {
    await expect(t.catalog.imports.get(actor, job.id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(t.catalog.imports.rows(actor, job.id, {}, { first: 10 })).rejects.toBeInstanceOf(NotFoundError);
    const list = await t.catalog.imports.list(actor, { first: 200 }).catch(() => ({ rows: [] as ImportJob[] }));
    expect(list.rows.some((one) => one.id === job.id)).toBe(false);
  }
});

test("the report is read page by page, also by outcome", async () => {
  const job = await run(cataloguer, csv(...Array.from({ length: 7 }, (_, index) => line(`分页${index}`, { cycle: index % 2 === 0 ? "每月" : "乱写" }))));
  const first = await t.catalog.imports.rows(cataloguer, job.id, {}, { first: 3 });
  expect(first).toMatchObject({ hasNextPage: true, rows: [{ position: 1 }, { position: 2 }, { position: 3 }] });
  const second = await t.catalog.imports.rows(cataloguer, job.id, {}, { first: 10, after: first.cursors.at(-1)! });
  expect(second.rows.map((row) => row.position)).toEqual([4, 5, 6, 7]);
  expect((await t.catalog.imports.rows(cataloguer, job.id, { outcome: "rejected" }, { first: 10 })).rows.map((row) => row.position)).toEqual([2, 4, 6]);
});

test("every import is in the audit log, with the file's digest and no row of it", async () => {
  const job = await run(cataloguer, csv(line("审计可查")));
  const { rows } = await t.catalog.audit.list(t.actor(t.cityDataOffice, "auditor"), { action: "import.run", objectId: job.id }, { first: 5 });
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ actorId: cataloguer.id, detail: { digest: job.fileDigest, created: 1 } });
  expect(JSON.stringify(rows[0]!.detail)).not.toContain("审计可查");
});

test("a file that is no table, an unknown vocabulary and an empty file say what to do", async () => {
  await expect(run(cataloguer, { name: "a.pdf", bytes: Buffer.from("%PDF-1.7") })).rejects.toMatchObject({ code: "file.kind", nextStep: expect.stringContaining("XLSX") });
  await expect(run(cataloguer, { name: "a.csv", bytes: Buffer.from("甲,乙\n1,2\n") })).rejects.toMatchObject({ code: "mapping.not-recognised", zh: expect.stringContaining("甲、乙") });
  await expect(run(cataloguer, { name: "a.csv", bytes: Buffer.alloc(0) })).rejects.toMatchObject({ code: "file.empty" });
  await expect(run(cataloguer, csv(line("甲")), { mapping: "nobody" })).rejects.toMatchObject({ code: "mapping.unknown" });
});
