import type { LandingRow } from "./landing-feeds.ts";

/**
 * The unemployment rules once more, in plain loops over rows and written from the law's text and not from the
 * definition: what the engine must find, no more and no less.
 */
export type City = Record<string, LandingRow[]>;

const text = (value: LandingRow[string] | undefined) => (value === null || value === undefined ? undefined : String(value));
const monthOfDate = (date: string) => date.slice(0, 7);
const monthOfText = (value: string | undefined) => (value !== undefined && /^[1-9]\d{3}(0[1-9]|1[0-2])$/.test(value) ? `${value.slice(0, 4)}-${value.slice(4)}` : undefined);
const lastDayOf = (month: string) => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).toISOString().slice(0, 10);
const min = (a: string, b: string) => (a < b ? a : b);
const max = (a: string, b: string) => (a > b ? a : b);

export function oracleHits(city: City, month: string): string[] {
  const start = `${month.slice(0, 4)}-${month.slice(4)}-01`;
  const end = lastDayOf(start.slice(0, 7));
  const rowsOf = (role: string) => city[role] ?? [];
  const found = new Set<string>();

  for (const claim of rowsOf("claims")) {
    const from = text(claim.benefit_from);
    const until = text(claim.benefit_until);
    const paidMonth = monthOfText(text(claim.claim_month));
    if (from === undefined || from > end) continue;
    if (!(until === undefined || until >= start || paidMonth === start.slice(0, 7))) continue;
    const lastDay = min(end, paidMonth === undefined ? (until ?? end) : max(until ?? end, lastDayOf(paidMonth)));
    const jobEnd = text(claim.unemployed_on) ?? from;
    const hit = (rule: string, key: LandingRow[string] | undefined) => found.add(`${claim.claim_no} ${rule} ${JSON.stringify([key])}`);
    const mine = (role: string, field = "citizen_number") => rowsOf(role).filter((row) => row[field] !== null && row[field] !== undefined && row[field] === claim.citizen_number);
    const lasts = (begin: string | undefined, over: string | undefined) => begin !== undefined && begin <= lastDay && (over === undefined || over > from);
    const paidFor = (value: string | undefined) => {
      const paid = monthOfText(value);
      return paid !== undefined && paid >= monthOfDate(from) && paid <= monthOfDate(lastDay) && paid > monthOfDate(jobEnd);
    };
    const hasEmployer = (row: LandingRow) => (text(row.employer_code) ?? "").trim() !== "";
    const runs = (row: LandingRow) => !["注销", "吊销", "撤销", "迁出", "已注销", "已吊销"].includes(text(row.registration_status) ?? "");
    const since = (date: string | undefined) => date !== undefined && date >= jobEnd && date <= lastDay;
    const upToNow = (date: string | undefined) => date !== undefined && date <= lastDay;

    for (const row of mine("employment-registrations")) {
      const begun = text(row.employed_on);
      if (begun !== undefined && begun >= jobEnd && lasts(begun, text(row.ended_on))) hit("reemployment-registration", row.registration_no);
    }
    for (const row of mine("contributions")) if (hasEmployer(row) && paidFor(text(row.pay_month))) hit("reemployment-contribution", row.record_no);
    for (const row of mine("income-tax")) if (hasEmployer(row) && typeof row.income === "number" && row.income > 0 && paidFor(text(row.tax_month))) hit("reemployment-income-tax", row.record_no);
    for (const row of mine("enterprises", "legal_representative_number")) if (runs(row) && since(text(row.established_on))) hit("business-enterprise", row.social_credit_code);
    for (const row of mine("self-employed", "operator_number")) if (runs(row) && since(text(row.registered_on))) hit("business-self-employed", row.social_credit_code);
    for (const row of mine("enlistments")) if (lasts(text(row.enlisted_on), text(row.discharged_on))) hit("enlistment", row.citizen_number);
    for (const row of mine("emigrations")) if (upToNow(text(row.left_on) ?? text(row.cancelled_on))) hit("emigration", row.citizen_number);
    for (const row of mine("pensions")) if (lasts(text(row.started_on), text(row.stopped_on))) hit("pension", row.citizen_number);
    for (const row of mine("job-refusals")) {
      const refused = text(row.refused_on);
      if (row.justified === false && refused !== undefined && refused >= from && refused <= lastDay) hit("job-refusal", row.record_no);
    }
    for (const row of mine("imprisonments")) if (lasts(text(row.admitted_on), text(row.released_on))) hit("imprisonment", row.record_no);
    for (const row of mine("household-deaths")) if (upToNow(text(row.died_on) ?? text(row.cancelled_on))) hit("death-household", row.citizen_number);
    for (const row of mine("funerals")) if (upToNow(text(row.died_on) ?? text(row.cremated_on))) hit("death-funeral", row.citizen_number);
    for (const row of mine("death-certificates")) if (upToNow(text(row.died_on) ?? text(row.issued_on))) hit("death-certificate", row.certificate_no);

    const { contribution_months: contributed, months_paid: paid } = claim;
    if (typeof contributed === "number" && typeof paid === "number" && paid > (contributed < 12 ? 0 : contributed < 60 ? 12 : contributed < 120 ? 18 : 24)) hit("term-over", claim.claim_no);
    for (const other of mine("claims")) {
      if (other.claim_no === claim.claim_no) continue;
      const otherFrom = text(other.benefit_from);
      const otherPaid = monthOfText(text(other.claim_month));
      const otherUntil = text(other.benefit_until);
      const stillRuns = otherUntil === undefined || otherUntil > from || (otherPaid !== undefined && lastDayOf(otherPaid) > from);
      if (otherFrom !== undefined && otherFrom <= lastDay && stillRuns) hit("duplicate-claim", other.claim_no);
    }
  }
  return [...found].sort();
}
