import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemActor, type Actor } from "#platform";
import { auditor, createCheckHarness, officer, secondOfficer, strangeOfficer, system, type CheckHarness } from "../testing/check-harness.ts";
import { sampleClaim, sampleContribution } from "../testing/sample-claims.ts";
import { unemploymentCheck } from "../unemployment/definition.ts";
import { caseActions, caseTransitions, type CaseAction, type CaseState } from "./model/case.ts";

let city: CheckHarness;
const definition = unemploymentCheck.name;
beforeAll(async () => {
  city = await createCheckHarness();
  await city.feeds.create();
  await city.attach();
});
afterAll(() => city.end());
beforeEach(async () => {
  await city.feeds.clear();
  await city.forget();
  city.clock.set("2026-06-15T02:00:00Z");
});

const cases = () => city.apps.cases;
const batch = () => city.apps.check.runBatch(system, { definition, month: "202606" });
const rows = async <Row extends object>(sql: string) => (await city.db.database.read((reader) => reader.query<Row & Record<string, unknown>>(sql))).rows as Row[];
const all = () => cases().list(officer, {}, { limit: 200 });

/** Claims 1…n, each with a contribution that hits. */
async function openCases(count: number): Promise<string[]> {
  await city.feeds.apply("claims", Array.from({ length: count }, (_, index) => sampleClaim(index + 1)));
  await city.feeds.apply("contributions", Array.from({ length: count }, (_, index) => sampleContribution(index + 1)));
  await batch();
  return (await all()).map((found) => found.id);
}

test("all hits of a claim are evidence in one case with a number, a deadline and what is at stake", async () => {
  await city.feeds.apply("claims", [sampleClaim(1), sampleClaim(2)]);
  await city.feeds.apply("contributions", [sampleContribution(1), sampleContribution(1, { record_no: "SB9999", pay_month: "202605", name: "李四" })]);
  await city.feeds.apply("self-employed", [{ social_credit_code: "92330100MA2ABCDE1X", name: "小店", operator_name: "张1", operator_number: sampleClaim(1).citizen_number!, registered_on: "2026-05-05", registration_status: "存续" }]);
  expect((await batch()).casesOpened).toBe(1);
  const [found] = await all();
  expect(found).toMatchObject({
    number: "失协〔2026〕000001号",
    state: "opened",
    claimKey: "SY0001",
    organisationId: "org_laodong",
    amountAtStake: "13200.00",
    remainingMonths: 8,
    verifyDeadline: { date: "2026-07-13", explanation: { message: "verification: 20 working days counted from the day after 2026-06-15, 8 days off skipped; due on 2026-07-13." } },
  });
  const detail = await cases().get(officer, found!.id);
  expect(detail.evidence.map((item) => [item.ruleId, item.severity, item.evidenceDate, item.nameMatches, item.organisationId])).toEqual([
    ["reemployment-contribution", "ground", "2026-04-01", true, "org_shebao"],
    ["reemployment-contribution", "ground", "2026-05-01", false, "org_shebao"],
    ["business-self-employed", "clue", "2026-05-05", true, "org_gongshang"],
  ]);
  expect(detail.actions).toEqual(["notify", "dismiss"]);
});

test("evidence that arrives while a case is open joins it; after it is closed it opens another", async () => {
  const [id] = await openCases(1);
  await city.feeds.apply("pensions", [{ citizen_number: sampleClaim(1).citizen_number!, name: "张1", started_on: "2026-05-01" }]);
  await city.apps.check.compareChanges(system, definition);
  expect((await cases().get(officer, id!)).steps.map((step) => step.action)).toEqual(["open", "evidence-added"]);
  await cases().dismiss(officer, { caseId: id!, kind: "no-income", reason: "经核实未就业" });
  await city.feeds.apply("contributions", [sampleContribution(1, { record_no: "SB0777", pay_month: "202606" })]);
  await city.apps.check.compareChanges(system, definition);
  const found = await all();
  expect(found.map((one) => [one.number, one.state])).toEqual([["失协〔2026〕000001号", "dismissed"], ["失协〔2026〕000002号", "opened"]]);
  expect((await cases().get(officer, found[1]!.id)).evidence.map((item) => item.evidence.record_no)).toEqual(["SB0777"]);
  // The evidence of the dismissed case opens nothing again.
  expect((await batch()).casesOpened).toBe(0);
});

test("from notice through objection and confirmation to an appeal decided by another officer, told to the benefit department at each turn", async () => {
  const [id] = await openCases(1);
  const caseId = id!;
  const outcome = () => rows<{ outcome: string }>("select case_number, claim_no, citizen_number, outcome, outcome_kind, legal_basis, circumstance_from, decided_on, monthly_amount, remaining_months, amount_at_stake from apps.unemployment_outcome");
  await expect(cases().confirm(officer, { caseId, reason: "属实" })).rejects.toMatchObject({ kind: "Conflict", code: "case.confirm.state", nextStep: expect.stringContaining("Notify the person first") });
  await cases().notify(officer, { caseId, channel: "电话" });
  await expect(cases().confirm(officer, { caseId, reason: "属实" })).rejects.toMatchObject({ code: "case.objection-period", message: "The person in case 失协〔2026〕000001号 may still object until 2026-06-22" });
  await cases().object(officer, { caseId, statement: "单位补缴" });
  await expect(cases().confirm(officer, { caseId, reason: " " })).rejects.toMatchObject({ kind: "Input", code: "case.text-required" });
  await expect(cases().confirm(officer, { caseId, reason: "属实", kind: "pension" })).rejects.toMatchObject({ code: "case.kind-without-evidence" });
  const confirmed = await cases().confirm(officer, { caseId, reason: "单位证明本人4月起在岗" });
  expect(confirmed).toMatchObject({ state: "confirmed", outcomeKind: "reemployment", decidedBy: officer.id, appealDeadline: { date: "2026-08-14" } });
  expect(await outcome()).toEqual([
    { case_number: "失协〔2026〕000001号", claim_no: "SY0001", citizen_number: "330102199001010001", outcome: "confirmed", outcome_kind: "reemployment", legal_basis: "中华人民共和国社会保险法第五十一条第（一）项", circumstance_from: "2026-04-01", decided_on: "2026-06-15", monthly_amount: "1650.00", remaining_months: 8, amount_at_stake: "13200.00" },
  ]);
  await expect(cases().close(officer, { caseId })).rejects.toMatchObject({ code: "case.appeal-period", nextStep: "Close it from 2026-08-15 on." });
  await cases().appeal(officer, { caseId, statement: "不服" });
  expect((await outcome())[0]!.outcome).toBe("under-appeal");
  await expect(cases().decideAppeal(officer, { caseId, outcome: "maintained", reason: "维持" })).rejects.toMatchObject({ kind: "NotAllowed", code: "case.four-eyes" });
  expect((await cases().get(officer, caseId)).actions).toEqual([]);
  expect((await cases().get(secondOfficer, caseId)).actions).toEqual(["decide-appeal"]);
  await cases().decideAppeal(secondOfficer, { caseId, outcome: "overturned", reason: "补缴属实" });
  expect((await outcome())[0]!.outcome).toBe("overturned");
  await cases().close(secondOfficer, { caseId });
  const { steps } = await cases().get(officer, caseId);
  expect(steps.map((step) => `${step.number} ${step.action} ${step.fromState ?? "-"}>${step.toState} ${step.actorId}`)).toEqual([
    "1 open ->opened system:test",
    "2 notify opened>notified user_officer",
    "3 object notified>objected user_officer",
    "4 confirm objected>confirmed user_officer",
    "5 appeal confirmed>appealed user_officer",
    "6 decide-appeal appealed>decided user_second",
    "7 close decided>closed user_second",
  ]);
  const audited = await rows<{ action: string }>("select action from platform.audit_log where object_type = 'case' order by sequence desc limit 6");
  expect(audited.map((row) => row.action).reverse()).toEqual(["case.notify", "case.object", "case.confirm", "case.appeal", "case.decide-appeal", "case.close"]);
});

test("the period to object over, silence is recorded as such; a person who accepts need not wait for it", async () => {
  const [first, second] = await openCases(2);
  await cases().notifyMany(officer, [{ caseId: first!, channel: "挂号信" }, { caseId: second!, channel: "当面" }]);
  await cases().confirm(officer, { caseId: second!, reason: "本人认可", hearing: "accepted" });
  await expect(cases().confirm(officer, { caseId: first!, reason: "属实", hearing: "heard" })).rejects.toMatchObject({ code: "case.no-objection-recorded" });
  city.clock.set("2026-06-22T15:59:00Z");
  await expect(cases().confirm(officer, { caseId: first!, reason: "属实" })).rejects.toMatchObject({ code: "case.objection-period" });
  city.clock.set("2026-06-22T16:00:00Z");
  await cases().confirm(officer, { caseId: first!, reason: "属实" });
  const hearings = await rows<{ hearing: string }>("select detail ->> 'hearing' as hearing from apps.case_step where action = 'confirm' order by at");
  expect(hearings).toEqual([{ hearing: "accepted" }, { hearing: "no-objection" }]);
  city.clock.set("2026-09-01T02:00:00Z");
  await expect(cases().appeal(officer, { caseId: first!, statement: "不服" })).rejects.toMatchObject({ code: "case.appeal-too-late" });
  expect((await cases().close(officer, { caseId: first! })).state).toBe("closed");
});

test("neither the system nor an application nor another department acts on a case, and nobody can stop a benefit here", async () => {
  const [caseId] = await openCases(1);
  const application: Actor = { id: "application_1", kind: "application", organisationId: "org_laodong", applicationId: "application_1", roles: ["application", "case-officer"] };
  for (const actor of [systemActor("anything"), application]) await expect(cases().dismiss(actor, { caseId: caseId!, kind: "other", reason: "x" })).rejects.toMatchObject({ kind: "NotAllowed", code: "case.person-needed" });
  await expect(cases().notify(strangeOfficer, { caseId: caseId!, channel: "电话" })).rejects.toMatchObject({ kind: "NotFound" });
  await expect(cases().get(strangeOfficer, caseId!)).rejects.toMatchObject({ kind: "NotFound" });
  expect(await cases().list(strangeOfficer, {}, { limit: 10 })).toEqual([]);
  await expect(cases().list(auditor, {}, { limit: 10 })).rejects.toMatchObject({ kind: "NotAllowed" });
  expect(Object.keys(cases()).filter((name) => /stop|suspend|benefit/i.test(name))).toEqual([]);
  expect(caseActions.filter((action) => /stop|suspend/.test(action))).toEqual([]);
});

test("a case whose evidence is withdrawn says so and can no longer be confirmed", async () => {
  const [caseId] = await openCases(1);
  await cases().notify(officer, { caseId: caseId!, channel: "电话" });
  await city.feeds.apply("contributions", [], [sampleContribution(1)]);
  await city.apps.check.compareChanges(system, definition);
  const detail = await cases().get(officer, caseId!);
  expect(detail.case.state).toBe("notified");
  expect(detail.steps.at(-1)).toMatchObject({ action: "evidence-withdrawn", detail: { standing: 0, hits: [{ reason: "evidence-deleted" }] } });
  expect(detail.evidence[0]).toMatchObject({ withdrawnReason: "evidence-deleted", evidence: { record_no: "SB0001" } });
  expect(detail.actions).toEqual(["object", "dismiss"]);
  await expect(cases().confirm(officer, { caseId: caseId!, reason: "属实", hearing: "accepted" })).rejects.toMatchObject({ code: "case.no-standing-evidence" });
  await cases().dismiss(officer, { caseId: caseId!, kind: "evidence-withdrawn", reason: "来源已更正" });
});

test("a page of cases is acted on at once, each done or refused on its own", async () => {
  const ids = await openCases(5);
  await cases().notifyMany(officer, ids.slice(0, 4).map((caseId) => ({ caseId, channel: "电话" })));
  const outcome = await cases().confirmMany(officer, [...ids, "case_none"].map((caseId) => ({ caseId, reason: "属实", hearing: "accepted" as const })));
  expect(outcome.done.map((found) => found.state)).toEqual(["confirmed", "confirmed", "confirmed", "confirmed"]);
  expect(outcome.refused.map((one) => [one.caseId, one.refusal.code]).sort()).toEqual([["case_none", "case.not-found"], [ids[4], "case.confirm.state"]].sort());
  await expect(cases().dismissMany(officer, Array.from({ length: 501 }, (_, index) => ({ caseId: `case_${index}`, kind: "other", reason: "x" })))).rejects.toMatchObject({ code: "case.too-many" });
  await expect(cases().dismissMany(officer, [{ caseId: ids[4]!, kind: "nonsense", reason: "x" }])).resolves.toMatchObject({ refused: [{ refusal: { code: "case.dismissal-kind" } }] });
});

test("a deadline in a year without a holiday notice waits, says so, and is told when the notice comes", async () => {
  city.clock.set("2026-12-20T02:00:00Z");
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await city.apps.check.runBatch(system, { definition, month: "202612" });
  const [found] = await all();
  expect(found!.verifyDeadline).toMatchObject({ pendingYear: 2027, explanation: { zh: expect.stringContaining("2027 年节假日安排通知尚未导入"), message: expect.stringContaining("not before 2027-01-11") } });
  expect(found!.verifyDeadline.date).toBeUndefined();
  expect(await cases().tellPendingDeadlines(system)).toBe(0);
  const { createCaseService } = await import("./services/case-service.ts");
  const informed = createCaseService({ kernel: city.kernel, calendar: { day: (date) => ({ working: ![0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay()) }) }, apps: new Map() });
  expect(await informed.tellPendingDeadlines(system)).toBe(1);
  expect((await all())[0]!.verifyDeadline.date).toBe("2027-01-15");
});

test("pages go forward and backward by number and never skip or repeat a case", async () => {
  await openCases(7);
  const seen: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await cases().list(officer, {}, { limit: 3, ...(after === undefined ? {} : { after }) });
    seen.push(...page.map((found) => found.number));
    if (page.length < 3) break;
    after = page.at(-1)!.number;
  }
  expect(seen).toEqual((await all()).map((found) => found.number));
  expect((await cases().list(officer, {}, { limit: 2, backward: true, before: seen[4]! })).map((found) => found.number)).toEqual(seen.slice(2, 4));
  expect(await cases().count(officer, { states: ["opened"], ruleId: "reemployment-contribution", period: "202606" })).toBe(7);
  expect(await cases().count(officer, { states: ["closed"] })).toBe(0);
});

test("whatever is tried in whatever order, only the transitions of the table happen, and each is one step", { timeout: 120_000 }, async () => {
  const [template] = await openCases(1);
  const call = (action: CaseAction, actor: Actor, caseId: string) => {
    switch (action) {
      case "notify": return cases().notify(actor, { caseId, channel: "电话" });
      case "object": return cases().object(actor, { caseId, statement: "不同意" });
      case "confirm": return cases().confirm(actor, { caseId, reason: "属实", hearing: "accepted" });
      case "dismiss": return cases().dismiss(actor, { caseId, kind: "other", reason: "排除" });
      case "appeal": return cases().appeal(actor, { caseId, statement: "不服" });
      case "decide-appeal": return cases().decideAppeal(actor, { caseId, outcome: "maintained", reason: "维持" });
      case "close": return cases().close(actor, { caseId });
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ action: fc.constantFrom(...caseActions), second: fc.boolean(), days: fc.constantFrom(0, 0, 0, 70) }), { minLength: 3, maxLength: 12 }), async (tries) => {
      city.clock.set("2026-06-15T02:00:00Z");
      await city.db.database.withTransaction(async (tx) => {
        await tx.query("delete from apps.case_step where number > 1");
        await tx.query("update apps.check_case set state = 'opened', objection_deadline = null, object_by = null, appeal_deadline = null, appeal_by = null, outcome = null, decided_by = null where id = $1", [template]);
      });
      let state: CaseState = "opened";
      let steps = 1;
      let confirmedBy: string | undefined;
      for (const { action, second, days } of tries) {
        city.clock.advance(days * 86_400_000);
        const actor = second ? secondOfficer : officer;
        const offered = (await cases().get(actor, template!)).actions;
        const result = await call(action, actor, template!).then((found) => found, (error: { kind: string }) => error);
        const { from, to } = caseTransitions[action];
        if ("state" in result) {
          expect(from).toContain(state);
          expect(offered).toContain(action);
          expect(result.state).toBe(to);
          if (action === "confirm") confirmedBy = actor.id;
          if (action === "decide-appeal") expect(actor.id).not.toBe(confirmedBy);
          state = to;
          steps += 1;
        } else {
          expect(["Conflict", "NotAllowed"]).toContain(result.kind);
          // What is offered is not refused.
          expect(offered).not.toContain(action);
        }
        const detail = await cases().get(actor, template!);
        expect(detail.case.state).toBe(state);
        expect(detail.steps).toHaveLength(steps);
      }
    }),
    { numRuns: 20 },
  );
});
