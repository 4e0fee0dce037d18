import { graphql, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousActor, createSchemaBuilder, type Actor } from "#platform";
import type { Organisation } from "../model/types.ts";
import { newContent } from "../testing/new-content.ts";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import { addCatalogCoreTypes } from "./core-types.ts";

let t: TestCatalog;
let schema: GraphQLSchema;
let labour: Organisation;
let police: Organisation;
let cataloguer: Actor;
let approver: Actor;
let reviewer: Actor;
let organisationLoads = 0;

beforeAll(async () => {
  t = await createTestCatalog();
  labour = await t.department("杭州市劳动和社会保障局");
  police = await t.department("杭州市公安局");
  [cataloguer, approver, reviewer] = [t.actor(labour, "cataloguer"), t.actor(labour, "approver"), t.actor(t.cityDataOffice, "city-reviewer")];
  const builder = createSchemaBuilder();
  builder.subscriptionFields((s) => ({ nothing: s.boolean({ subscribe: async function* () {}, resolve: () => true }) }));
  const { organisations } = t.catalog;
  addCatalogCoreTypes(builder, { ...t.catalog, organisations: { ...organisations, getMany: (actor, ids) => ((organisationLoads += 1), organisations.getMany(actor, ids)) } });
  schema = builder.toSchema();
});
afterAll(() => t?.drop());

async function run(actor: Actor, source: string, variables: Record<string, unknown> = {}) {
  const result = await graphql({ schema, source, variableValues: variables, contextValue: { actor, correlationId: "test" } });
  // Ids and instants differ from run to run.
  return JSON.parse(JSON.stringify({ data: result.data, ...(result.errors ? { errors: result.errors.map((error) => error.message) } : {}) }, (_key, value: unknown) => (typeof value === "string" ? value.replace(/^(\w[\w-]*)_[0-9a-z]{24}$/, "$1_…").replace(/^\d{4}-\d\d-\d\dT.*Z$/, "<instant>") : value))) as { data: Record<string, never>; errors?: string[] };
}

const entryFields = "id code resourceId state waitingFor version title organisation { name prefix } sharingType open items { name field type key sensitivity }";

describe("entries", () => {
  let id: string;
  const mutate = async (actor: Actor, field: string, more = "") => run(actor, `mutation ($id: ID!) { ${field}(id: $id${more}) { __typename ... on Mutation${field[0]!.toUpperCase()}${field.slice(1)}Success { data { state waitingFor version } } ... on Refusal { kind code message zh nextStep issues { path message } } } }`, { id });

  test("a cataloguer creates a draft from JSON and gets it as an entry", async () => {
    const result = await run(cataloguer, `mutation ($organisation: ID!, $content: JSON!) { createEntry(organisationId: $organisation, content: $content) { ... on MutationCreateEntrySuccess { data { ${entryFields} } } } }`, { organisation: labour.id, content: newContent({ items: newContent().items!.slice(0, 2), open: true, openCondition: "依申请" }) });
    expect(result).toMatchInlineSnapshot(`
      {
        "data": {
          "createEntry": {
            "data": {
              "code": "203002/00001",
              "id": "entry_…",
              "items": [
                {
                  "field": "claim_number",
                  "key": true,
                  "name": "申领编号",
                  "sensitivity": null,
                  "type": "C",
                },
                {
                  "field": "citizen_number",
                  "key": false,
                  "name": "公民身份号码",
                  "sensitivity": "L3",
                  "type": "C",
                },
              ],
              "open": true,
              "organisation": {
                "name": "杭州市劳动和社会保障局",
                "prefix": "33A002",
              },
              "resourceId": "33A002/00000001",
              "sharingType": "CONDITIONAL",
              "state": "DRAFT",
              "title": "失业保险金申领发放信息",
              "version": "0.1",
              "waitingFor": null,
            },
          },
        },
      }
    `);
    id = (await t.catalog.entries.list(cataloguer, {}, { first: 1 })).rows[0]!.id;
  });

  test("a refusal is part of the answer, with every place and the next step", async () => {
    const result = await run(cataloguer, `mutation ($organisation: ID!, $content: JSON!) { createEntry(organisationId: $organisation, content: $content) { ... on Refusal { kind code message zh nextStep issues { path code message zh } } } }`, { organisation: labour.id, content: { ...newContent(), updateCycle: "sometimes" } });
    expect(result).toMatchInlineSnapshot(`
      {
        "data": {
          "createEntry": {
            "code": "entry.invalid",
            "issues": [
              {
                "code": "enum",
                "message": "must be one of realtime, daily, weekly, monthly, quarterly, half-yearly, yearly, irregular, static",
                "path": "/updateCycle",
                "zh": "更新周期只能是 realtime、daily、weekly、monthly、quarterly、half-yearly、yearly、irregular、static 之一",
              },
            ],
            "kind": "Input",
            "message": "The entry has 1 problem: /updateCycle must be one of realtime, daily, weekly, monthly, quarterly, half-yearly, yearly, irregular, static",
            "nextStep": "Put right what \`issues\` names and try again.",
            "zh": "目录条目有 1 处问题:/updateCycle 更新周期只能是 realtime、daily、weekly、monthly、quarterly、half-yearly、yearly、irregular、static 之一",
          },
        },
      }
    `);
  });

  test("goes through both reviews, and nobody approves alone", async () => {
    expect((await mutate(cataloguer, "submitEntry")).data).toMatchObject({ submitEntry: { data: { state: "DEPARTMENT_REVIEW", waitingFor: "APPROVER" } } });
    expect((await mutate({ ...approver, id: cataloguer.id }, "approveEntry")).data).toMatchObject({ approveEntry: { __typename: "Refusal", code: "entry.self-approval" } });
    expect((await mutate(approver, "approveEntry")).data).toMatchObject({ approveEntry: { data: { state: "CITY_REVIEW", waitingFor: "CITY_REVIEWER" } } });
    expect(await mutate(reviewer, "returnEntry", `, reasons: [{ path: "/abstract", text: "说明统计口径" }]`)).toMatchObject({ data: { returnEntry: { data: { state: "DRAFT", waitingFor: "CATALOGUER" } } } });
    for (const [actor, field] of [[cataloguer, "submitEntry"], [approver, "approveEntry"], [reviewer, "approveEntry"]] as const) await mutate(actor, field);
    expect(await run(cataloguer, "query ($id: ID!) { entry(id: $id) { state version history { action toState reason issues { path message } } issues { path } versions { version kind } checklist { score items { path done zh } } } }", { id })).toMatchInlineSnapshot(`
      {
        "data": {
          "entry": {
            "checklist": {
              "items": [
                {
                  "done": true,
                  "path": "/abstract",
                  "zh": "用 20 字以上说明资源内容和来源",
                },
                {
                  "done": true,
                  "path": "/keywords",
                  "zh": "填写 3 个便于检索的关键字",
                },
                {
                  "done": true,
                  "path": "/themeCodes",
                  "zh": "选择主题分类",
                },
                {
                  "done": true,
                  "path": "/guideCategory",
                  "zh": "选择信息资源分类(类、项)",
                },
                {
                  "done": true,
                  "path": "/contact",
                  "zh": "填写联系方式",
                },
                {
                  "done": false,
                  "path": "/internalDepartment",
                  "zh": "填写内部部门",
                },
                {
                  "done": true,
                  "path": "/format/types",
                  "zh": "填写格式类型",
                },
                {
                  "done": true,
                  "path": "/sharingMethod",
                  "zh": "选择共享方式",
                },
                {
                  "done": true,
                  "path": "/useConditions",
                  "zh": "填写使用条件",
                },
                {
                  "done": true,
                  "path": "/sharingCondition",
                  "zh": "填写共享条件或不予共享依据",
                },
                {
                  "done": false,
                  "path": "/releasedOn",
                  "zh": "填写发布日期",
                },
                {
                  "done": true,
                  "path": "/items",
                  "zh": "列出信息项",
                },
                {
                  "done": true,
                  "path": "/items",
                  "zh": "标出主键信息项",
                },
                {
                  "done": true,
                  "path": "/items",
                  "zh": "为字符型、数值型信息项填写长度",
                },
                {
                  "done": false,
                  "path": "/items",
                  "zh": "为每个信息项填写说明或绑定数据元",
                },
                {
                  "done": false,
                  "path": "/items",
                  "zh": "为每个信息项标注敏感级别",
                },
                {
                  "done": false,
                  "path": "/items",
                  "zh": "标明每个信息项是否为个人信息",
                },
                {
                  "done": true,
                  "path": "/secrecyRiskAssessed",
                  "zh": "完成泄密风险评估",
                },
                {
                  "done": true,
                  "path": "/personalInformationAssessed",
                  "zh": "完成个人信息保护影响评估",
                },
              ],
              "score": 84,
            },
            "history": [
              {
                "action": "create",
                "issues": [],
                "reason": null,
                "toState": "DRAFT",
              },
              {
                "action": "submit",
                "issues": [],
                "reason": null,
                "toState": "DEPARTMENT_REVIEW",
              },
              {
                "action": "approve",
                "issues": [],
                "reason": null,
                "toState": "CITY_REVIEW",
              },
              {
                "action": "return",
                "issues": [
                  {
                    "message": "说明统计口径",
                    "path": "/abstract",
                  },
                ],
                "reason": null,
                "toState": "DRAFT",
              },
              {
                "action": "submit",
                "issues": [],
                "reason": null,
                "toState": "DEPARTMENT_REVIEW",
              },
              {
                "action": "approve",
                "issues": [],
                "reason": null,
                "toState": "CITY_REVIEW",
              },
              {
                "action": "publish",
                "issues": [],
                "reason": null,
                "toState": "PUBLISHED",
              },
            ],
            "issues": [],
            "state": "PUBLISHED",
            "version": "1.0",
            "versions": [
              {
                "kind": "FIRST",
                "version": "1.0",
              },
            ],
          },
        },
      }
    `);
  });

  test("a node is found by its own id, a stranger's draft by none", async () => {
    expect(await run(anonymousActor, "query ($id: ID!) { node(id: $id) { __typename ... on Entry { title } } entry(id: $id) { state } }", { id })).toEqual({ data: { node: { __typename: "Entry", title: "失业保险金申领发放信息" }, entry: { state: "PUBLISHED" } } });
    const hidden = await t.catalog.entries.createDraft(cataloguer, labour.id, newContent({ title: "不公开的草稿" }));
    const seen = await run(t.actor(police, "analyst"), "query ($id: ID!, $code: String!) { byCode: entry(code: $code) { title } entry(id: $id) { title } node(id: $id) { id } }", { id: hidden.id, code: hidden.code });
    expect(seen.data).toEqual({ byCode: null, entry: null, node: null });
  });

  test("what only the department's people may read is withheld field by field", async () => {
    const result = await run(t.actor(police, "analyst"), "query ($id: ID!) { entry(id: $id) { title history { action } changes { id } } }", { id });
    expect(result).toMatchObject({ data: { entry: { title: "失业保险金申领发放信息", history: null, changes: [] } }, errors: [expect.stringContaining("may not see-work")] });
  });

  test("a held change shows its diff in the words of the form", async () => {
    const content = { ...(await t.catalog.entries.get(cataloguer, id)).content, contact: "0571-96345", items: newContent().items!.slice(0, 1) };
    const result = await run(cataloguer, `mutation ($id: ID!, $content: JSON!) { openEntryChange(entryId: $id, content: $content, reason: "不再提供号码") { ... on MutationOpenEntryChangeSuccess { data { state baseVersion entry { version } diff { kind reasons { path zh } members { path label kind before after } items { field kind } } } } } }`, { id, content });
    expect(result.data).toMatchInlineSnapshot(`
      {
        "openEntryChange": {
          "data": {
            "baseVersion": "1.0",
            "diff": {
              "items": [
                {
                  "field": "citizen_number",
                  "kind": "REMOVED",
                },
              ],
              "kind": "MAJOR",
              "members": [
                {
                  "after": "0571-96345",
                  "before": "0571-85000000",
                  "kind": "CHANGED",
                  "label": "联系方式",
                  "path": "/contact",
                },
              ],
              "reasons": [
                {
                  "path": "/items/citizen_number",
                  "zh": "删除信息项“公民身份号码(citizen_number)”",
                },
              ],
            },
            "entry": {
              "version": "1.0",
            },
            "state": "DRAFT",
          },
        },
      }
    `);
  });

  test("a list is a connection whose departments are loaded in one call", async () => {
    for (let index = 0; index < 4; index += 1) {
      const own = index % 2 ? labour : police;
      await t.catalog.entries.createDraft(t.actor(own, "cataloguer"), own.id, newContent({ title: `列表条目 ${index}` }));
      t.clock.advance(1_000);
    }
    organisationLoads = 0;
    const page = await run(reviewer, `{ entries(first: 3, filter: { title: "列表" }) { pageInfo { hasNextPage endCursor } nodes { title organisation { name } } } }`);
    expect(organisationLoads).toBe(1);
    const connection = (page.data as never as { entries: { pageInfo: { endCursor: string }; nodes: unknown[] } }).entries;
    expect(connection.nodes).toEqual([3, 2, 1].map((index) => ({ title: `列表条目 ${index}`, organisation: { name: index % 2 ? labour.name : police.name } })));
    const next = await run(reviewer, `query ($after: String!) { entries(first: 3, after: $after, filter: { title: "列表" }) { pageInfo { hasNextPage } nodes { title } } }`, { after: connection.pageInfo.endCursor });
    expect(next.data).toEqual({ entries: { pageInfo: { hasNextPage: false }, nodes: [{ title: "列表条目 0" }] } });
  });

  test("many are submitted at once and each answers for itself", async () => {
    const ids = (await t.catalog.entries.list(cataloguer, { title: "列表", organisationId: labour.id }, { first: 10 })).rows.map((entry) => entry.id);
    const result = await run(cataloguer, "mutation ($ids: [ID!]!) { submitEntries(ids: $ids) { ... on MutationSubmitEntriesSuccess { data { done state refusal { kind code } } } } }", { ids: [...ids, "entry_none"] });
    expect(result.data).toEqual({ submitEntries: { data: [{ done: true, state: "DEPARTMENT_REVIEW", refusal: null }, { done: true, state: "DEPARTMENT_REVIEW", refusal: null }, { done: false, state: null, refusal: { kind: "NotFound", code: "entry.not-found" } }] } });
  });
});

describe("accounts", () => {
  const password = "four grey herons 42";

  test("somebody logs in, sees who they are, and logs out", async () => {
    const administrator = t.actor(t.cityDataOffice, "administrator");
    const created = await run(administrator, `mutation ($input: NewUserInput!) { createUser(input: $input) { ... on MutationCreateUserSuccess { data { id username roles organisation { name } } } ... on Refusal { message } } }`, { input: { username: "wang.wei", displayName: "王伟", organisationId: labour.id, roles: ["CATALOGUER"], password } });
    expect(created.data).toEqual({ createUser: { data: { id: "user_…", username: "wang.wei", roles: ["CATALOGUER"], organisation: { name: "杭州市劳动和社会保障局" } } } });
    const login = await run({ ...anonymousActor, sourceAddress: "10.0.0.9" }, `mutation ($password: String!) { login(username: "wang.wei", password: $password) { ... on MutationLoginSuccess { data { token user { displayName } } } ... on Refusal { kind zh } } }`, { password });
    const { token } = (login.data as never as { login: { data: { token: string } } }).login.data;
    const actor = await t.catalog.authentication.authenticate({ sessionToken: token });
    expect((await run(actor, "{ me { kind name roles organisation { name } sessions { sourceAddress current } } }")).data).toEqual({ me: { kind: "user", name: "王伟", roles: ["CATALOGUER"], organisation: { name: "杭州市劳动和社会保障局" }, sessions: [{ sourceAddress: "10.0.0.9", current: true }] } });
    expect((await run(actor, "mutation { logout { ... on MutationLogoutSuccess { data } } }")).data).toEqual({ logout: { data: true } });
    await expect(t.catalog.authentication.authenticate({ sessionToken: token })).rejects.toMatchObject({ kind: "Authentication" });
  });

  test("a wrong password and a weak one are told in both languages", async () => {
    expect((await run(anonymousActor, `mutation { login(username: "wang.wei", password: "wrong") { ... on Refusal { kind code zh } } }`)).data).toEqual({ login: { kind: "Authentication", code: "login.refused", zh: "用户名或密码不正确" } });
    const weak = await run(t.actor(t.cityDataOffice, "administrator"), `mutation ($input: NewUserInput!) { createUser(input: $input) { ... on Refusal { code issues { path zh } } } }`, { input: { username: "zhao", displayName: "赵", organisationId: labour.id, roles: [], password: "Admin@123" } });
    expect(weak.data).toMatchInlineSnapshot(`
      {
        "createUser": {
          "code": "password.weak",
          "issues": [
            {
              "path": "/password",
              "zh": "密码至少需要 10 个字符",
            },
            {
              "path": "/password",
              "zh": "密码属于常见弱密码或其变形",
            },
          ],
        },
      }
    `);
  });

  test("an application's token is shown once", async () => {
    const administrator = t.actor(labour, "administrator");
    const { id: applicationId } = await t.catalog.applications.create(administrator, { name: "协查应用", organisationId: labour.id });
    const result = await run(administrator, `mutation ($id: ID!, $expiresAt: DateTime!) { createApiToken(applicationId: $id, label: "生产", expiresAt: $expiresAt) { ... on MutationCreateApiTokenSuccess { data { token record { label lastUsedAt } } } } }`, { id: applicationId, expiresAt: "2026-12-01T00:00:00Z" });
    expect((result.data as never as { createApiToken: { data: { token: string } } }).createApiToken.data.token).toMatch(/^zt_/);
    expect((await run(administrator, "query ($id: ID!) { application(id: $id) { name tokens { label revokedAt } } }", { id: applicationId })).data).toEqual({ application: { name: "协查应用", tokens: [{ label: "生产", revokedAt: null }] } });
  });
});

test("data elements are proposed, suggested and shown with their one source", async () => {
  const proposed = await run(cataloguer, `mutation ($input: DataElementInput!) { proposeDataElement(input: $input) { ... on MutationProposeDataElementSuccess { data { identifier name status version authority { name } } } ... on Refusal { issues { path zh } } } }`, { input: { name: "公民身份号码", objectClass: "公民", property: "身份", representation: "号码", type: "C", length: 18, format: "CITIZEN_NUMBER", synonyms: ["身份证号"], authority: "杭州市公安局" } });
  expect(proposed.data).toEqual({ proposeDataElement: { data: { identifier: "DE00001", name: "公民身份号码", status: "DRAFT", version: "0.1", authority: { name: "杭州市公安局" } } } });
  const suggested = await run(anonymousActor, `{ suggestDataElements(items: [{ name: "身份证号", type: C }, { name: "降雨量" }]) { name suggestions { score reason element { identifier } } } dataElements(first: 5) { nodes { name } } sharedItems(first: 5) { nodes { key } } }`);
  expect(suggested.data).toEqual({ suggestDataElements: [{ name: "身份证号", suggestions: [{ score: 0.9, reason: "synonym", element: { identifier: "DE00001" } }] }, { name: "降雨量", suggestions: [] }], dataElements: { nodes: [{ name: "公民身份号码" }] }, sharedItems: { nodes: [] } });
});

test("what a mutation changed says in the audit log through which field it came, from where and in which call", async () => {
  await run({ ...cataloguer, sourceAddress: "10.3.3.3", correlationId: "call-7" }, `mutation ($organisation: ID!, $content: JSON!) { createEntry(organisationId: $organisation, content: $content) { __typename } }`, { organisation: labour.id, content: newContent({ title: "审计条目" }) });
  const [record] = (await t.catalog.audit.list(t.actor(t.cityDataOffice, "auditor"), {}, { first: 1 })).rows;
  expect(record).toMatchObject({ action: "entry.create", actorId: cataloguer.id, operation: "graphql createEntry", sourceAddress: "10.3.3.3", correlationId: "call-7" });
});

test("the audit log is for auditors: the city's see all, a department's its own, others nothing", async () => {
  const query = "{ auditRecords(first: 100) { nodes { action organisationId } } }";
  const actions = async (actor: Actor) => ((await run(actor, query)).data as never as { auditRecords: { nodes: { action: string; organisationId: string }[] } } | null)?.auditRecords.nodes;
  const all = await actions(t.actor(t.cityDataOffice, "auditor"));
  const own = await actions(t.actor(police, "auditor"));
  expect(all!.length).toBeGreaterThan(own!.length);
  expect(own!.length).toBeGreaterThan(0);
  expect(own!.every((record) => record.organisationId === own![0]!.organisationId)).toBe(true);
  expect(await actions(cataloguer)).toBeUndefined();
  const verified = await run(t.actor(t.cityDataOffice, "auditor"), "{ verifyAudit { intact firstBrokenSequence } }");
  expect(verified.data).toEqual({ verifyAudit: { intact: true, firstBrokenSequence: null } });
});
