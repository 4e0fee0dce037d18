import type { Mapping, Target } from "./mapping.ts";

/** Sheet of an exported workbook that keeps what the guide has no columns for. */
export const machineSheet = "zhengtong";
export const machineColumns = { code: "code", entryId: "id", content: "content" } as const;
/** Excel's limit on one cell: longer contents go on in `content 2`, `content 3` … */
export const machineCellCharacters = 30_000;
/** Excel cuts longer cells off; the machine sheet keeps the whole text. */
export const excelCellCharacters = 32_767;

/** Columns of our CSV, in order: one row an entry, every member a column, exact when read back. */
export const ownCsvColumns: readonly (readonly [Target, string])[] = [
  ["entryId", "条目标识"],
  ["code", "信息资源代码"],
  ["title", "信息资源名称"],
  ["provider", "信息资源提供方"],
  ["internalDepartment", "内部部门"],
  ["providerCode", "提供方代码"],
  ["abstract", "信息资源摘要"],
  ["guideCategory", "信息资源分类代码"],
  ["themeCodes", "主题分类"],
  ["industryCodes", "行业分类"],
  ["keywords", "关键字"],
  ["thesaurus", "词典名称"],
  ["formatClass", "格式分类"],
  ["formats", "格式类型"],
  ["sharingType", "共享类型"],
  ["sharingCondition", "共享条件"],
  ["refusalBasis", "不予共享依据"],
  ["sharingMethod", "共享方式"],
  ["useConditions", "使用条件"],
  ["reviewBody", "须四部门审核"],
  ["open", "是否向社会开放"],
  ["openCondition", "开放条件"],
  ["updateCycle", "更新周期"],
  ["sensitivity", "数据分级"],
  ["secrecyRiskAssessed", "已作泄密风险评估"],
  ["personalInformationAssessed", "已作个人信息保护影响评估"],
  ["maintainer", "元数据维护方"],
  ["contact", "联系方式"],
  ["releasedOn", "发布日期"],
  ["onlineLinks", "在线资源链接地址"],
  ["serviceUrl", "服务地址"],
  ["serviceType", "服务类型"],
  ["relatedCodes", "关联资源代码"],
  ["derivedFrom", "来源资源代码"],
  ["sourceReference", "来源标识"],
  ["items", "信息项JSON"],
];

/** Columns that say something of the entry and are not read back. */
export const ownCsvRemarks = ["资源标识符", "状态", "版本"] as const;
const allocated = { en: "allocated by the platform", zh: "由平台分配" };

export const ownCsvMapping: Mapping = {
  name: "zhengtong-table",
  title: { en: "our own export as a table", zh: "本平台导出的表格" },
  required: ["title", "sharingType", "entryId"],
  exact: true,
  marks: ["条目标识", "信息项JSON"],
  fields: Object.fromEntries(ownCsvColumns.map(([target, column]) => [target, [column]])),
  unused: Object.fromEntries(ownCsvRemarks.map((column) => [column, allocated])),
};

export const ownJsonMapping: Mapping = {
  name: "zhengtong",
  title: { en: "our own export (JSON)", zh: "本平台导出的 JSON" },
  required: ["content"],
  marks: ["content", "resourceId"],
  fields: { content: ["content"], entryId: ["id"], code: ["code"], provider: ["organisation"], providerCode: ["organisationCode"] },
  unused: { resourceId: allocated, state: allocated, version: allocated },
};
