import { graphql, parse, printSchema, subscribe, type ExecutionResult, type GraphQLSchema } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSchemaBuilder, type Actor } from "#platform";
import { createCheckHarness, officer, secondOfficer, strangeOfficer, type CheckHarness } from "../testing/check-harness.ts";
import { numberOf, sampleClaim, sampleContribution } from "../testing/sample-claims.ts";
import { addCoordinationAppsTypes } from "./add-types.ts";

let city: CheckHarness;
let schema: GraphQLSchema;
beforeAll(async () => {
  city = await createCheckHarness();
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", Array.from({ length: 5 }, (_, index) => sampleClaim(index + 1)));
  await city.feeds.apply("contributions", Array.from({ length: 5 }, (_, index) => sampleContribution(index + 1)));
  await city.feeds.apply("pensions", [{ citizen_number: numberOf(1), name: "张壹", started_on: "2026-05-01" }]);
  await city.kernel.notifier.start();
  const builder = createSchemaBuilder();
  addCoordinationAppsTypes(builder, city.apps);
  schema = builder.toSchema();
});
afterAll(async () => {
  await city.kernel.notifier.stop();
  await city.end();
});

type Answer = Record<string, Record<string, unknown>>;

async function run(actor: Actor, source: string, variableValues: Record<string, unknown> = {}): Promise<Answer> {
  const result = await graphql({ schema, source, variableValues, contextValue: { actor, correlationId: "test" } });
  if (result.errors) throw result.errors[0]!.originalError ?? result.errors[0]!;
  return JSON.parse(JSON.stringify(result.data)) as Answer;
}

const refusal = "... on Refusal { kind code message zh nextStep }";

test("an officer runs the month, pages through the cases and opens one", async () => {
  const ran = await run(officer, `mutation { runCheck(definition: "unemployment-benefit", month: "202606") { ... on MutationRunCheckSuccess { data { compared claimsWithHits hitsFound casesOpened } } ${refusal} } }`);
  expect(ran["runCheck"]).toEqual({ data: { compared: 5, claimsWithHits: 5, hitsFound: 6, casesOpened: 5 } });
  const page = `query ($after: String, $before: String, $first: Int, $last: Int) { checkCases(filter: { states: [OPENED] }, first: $first, last: $last, after: $after, before: $before) { totalCount edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const first = (await run(officer, page, { first: 2 }))["checkCases"] as { pageInfo: { endCursor: string } };
  expect(first).toMatchObject({ totalCount: 5, edges: [{ node: { number: "失协〔2026〕000001号" } }, { node: { number: "失协〔2026〕000002号" } }], pageInfo: { hasNextPage: true, hasPreviousPage: false } });
  expect((await run(officer, page, { first: 10, after: first.pageInfo.endCursor }))["checkCases"]).toMatchObject({ edges: [{}, {}, {}], pageInfo: { hasNextPage: false, hasPreviousPage: true } });
  expect((await run(officer, page, { last: 2 }))["checkCases"]).toMatchObject({ edges: [{ node: { number: "失协〔2026〕000004号" } }, { node: { number: "失协〔2026〕000005号" } }], pageInfo: { hasPreviousPage: true } });
  await expect(run(officer, page, { first: 1_000 })).rejects.toMatchObject({ code: "case.page-size" });
  const seen = await run(strangeOfficer, page, { first: 2 });
  expect(seen["checkCases"]).toMatchObject({ totalCount: 0, edges: [] });
});

test("a case shows its evidence with source and legal basis, its timeline and what may be done", async () => {
  const [found] = await city.apps.cases.list(officer, {}, { limit: 1 });
  const answer = await run(
    officer,
    `query ($id: ID!) { checkCase(id: $id) {
      case { number state stateTitle { zh } waitingFor subjectName amountAtStake remainingMonths verifyDeadline { date explanation { zh } } }
      evidence { ruleTitle { zh } severity department { zh } sourceTitle { zh } legalBasis { law article } circumstanceOn nameMatches fields { title { zh } value } }
      timeline { number title { zh } toState actorId } availableActions } }`,
    { id: found!.id },
  );
  expect(answer["checkCase"]).toMatchInlineSnapshot(`
    {
      "availableActions": [
        "NOTIFY",
        "DISMISS",
      ],
      "case": {
        "amountAtStake": "13200.00",
        "number": "失协〔2026〕000001号",
        "remainingMonths": 8,
        "state": "OPENED",
        "stateTitle": {
          "zh": "已立案",
        },
        "subjectName": "张1",
        "verifyDeadline": {
          "date": "2026-07-13",
          "explanation": {
            "zh": "核实期限：自 2026-06-15 次日起计 20 个工作日，跳过休息日 8 天，截止 2026-07-13。",
          },
        },
        "waitingFor": "CASE_OFFICER",
      },
      "evidence": [
        {
          "circumstanceOn": "2026-04-01",
          "department": {
            "zh": "市社会保险管理局",
          },
          "fields": [
            {
              "title": {
                "zh": "记录编号",
              },
              "value": "SB0001",
            },
            {
              "title": {
                "zh": "公民身份号码",
              },
              "value": "330102199001010001",
            },
            {
              "title": {
                "zh": "姓名",
              },
              "value": "张1",
            },
            {
              "title": {
                "zh": "缴费月份",
              },
              "value": "202604",
            },
            {
              "title": {
                "zh": "用人单位代码",
              },
              "value": "91330100MA28X12345",
            },
            {
              "title": {
                "zh": "用人单位名称",
              },
              "value": "杭州某某有限公司",
            },
            {
              "title": {
                "zh": "缴费基数",
              },
              "value": "5000",
            },
            {
              "title": {
                "zh": "缴费日期",
              },
              "value": "2026-04-15",
            },
          ],
          "legalBasis": {
            "article": "第五十一条第（一）项",
            "law": "中华人民共和国社会保险法",
          },
          "nameMatches": true,
          "ruleTitle": {
            "zh": "重新就业（单位缴纳社会保险费）",
          },
          "severity": "GROUND",
          "sourceTitle": {
            "zh": "社会保险缴费信息",
          },
        },
        {
          "circumstanceOn": "2026-05-01",
          "department": {
            "zh": "市社会保险管理局",
          },
          "fields": [
            {
              "title": {
                "zh": "公民身份号码",
              },
              "value": "330102199001010001",
            },
            {
              "title": {
                "zh": "姓名",
              },
              "value": "张壹",
            },
            {
              "title": {
                "zh": "待遇起始日期",
              },
              "value": "2026-05-01",
            },
            {
              "title": {
                "zh": "待遇停止日期",
              },
              "value": null,
            },
          ],
          "legalBasis": {
            "article": "第五十一条第（四）项",
            "law": "中华人民共和国社会保险法",
          },
          "nameMatches": false,
          "ruleTitle": {
            "zh": "享受基本养老保险待遇",
          },
          "severity": "GROUND",
          "sourceTitle": {
            "zh": "基本养老金发放信息",
          },
        },
      ],
      "timeline": [
        {
          "actorId": "user_officer",
          "number": 1,
          "title": {
            "zh": "立案",
          },
          "toState": "OPENED",
        },
      ],
    }
  `);
  await expect(run(strangeOfficer, `query ($id: ID!) { checkCase(id: $id) { case { number } } }`, { id: found!.id })).rejects.toMatchObject({ kind: "NotFound" });
});

test("refusals are part of the answer, and a page of cases answers for each", async () => {
  const [first, second] = await city.apps.cases.list(officer, {}, { limit: 2 });
  const early = await run(officer, `mutation ($id: ID!) { confirmCheckCase(input: { caseId: $id, reason: "属实" }) { __typename ${refusal} } }`, { id: first!.id });
  expect(early["confirmCheckCase"]).toMatchObject({ __typename: "Refusal", kind: "Conflict", code: "case.confirm.state", zh: "办件 失协〔2026〕000001号 当前为“已立案”，不能执行“确认”" });
  await run(officer, `mutation ($inputs: [NotifyCheckCaseInput!]!) { notifyCheckCases(inputs: $inputs) { ... on MutationNotifyCheckCasesSuccess { data { done { number } } } } }`, { inputs: [{ caseId: first!.id, channel: "电话" }] });
  const many = await run(officer, `mutation ($inputs: [ConfirmCheckCaseInput!]!) { confirmCheckCases(inputs: $inputs) { ... on MutationConfirmCheckCasesSuccess { data { done { number state outcomeTitle { zh } } refused { caseId kind code } } } } }`, { inputs: [first!, second!].map(({ id }) => ({ caseId: id, reason: "属实", hearing: "ACCEPTED" })) });
  expect(many["confirmCheckCases"]).toEqual({ data: { done: [{ number: "失协〔2026〕000001号", state: "CONFIRMED", outcomeTitle: { zh: "重新就业" } }], refused: [{ caseId: second!.id, kind: "Conflict", code: "case.confirm.state" }] } });
});

test("changes of cases are followed from a position, by those who may see them only", async () => {
  const [, , third] = await city.apps.cases.list(officer, {}, { limit: 3 });
  const follow = async (actor: Actor) => (await subscribe({ schema, document: parse(`subscription { caseChanged(after: 0) { position kind case { number } } }`), contextValue: { actor, correlationId: "test" } })) as AsyncIterableIterator<ExecutionResult>;
  const own = await follow(officer);
  const kinds: string[] = [];
  const next = async () => ((await own.next()).value as ExecutionResult).data!["caseChanged"] as { kind: string; case: { number: string } };
  for (let index = 0; index < 7; index += 1) kinds.push((await next()).kind);
  expect(kinds).toEqual([...Array<string>(5).fill("case.opened"), "case.notified", "case.confirmed"]);
  const waiting = next();
  await city.apps.cases.notify(secondOfficer, { caseId: third!.id, channel: "挂号信" });
  expect(await waiting).toMatchObject({ kind: "case.notified", case: { number: third!.number } });
  await own.return!();
  const strange = await follow(strangeOfficer);
  const silent = strange.next();
  await strange.return!();
  expect(await silent).toMatchObject({ done: true });
});

test("the month's report comes as figures and as text for print", async () => {
  const answer = await run(officer, `{ checkReport(definition: "unemployment-benefit", month: "202606") { compared hits cases { cases confirmed pending moneyKept } rules { ruleId ran hits } feeds { role attached comparedSequence } zh: text en: text(language: EN) } }`);
  expect(answer["checkReport"]).toMatchObject({ compared: 5, hits: 6, cases: { cases: 5, confirmed: 1, pending: 4, moneyKept: "13200.00" } });
  expect(answer["checkReport"]!["zh"]).toContain("节约资金（元）");
  expect(answer["checkReport"]!["en"]).toContain("Money kept (yuan)");
});

test("the schema offers nothing that stops a benefit", () => {
  const mutations = Object.keys(schema.getMutationType()!.getFields());
  expect(mutations).toMatchInlineSnapshot(`
    [
      "closeCheckCase",
      "confirmCheckCase",
      "confirmCheckCases",
      "decideCheckCaseAppeal",
      "dismissCheckCase",
      "dismissCheckCases",
      "notifyCheckCase",
      "notifyCheckCases",
      "recordCheckCaseAppeal",
      "recordCheckCaseObjection",
      "runCheck",
    ]
  `);
  expect(printSchema(schema)).not.toMatch(/stopBenefit|suspendBenefit/i);
});
