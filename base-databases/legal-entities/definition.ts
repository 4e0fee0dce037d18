import type { AttributeClaim, AttributeDefinition, BaseDefinition } from "../record-store/definition.ts";

const text = (name: string, zh: string, en: string, more: Partial<AttributeDefinition> = {}): AttributeDefinition => ({ name, type: "text", title: { zh, en }, normaliser: "text", onDifference: "keep", ...more });
const code = (name: string, zh: string, en: string, more: Partial<AttributeDefinition> = {}): AttributeDefinition => text(name, zh, en, { normaliser: "code", ...more });
const date = (name: string, zh: string, en: string, more: Partial<AttributeDefinition> = {}): AttributeDefinition => ({ name, type: "date", title: { zh, en }, normaliser: "date", standard: "GB/T 7408", onDifference: "keep", ...more });

/**
 * Every unit is asked for the basic items that its entry has, under the items' common names; what its entry lacks is
 * left out when it is attached. The registering body of each kind of entity outranks all others for its own: 工商
 * registers enterprises, 民政 social organisations, 编办 institutions, and no two of them register the same entity.
 */
const basicItems = (rank: number, own: Record<string, AttributeClaim> = {}): Record<string, AttributeClaim> => ({
  ...Object.fromEntries(["name", "entity_type", "legal_representative", "business_scope", "address", "registered_capital", "established_on", "registrar", "registration_status"].map((column) => [column, { column, rank }])),
  capital_currency: { column: "registered_capital", rank },
  ...own,
});

const registered = { kind: "establishment", title: { zh: "成立", en: "establishment" }, on: "established_on", show: ["name", "entity_type", "registrar"] } as const;
const match = { name: "name", date: "established_on", address: "address", other: "legal_representative" } as const;

/** 法人单位基础库: ten basic items (standards-facts 7) and extended items from seven units. */
export const legalEntityDefinition: BaseDefinition = {
  name: "legal-entity",
  title: { zh: "法人单位基础库", en: "legal entity base" },
  keyKind: "social-credit-code",
  key: "social_credit_code",
  keyTitle: { zh: "统一社会信用代码", en: "unified social credit code" },
  goldenTable: "legal_entity_golden",
  attributes: [
    { name: "name", type: "text", title: { zh: "机构名称", en: "name" }, normaliser: "organisation-name", basic: true, onDifference: "correct" },
    { name: "entity_type", type: "text", title: { zh: "机构类型", en: "entity type" }, normaliser: "category", basic: true, standard: "GB/T 20091", onDifference: "correct" },
    { name: "legal_representative", type: "text", title: { zh: "法定代表人(负责人)", en: "legal representative" }, normaliser: "person-name", basic: true, onDifference: "correct" },
    { name: "business_scope", type: "text", title: { zh: "经营(业务)范围", en: "business scope" }, normaliser: "category", basic: true, onDifference: "keep" },
    { name: "address", type: "text", title: { zh: "住所", en: "address" }, normaliser: "address", basic: true, onDifference: "correct" },
    { name: "registered_capital", type: "number", title: { zh: "注册资本(开办资金)", en: "registered capital" }, normaliser: "capital", basic: true, unit: "万", onDifference: "correct" },
    date("established_on", "成立日期", "established on", { basic: true, onDifference: "correct" }),
    text("registrar", "登记机关", "registrar", { normaliser: "organisation-name", basic: true, onDifference: "correct" }),
    text("registration_status", "登记状态", "registration status", { normaliser: "category", basic: true, onDifference: "correct" }),
    code("capital_currency", "注册资本币种", "currency of the capital", { normaliser: "capital-currency", standard: "GB/T 12406", onDifference: "correct" }),
    code("legal_representative_number", "法定代表人公民身份号码", "legal representative's citizen number", { standard: "GB 11643" }),
    code("organisation_code", "组织机构代码", "organisation code", { standard: "GB 11714", onDifference: "correct", derivation: { name: "credit-code-organisation", fallback: true, check: true } }),
    code("economic_type", "经济类型", "economic type", { standard: "GB/T 12402" }),
    code("industry_code", "行业代码", "industry", { standard: "GB/T 4754" }),
    { name: "employees", type: "integer", title: { zh: "从业人员数", en: "employees" }, normaliser: "integer", onDifference: "keep" },
    text("national_tax_status", "国税登记状态", "national tax registration", { normaliser: "category" }),
    date("national_tax_registered_on", "国税登记日期", "registered for national tax on"),
    text("local_tax_status", "地税登记状态", "local tax registration", { normaliser: "category" }),
    date("local_tax_registered_on", "地税登记日期", "registered for local tax on"),
  ],
  sources: [
    {
      id: 201,
      role: "gongshang.enterprise",
      unit: "gongshang",
      title: { zh: "企业登记基本信息", en: "register of enterprises" },
      keyColumn: "social_credit_code",
      freshness: "updated_at",
      attributes: basicItems(1, { legal_representative_number: { column: "legal_representative_number", rank: 1 }, economic_type: { column: "economic_type", rank: 1 }, industry_code: { column: "industry_code", rank: 1 } }),
      match,
      events: [registered],
    },
    {
      id: 202,
      role: "gongshang.self_employed",
      unit: "gongshang",
      title: { zh: "个体工商户登记信息", en: "register of self-employed businesses" },
      keyColumn: "social_credit_code",
      freshness: "updated_at",
      attributes: {
        name: { column: "name", rank: 1 },
        legal_representative: { column: "operator_name", rank: 1 },
        legal_representative_number: { column: "operator_number", rank: 1 },
        address: { column: "address", rank: 1 },
        established_on: { column: "registered_on", rank: 1 },
        registration_status: { column: "registration_status", rank: 1 },
      },
      match: { name: "name", date: "registered_on", address: "address", other: "operator_name" },
      events: [{ kind: "establishment", title: { zh: "登记设立", en: "establishment" }, on: "registered_on", show: ["name", "registration_status"] }],
    },
    {
      id: 203,
      role: "minzheng.social_organisation",
      unit: "minzheng",
      title: { zh: "社会组织登记信息", en: "register of social organisations" },
      keyColumn: "social_credit_code",
      attributes: basicItems(1),
      match,
      events: [registered],
    },
    {
      id: 204,
      role: "bianban.public_institution",
      unit: "bianban",
      title: { zh: "事业单位登记信息", en: "register of institutions" },
      keyColumn: "social_credit_code",
      attributes: basicItems(1),
      match,
      events: [registered],
    },
    {
      id: 205,
      role: "zhijian.organisation_code_cert",
      unit: "zhijian",
      title: { zh: "组织机构代码信息", en: "organisation code certificates" },
      keyColumn: "social_credit_code",
      // The certificate's own state (`status`) is not the entity's registration status.
      attributes: basicItems(2, { organisation_code: { column: "organisation_code", rank: 1 } }),
      match,
      events: [],
    },
    {
      id: 206,
      role: "guoshui.tax_registration_national",
      unit: "guoshui",
      title: { zh: "国税税务登记信息", en: "national tax registrations" },
      keyColumn: "social_credit_code",
      freshness: "registered_on",
      attributes: basicItems(3, { industry_code: { column: "industry_code", rank: 2 }, national_tax_status: { column: "tax_status", rank: 1 }, national_tax_registered_on: { column: "registered_on", rank: 1 } }),
      match,
      events: [{ kind: "national-tax-registration", title: { zh: "国税税务登记", en: "registered for national tax" }, on: "registered_on", show: ["tax_status"] }],
    },
    {
      id: 207,
      role: "dishui.tax_registration_local",
      unit: "dishui",
      title: { zh: "地税税务登记信息", en: "local tax registrations" },
      keyColumn: "social_credit_code",
      freshness: "registered_on",
      attributes: basicItems(3, { industry_code: { column: "industry_code", rank: 2 }, local_tax_status: { column: "tax_status", rank: 1 }, local_tax_registered_on: { column: "registered_on", rank: 1 } }),
      match,
      events: [{ kind: "local-tax-registration", title: { zh: "地税税务登记", en: "registered for local tax" }, on: "registered_on", show: ["tax_status"] }],
    },
    {
      id: 208,
      role: "tongji.basic_unit",
      unit: "tongji",
      title: { zh: "基本单位名录", en: "directory of basic units" },
      keyColumn: "social_credit_code",
      attributes: { name: { column: "name", rank: 4 }, address: { column: "address", rank: 4 }, industry_code: { column: "industry_code", rank: 3 }, employees: { column: "employees", rank: 1 } },
      match: { name: "name", address: "address" },
      events: [],
    },
    // Timeline only.
    {
      id: 209,
      role: "gongshang.equity_change",
      unit: "gongshang",
      title: { zh: "企业股权变更信息", en: "changes of equity" },
      keyColumn: "social_credit_code",
      attributes: {},
      events: [{ kind: "equity-change", title: { zh: "股权变更", en: "change of equity" }, on: "changed_on", show: [] }],
    },
  ],
  matching: { name: "name", date: "established_on", address: "address", other: "legal_representative", thresholds: { match: 25, review: 13, lead: 5 } },
};
