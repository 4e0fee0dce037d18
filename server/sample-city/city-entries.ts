import type { CatalogEntry, DataItem } from "#standards";

/** What the city data office itself provides: the two bases and the outcome of the check, with the table behind each. */
export interface CityEntry {
  relation: string;
  theme: string;
  isOutcome?: boolean;
  content: Omit<CatalogEntry, "themeCodes">;
}

const item = (name: string, field: string, type: DataItem["type"], more: Partial<DataItem> = {}): DataItem => ({ name, field, type, ...more });
const citizenNumber = item("公民身份号码", "citizen_number", "C", { length: 18, format: "citizen-number", sensitivity: "L3", personal: true });
const personName = (field: string) => item("姓名", field, "C", { length: 60, sensitivity: "L2", personal: true });

const common = {
  format: { class: "database", types: ["postgresql"] },
  sharingType: "conditional",
  sharingCondition: "用于履行法定职责,须说明使用依据、场景、范围和时限,不得用于其他目的。",
  sharingMethod: ["feed"],
  useConditions: "谁使用谁负责,用后按要求处置。",
  open: false,
  secrecyRiskAssessed: true,
} satisfies Partial<CatalogEntry>;

export const cityEntries: readonly CityEntry[] = [
  {
    relation: "base.population_golden",
    theme: "民政、社区/民政",
    content: {
      ...common,
      title: "人口基础信息主记录",
      abstract: "由各部门数据按权威顺序和时效逐项归并形成的人口基础信息,每项可追溯到来源。",
      keywords: ["人口", "基础库", "主记录"],
      guideCategory: "101",
      updateCycle: "realtime",
      sensitivity: "L3",
      personalInformationAssessed: true,
      items: [
        { ...citizenNumber, key: true, required: true },
        personName("name"),
        item("性别代码", "sex_code", "C", { length: 1, codeSet: "GB/T 2261.1", personal: true }),
        item("民族代码", "ethnic_code", "C", { length: 2, codeSet: "GB/T 3304", personal: true }),
        item("出生日期", "birth_date", "D", { sensitivity: "L2", personal: true }),
        item("出生地代码", "birth_region_code", "C", { length: 6, personal: true }),
      ],
    },
  },
  {
    relation: "base.legal_entity_golden",
    theme: "经济管理/工商",
    content: {
      ...common,
      title: "法人单位基础信息主记录",
      abstract: "由七个部门数据按统一社会信用代码归并形成的法人单位基础信息,每项可追溯到来源。",
      keywords: ["法人", "基础库", "主记录"],
      guideCategory: "102",
      updateCycle: "realtime",
      sensitivity: "L2",
      personalInformationAssessed: true,
      items: [
        item("统一社会信用代码", "social_credit_code", "C", { length: 18, format: "social-credit-code", key: true, required: true }),
        item("机构名称", "name", "C", { length: 300 }),
        item("机构类型", "entity_type", "C", { length: 100 }),
        item("法定代表人", "legal_representative", "C", { length: 100, sensitivity: "L2", personal: true }),
        item("住所", "address", "C", { length: 300 }),
        item("成立日期", "established_on", "D"),
        item("登记机关", "registrar", "C", { length: 100 }),
        item("登记状态", "registration_status", "C", { length: 40 }),
      ],
    },
  },
  {
    relation: "apps.unemployment_outcome",
    theme: "劳动、人事/社会保障",
    isOutcome: true,
    content: {
      ...common,
      title: "失业保险协查结果信息",
      abstract: "失业保险待遇协查办件经人工核实后的结论,供经办机构依法作出待遇决定;比中本身不停发待遇。",
      keywords: ["失业保险", "协查", "核实结论"],
      guideCategory: "203",
      updateCycle: "realtime",
      sensitivity: "L3",
      personalInformationAssessed: true,
      items: [
        item("办件编号", "case_number", "C", { length: 40, key: true, required: true }),
        item("申领编号", "claim_no", "C", { length: 20, required: true }),
        citizenNumber,
        personName("citizen_name"),
        item("核实结论", "outcome", "C", { length: 20, definition: "confirmed 确认,dismissed 排除,under-appeal 申诉中,overturned 撤销" }),
        item("结论类别", "outcome_kind", "C", { length: 40 }),
        item("法律依据", "legal_basis", "C", { length: 200 }),
        item("情形发生日期", "circumstance_from", "D", { personal: true }),
        item("决定日期", "decided_on", "D"),
        item("协查月份", "period", "C", { length: 6 }),
        item("涉及金额", "amount_at_stake", "N", { length: 14, scale: 2, sensitivity: "L2", personal: true }),
      ],
    },
  },
];
