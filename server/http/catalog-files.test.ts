import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Organisation } from "#catalog";
import { createSilentLog, systemActor } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { centerMigrations, cityMigrations, startCenter, type RunningCenter } from "../compose/center.ts";
import { withCatalogDesk } from "../commands/catalog-desk.ts";

let databases: TestDatabase[];
let center: RunningCenter;
let civil: Organisation;
let token: string;
let analystToken: string;
const password = "Xq7-Laterne-Vogel";
const folder = mkdtempSync(join(tmpdir(), "zhengtong-files-"));

beforeAll(async () => {
  databases = [await createTestDatabase(centerMigrations), await createTestDatabase(cityMigrations)];
  center = await startCenter({ databaseUrl: databases[0]!.url, cityDatabaseUrl: databases[1]!.url, log: createSilentLog(), host: "127.0.0.1", port: 0, continuous: false });
  const { organisations, users, authentication } = center.catalog;
  const system = systemActor("test");
  await organisations.create(system, { name: "杭州市数据资源管理局", kind: "city-data-office", regionCode: "330100" });
  civil = await organisations.create(system, { name: "杭州市民政局", kind: "department", regionCode: "330100" });
  await users.create(system, { username: "wang.bianmu", displayName: "编目员", organisationId: civil.id, roles: ["cataloguer"], password });
  await users.create(system, { username: "li.fenxi", displayName: "分析员", organisationId: civil.id, roles: ["analyst"], password });
  const logIn = async (username: string) => (await authentication.login({ id: "anonymous", kind: "anonymous", roles: [] }, { username, password })).token;
  token = await logIn("wang.bianmu");
  analystToken = await logIn("li.fenxi");
}, 60_000);
afterAll(async () => {
  await center?.stop();
  for (const database of databases ?? []) await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const table = "信息资源名称,信息资源提供方,信息资源格式类型,共享类型,更新周期\r\n低保对象,杭州市民政局,xlsx,无条件共享,每月\r\n坏的一行,杭州市民政局,xlsx,无条件共享,某天\r\n";
const as = (bearer: string) => ({ authorization: `Bearer ${bearer}` });
function form(fields: Record<string, string | File>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}
const upload = (fields: Record<string, string | File>, headers: Record<string, string>) => fetch(`${center.url}/catalog/imports`, { method: "POST", headers, body: form(fields) });
const file = (text = table, name = "民政目录.csv") => new File([text], name);
const graphql = async (query: string, variables: object, bearer = token) => (await (await fetch(`${center.url}/graphql`, { method: "POST", headers: { ...as(bearer), "content-type": "application/json" }, body: JSON.stringify({ query, variables }) })).json()) as { data: Record<string, never>; errors?: unknown[] };

interface JobAnswer {
  job: { id: string; fileName: string; imported: boolean; counts: Record<string, number> };
}

test("a file is uploaded, imported, and its report downloaded and asked for by GraphQL", async () => {
  const dry = (await (await upload({ file: file(), dryRun: "true" }, as(token))).json()) as JobAnswer;
  expect(dry.job).toMatchObject({ fileName: "民政目录.csv", imported: false, counts: { created: 1, rejected: 1 } });
  const answer = await upload({ file: file() }, as(token));
  expect(answer.status).toBe(200);
  const { job } = (await answer.json()) as JobAnswer;
  expect(job).toMatchObject({ imported: true, counts: { created: 1, rejected: 1 } });

  const csv = await fetch(`${center.url}/catalog/imports/${job.id}/report`, { headers: as(token) });
  expect(csv.headers.get("content-type")).toContain("text/csv");
  const lines = (await csv.text()).trim().split("\r\n");
  expect(lines).toHaveLength(1 + lines.filter((each) => each.startsWith("民政目录.csv,")).length);
  expect(lines.some((each) => each.includes("未通过") && each.includes("更新周期") && each.includes("某天"))).toBe(true);
  expect(((await (await fetch(`${center.url}/catalog/imports/${job.id}/report?format=json`, { headers: as(token) })).json()) as { rows: unknown[] }).rows).toHaveLength(2);

  const { data, errors } = await graphql("query Report($id: ID!) { importJob(id: $id) { text(language: ZH) counts { created rejected } rows(first: 1, outcome: REJECTED) { pageInfo { hasNextPage } edges { node { row outcome issues { column severity zh nextStep { zh } } } } } } importJobs(first: 5) { edges { node { id } } } }", { id: job.id });
  expect(errors).toBeUndefined();
  expect(data).toMatchObject({ importJob: { counts: { created: 1, rejected: 1 }, rows: { pageInfo: { hasNextPage: false }, edges: [{ node: { row: 3, outcome: "REJECTED" } }] } } });
  expect(JSON.stringify(data)).toContain("改填说明中列出的可填值");
});

test("the export holds what the caller sees, and imports again as unchanged", async () => {
  for (const format of ["csv", "json", "xlsx"]) {
    const answer = await fetch(`${center.url}/catalog/export?format=${format}`, { headers: as(token) });
    expect(answer.headers.get("content-disposition")).toMatch(new RegExp(`catalog-\\d{4}-\\d{2}-\\d{2}\\.${format}`));
    const exported = new File([await answer.arrayBuffer()], `export.${format}`);
    expect(((await (await upload({ file: exported }, as(token))).json()) as JobAnswer).job.counts).toEqual({ created: 0, updated: 0, unchanged: 1, skipped: 0, rejected: 0 });
  }
  // Drafts are not for those who may not see the work, nor for anybody without a log-in.
  for (const headers of [as(analystToken), {} as Record<string, string>]) expect(((await (await fetch(`${center.url}/catalog/export?format=json`, { headers })).json()) as { entries: unknown[] }).entries).toEqual([]);
});

test("who may not import is refused before the file is read, and every wrong call says what is wrong", async () => {
  const refusal = async (answer: Response) => [answer.status, ((await answer.json()) as { error: { kind: string; zh: string } }).error.kind];
  expect(await refusal(await upload({ file: file() }, {}))).toEqual([403, "NotAllowed"]);
  expect(await refusal(await upload({ file: file() }, as(analystToken)))).toEqual([403, "NotAllowed"]);
  expect(await refusal(await upload({ file: file() }, as("nobody")))).toEqual([401, "Authentication"]);
  expect(await refusal(await upload({ dryRun: "true" }, as(token)))).toEqual([400, "Input"]);
  expect(await refusal(await upload({ file: file(), dryRun: "perhaps" }, as(token)))).toEqual([400, "Input"]);
  expect(await refusal(await upload({ file: file(), surprise: "1" }, as(token)))).toEqual([400, "Input"]);
  expect(await refusal(await upload({ file: file("甲,乙\n1,2\n") }, as(token)))).toEqual([400, "Input"]);
  expect(await refusal(await fetch(`${center.url}/catalog/export?format=pdf`, { headers: as(token) }))).toEqual([400, "Input"]);
  expect(await refusal(await fetch(`${center.url}/catalog/export?states=hidden`, { headers: as(token) }))).toEqual([400, "Input"]);
  expect(await refusal(await fetch(`${center.url}/catalog/imports/import_nobody/report`, { headers: as(token) }))).toEqual([404, "NotFound"]);
  const { job } = (await (await upload({ file: file(), dryRun: "true" }, as(token))).json()) as JobAnswer;
  expect(await refusal(await fetch(`${center.url}/catalog/imports/${job.id}/report`, { headers: as(analystToken) }))).toEqual([404, "NotFound"]);
});

test("a vocabulary of one's own and defaults go with the file", async () => {
  const foreign = file("目录名,哪个局,能看吗\n养老机构,杭州市民政局,无条件开放\n", "foreign.csv");
  const mapping = new File(["name: own\nportal: true\nfields: { title: 目录名, provider: 哪个局, openness: 能看吗 }\ndefaults: { updateCycle: 不定期 }\n"], "own.yaml");
  const { job } = (await (await upload({ file: foreign, mapping, default: "formats=xlsx" }, as(token))).json()) as JobAnswer;
  expect(job.counts).toMatchObject({ created: 1, rejected: 0 });
});

test("a small file goes through GraphQL as well", async () => {
  const content = Buffer.from(table.replace("低保对象", "经由接口")).toString("base64");
  const mutation = "mutation Import($input: ImportEntriesInput!) { importEntries(input: $input) { ... on MutationImportEntriesSuccess { data { imported counts { created } } } ... on Refusal { kind message } } }";
  expect((await graphql(mutation, { input: { fileName: "small.csv", content } })).data).toMatchObject({ importEntries: { data: { imported: true, counts: { created: 1 } } } });
  expect((await graphql(mutation, { input: { fileName: "small.csv", content } }, analystToken)).data).toMatchObject({ importEntries: { kind: "NotAllowed" } });
  expect((await graphql(mutation, { input: { fileName: "small.csv", content: "not base64!" } })).data).toMatchObject({ importEntries: { kind: "Input" } });
});

test("the command works through a centre's address with somebody's rights", async () => {
  process.env.ZHENGTONG_PASSWORD = password;
  const said = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    const { runImport } = await import("../commands/import.ts");
    const { runExport } = await import("../commands/export.ts");
    const path = join(folder, "命令.csv");
    writeFileSync(path, table.replace("低保对象", "经由命令"));
    const report = join(folder, "报告.csv");
    const remote = { center: center.url, user: "wang.bianmu" };
    await runImport([path], { ...remote, report, json: true });
    expect(readFileSync(report, "utf8")).toContain("经由命令");
    expect(JSON.parse(String(said.mock.calls.at(-1)![0]))).toMatchObject([{ imported: true, counts: { created: 1, rejected: 1 } }]);
    await runExport({ ...remote, out: join(folder, "导出.xlsx") });
    const again = await withCatalogDesk(remote, (desk) => desk.run({ file: { name: "导出.xlsx", bytes: readFileSync(join(folder, "导出.xlsx")) } }));
    expect(again.counts).toMatchObject({ created: 0, updated: 0, rejected: 0 });
    await expect(withCatalogDesk({ ...remote, user: "nobody" }, async () => undefined)).rejects.toMatchObject({ kind: "Authentication" });
    await expect(withCatalogDesk({ center: "http://example.com" }, async () => undefined)).rejects.toMatchObject({ kind: "Input" });
    await expect(withCatalogDesk({ ...remote, user: "li.fenxi" }, (desk) => desk.run({ file: { name: "x.csv", bytes: Buffer.from(table) } }))).rejects.toMatchObject({ kind: "NotAllowed" });
  } finally {
    said.mockRestore();
    delete process.env.ZHENGTONG_PASSWORD;
  }
});
