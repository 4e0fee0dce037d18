import type { LandingRow } from "./landing-feeds.ts";

/** Invented numbers: they belong to nobody. */
export const numberOf = (index: number) => `3301021990010${String(10_000 + index).slice(-5)}`;

export const sampleClaim = (index: number, overrides: LandingRow = {}): LandingRow => ({
  claim_no: `SY${String(index).padStart(4, "0")}`,
  citizen_number: numberOf(index),
  name: `张${index}`,
  benefit_from: "2026-02-10",
  benefit_until: "2027-02-09",
  contribution_months: 48,
  months_paid: 5,
  monthly_amount: 1650,
  claim_month: "202606",
  unemployed_on: "2026-01-20",
  ...overrides,
});

export const sampleContribution = (index: number, overrides: LandingRow = {}): LandingRow => ({ record_no: `SB${String(index).padStart(4, "0")}`, citizen_number: numberOf(index), name: `张${index}`, pay_month: "202604", employer_code: "91330100MA28X12345", employer_name: "杭州某某有限公司", base_amount: 5_000, paid_on: "2026-04-15", ...overrides });
