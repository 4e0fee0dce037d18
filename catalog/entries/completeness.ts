import type { CatalogEntry, DataItem } from "#standards";

/** One thing that makes an entry better to find, to judge and to use. */
export interface ChecklistItem {
  path: string;
  weight: number;
  done: boolean;
  /** What to do. */
  message: string;
  zh: string;
}

interface ChecklistRule {
  path: string;
  weight: number;
  /** 0 to 1: how far it is done; 1 is done. */
  degree(content: CatalogEntry): number;
  message: string;
  zh: string;
}

const filled = (text: string | undefined): number => (text !== undefined && text.trim() !== "" ? 1 : 0);
const yes = (condition: boolean): number => (condition ? 1 : 0);
const itemsOf = (content: CatalogEntry): readonly DataItem[] => content.items ?? [];
/** What share of the items has something; without items, nothing is lacking. */
const share = (content: CatalogEntry, has: (item: DataItem) => boolean): number => (itemsOf(content).length === 0 ? yes(!isStructured(content)) : itemsOf(content).filter(has).length / itemsOf(content).length);
const isStructured = (content: CatalogEntry): boolean => content.format.class === "database" || content.format.class === "spreadsheet" || content.format.class === "service";
const needsLength = (item: DataItem): boolean => item.type === "C" || item.type === "N" || item.type === "Y";

/** Weights sum to 100: half for what a reader needs to find and judge the entry, half for what a consumer needs to use it. */
const checklistRules: readonly ChecklistRule[] = [
  { path: "/abstract", weight: 10, degree: (c) => Math.min(1, [...c.abstract.trim()].length / 20), message: "Describe in 20 characters or more what the resource holds and where it comes from", zh: "用 20 字以上说明资源内容和来源" },
  { path: "/keywords", weight: 6, degree: (c) => Math.min(1, (c.keywords?.length ?? 0) / 3), message: "Give three keywords that people would search for", zh: "填写 3 个便于检索的关键字" },
  { path: "/themeCodes", weight: 8, degree: (c) => yes(c.themeCodes.length > 0), message: "Choose the theme (GB/T 21063.4)", zh: "选择主题分类" },
  { path: "/guideCategory", weight: 4, degree: (c) => filled(c.guideCategory), message: "Choose class and item of the catalog guide", zh: "选择信息资源分类(类、项)" },
  { path: "/contact", weight: 6, degree: (c) => filled(c.contact), message: "Say whom to ask", zh: "填写联系方式" },
  { path: "/internalDepartment", weight: 3, degree: (c) => filled(c.internalDepartment), message: "Name the division that keeps the data", zh: "填写内部部门" },
  { path: "/format/types", weight: 4, degree: (c) => yes(c.format.types.length > 0), message: "Name the format (xlsx, postgresql …)", zh: "填写格式类型" },
  { path: "/sharingMethod", weight: 4, degree: (c) => yes(c.sharingMethod.length > 0), message: "Say how it is shared", zh: "选择共享方式" },
  { path: "/useConditions", weight: 3, degree: (c) => filled(c.useConditions), message: "State the conditions of use (条例 art. 13)", zh: "填写使用条件" },
  { path: "/sharingCondition", weight: 3, degree: (c) => (c.sharingType === "conditional" ? filled(c.sharingCondition) : c.sharingType === "refused" ? filled(c.refusalBasis) : 1), message: "State the sharing condition, or the basis of the refusal", zh: "填写共享条件或不予共享依据" },
  { path: "/releasedOn", weight: 2, degree: (c) => filled(c.releasedOn), message: "State the date of release", zh: "填写发布日期" },
  { path: "/items", weight: 15, degree: (c) => yes(itemsOf(c).length > 0 || !isStructured(c)), message: "List the data items", zh: "列出信息项" },
  { path: "/items", weight: 5, degree: (c) => yes(itemsOf(c).some((item) => item.key) || itemsOf(c).length === 0), message: "Mark the items that identify a row", zh: "标出主键信息项" },
  { path: "/items", weight: 5, degree: (c) => share(c, (item) => !needsLength(item) || item.length !== undefined), message: "Give every text and number its length", zh: "为字符型、数值型信息项填写长度" },
  { path: "/items", weight: 7, degree: (c) => share(c, (item) => filled(item.definition) === 1 || item.dataElement !== undefined), message: "Define every item, in words or by a data element", zh: "为每个信息项填写说明或绑定数据元" },
  { path: "/items", weight: 4, degree: (c) => share(c, (item) => item.sensitivity !== undefined), message: "Grade every item's sensitivity", zh: "为每个信息项标注敏感级别" },
  { path: "/items", weight: 3, degree: (c) => share(c, (item) => item.personal !== undefined), message: "Say of every item whether it is personal information", zh: "标明每个信息项是否为个人信息" },
  { path: "/secrecyRiskAssessed", weight: 5, degree: (c) => yes(c.secrecyRiskAssessed === true), message: "Confirm that the secrecy risk was assessed (条例 art. 12)", zh: "完成泄密风险评估" },
  { path: "/personalInformationAssessed", weight: 3, degree: (c) => yes(c.personalInformationAssessed === true || !itemsOf(c).some((item) => item.personal)), message: "Assess the impact on personal information (PIPL art. 55)", zh: "完成个人信息保护影响评估" },
];

export interface Completeness {
  /** 0 to 100. */
  score: number;
  checklist: ChecklistItem[];
}

export function assessCompleteness(content: CatalogEntry): Completeness {
  let score = 0;
  const checklist = checklistRules.map(({ path, weight, degree, message, zh }): ChecklistItem => {
    const reached = degree(content);
    score += weight * reached;
    return { path, weight, done: reached >= 1, message, zh };
  });
  return { score: Math.floor(score + 1e-9), checklist };
}

export const scoreOf = (content: CatalogEntry): number => assessCompleteness(content).score;
