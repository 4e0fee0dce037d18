import { graphql, subscribe, parse, type ExecutionResult, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSchemaBuilder, systemActor, type Actor } from "#platform";
import { createSharingFixture, type SharingFixture } from "../sharing/testing/sharing-fixture.ts";
import { addCatalogTypes } from "../catalog.ts";

let city: SharingFixture;
let schema: GraphQLSchema;
beforeAll(async () => {
  city = await createSharingFixture();
  await city.kernel.notifier.start();
  const builder = createSchemaBuilder();
  addCatalogTypes(builder, city.catalog);
  schema = builder.toSchema();
});
afterAll(async () => {
  await city.kernel.notifier.stop();
  await city.drop();
});

type Answer = Record<string, Record<string, unknown> & { data?: Record<string, unknown> }>;

async function run(actor: Actor, source: string, variableValues: Record<string, unknown> = {}): Promise<Answer> {
  const result = await graphql({ schema, source, variableValues, contextValue: { actor, correlationId: "test" } });
  if (result.errors) throw result.errors[0]!.originalError ?? result.errors[0]!;
  return JSON.parse(JSON.stringify(result.data)) as Answer;
}

const refusal = "... on Refusal { kind code message zh nextStep issues { path zh } }";
const mutation = (call: string, selection: string, success: string) => `mutation ($id: ID!) { result: ${call} { __typename ... on ${success} { data { ${selection} } } ${refusal} } }`;

test("one conditional request through the interface, from draft to disposal, as its people see it", async () => {
  const { clerk, head, provider, auditor, providerNode, city: authority } = city.people;
  const entryId = await city.entry();
  const draft = await run(clerk, `mutation ($input: SharingRequestInput!) { result: createRequest(input: $input) { __typename ... on MutationCreateRequestSuccess { data { id number state waitingFor } } ${refusal} } }`, { input: { entryId, purpose: "失业待遇资格核验" } });
  expect(draft["result"]!.data).toMatchObject({ number: "GX2026000001", state: "DRAFT", waitingFor: ["REQUESTER"] });
  const id = draft["result"]!.data!["id"] as string;

  const early = await run(clerk, mutation("submitRequest(id: $id)", "state", "MutationSubmitRequestSuccess"), { id });
  expect(early["result"]).toMatchObject({ __typename: "Refusal", kind: "Input", code: "request.incomplete", nextStep: "Put everything named right, then submit again." });
  expect((early["result"]!["issues"] as { zh: string }[]).map((issue) => issue.zh)).toEqual(["使用依据为必填", "使用场景为必填", "使用范围(信息项)为必填", "共享方式为必填", "频率为必填", "使用时限为必填"]);

  await run(clerk, `mutation ($id: ID!, $input: SharingRequestInput!) { changeRequest(id: $id, input: $input) { __typename } }`, {
    id,
    input: { entryId, legalBasis: "《失业保险条例》第十五条", purpose: "失业待遇资格核验", scene: "每月比对", fields: ["name", "died_on"], rowCondition: { field: "region_code", op: "starts-with", value: "3301" }, masks: [{ field: "name", rule: "NAME" }], deliveryMode: "FEED", frequency: "DAILY", validUntil: "2027-11-30" },
  });
  await run(clerk, mutation("submitRequest(id: $id)", "state", "MutationSubmitRequestSuccess"), { id });
  const own = await run(clerk, mutation("approveRequestInternally(id: $id)", "state", "MutationApproveRequestInternallySuccess"), { id });
  expect(own["result"]).toMatchObject({ __typename: "Refusal", kind: "NotAllowed" });
  await run(head, mutation("approveRequestInternally(id: $id)", "state", "MutationApproveRequestInternallySuccess"), { id });

  const tasks = await run(provider, `{ myTasks { kind parties availableActions request { number entryTitle consumer { name } provider { name } } deadline { kind dueOn workingDays explanation { article zh en } } } }`);
  expect(tasks["myTasks"]).toMatchInlineSnapshot(`
    [
      {
        "availableActions": [
          "FLAG_FOR_REVIEW_BODY",
          "GIVE_OPINION",
          "RETURN_FOR_MATERIAL",
          "ASK_EXTENSION",
        ],
        "deadline": {
          "dueOn": "2026-12-07",
          "explanation": {
            "article": "政务数据共享条例第二十一条",
            "en": "政务数据共享条例第二十一条: Conditional sharing: the provider replies within 10 working days of receiving the request. Monday 2026-11-23 itself is not counted; counted from 2026-11-24, working day 10 is Monday 2026-12-07. Not counted: 4 weekend days.",
            "zh": "政务数据共享条例第二十一条：有条件共享类：提供方自收到申请之日起10个工作日内答复。2026-11-23(星期一)当日不计入，自次日2026-11-24起算，第10个工作日为2026-12-07(星期一)。其间扣除周末4天。",
          },
          "kind": "REPLY",
          "workingDays": 10,
        },
        "kind": "request",
        "parties": [
          "PROVIDER",
        ],
        "request": {
          "consumer": {
            "name": "杭州市人力资源和社会保障局",
          },
          "entryTitle": "死亡登记信息 1",
          "number": "GX2026000001",
          "provider": {
            "name": "杭州市民政局",
          },
        },
      },
    ]
  `);

  const detail = await run(provider, `query ($id: ID!) { request(id: $id) { request { state waitingFor legalBasis purpose scene deliveryMode frequency validUntil } scopeItems { name key personal sensitivity mask } rowConditionZh rowConditionEn reviewNotes { code zh } timeline { action toState byRule department { name } } availableActions } }`, { id });
  expect(detail["request"]).toMatchInlineSnapshot(`
    {
      "availableActions": [
        "FLAG_FOR_REVIEW_BODY",
        "GIVE_OPINION",
        "RETURN_FOR_MATERIAL",
        "ASK_EXTENSION",
      ],
      "request": {
        "deliveryMode": "FEED",
        "frequency": "DAILY",
        "legalBasis": "《失业保险条例》第十五条",
        "purpose": "失业待遇资格核验",
        "scene": "每月比对",
        "state": "UNDER_REVIEW",
        "validUntil": "2027-11-30",
        "waitingFor": [
          "PROVIDER",
        ],
      },
      "reviewNotes": [
        {
          "code": "note.sensitive-in-clear",
          "zh": "公民身份号码为 L3 级，申请未脱敏",
        },
      ],
      "rowConditionEn": "区划 starts with "3301"",
      "rowConditionZh": "区划以"3301"开头",
      "scopeItems": [
        {
          "key": true,
          "mask": null,
          "name": "公民身份号码",
          "personal": true,
          "sensitivity": "L3",
        },
        {
          "key": false,
          "mask": "NAME",
          "name": "姓名",
          "personal": true,
          "sensitivity": "L3",
        },
        {
          "key": false,
          "mask": null,
          "name": "死亡日期",
          "personal": false,
          "sensitivity": null,
        },
      ],
      "timeline": [
        {
          "action": "SUBMIT",
          "byRule": false,
          "department": {
            "name": "杭州市人力资源和社会保障局",
          },
          "toState": "SUBMITTED",
        },
        {
          "action": "APPROVE_INTERNALLY",
          "byRule": false,
          "department": {
            "name": "杭州市人力资源和社会保障局",
          },
          "toState": "INTERNAL_APPROVED",
        },
        {
          "action": "BEGIN_REVIEW",
          "byRule": true,
          "department": null,
          "toState": "UNDER_REVIEW",
        },
      ],
    }
  `);
  const agreed = await run(provider, mutation(`reviewRequest(id: $id, verdict: AGREE, reason: "依据充分")`, "state decision { outcome reason grantId }", "MutationReviewRequestSuccess"), { id });
  expect(agreed["result"]!.data).toMatchObject({ state: "AGREED", decision: { outcome: "AGREED", reason: "依据充分" } });
  const grantId = (agreed["result"]!.data!["decision"] as { grantId: string }).grantId;
  await run(providerNode, mutation("confirmProvision(id: $id)", "state", "MutationConfirmProvisionSuccess"), { id });

  const revoked = await run(authority, mutation(`revokeGrant(id: $id, reason: "超出约定用途")`, "state version", "MutationRevokeGrantSuccess"), { id: grantId });
  expect(revoked["result"]!.data).toEqual({ state: "REVOKING", version: 2 });
  for (const party of ["gateway", "provider", "subscriber"] as const) await city.catalog.sharing.grants.confirmStopped(systemActor("exchange"), grantId, party);
  const grant = await run(auditor, `query ($id: ID!) { grant(id: $id) { grant { state fields revocationReason revokedAt } versions { version change reason } stops { party } usage(fromDay: "2026-11-01", untilDay: "2026-12-31") { records { kind } metering { rows } } } }`, { id: grantId });
  expect(grant["grant"]).toMatchInlineSnapshot(`
    {
      "grant": {
        "fields": [
          "citizen_number",
          "name",
          "died_on",
        ],
        "revocationReason": "超出约定用途",
        "revokedAt": "2026-11-23T01:00:00.000Z",
        "state": "REVOKED",
      },
      "stops": [
        {
          "party": "GATEWAY",
        },
        {
          "party": "PROVIDER",
        },
        {
          "party": "SUBSCRIBER",
        },
      ],
      "usage": {
        "metering": [],
        "records": [],
      },
      "versions": [
        {
          "change": "issue",
          "reason": null,
          "version": 1,
        },
        {
          "change": "revoke",
          "reason": "超出约定用途",
          "version": 2,
        },
        {
          "change": "all-stopped",
          "reason": null,
          "version": 3,
        },
      ],
    }
  `);
  const disposal = await run(clerk, mutation(`recordDisposal(grantId: $id, scene: "失业待遇核验", process: "删除并清空备份")`, "kind keepUntil", "MutationRecordDisposalSuccess"), { id: grantId });
  expect(disposal["result"]!.data).toMatchObject({ kind: "disposal" });
  const end = await run(clerk, `query ($id: ID!) { request(id: $id) { request { state waitingFor } timeline { action byRule reason } deadlines { kind state dueOn closedOn } } }`, { id });
  expect(end["request"]).toMatchInlineSnapshot(`
    {
      "deadlines": [
        {
          "closedOn": "2026-11-23",
          "dueOn": "2026-12-07",
          "kind": "REPLY",
          "state": "MET",
        },
        {
          "closedOn": "2026-11-23",
          "dueOn": "2026-12-21",
          "kind": "PROVISION",
          "state": "MET",
        },
      ],
      "request": {
        "state": "DISPOSED",
        "waitingFor": [],
      },
      "timeline": [
        {
          "action": "SUBMIT",
          "byRule": false,
          "reason": null,
        },
        {
          "action": "APPROVE_INTERNALLY",
          "byRule": false,
          "reason": null,
        },
        {
          "action": "BEGIN_REVIEW",
          "byRule": true,
          "reason": null,
        },
        {
          "action": "GIVE_OPINION",
          "byRule": false,
          "reason": "依据充分",
        },
        {
          "action": "AGREE",
          "byRule": true,
          "reason": "依据充分",
        },
        {
          "action": "CONFIRM_PROVISION",
          "byRule": false,
          "reason": null,
        },
        {
          "action": "END",
          "byRule": true,
          "reason": null,
        },
        {
          "action": "DISPOSE",
          "byRule": false,
          "reason": null,
        },
      ],
    }
  `);
});

test("connections page by stable cursors and show nobody more than the detail does", async () => {
  for (let n = 0; n < 3; n += 1) await city.sentRequest(await city.entry());
  const pages: string[] = [];
  for (let after: string | null = null; ; ) {
    const answer = await run(city.people.provider, `query ($after: String) { requests(first: 2, after: $after, filter: { states: [UNDER_REVIEW] }) { nodes { id } pageInfo { hasNextPage endCursor } } }`, { after });
    const { nodes, pageInfo } = answer["requests"] as unknown as { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    pages.push(...nodes.map((node) => node.id));
    if (!pageInfo.hasNextPage) break;
    after = pageInfo.endCursor;
  }
  expect(new Set(pages).size).toBe(3);
  expect((await run(city.people.stranger, "{ requests { nodes { id } } grants { nodes { id } } corrections { nodes { id } } disputes { nodes { id } } }"))).toEqual({ requests: { nodes: [] }, grants: { nodes: [] }, corrections: { nodes: [] }, disputes: { nodes: [] } });
  await expect(run(city.people.stranger, "query ($id: ID!) { request(id: $id) { request { id } } }", { id: pages[0]! })).rejects.toMatchObject({ kind: "NotFound" });
});

test("requests and grants are nodes, found by id by those who may see them, with their entry where it may be seen", async () => {
  const entryId = await city.entry();
  const id = await city.sentRequest(entryId);
  const { decision } = await city.catalog.sharing.reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });
  const source = `query ($request: ID!, $grant: ID!) { request: node(id: $request) { id ... on SharingRequest { state entry { id } consumer { id } } } grant: node(id: $grant) { id ... on Grant { state entry { id } } } }`;
  const ids = { request: id, grant: decision!.grantId! };
  expect(await run(city.people.clerk, source, ids)).toEqual({ request: { id, state: "AGREED", entry: { id: entryId }, consumer: { id: city.consumer.id } }, grant: { id: ids.grant, state: "ACTIVE", entry: { id: entryId } } });
  await city.changeEntry(entryId, {}, "withdrawn");
  expect((await run(city.people.clerk, source, ids))["grant"]).toEqual({ id: ids.grant, state: "ACTIVE", entry: null });
  await expect(run(city.people.stranger, source, ids)).rejects.toMatchObject({ kind: "NotFound" });
});

test("a malformed row condition is refused with its place, in a draft and in a narrowing", async () => {
  const entryId = await city.entry();
  const answer = await run(city.people.clerk, `mutation ($input: SharingRequestInput!) { result: createRequest(input: $input) { __typename ${refusal} } }`, { input: { entryId, rowCondition: { every: 1 } } });
  expect(answer["result"]).toMatchObject({ __typename: "Refusal", code: "request.malformed" });
  const id = await city.sentRequest(entryId);
  const review = await run(city.people.provider, `mutation ($id: ID!, $narrowing: ScopeNarrowingInput) { result: reviewRequest(id: $id, verdict: AGREE, narrowing: $narrowing) { __typename ${refusal} } }`, { id, narrowing: { addedCondition: { field: "name" } } });
  expect(review["result"]).toMatchObject({ __typename: "Refusal", code: "grant.narrowing" });
  expect((review["result"]!["issues"] as { path: string }[])[0]!.path).toMatch(/^\/addedCondition/);
});

test("a subscription follows a request from its submission on", async () => {
  const stream = (await subscribe({ schema, document: parse("subscription { requestProgress { position kind request { state } payload } }"), contextValue: { actor: city.people.clerk, correlationId: "test" } })) as AsyncIterableIterator<ExecutionResult>;
  const first = stream.next();
  await city.sentRequest(await city.entry());
  expect(JSON.parse(JSON.stringify((await first).value.data))).toMatchObject({ requestProgress: { kind: "request.submitted", payload: { action: "submit" } } });
  await stream.return!();
});
