import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCitizenNumber } from "#standards";
import { populationDefinition } from "../population/definition.ts";
import { createCity, type CityFixture, type LandingFixture } from "../testing/city.ts";
import { createProcessor, type Processor } from "./process.ts";
import { sourceDefinition, upsertSource } from "./sources.ts";

const number = (sequence: number, birthDate = "1875-02-28") => makeCitizenNumber({ areaCode: "330102", birthDate, sequence });
const zhang = number(901);
const li = number(902, "1876-03-01");

let city: CityFixture;
let household: LandingFixture;
let health: LandingFixture;
let employment: LandingFixture;
let processor: Processor;

async function attach(role: string, landing: LandingFixture): Promise<void> {
  await city.db.database.withTransaction((tx) => upsertSource(tx, sourceDefinition(populationDefinition, role)!, { base: "population", role, feedId: landing.feedId, schema: landing.schema, table: landing.table, organisationId: `org_${role.split(".")[0]!}`, grantId: `grant_${landing.table}`, entryId: `entry_${role}` }, city.clock.now()));
}
const golden = async (key: string) => (await city.db.database.read((reader) => reader.query(`select * from base.population_golden where citizen_number = $1`, [key]))).rows[0];
const rowsOf = async (sql: string) => (await city.db.database.read((reader) => reader.query(sql))).rows;

beforeAll(async () => {
  city = await createCity();
  processor = createProcessor({ kernel: city.kernel, definitions: [populationDefinition] });
  household = await city.land("household", "citizen_number text, name text, sex_code text, ethnic_code text, birth_date date, birth_region_code text, status_code text, address text, marital_code text, updated_at timestamp", ["citizen_number"]);
  health = await city.land("health_record", "citizen_number text, name text, blood_type text, address text, phone text", ["citizen_number"]);
  employment = await city.land("employment", "registration_no text, citizen_number text, name text, employer_code text, employer_name text, employed_on date, ended_on date", ["registration_no"]);
  await attach("gongan.household", household);
  await attach("weisheng.health_record", health);
  await attach("laodong.employment_registration", employment);
});
afterAll(() => city.drop());

test("what several departments say of one person becomes one golden record, each value from the highest authority", async () => {
  await household.apply([{ citizen_number: zhang, name: "张 三", sex_code: "1", ethnic_code: "01", birth_date: "1875-02-28", address: "杭州市上城区湖滨街道1号", updated_at: "2008-01-05T10:00:00" }]);
  await health.apply([{ citizen_number: zhang, name: "张山", blood_type: "O", address: "杭州市西湖区2号", phone: "13900001234" }]);
  await employment.apply([
    { registration_no: "J1", citizen_number: zhang, name: "张三", employer_name: "旧厂", employed_on: "2001-01-01", ended_on: "2005-01-01" },
    { registration_no: "J2", citizen_number: zhang, name: "张三", employer_name: "新公司(杭州)", employed_on: "2006-01-01" },
  ]);
  const result = await processor.process();
  expect(result).toMatchObject({ rowsRead: 4, created: 1, contradictionsRaised: 1 });
  expect(await golden(zhang)).toMatchObject({ name: "张三", sex_code: "1", birth_date: "1875-02-28", blood_type: "O", phone: "13900001234", employer_name: "新公司（杭州）", employed_on: "2006-01-01", employment_ended_on: null });
  expect(await rowsOf("select field, source_id, value, rule, reference_value, state from base.contradiction")).toEqual([{ field: "name", source_id: 113, value: "张山", rule: "sources-differ", reference_value: "张三", state: "open" }]);
  expect(await rowsOf("select field, source_role, source_time::text, rivals from base.field_provenance where field in ('name', 'address', 'employer_name') order by field")).toEqual([
    { field: "address", source_role: "gongan.household", source_time: "2008-01-05 10:00:00", rivals: [{ source: 113, value: "杭州市西湖区2号", time: null, row: zhang }] },
    { field: "employer_name", source_role: "laodong.employment_registration", source_time: "2006-01-01 00:00:00", rivals: null },
    { field: "name", source_role: "gongan.household", source_time: "2008-01-05 10:00:00", rivals: [{ source: 113, value: "张山", time: null, row: zhang }] },
  ]);
});

test("processing again changes nothing", async () => {
  const before = await rowsOf("select *, xmin::text from base.population_golden");
  expect(await processor.process()).toMatchObject({ rowsRead: 0, recordsMerged: 0 });
  await household.refresh([{ citizen_number: zhang, name: "张三", sex_code: "1", ethnic_code: "01", birth_date: "1875-02-28", address: "杭州市上城区湖滨街道1号", updated_at: "2008-01-05T10:00:00" }]);
  expect(await processor.process()).toMatchObject({ recordsMerged: 1, changed: 0, created: 0 });
  expect(await rowsOf("select *, xmin::text from base.population_golden")).toEqual(before);
});

test("a correction at the source closes the contradiction, and what a source deletes is withdrawn", async () => {
  await health.apply([{ citizen_number: zhang, name: "张三", blood_type: "O", address: null, phone: null }]);
  expect(await processor.process()).toMatchObject({ contradictionsClosed: 1, changed: 1 });
  expect(await golden(zhang)).toMatchObject({ phone: null });
  await employment.apply([], [{ registration_no: "J2" }]);
  await processor.process();
  expect(await golden(zhang)).toMatchObject({ employer_name: "旧厂" });
  await employment.apply([{ registration_no: "J1", citizen_number: li, name: "李四", employer_name: "旧厂", employed_on: "2001-01-01" }]);
  await processor.process();
  expect(await golden(zhang)).toMatchObject({ employer_name: null });
  expect(await golden(li)).toMatchObject({ employer_name: "旧厂", name: "李四", sex_code: "2", birth_date: "1876-03-01" });
});

test("a person whom no source knows any more is removed, and a full refresh without a row withdraws it", async () => {
  await employment.refresh([]);
  expect(await processor.process()).toMatchObject({ removed: 1 });
  expect(await golden(li)).toBeUndefined();
  expect(await rowsOf("select base, key from base.golden_removed")).toEqual([{ base: "population", key: li }]);
  await household.refresh([]);
  await processor.process();
  expect(await golden(zhang)).toMatchObject({ name: "张三", address: null, blood_type: "O" });
});

test("broken off anywhere, another process goes on from where the database stands", async () => {
  const everybody = Array.from({ length: 40 }, (_, index) => ({ citizen_number: number(index + 1, "1877-07-07"), name: "陈某", birth_date: "1877-07-07" }));
  await household.apply(everybody);
  await employment.refresh(everybody.map((person, index) => ({ registration_no: `R${index}`, citizen_number: person.citizen_number, name: "陈某", employer_name: "某厂", employed_on: "2004-04-04" })));
  const chunks = { readRows: 7, mergeKeys: 9 };
  for (let stopAfter = 1; stopAfter <= 12; stopAfter += 1) {
    const abort = new AbortController();
    let steps = 0;
    await createProcessor({ kernel: city.kernel, definitions: [populationDefinition], chunks }).process(() => {
      if ((steps += 1) >= stopAfter) abort.abort();
    }, abort.signal);
    // A new table in the middle of reading the old one.
    if (stopAfter === 3) await employment.refresh(everybody.slice(0, 30).map((person, index) => ({ registration_no: `S${index}`, citizen_number: person.citizen_number, name: "陈某", employer_name: "新厂", employed_on: "2005-05-05" })));
  }
  await createProcessor({ kernel: city.kernel, definitions: [populationDefinition], chunks }).process();
  expect(await rowsOf("select employer_name, count(*) from base.population_golden where name = '陈某' group by 1 order by 1")).toEqual([{ employer_name: "新厂", count: 30 }, { employer_name: null, count: 10 }]);
  expect(await rowsOf("select count(*) from base.link where source_id = 108")).toEqual([{ count: 30 }]);
});

test("two processors at once do the work once", async () => {
  await household.apply(Array.from({ length: 60 }, (_, index) => ({ citizen_number: number(index + 100, "1878-08-08"), name: "周某", birth_date: "1878-08-08" })));
  const results = await Promise.all([1, 2].map(() => createProcessor({ kernel: city.kernel, definitions: [populationDefinition], chunks: { readRows: 10, mergeKeys: 5 } }).process()));
  expect(results.reduce((sum, result) => sum + result.created, 0)).toBe(60);
  expect(results.reduce((sum, result) => sum + result.rowsRead, 0)).toBe(60);
  expect(await rowsOf("select count(*) from base.touched")).toEqual([{ count: 0 }]);
});
