import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCitizenNumber } from "#standards";
import { sharedData } from "#test-support";
import { baseDatabasesActor, createBaseDatabases, type BaseDatabases } from "#base-databases";
import { populationDefinition } from "../population/definition.ts";
import { createCity, type CityFixture, type LandingFixture } from "../testing/city.ts";
import { candidateSql } from "./matching.ts";

const clerk = { id: "user_clerk", kind: "user", roles: ["city-reviewer"], organisationId: "org_city" } as const;
const wang = makeCitizenNumber({ areaCode: "330102", birthDate: "1876-02-29", sequence: 123 });
/** Two digits of the sequence exchanged: the check character no longer fits. */
const mistyped = `${wang.slice(0, 14)}132${wang.slice(17)}`;

describe("rows whose number cannot be used", () => {
  let city: CityFixture;
  let bases: BaseDatabases;
  let household: LandingFixture;
  let fund: LandingFixture;
  const golden = async () => (await city.db.database.read((reader) => reader.query("select * from base.population_golden where citizen_number = $1", [wang]))).rows[0];
  const corrections: string[] = [];

  beforeAll(async () => {
    city = await createCity();
    bases = createBaseDatabases({
      kernel: city.kernel,
      correctionDesk: {
        raise: async (_actor, list) => list.map((each) => (corrections.push(`${each.entryId} ${each.field} ${each.rule}`), { reference: each.reference, correctionId: `correction_${each.reference}` })),
        closeAsCorrected: async (_actor, list) => void list.forEach((each) => corrections.push(`closed ${each.entryId} ${each.field}`)),
      },
      lifecycleAuthority: { permits: async () => [] },
    });
    household = await city.land("household", "citizen_number text, name text, birth_date date, address text, updated_at timestamp", ["citizen_number"]);
    fund = await city.land("fund", "account_no text, citizen_number text, name text, monthly_amount numeric(10,2), last_month text, address text", ["account_no"]);
    for (const [role, landing] of [["gongan.household", household], ["gongjijin.housing_fund", fund]] as const) await bases.attachSource(clerk, { base: "population", role, feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: `org_${role.split(".")[0]!}`, grantId: "grant_1", entryId: `entry_${role}` });
    await household.apply([
      { citizen_number: wang, name: "王小明", birth_date: "1876-02-29", address: "杭州市上城区延安路1号" },
      { citizen_number: makeCitizenNumber({ areaCode: "330102", birthDate: "1876-02-29", sequence: 456 }), name: "李大海", birth_date: "1876-02-29", address: "杭州市上城区延安路9号" },
    ]);
    await fund.apply([
      { account_no: "A1", citizen_number: mistyped, name: "王小明", monthly_amount: 400, last_month: "200810", address: "上城区延安路1号" },
      { account_no: "A2", citizen_number: "", name: "王小明", monthly_amount: 500, last_month: "200809", address: "杭州市上城区延安路1号" },
      { account_no: "A3", citizen_number: "330102189902300011", name: "赵不详", monthly_amount: 1, last_month: "200809", address: null },
    ]);
    await bases.process(baseDatabasesActor);
  });
  afterAll(() => city.drop());

  test("stand in a list with the reason, and are matched by what else they say", async () => {
    const page = await bases.listUnmatched(clerk, { base: "population" }, { first: 10 });
    expect(page.rows.map(({ rowKey, reason, state, linkedKey }) => ({ rowKey, reason, state, linkedKey }))).toEqual([
      { rowKey: "A1", reason: "citizen-number.check-digit", state: "matched", linkedKey: wang },
      { rowKey: "A2", reason: "missing", state: "review", linkedKey: undefined },
      { rowKey: "A3", reason: "citizen-number.birth-date", state: "unmatched", linkedKey: undefined },
    ]);
    expect(page.rows[0]!.candidates).toMatchObject([{ key: wang, name: "王小明", explanation: { name: { weight: 10.5, similarity: 1 }, date: { weight: 14, equal: true }, number: { weight: 7, differentPlaces: 2 }, address: { weight: 8 } } }]);
  });

  test("a matched row gives extended items, never identity, and its department is asked to correct the number", async () => {
    expect(await golden()).toMatchObject({ housing_fund_monthly_amount: "400", name: "王小明", address: "杭州市上城区延安路1号" });
    expect(corrections).toEqual(["entry_gongjijin.housing_fund citizen_number key-mismatch"]);
  });

  test("a person accepts, rejects and takes back, and the golden record follows", async () => {
    const row = { sourceId: 115, rowKey: "A1", key: wang };
    await bases.decideMatch(clerk, { ...row, decision: "rejected", reason: "本人来电否认" });
    expect(await golden()).toMatchObject({ housing_fund_monthly_amount: null });
    await bases.revertMatch(clerk, row);
    expect(await golden()).toMatchObject({ housing_fund_monthly_amount: "400" });
    await bases.decideMatch(clerk, { sourceId: 115, rowKey: "A2", key: wang, decision: "accepted", reason: "档案核对一致" });
    expect((await bases.listUnmatched(clerk, { state: "matched" }, { first: 10 })).rows.map((each) => each.rowKey)).toEqual(["A1", "A2"]);
    expect((await city.db.database.read((reader) => reader.query("select action from platform.audit_log where object_type = 'unmatched-row' order by sequence"))).rows).toEqual([{ action: "match.rejected" }, { action: "match.reverted" }, { action: "match.accepted" }]);
  });

  test("only who keeps the bases decides; a department sees its own rows without other people's records", async () => {
    const fundClerk = { id: "u", kind: "user", roles: ["cataloguer"], organisationId: "org_gongjijin" } as const;
    const page = await bases.listUnmatched(fundClerk, {}, { first: 10 });
    expect(page.rows.map((each) => each.rowKey)).toEqual(["A1", "A2", "A3"]);
    expect(page.rows.every((each) => each.candidates.length === 0 && each.linkedKey === undefined)).toBe(true);
    expect((await bases.listUnmatched({ ...fundClerk, organisationId: "org_gongan" }, {}, { first: 10 })).rows).toEqual([]);
    await expect(bases.decideMatch(fundClerk, { sourceId: 115, rowKey: "A1", key: wang, decision: "accepted", reason: "x" })).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("the corrected number takes the row's place, and the correction is closed", async () => {
    await fund.apply([{ account_no: "A1", citizen_number: wang, name: "王小明", monthly_amount: 400, last_month: "200810", address: "上城区延安路1号" }]);
    await bases.process(baseDatabasesActor);
    expect(corrections.slice(1)).toEqual(["closed entry_gongjijin.housing_fund citizen_number", "entry_gongjijin.housing_fund citizen_number key-mismatch"]);
    expect((await bases.listUnmatched(clerk, { state: "matched" }, { first: 10 })).rows.map((each) => each.rowKey)).toEqual(["A2"]);
  });
});

describe.skipIf(sharedData("record-linkage/dataset1.csv") === undefined)("synthetic persons with known truth (FEBRL)", () => {
  test.each(["dataset1.csv", "dataset2.csv"])("%s: no match is wrong, and most duplicates are matched or put before a person", { timeout: 60_000 }, async (file) => {
    const city = await createCity();
    const records = parse(readFileSync(sharedData(`record-linkage/${file}`)!, "utf8"), { columns: true, trim: true }) as Record<string, string>[];
    const rows = records.map((record) => ({ person: record.rec_id!.split("-")[1]!, original: record.rec_id!.endsWith("-org"), name: `${record.given_name!} ${record.surname!}`.trim(), born: record.date_of_birth!, address: [record.street_number, record.address_1, record.suburb].filter(Boolean).join(" ") }));
    const originals = rows.filter((row) => row.original);
    const duplicates = rows.filter((row) => !row.original);
    await city.db.database.withTransaction(async (tx) => {
      await tx.query("insert into base.population_golden (citizen_number, name, birth_date, address, updated_at, change_sequence) select p.id, p.name, base.read_date(p.born), nullif(p.address, ''), $5, 0 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) p(id, name, born, address)", [originals.map((row) => row.person), originals.map((row) => row.name), originals.map((row) => row.born), originals.map((row) => row.address), city.clock.now()]);
      await tx.query("insert into base.unmatched_row (source_id, row_key, base, reason, match_name, match_date, match_address, state, compared, first_seen_at) select 115, p.person || '-' || n, 'population', 'missing', nullif(p.name, ''), base.read_date(p.born), nullif(p.address, ''), 'unmatched', false, $5 from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality p(person, name, born, address, n)", [duplicates.map((row) => row.person), duplicates.map((row) => row.name), duplicates.map((row) => row.born), duplicates.map((row) => row.address), city.clock.now()]);
      await tx.query(candidateSql(populationDefinition, "base.unmatched_row", "base.population_golden"), ["population", populationDefinition.matching.thresholds.review]);
    });
    const { match, lead } = populationDefinition.matching.thresholds;
    const { rows: best } = await city.db.database.read((reader) => reader.query<{ person: string; key: string; score: number; next: number | null }>("select split_part(row_key, '-', 1) as person, key, score, next from (select *, row_number() over w as place, lead(score) over w as next from base.match_candidate window w as (partition by row_key order by score desc)) r where place = 1"));
    const matched = best.filter((each) => each.score >= match && each.score - (each.next ?? 0) >= lead);
    const right = matched.filter((each) => each.person === each.key).length;
    const found = best.filter((each) => each.person === each.key).length;
    process.stdout.write(`${file}: ${duplicates.length} duplicates among ${originals.length}; matched ${matched.length}, precision ${(right / matched.length).toFixed(4)}, recall ${(right / duplicates.length).toFixed(3)}; with review ${(found / duplicates.length).toFixed(3)}\n`);
    expect(right / matched.length).toBeGreaterThan(0.99);
    expect(found / duplicates.length).toBeGreaterThan(0.8);
    await city.drop();
  });
});
