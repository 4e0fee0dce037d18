import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createCheckHarness, officer, strangeOfficer, system, type CheckHarness } from "../testing/check-harness.ts";
import { feedIdOf } from "../testing/landing-feeds.ts";
import { sampleClaim, sampleContribution } from "../testing/sample-claims.ts";
import { unemploymentCheck } from "../unemployment/definition.ts";
import { createCoordinationApps } from "../coordination-apps.ts";
import { plainCalendar } from "../testing/check-harness.ts";

let city: CheckHarness;
const definition = unemploymentCheck.name;
beforeAll(async () => void (city = await createCheckHarness()));
afterAll(() => city.end());
beforeEach(async () => {
  await city.reset();
  city.clock.set("2026-06-15T02:00:00Z");
});

const batch = (month = "202606") => city.apps.check.runBatch(system, { definition, month });
const changes = () => city.apps.check.compareChanges(system, definition);
const one = async <Row extends object>(sql: string) => (await city.db.database.read((reader) => reader.query<Row & Record<string, unknown>>(sql))).rows[0]! as Row;

test("a rule whose evidence is not attached, not delivered, ended or not granted in full is named with its reason", async () => {
  await city.feeds.create({ without: ["pensions"], withoutFields: { "job-refusals": ["justified"] } });
  await city.attach(["income-tax"]);
  await city.feeds.setState("imprisonments", "stopped");
  await city.db.database.withTransaction((tx) => tx.query("update exchange_target.feed set generation = 0, state = 'loading' where feed_id = 'feed_funerals'"));
  await city.feeds.apply("claims", [sampleClaim(1)]);
  const run = await batch();
  expect(run.rules.filter((rule) => !rule.ran).map((rule) => [rule.ruleId, rule.reason!.message])).toEqual([
    ["reemployment-income-tax", "no granted feed is attached for it"],
    ["pension", "feed feed_pensions has not delivered anything yet"],
    ["job-refusal", "the grant lacks the fields justified"],
    ["imprisonment", "feed feed_imprisonments has ended (stopped): the grant no longer covers its rows"],
    ["death-funeral", "the first load of feed feed_funerals is not complete yet"],
  ]);
  expect(run.rules.filter((rule) => rule.ran)).toHaveLength(unemploymentCheck.rules.length - 5);
});

test("without claims nothing is compared, and the refusal says what to do", async () => {
  await city.feeds.create();
  await expect(batch()).rejects.toMatchObject({ kind: "Unavailable", code: "check.claims-unavailable", nextStep: "Attach a granted feed of laodong.unemployment_claim and wait for its first delivery." });
});

test("a hit keeps the evidence row, its source and the batch that brought it", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("contributions", []);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await batch();
  expect(await one("select claim_key, rule_id, severity, evidence, evidence_date, name_matches, organisation_id, feed_id, grant_id, generation, batch_sequence, first_period, revision from apps.check_hit")).toMatchInlineSnapshot(`
    {
      "batch_sequence": 2,
      "claim_key": "SY0001",
      "evidence": {
        "base_amount": 5000,
        "citizen_number": "330102199001010001",
        "employer_code": "91330100MA28X12345",
        "employer_name": "杭州某某有限公司",
        "name": "张1",
        "paid_on": "2026-04-15",
        "pay_month": "202604",
        "record_no": "SB0001",
      },
      "evidence_date": "2026-04-01",
      "feed_id": "feed_contributions",
      "first_period": "202606",
      "generation": 1,
      "grant_id": "grant_contributions",
      "name_matches": true,
      "organisation_id": "org_shebao",
      "revision": 1,
      "rule_id": "reemployment-contribution",
      "severity": "ground",
    }
  `);
});

test("the continuous comparison begins when a first monthly one has run", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  expect(await changes()).toBeUndefined();
  expect(await city.hits()).toEqual([]);
  // May's comparison says nothing about June: the next turn compares June as a whole.
  await batch("202605");
  await city.feeds.apply("pensions", [{ citizen_number: sampleClaim(1).citizen_number!, name: "张1", started_on: "2026-06-01" }]);
  expect((await changes())!.rules.filter((rule) => rule.added > 0).map((rule) => rule.ruleId)).toEqual(["pension"]);
});

test("evidence that its source deletes or changes withdraws the hit with its reason, and its return reinstates it with its past", async () => {
  await city.feeds.create();
  await city.attach();
  await batch();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await changes();
  const state = () => one<{ withdrawn_reason: string | null; revision: number; earlier: unknown[] }>("select withdrawn_reason, revision, earlier from apps.check_hit");
  expect(await state()).toMatchObject({ withdrawn_reason: null, revision: 1 });

  await city.feeds.apply("contributions", [], [sampleContribution(1)]);
  await changes();
  expect(await state()).toMatchObject({ withdrawn_reason: "evidence-deleted", revision: 1 });

  await city.feeds.apply("contributions", [sampleContribution(1, { base_amount: 6_000 })]);
  await changes();
  expect(await state()).toMatchObject({ withdrawn_reason: null, revision: 2, earlier: [{ evidence: { base_amount: 5_000 }, withdrawnReason: "evidence-deleted" }] });

  await city.feeds.apply("contributions", [sampleContribution(1, { employer_code: null })]);
  await changes();
  expect((await state()).withdrawn_reason).toBe("evidence-changed");

  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await changes();
  await city.feeds.apply("claims", [sampleClaim(1, { benefit_from: "2026-05-01" })]);
  await changes();
  expect((await state()).withdrawn_reason).toBe("claim-changed");

  await city.feeds.apply("claims", [sampleClaim(1)]);
  await changes();
  await city.feeds.apply("claims", [], [sampleClaim(1)]);
  await changes();
  expect((await state()).withdrawn_reason).toBe("claim-deleted");
});

test("a full refresh that brings the same rows changes no hit", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await batch();
  await city.feeds.refresh("contributions", [sampleContribution(1)]);
  const run = await changes();
  expect(run!.rules.every((rule) => rule.added + rule.revised + rule.withdrawn === 0)).toBe(true);
  expect(await one("select revision, generation from apps.check_hit")).toEqual({ revision: 1, generation: 1 });
  await city.feeds.refresh("contributions", []);
  await changes();
  expect(await one("select withdrawn_reason from apps.check_hit")).toEqual({ withdrawn_reason: "evidence-deleted" });
});

test("evidence about the future is a hit from the month that it reaches, without any new delivery", async () => {
  await city.feeds.create();
  await city.attach();
  await batch();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await city.feeds.apply("pensions", [{ citizen_number: sampleClaim(1).citizen_number!, name: "张1", started_on: "2026-07-01" }]);
  await changes();
  expect(await city.hits()).toEqual([]);
  city.clock.set("2026-07-01T01:00:00Z");
  await changes();
  expect(await city.hits()).toHaveLength(1);
  // Looking back at June does not take away what July found.
  await batch("202606");
  expect(await city.hits()).toEqual(['SY0001 pension ["330102199001010001"]']);
});

test("a claim that has run out keeps its hit until the evidence goes", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1, { benefit_until: "2026-06-30" })]);
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await batch();
  city.clock.set("2026-08-01T02:00:00Z");
  expect((await batch("202608")).compared).toBe(0);
  expect(await city.hits()).toEqual(['SY0001 reemployment-contribution ["SB0001"]']);
  await city.feeds.apply("contributions", [], [sampleContribution(1)]);
  await batch("202608");
  expect(await city.hits()).toEqual(['SY0001 reemployment-contribution ["SB0001"] withdrawn']);
});

test("a changed definition needs a new version, and what an earlier version put into a case stays in it", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1), sampleClaim(2)]);
  await city.feeds.apply("contributions", [sampleContribution(1), sampleContribution(2, { pay_month: "202606" })]);
  expect((await batch()).casesOpened).toBe(2);
  const changed = (version: number) => ({
    ...unemploymentCheck,
    version,
    rules: unemploymentCheck.rules.map((rule) => (rule.id === "reemployment-contribution" ? { ...rule, condition: { all: [rule.condition, { compare: [{ evidence: "pay_month" }, "<", { text: "202606" }] as [{ evidence: string }, "<", { text: string }] }] } } : rule)),
  });
  const appsWith = (version: number) => createCoordinationApps({ kernel: city.kernel, calendar: plainCalendar, apps: [{ definition: changed(version), writeOutcome: async () => undefined }] });
  await expect(appsWith(1).check.runBatch(system, { definition, month: "202606" })).rejects.toMatchObject({ kind: "Conflict", code: "check.definition-changed" });
  expect((await appsWith(2).check.runBatch(system, { definition, month: "202606" })).casesOpened).toBe(0);
  const { rows } = await city.db.database.read((reader) => reader.query("select definition_version, claim_key, withdrawn_reason, case_id is not null as in_case from apps.check_hit order by 2, 1"));
  expect(rows).toEqual([
    { definition_version: 1, claim_key: "SY0001", withdrawn_reason: null, in_case: true },
    { definition_version: 2, claim_key: "SY0001", withdrawn_reason: null, in_case: true },
    { definition_version: 1, claim_key: "SY0002", withdrawn_reason: "definition-changed", in_case: true },
  ]);
});

test("the check belongs to the department that pays the benefit", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  expect((await city.apps.check.runBatch(officer, { definition, month: "202606" })).compared).toBe(1);
  await expect(city.apps.check.runBatch(strangeOfficer, { definition, month: "202606" })).rejects.toMatchObject({ kind: "NotFound" });
  await expect(city.apps.check.attachInput(officer, { definition, role: "claims", feedId: "x", grantId: "y", organisationId: "z", schema: "landing", table: "t" })).rejects.toMatchObject({ kind: "NotAllowed" });
  await expect(city.apps.check.attachInput(system, { definition, role: "nobody", feedId: "x", grantId: "y", organisationId: "z", schema: "landing", table: "t" })).rejects.toMatchObject({ kind: "Input", code: "check.role-unknown" });
  await expect(batch("2026-06")).rejects.toMatchObject({ kind: "Input", code: "check.month" });
});

test("a landing notification wakes the continuous comparison", async () => {
  await city.feeds.create();
  await city.attach();
  await city.feeds.apply("claims", [sampleClaim(1)]);
  await batch();
  await city.kernel.notifier.start();
  const opened = new Promise<void>((done) => {
    const stop = city.kernel.notifier.listen("zhengtong_events", () => {
      void city.hits().then((hits) => {
        if (hits.length === 0) return;
        stop();
        done();
      });
    });
  });
  city.apps.continuous.start();
  await city.feeds.apply("contributions", [sampleContribution(1)]);
  await opened;
  await city.apps.continuous.stop();
  await city.kernel.notifier.stop();
  expect(await one("select found_by, feed_id from apps.check_hit")).toEqual({ found_by: "continuous", feed_id: feedIdOf("contributions") });
});
