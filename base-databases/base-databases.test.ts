import { graphql } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCitizenNumber } from "#standards";
import { createSchemaBuilder, type Actor } from "#platform";
import { addBaseDatabasesTypes, baseDatabasesActor, createBaseDatabases, type BaseDatabases, type CorrectionToRaise, type LifecyclePermit } from "#base-databases";
import { createCity, type CityFixture, type LandingFixture } from "./testing/city.ts";

const person = makeCitizenNumber({ areaCode: "330102", birthDate: "1875-02-28", sequence: 901 });
const clerk: Actor = { id: "user_clerk", kind: "user", roles: ["city-reviewer"], organisationId: "org_city" };
const officer: Actor = { id: "user_officer", kind: "user", roles: ["case-officer"], organisationId: "org_laodong" };

let city: CityFixture;
let bases: BaseDatabases;
const landings: Record<string, LandingFixture> = {};
const raised: CorrectionToRaise[][] = [];
const closed: string[] = [];
let permits: (actor: Actor) => LifecyclePermit[] = () => [];

beforeAll(async () => {
  city = await createCity();
  bases = createBaseDatabases({
    kernel: city.kernel,
    correctionDesk: {
      raise: async (_actor, corrections) => (raised.push([...corrections]), corrections.map((each) => ({ reference: each.reference, correctionId: `correction_${each.rowKey}_${each.field}` }))),
      closeAsCorrected: async (_actor, closures) => void closed.push(...closures.map((each) => each.correctionId)),
    },
    lifecycleAuthority: { permits: async (actor) => permits(actor) },
  });
  const tables: [role: string, columns: string, key: string][] = [
    ["gongan.household", "citizen_number text, name text, sex_code text, birth_date date, birth_region_code text, address text, updated_at timestamp", "citizen_number"],
    ["minzheng.marriage", "certificate_no text, citizen_number text, name text, marital_code text, registered_on date", "certificate_no"],
    ["shebao.contribution", "record_no text, citizen_number text, name text, pay_month text, employer_code text, employer_name text, base_amount numeric(10,2)", "record_no"],
    ["weisheng.health_record", "citizen_number text, name text, blood_type text, address text, phone text", "citizen_number"],
    ["laodong.unemployment_claim", "claim_no text, citizen_number text, name text, benefit_from date, benefit_until date, monthly_amount numeric(10,2), unemployed_on date", "claim_no"],
    ["sifa.imprisonment", "record_no text, citizen_number text, name text, admitted_on date, released_on date, prison text", "record_no"],
  ];
  for (const [role, columns, key] of tables) {
    const landing = (landings[role] = await city.land(role.replace(".", "_"), columns, [key]));
    await bases.attachSource(clerk, { base: "population", role, feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: `org_${role.split(".")[0]!}`, grantId: `grant_${role}`, entryId: `entry_${role}` });
  }
  await landings["gongan.household"]!.apply([{ citizen_number: person, name: "张三", sex_code: "2", birth_date: "1875-02-28", birth_region_code: "330102", address: "杭州市上城区湖滨街道1号", updated_at: "2008-01-05" }]);
  await landings["minzheng.marriage"]!.apply([{ certificate_no: "HZ1", citizen_number: person, name: "张三", marital_code: "21", registered_on: "1999-09-09" }]);
  await landings["shebao.contribution"]!.apply(["200801", "200802", "200803", "200806"].map((month, index) => ({ record_no: `SB${index}`, citizen_number: person, name: "张三", pay_month: month, employer_code: "91330100TEXT00017T", employer_name: "一厂", base_amount: 3000 })));
  await landings["weisheng.health_record"]!.apply([{ citizen_number: person, name: "张山", blood_type: "O", phone: "13900001234" }]);
  await landings["laodong.unemployment_claim"]!.apply([{ claim_no: "SY1", citizen_number: person, name: "张三", benefit_from: "2008-07-01", benefit_until: "2009-06-30", monthly_amount: 680, unemployed_on: "2008-06-20" }]);
  await landings["sifa.imprisonment"]!.apply([{ record_no: "SF1", citizen_number: person, name: "张三", admitted_on: "2008-08-01", released_on: null, prison: "某监狱" }]);
  await bases.process(baseDatabasesActor);
});
afterAll(async () => {
  await bases.loops.stop();
  await city.drop();
});

test("each contradiction is raised once with the department that contradicts, in one call, and closed when it corrects", async () => {
  expect(raised).toHaveLength(1);
  expect(raised[0]!.map(({ entryId, field, rowKey, givenValue, expectedValue, rule, providerOrganisationId }) => ({ entryId, field, rowKey, givenValue, expectedValue, rule, providerOrganisationId }))).toEqual([
    { entryId: "entry_weisheng.health_record", field: "name", rowKey: person, givenValue: "张山", expectedValue: "张三", rule: "sources-differ", providerOrganisationId: "org_weisheng" },
    { entryId: "entry_gongan.household", field: "sex_code", rowKey: person, givenValue: "2", expectedValue: "1", rule: "differs-from-key", providerOrganisationId: "org_gongan" },
  ]);
  expect(JSON.stringify(raised[0]!.map((each) => each.evidence))).not.toMatch(/张/);
  await bases.process(baseDatabasesActor);
  expect(raised).toHaveLength(1);
  await landings["gongan.household"]!.apply([{ citizen_number: person, name: "张三", sex_code: "1", birth_date: "1875-02-28", birth_region_code: "330102", address: "杭州市上城区湖滨街道1号", updated_at: "2008-03-05" }]);
  await bases.process(baseDatabasesActor);
  expect(closed).toEqual([`correction_${person}_sex_code`]);
  // The same wrong value again is the same contradiction, raised anew.
  const { rows } = await bases.listContradictions(clerk, { state: "closed" }, { first: 10 });
  expect(rows).toMatchObject([{ field: "sex_code", timesRaised: 1, closedReason: { zh: "来源已不再矛盾" }, deskState: "settled" }]);
});

test("the city data office sees every value with its source, time and rivals; a department what it gave and was granted", async () => {
  const record = await bases.getGolden(clerk, "population", person);
  expect(record.fields.find((field) => field.name === "name")).toMatchObject({ value: "张三", source: { role: "gongan.household", time: "2008-03-05 00:00:00" }, rivals: [{ value: "张山", role: "weisheng.health_record", contradiction: { state: "open", correctionId: `correction_${person}_name` } }] });
  expect(record.fields.find((field) => field.name === "contribution_last_month")).toMatchObject({ value: "200806", source: { rowKey: "SB3" } });

  permits = () => [{ sourceId: 101, grantId: "grant_x", fields: ["citizen_number", "name", "address"], masks: { address: "address" } }];
  const partial = await bases.getGolden(officer, "population", person);
  const seen = Object.fromEntries(partial.fields.filter((field) => field.value !== undefined || field.withheld).map((field) => [field.name, field.withheld ? "(withheld)" : field.value]));
  expect(seen).toMatchObject({ name: "张三", address: "杭州市上城区湖滨街道", unemployed_on: "2008-06-20", sex_code: "(withheld)", phone: "(withheld)", marital_code: "(withheld)" });
  // What another department says is no business of theirs, not even as a rival.
  expect(partial.fields.find((field) => field.name === "name")!.rivals).toEqual([]);
  permits = () => [];
});

test("who contributed nothing, and who only keeps the machines running, is told that there is no such record", async () => {
  for (const actor of [{ ...officer, organisationId: "org_other" }, { ...officer, organisationId: "org_laodong", roles: ["administrator"] }, { id: "anonymous", kind: "anonymous", roles: [] }] as Actor[]) await expect(bases.getGolden(actor, "population", person)).rejects.toMatchObject({ kind: expect.stringMatching(/NotFound|NotAllowed/) as string });
  const missing = await bases.getGolden(officer, "population", makeCitizenNumber({ areaCode: "330102", birthDate: "1875-02-28", sequence: 905 })).catch((error: Error) => error.message);
  const hidden = await bases.getGolden({ ...officer, organisationId: "org_other" }, "population", person).catch((error: Error) => error.message);
  expect(hidden).toBe(missing);
  await expect(bases.getGolden(clerk, "population", `${person.slice(0, 17)}9`)).rejects.toMatchObject({ kind: "Input", code: "citizen-number.check-digit", message: expect.not.stringContaining(person.slice(0, 10)) as string });
});

test("the timeline shows what was granted and nothing else, masked as granted, and every query is audited", async () => {
  await expect(bases.lifecycle(officer, { base: "population", key: person, purpose: " " })).rejects.toMatchObject({ kind: "Input" });
  const nothing = await bases.lifecycle(officer, { base: "population", key: person, purpose: "失业待遇核查 2008-11" });
  expect(nothing.events).toEqual([]);
  expect(new Set(nothing.sources.map((source) => source.outcome))).toEqual(new Set(["refused"]));

  permits = (): LifecyclePermit[] => [
    { sourceId: 101, grantId: "grant_1", fields: ["citizen_number", "name", "birth_date"], masks: { birth_date: "birth-year" } },
    { sourceId: 104, grantId: "grant_2", fields: ["certificate_no", "citizen_number", "registered_on", "marital_code"], masks: { marital_code: "hash" } },
    { sourceId: 110, grantId: "grant_3", fields: ["citizen_number", "pay_month", "employer_name"] },
    { sourceId: 107 },
    { sourceId: 119, grantId: "grant_4", fields: ["citizen_number", "admitted_on"], rowCondition: { field: "released_on", op: "is-not-null" } },
  ];
  const { events, sources } = await bases.lifecycle(officer, { base: "population", key: person, purpose: "失业待遇核查 2008-11" });
  expect(events.map(({ date, until, kind, details, rows, rowKey }) => [date, until, kind, details.map((detail) => `${detail.column}=${detail.value}`).join(" "), rows, rowKey])).toEqual([
    ["1875", undefined, "birth", "", 1, person],
    ["1999-09-09", undefined, "marriage", "certificate_no=HZ1", 1, "HZ1"],
    ["2008-01", "2008-03", "contributions", "employer_name=一厂", 3, undefined],
    ["2008-06", "2008-06", "contributions", "employer_name=一厂", 1, undefined],
    ["2008-06-20", undefined, "unemployment", "", 1, "SY1"],
    ["2008-07-01", "2009-06-30", "unemployment-benefit", "claim_no=SY1 monthly_amount=680.00", 1, "SY1"],
  ]);
  expect(sources.map((source) => [source.role, source.outcome])).toEqual([["gongan.household", "shown"], ["minzheng.marriage", "shown"], ["laodong.unemployment_claim", "shown"], ["shebao.contribution", "shown"], ["sifa.imprisonment", "nothing"]]);
  const { rows: audit } = await city.db.database.read((reader) => reader.query<{ object_id: string; detail: Record<string, unknown> }>("select object_id, detail from platform.audit_log where action = 'lifecycle.query' order by sequence"));
  expect(audit).toHaveLength(2);
  expect(audit[1]).toMatchObject({ object_id: expect.stringMatching(/^population\/\d+$/) as string, detail: { purpose: "失业待遇核查 2008-11", events: 6, grants: ["grant_1", "grant_2", "grant_3", "grant_4"] } });
  expect(JSON.stringify((await city.db.database.read((reader) => reader.query("select * from platform.audit_log"))).rows)).not.toContain(person);
  permits = () => [];
});

test("detaching a source withdraws what it said; masked and missing columns are never merged", async () => {
  await bases.detachSource(clerk, { base: "population", role: "weisheng.health_record", reason: "授权到期" });
  await bases.process(baseDatabasesActor);
  const field = async (name: string) => (await bases.getGolden(clerk, "population", person)).fields.find((each) => each.name === name);
  expect(await field("phone")).toMatchObject({ name: "phone", rivals: [] });
  expect((await field("phone"))!.value).toBeUndefined();
  const landing = landings["weisheng.health_record"]!;
  await bases.attachSource(clerk, { base: "population", role: "weisheng.health_record", feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: "org_weisheng", grantId: "grant_new", entryId: "entry_1", maskedFields: ["phone", "name"] });
  await bases.process(baseDatabasesActor);
  expect((await field("phone"))!.value).toBeUndefined();
  expect(await field("blood_type")).toMatchObject({ value: "O" });
  expect((await field("name"))!.rivals).toEqual([]);
});

test("statistics count without naming anybody, and sources that cannot be read say why", async () => {
  const orphan = { base: "population", role: "canlian.disability", feedId: "feed_none", schema: "landing", table: "none", organisationId: "org_canlian", grantId: "grant_9", entryId: "entry_9" } as const;
  await bases.attachSource(clerk, orphan);
  await bases.process(baseDatabasesActor);
  const [population] = await bases.statistics({ id: "op", kind: "user", roles: ["node-operator"] });
  expect(population).toMatchObject({ base: "population", golden: 1, fromSeveralSources: 1, contradictions: { open: 0, closed: 2 }, waiting: 0 });
  expect(population!.sources.find((source) => source.role === "canlian.disability")).toMatchObject({ problem: { en: "feed feed_none has not been applied here yet" } });
  expect(JSON.stringify(population)).not.toContain(person);
});

test("the loop reads a batch as soon as the subscriber has applied it", async () => {
  await city.kernel.notifier.start();
  const woken = new Promise<void>((done) => city.kernel.notifier.listen("zt_golden", () => done()));
  bases.loops.start();
  await landings["minzheng.marriage"]!.apply([{ certificate_no: "HZ2", citizen_number: person, name: "张三", marital_code: "40", registered_on: "2007-01-01" }]);
  await woken;
  await bases.loops.stop();
  await city.kernel.notifier.stop();
  expect((await bases.getGolden(clerk, "population", person)).fields.find((field) => field.name === "marital_code")).toMatchObject({ value: "40" });
});

test("GraphQL shows a record with its provenance, and refuses as a result", async () => {
  const builder = createSchemaBuilder();
  addBaseDatabasesTypes(builder, bases);
  builder.subscriptionField("nothing", (t) => t.boolean({ subscribe: async function* () {}, resolve: () => true }));
  const schema = builder.toSchema();
  const run = async (actor: Actor, source: string) => JSON.parse(JSON.stringify(await graphql({ schema, source, contextValue: { actor, correlationId: "test" } }))) as { data: Record<string, never>; errors?: unknown[] };
  const { data, errors } = await run(clerk, `{ goldenRecord(base: POPULATION, key: "${person}") { base fields { name value source { role title { zh } } rivals { value } } } contradictions(first: 5) { edges { node { field rule state fieldTitle { zh } } } pageInfo { hasNextPage } } baseStatistics { base golden } unmatchedRows { edges { node { id } } } }`);
  expect(errors).toBeUndefined();
  expect(data).toMatchObject({ goldenRecord: { base: "POPULATION" }, contradictions: { edges: [{ node: { field: "sex_code", rule: "DIFFERS_FROM_KEY", state: "CLOSED", fieldTitle: { zh: "性别" } } }, { node: { field: "name", state: "CLOSED" } }] }, baseStatistics: [{ base: "POPULATION", golden: 1 }, { base: "LEGAL_ENTITY", golden: 0 }] });
  expect(await run(officer, `mutation { decideMatch(sourceId: 113, rowKey: "x", key: "${person}", decision: ACCEPTED, reason: "x") { __typename ... on Refusal { kind } } }`)).toMatchObject({ data: { decideMatch: { __typename: "Refusal", kind: "NotAllowed" } } });
});

test("many contradictions are told to the desk in few calls, and closed in few", async () => {
  const people = Array.from({ length: 1_200 }, (_, index) => makeCitizenNumber({ areaCode: "330109", birthDate: `1879-0${1 + (index % 9)}-1${index % 7}`, sequence: 1 + Math.floor(index / 2) }));
  const unique = [...new Set(people)];
  await landings["gongan.household"]!.apply(unique.map((citizen_number) => ({ citizen_number, name: "周正" })));
  await landings["minzheng.marriage"]!.apply(unique.map((citizen_number, index) => ({ certificate_no: `HZX${index}`, citizen_number, name: "周误", marital_code: "20", registered_on: "2000-01-01" })));
  const before = raised.length;
  const result = await bases.process(baseDatabasesActor);
  expect(result).toMatchObject({ contradictionsRaised: unique.length, corrections: { raised: unique.length, refused: 0 } });
  expect(raised.length - before).toBe(Math.ceil(unique.length / 500));
  await landings["minzheng.marriage"]!.apply(unique.map((citizen_number, index) => ({ certificate_no: `HZX${index}`, citizen_number, name: "周正", marital_code: "20", registered_on: "2000-01-01" })));
  expect(await bases.process(baseDatabasesActor)).toMatchObject({ contradictionsClosed: unique.length, corrections: { closed: unique.length } });
});
