import type { RowCondition, SharingRequest } from "#standards";

/**
 * What is asked of whom in the sample city, and where the granted rows go. The two bases and the check are applications
 * of the city data office; two departments also ask for each other's rows directly.
 */
export interface SampleFlow {
  /** `population`, `legal-entity`, `unemployment`: an application of the city data office; else the asking department's key. */
  consumer: "population" | "legal-entity" | "unemployment" | { department: string };
  /** `department.table` of the entry. */
  entry: string;
  /** Granted fields; absent: all of the entry's. */
  fields?: readonly string[];
  rowCondition?: RowCondition;
  masks?: SharingRequest["masks"];
}

export const sampleConsumers = {
  population: { name: "人口基础数据库", legalBasis: "《政务数据共享条例》第二十条;杭政办函〔2008〕195号", purpose: "归集人口基础数据库", scene: "汇集各部门人口信息,形成一人一档,支持校核与按授权查询" },
  "legal-entity": { name: "法人单位基础数据库", legalBasis: "《政务数据共享条例》第二十条;杭政办函〔2008〕195号", purpose: "归集法人单位基础数据库", scene: "汇集各部门法人信息,以统一社会信用代码归并,支持校核与按授权查询" },
  unemployment: { name: "失业保险待遇协查", legalBasis: "《社会保险经办条例》第二十五条、第二十六条;《社会保险法》第五十一条", purpose: "核查失业保险金领取资格", scene: "按月与持续比对领取人员,比中后由经办人员核实,不自动停发" },
} as const;

const population = ["gongan.household", "gongan.household_death", "minzheng.marriage", "minzheng.low_income", "laodong.employment_registration", "shebao.pension", "weisheng.health_record", "jiaoyu.student", "gongjijin.housing_fund", "canlian.disability", "jisheng.family_planning"];
const legalEntity = ["gongshang.enterprise", "gongshang.self_employed", "zhijian.organisation_code_cert", "guoshui.tax_registration_national", "dishui.tax_registration_local", "minzheng.social_organisation", "bianban.public_institution", "tongji.basic_unit"];

/** Of each source the check gets the fields that its rules look at, and no others. */
const unemployment: Record<string, readonly string[]> = {
  "laodong.unemployment_claim": ["claim_no", "citizen_number", "name", "benefit_from", "benefit_until", "contribution_months", "months_paid", "monthly_amount", "claim_month", "unemployed_on"],
  "laodong.employment_registration": ["registration_no", "citizen_number", "name", "employer_code", "employer_name", "employed_on", "ended_on"],
  "laodong.job_refusal": ["record_no", "citizen_number", "name", "offered_on", "refused_on", "justified", "office"],
  "shebao.contribution": ["record_no", "citizen_number", "name", "pay_month", "employer_code", "employer_name", "paid_on"],
  "shebao.pension": ["citizen_number", "name", "started_on", "stopped_on"],
  "gongshang.enterprise": ["social_credit_code", "name", "legal_representative", "legal_representative_number", "established_on", "registration_status"],
  "gongshang.self_employed": ["social_credit_code", "name", "operator_name", "operator_number", "registered_on", "registration_status"],
  "bingyi.enlistment": ["citizen_number", "name", "enlisted_on", "discharged_on"],
  "gongan.emigration": ["citizen_number", "name", "destination", "left_on", "cancelled_on"],
  "gongan.household_death": ["citizen_number", "name", "died_on", "cancelled_on"],
  "minzheng.funeral": ["citizen_number", "name", "died_on", "cremated_on"],
  "weisheng.death_certificate": ["certificate_no", "citizen_number", "name", "died_on", "issued_on"],
  "sifa.imprisonment": ["record_no", "citizen_number", "name", "admitted_on", "released_on", "prison"],
};

export const sampleFlows: readonly SampleFlow[] = [
  ...population.map((entry): SampleFlow => ({ consumer: "population", entry })),
  ...legalEntity.map((entry): SampleFlow => ({ consumer: "legal-entity", entry })),
  ...Object.entries(unemployment).map(([entry, fields]): SampleFlow => ({ consumer: "unemployment", entry, fields })),
  // 地税 asks 工商 for the firms that exist, with what is needed to find them and nothing of their representatives' numbers.
  { consumer: { department: "dishui" }, entry: "gongshang.enterprise", fields: ["social_credit_code", "name", "registered_capital", "established_on", "registration_status", "industry_code"], rowCondition: { field: "registration_status", op: "=", value: "存续" } },
  // 民政 asks 公安 for the dead, with the address reduced to the street.
  { consumer: { department: "minzheng" }, entry: "gongan.household", fields: ["citizen_number", "name", "status_code", "address"], rowCondition: { field: "status_code", op: "=", value: "9" }, masks: { address: "address" } },
];
