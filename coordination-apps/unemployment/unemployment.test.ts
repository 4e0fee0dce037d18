import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createCheckHarness, system, type CheckHarness } from "../testing/check-harness.ts";
import type { LandingRow } from "../testing/landing-feeds.ts";
import { checkDefinition } from "../check/model/definition.ts";
import { unemploymentCheck } from "./definition.ts";

let city: CheckHarness;
beforeAll(async () => void (city = await createCheckHarness()));
afterAll(() => city.end());
beforeEach(async () => {
  await city.reset();
  await city.feeds.create();
  await city.attach();
});

const person = { citizen_number: "330102199001011234", name: "张三" };
const claim = (overrides: LandingRow = {}): LandingRow => ({ claim_no: "SY001", ...person, benefit_from: "2026-02-10", benefit_until: "2027-02-09", contribution_months: 48, months_paid: 5, monthly_amount: 1650, claim_month: "202606", unemployed_on: "2026-01-20", ...overrides });
const check = (month = "202606") => city.apps.check.runBatch(system, { definition: unemploymentCheck.name, month });

/** Which of these evidence rows hit, by their key. */
async function hitsOf(role: string, rows: LandingRow[], claims: LandingRow[] = [claim()]): Promise<string[]> {
  await city.feeds.apply("claims", claims);
  await city.feeds.apply(role, rows.map((row) => ({ ...person, ...row })));
  await check();
  return (await city.hits()).map((line) => (JSON.parse(line.split(" ")[2]!) as string[])[0]!).sort();
}

test("the definition is sound", () => {
  expect(checkDefinition(unemploymentCheck)).toEqual([]);
});

test("a job begun after the old one and not over by the first day of benefit is re-employment", async () => {
  const found = await hitsOf("employment-registrations", [
    { registration_no: "during", employed_on: "2026-03-01", ended_on: null },
    { registration_no: "first-day", employed_on: "2026-02-10", ended_on: "2026-04-01" },
    { registration_no: "last-day-of-month", employed_on: "2026-06-30", ended_on: null },
    { registration_no: "between-jobs-and-still-running", employed_on: "2026-01-25", ended_on: null },
    { registration_no: "between-jobs-and-over", employed_on: "2026-01-25", ended_on: "2026-02-10" },
    { registration_no: "old-job", employed_on: "2015-03-01", ended_on: "2026-01-20" },
    { registration_no: "old-job-never-deregistered", employed_on: "2015-03-01", ended_on: null },
    { registration_no: "after-the-month-compared", employed_on: "2026-07-01", ended_on: null },
    { registration_no: "undated", employed_on: null, ended_on: null },
    { registration_no: "somebody-else", employed_on: "2026-03-01", ended_on: null, citizen_number: "330102199001015555" },
  ]);
  expect(found).toEqual(["between-jobs-and-still-running", "during", "first-day", "last-day-of-month"]);
});

test("contributions hit when an employer paid for a month of benefit, not for the month in which the job ended", async () => {
  const found = await hitsOf(
    "contributions",
    [
      { record_no: "month-of-job-end", pay_month: "202602", employer_code: "91330100MA28X12345" },
      { record_no: "next-month", pay_month: "202603", employer_code: "91330100MA28X12345" },
      { record_no: "month-compared", pay_month: "202606", employer_code: "91330100MA28X12345" },
      { record_no: "month-after", pay_month: "202607", employer_code: "91330100MA28X12345" },
      { record_no: "paid-late-for-the-old-job", pay_month: "202601", employer_code: "91330100MA28X12345", paid_on: "2026-04-01" },
      { record_no: "by-the-person", pay_month: "202604", employer_code: null },
      { record_no: "blank-employer", pay_month: "202604", employer_code: "  " },
      { record_no: "no-month", pay_month: "202613", employer_code: "91330100MA28X12345" },
    ],
    [claim({ benefit_from: "2026-02-20", unemployed_on: "2026-02-05" })],
  );
  expect(found).toEqual(["month-compared", "next-month"]);
});

test("income that an employer taxed in a month of benefit hits", async () => {
  const found = await hitsOf("income-tax", [
    { record_no: "wage", tax_month: "202604", employer_code: "91330100MA28X12345", income: 6200 },
    { record_no: "zero", tax_month: "202604", employer_code: "91330100MA28X12345", income: 0 },
    { record_no: "own", tax_month: "202604", employer_code: null, income: 900 },
    { record_no: "before", tax_month: "202601", employer_code: "91330100MA28X12345", income: 6200 },
  ]);
  expect(found).toEqual(["wage"]);
});

test("a business registered since the job ended is a clue while it is not deregistered", async () => {
  await city.feeds.apply("self-employed", [{ social_credit_code: "shop", name: "小店", operator_name: "张三", operator_number: person.citizen_number, registered_on: "2026-05-05", registration_status: "存续" }]);
  const row = { legal_representative: "张三", legal_representative_number: person.citizen_number, established_on: "2026-03-03", registration_status: "存续" };
  const found = await hitsOf("enterprises", [
    { ...row, social_credit_code: "new", name: "新公司" },
    { ...row, social_credit_code: "status-unknown", registration_status: null },
    { ...row, social_credit_code: "deregistered", registration_status: "注销" },
    { ...row, social_credit_code: "revoked", registration_status: "吊销" },
    { ...row, social_credit_code: "old", established_on: "2012-01-01" },
    { ...row, social_credit_code: "another-person", legal_representative_number: "330102199001015555" },
  ]);
  expect(found).toEqual(["new", "shop", "status-unknown"]);
  const { rows } = await city.db.database.read((reader) => reader.query("select distinct severity from apps.check_hit"));
  expect(rows).toEqual([{ severity: "clue" }]);
});

test.each([
  ["enlistments", "enlisted_on", "discharged_on"],
  ["pensions", "started_on", "stopped_on"],
])("%s hit when they last into the benefit", async (role, from, until) => {
  const one = async (start: string | null, end: string | null) => {
    await city.feeds.apply(role, [{ ...person, [from]: start, [until]: end }]);
    await check();
    return (await city.hits()).filter((line) => !line.endsWith("withdrawn")).length;
  };
  await city.feeds.apply("claims", [claim()]);
  expect(await one("2026-04-01", null)).toBe(1);
  expect(await one("2020-04-01", "2026-02-10")).toBe(0);
  expect(await one("2020-04-01", "2026-02-11")).toBe(1);
  expect(await one("2026-07-01", null)).toBe(0);
  expect(await one(null, null)).toBe(0);
  expect(await one("2026-06-30", null)).toBe(1);
});

test("imprisonment hits when it touches the benefit", async () => {
  expect(
    await hitsOf("imprisonments", [
      { record_no: "during", admitted_on: "2026-03-10", released_on: null },
      { record_no: "released-before", admitted_on: "2024-03-10", released_on: "2026-02-10" },
      { record_no: "later", admitted_on: "2026-08-01", released_on: null },
    ]),
  ).toEqual(["during"]);
});

test("a refusal hits only when the office found it unjustified and it fell into the benefit", async () => {
  expect(
    await hitsOf("job-refusals", [
      { record_no: "unjustified", refused_on: "2026-04-04", justified: false },
      { record_no: "justified", refused_on: "2026-04-04", justified: true },
      { record_no: "not-judged", refused_on: "2026-04-04", justified: null },
      { record_no: "before", refused_on: "2026-02-09", justified: false },
      { record_no: "first-day", refused_on: "2026-02-10", justified: false },
    ]),
  ).toEqual(["first-day", "unjustified"]);
});

test("death and emigration hit from whenever they were up to the month compared, by whichever date is recorded", async () => {
  await city.feeds.apply("claims", [claim()]);
  await city.feeds.apply("household-deaths", [{ ...person, died_on: null, cancelled_on: "2026-06-20" }]);
  await city.feeds.apply("funerals", [{ ...person, died_on: "2025-12-01", cremated_on: "2025-12-04" }]);
  await city.feeds.apply("death-certificates", [{ certificate_no: "D1", ...person, died_on: "2026-07-02", issued_on: "2026-07-03" }]);
  await city.feeds.apply("emigrations", [{ ...person, left_on: "2026-05-01" }]);
  await check();
  expect((await city.hits()).map((line) => line.split(" ")[1])).toEqual(["death-funeral", "death-household", "emigration"]);
});

test("the longest term follows the years of contributions", async () => {
  const rows: [string, number, number][] = [["a", 11, 1], ["b", 12, 12], ["c", 12, 13], ["d", 59, 13], ["e", 60, 18], ["f", 60, 19], ["g", 119, 24], ["h", 120, 24], ["i", 120, 25]];
  await city.feeds.apply("claims", rows.map(([claim_no, contribution_months, months_paid]) => claim({ claim_no, citizen_number: `33010219900101000${claim_no}`, contribution_months, months_paid })));
  await city.feeds.apply("claims", [claim({ claim_no: "unknown", citizen_number: "330102199001010099", contribution_months: null, months_paid: 30 })]);
  await check();
  expect((await city.hits()).map((line) => line.split(" ")[0])).toEqual(["a", "c", "d", "f", "g", "i"]);
});

test("two claims of one person that run side by side are each a hit, with the other as evidence", async () => {
  await city.feeds.apply("claims", [
    claim({ claim_no: "first" }),
    claim({ claim_no: "second", benefit_from: "2026-04-01" }),
    claim({ claim_no: "ended-before", benefit_from: "2024-01-01", benefit_until: "2025-01-01", claim_month: "202412" }),
    claim({ claim_no: "ended-on-the-day-the-next-began", citizen_number: "330102199001010088", benefit_from: "2025-02-01", benefit_until: "2026-05-01", claim_month: "202604" }),
    claim({ claim_no: "ended-but-still-paid", citizen_number: "330102199001010077", benefit_from: "2024-05-01", benefit_until: "2026-04-30" }),
    claim({ claim_no: "new", citizen_number: "330102199001010077", benefit_from: "2026-05-10", benefit_until: null, claim_month: "202605" }),
    claim({ claim_no: "next", citizen_number: "330102199001010088", benefit_from: "2026-05-01" }),
  ]);
  await check();
  expect(await city.hits()).toEqual(['ended-but-still-paid duplicate-claim ["new"]', 'first duplicate-claim ["second"]', 'new duplicate-claim ["ended-but-still-paid"]', 'second duplicate-claim ["first"]']);
});

test("the month's comparison takes the claims granted for it or paid in it", async () => {
  const run = async (month: string) => (await check(month)).compared;
  await city.feeds.apply("claims", [
    claim(),
    claim({ claim_no: "ended", citizen_number: "x", benefit_until: "2026-05-31", claim_month: "202605" }),
    claim({ claim_no: "paid-beyond-its-term", citizen_number: "w", benefit_until: "2026-05-31", contribution_months: 20, months_paid: 13 }),
    claim({ claim_no: "open", citizen_number: "y", benefit_until: null }),
    claim({ claim_no: "not-begun", citizen_number: "z", benefit_from: "2026-07-01" }),
  ]);
  await city.feeds.apply("employment-registrations", [{ registration_no: "R1", citizen_number: "w", employed_on: "2026-06-20" }]);
  expect([await run("202605"), await run("202607"), await run("202606")]).toEqual([4, 3, 3]);
  expect(await city.hits()).toEqual(['paid-beyond-its-term reemployment-registration ["R1"]', 'paid-beyond-its-term term-over ["paid-beyond-its-term"]']);
});

test("another name is noted on the hit and does not drop it; white space and middle dots are no difference", async () => {
  await city.feeds.apply("claims", [claim({ name: "阿里木·买买提" })]);
  await city.feeds.apply("contributions", [
    { record_no: "same", ...person, name: "阿里木•买买提 ", pay_month: "202604", employer_code: "E" },
    { record_no: "other", ...person, name: "李四", pay_month: "202604", employer_code: "E" },
    { record_no: "none", ...person, name: null, pay_month: "202604", employer_code: "E" },
  ]);
  await check();
  const { rows } = await city.db.database.read((reader) => reader.query("select evidence ->> 'record_no' as record, name_matches from apps.check_hit order by 1"));
  expect(rows).toEqual([{ record: "none", name_matches: null }, { record: "other", name_matches: false }, { record: "same", name_matches: true }]);
});
