import type { CheckRule } from "../check/model/definition.ts";
import type { Condition, Operand } from "../check/model/expression.ts";
import { legalBases } from "./legal-bases.ts";

const claim = (field: string): Operand => ({ claim: field });
const evidence = (field: string): Operand => ({ evidence: field });

/** The day from which work is new work: the end of the old job, or, where that is not recorded, the start of benefit. */
const jobEnded: Operand = { coalesce: [claim("unemployed_on"), claim("benefit_from")] };

/**
 * A month of benefit in which an employer paid: inside the benefit months, and after the month in which the old job
 * ended, because the old employer still pays for that one.
 */
const paidMonth = (month: Operand): Condition[] => [
  { compare: [month, ">=", { monthOf: { window: "from" } }] },
  { compare: [month, "<=", { monthOf: { window: "until" } }] },
  { compare: [month, ">", { monthOf: jobEnded }] },
];

const businessRuns: Condition = { any: [{ absent: evidence("registration_status") }, { not: { oneOf: [evidence("registration_status"), ["注销", "吊销", "撤销", "迁出", "已注销", "已吊销"]] } }] };

/** Begun after the job ended, and not later than the benefit compared: a new business, not one that was always there. */
const begunSince = (date: Operand): Condition[] => [
  { compare: [date, ">=", jobEnded] },
  { compare: [date, "<=", { window: "until" }] },
];

/** Death ends entitlement from whenever it was: a claim of somebody who died before it began is a hit too. */
const death = (id: string, role: string, title: CheckRule["title"], recordedOn: string): CheckRule => {
  const diedOn: Operand = { coalesce: [evidence("died_on"), evidence(recordedOn)] };
  return { id, title, kind: "death", role, severity: "ground", legalBasis: legalBases.death, condition: { compare: [diedOn, "<=", { window: "until" }] }, evidenceDate: diedOn };
};

const payMonth: Operand = { monthOf: evidence("pay_month") };
const taxMonth: Operand = { monthOf: evidence("tax_month") };
const leftOn: Operand = { coalesce: [evidence("left_on"), evidence("cancelled_on")] };

/** 12, 18, 24 months from 1, 5, 10 years of contributions; none with less than a year (art. 45). */
const longestTerm: Operand = { scale: claim("contribution_months"), below: 0, bands: [{ from: 12, value: 12 }, { from: 60, value: 18 }, { from: 120, value: 24 }] };

/** The last day of the other claim, or of the last month paid on it; open when no end was granted. */
const otherRunsUntil: Operand = { latest: [{ coalesce: [evidence("benefit_until"), { plusMonths: { period: "end" }, months: 1 }] }, { lastDayOf: { monthOf: evidence("claim_month") } }] };

/** The rules of the unemployment benefit check: 社会保险法 art. 46, 49, 51 and 失业保险条例 art. 15(5). */
export const rules: CheckRule[] = [
  {
    id: "reemployment-registration",
    title: { zh: "重新就业（就业登记）", message: "re-employed (employment registration)" },
    kind: "reemployment",
    role: "employment-registrations",
    severity: "ground",
    legalBasis: legalBases.reemployment,
    // Work begun after the old job and not over again by the first day of benefit.
    condition: { all: [{ compare: [evidence("employed_on"), ">=", jobEnded] }, { overlaps: { from: evidence("employed_on"), until: evidence("ended_on") } }] },
    evidenceDate: evidence("employed_on"),
  },
  {
    id: "reemployment-contribution",
    title: { zh: "重新就业（单位缴纳社会保险费）", message: "re-employed (an employer pays contributions)" },
    kind: "reemployment",
    role: "contributions",
    severity: "ground",
    legalBasis: legalBases.reemployment,
    // Somebody who pays for himself has no employer's code: that is no employment.
    condition: { all: [{ present: evidence("employer_code") }, ...paidMonth(payMonth)] },
    evidenceDate: { firstDayOf: payMonth },
  },
  {
    id: "reemployment-income-tax",
    title: { zh: "重新就业（单位扣缴个人所得税）", message: "re-employed (an employer withholds income tax)" },
    kind: "reemployment",
    role: "income-tax",
    severity: "ground",
    legalBasis: legalBases.reemployment,
    condition: { all: [{ present: evidence("employer_code") }, { compare: [evidence("income"), ">", { number: 0 }] }, ...paidMonth(taxMonth)] },
    evidenceDate: { firstDayOf: taxMonth },
  },
  {
    id: "business-enterprise",
    title: { zh: "登记为企业法定代表人（线索）", message: "legal representative of a new enterprise (clue)" },
    kind: "reemployment",
    role: "enterprises",
    severity: "clue",
    legalBasis: legalBases.reemployment,
    condition: { all: [businessRuns, ...begunSince(evidence("established_on"))] },
    evidenceDate: evidence("established_on"),
  },
  {
    id: "business-self-employed",
    title: { zh: "登记为个体工商户（线索）", message: "registered as a sole trader (clue)" },
    kind: "reemployment",
    role: "self-employed",
    severity: "clue",
    legalBasis: legalBases.reemployment,
    condition: { all: [businessRuns, ...begunSince(evidence("registered_on"))] },
    evidenceDate: evidence("registered_on"),
  },
  {
    id: "enlistment",
    title: { zh: "应征服兵役", message: "called up for military service" },
    kind: "enlistment",
    role: "enlistments",
    severity: "ground",
    legalBasis: legalBases.enlistment,
    condition: { overlaps: { from: evidence("enlisted_on"), until: evidence("discharged_on") } },
    evidenceDate: evidence("enlisted_on"),
  },
  {
    id: "emigration",
    title: { zh: "移居境外", message: "moved abroad" },
    kind: "emigration",
    role: "emigrations",
    severity: "ground",
    legalBasis: legalBases.emigration,
    condition: { compare: [leftOn, "<=", { window: "until" }] },
    evidenceDate: leftOn,
  },
  {
    id: "pension",
    title: { zh: "享受基本养老保险待遇", message: "receives a basic pension" },
    kind: "pension",
    role: "pensions",
    severity: "ground",
    legalBasis: legalBases.pension,
    condition: { overlaps: { from: evidence("started_on"), until: evidence("stopped_on") } },
    evidenceDate: evidence("started_on"),
  },
  {
    id: "job-refusal",
    title: { zh: "无正当理由拒绝介绍工作或培训", message: "refused work or training without good reason" },
    kind: "job-refusal",
    role: "job-refusals",
    severity: "ground",
    legalBasis: legalBases.refusal,
    condition: { all: [{ compare: [evidence("justified"), "=", { truth: false }] }, { during: evidence("refused_on") }] },
    evidenceDate: evidence("refused_on"),
  },
  {
    id: "imprisonment",
    title: { zh: "被判刑收监执行", message: "imprisoned" },
    kind: "imprisonment",
    role: "imprisonments",
    severity: "ground",
    legalBasis: legalBases.imprisonment,
    condition: { overlaps: { from: evidence("admitted_on"), until: evidence("released_on") } },
    evidenceDate: evidence("admitted_on"),
  },
  death("death-household", "household-deaths", { zh: "死亡（公安户口注销）", message: "died (household registration cancelled)" }, "cancelled_on"),
  death("death-funeral", "funerals", { zh: "死亡（殡葬火化）", message: "died (funeral)" }, "cremated_on"),
  death("death-certificate", "death-certificates", { zh: "死亡（死亡医学证明）", message: "died (medical certificate)" }, "issued_on"),
  {
    id: "term-over",
    title: { zh: "领取期限已满", message: "longest term is over" },
    kind: "term-over",
    role: "claims",
    subjectRows: "same",
    severity: "ground",
    legalBasis: legalBases.term,
    condition: { compare: [claim("months_paid"), ">", longestTerm] },
    // The day on which the longest term was over.
    evidenceDate: { plusMonths: claim("benefit_from"), months: longestTerm },
  },
  {
    id: "duplicate-claim",
    title: { zh: "重复申领", message: "another claim runs at the same time" },
    kind: "duplicate",
    role: "claims",
    subjectRows: "others",
    severity: "ground",
    legalBasis: legalBases.duplicate,
    // Each of the two is a hit with the other as its evidence: which one is too many, an officer finds out.
    condition: { overlaps: { from: evidence("benefit_from"), until: otherRunsUntil } },
    // From when both ran.
    evidenceDate: { latest: [claim("benefit_from"), evidence("benefit_from")] },
  },
];
