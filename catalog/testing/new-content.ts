import type { CatalogEntry, DataItem } from "#standards";

/** A content that passes every rule. */
export function newContent(overrides: Partial<CatalogEntry> = {}): CatalogEntry {
  return {
    title: "失业保险金申领发放信息",
    abstract: "劳动和社会保障部门在发放失业保险金时形成的申领、发放和停发记录,每月汇总一次。",
    keywords: ["失业保险", "待遇发放", "停发"],
    themeCodes: ["ZEA00"],
    guideCategory: "203",
    contact: "0571-85000000",
    format: { class: "database", types: ["postgresql"] },
    items: [newItem({ name: "申领编号", field: "claim_number", key: true, required: true }), newItem({ name: "公民身份号码", field: "citizen_number", length: 18, format: "citizen-number", personal: true, sensitivity: "L3" }), newItem({ name: "姓名", field: "name", personal: true, sensitivity: "L2" }), newItem({ name: "月发放金额", field: "monthly_amount", type: "N", length: 12, scale: 2 })],
    sharingType: "conditional",
    sharingCondition: "用于核查重复享受待遇",
    sharingMethod: ["feed"],
    useConditions: "谁使用谁负责",
    open: false,
    updateCycle: "monthly",
    sensitivity: "L3",
    secrecyRiskAssessed: true,
    personalInformationAssessed: true,
    ...overrides,
  };
}

export function newItem(overrides: Partial<DataItem> = {}): DataItem {
  return { name: "备注", field: "note", type: "C", length: 60, ...overrides };
}
