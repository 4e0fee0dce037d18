import { formatClassNames, getCodeSet, labelOf, parseEntryCode, sharingTypeNames, themeNameOf, updateCycleNames, type CatalogEntry, type DataItem } from "#standards";
import type { Organisation, Entry } from "../../model/types.ts";
import type { Target } from "../mapping/mapping.ts";
import { sharingMethodNames } from "../mapping/words.ts";

export interface ExportedEntry {
  entry: Entry;
  organisation: Pick<Organisation, "name" | "socialCreditCode">;
}

/** A list in one cell: members with commas, as JSON where a member could be taken apart or for something else. */
export function listCell(members: readonly string[]): string {
  const plain = members.every((member) => member === member.trim() && member !== "" && !/[,\uFF0C;\uFF1B|\n[\]"'\\]/.test(member));
  return plain ? members.join(",") : JSON.stringify(members);
}

const yesNo = (value: boolean | undefined): string => (value === undefined ? "" : value ? "是" : "否");
const withName = (code: string, name: string | undefined): string => (name === undefined || /[,\uFF0C;\uFF1B|]/.test(name) ? code : `${code} ${name}`);

const contentCells: Partial<Record<Target, (content: CatalogEntry) => string>> = {
  keywords: (c) => listCell(c.keywords ?? []),
  themeCodes: (c) => listCell(c.themeCodes.map((code) => withName(code, themeNameOf(code)))),
  industryCodes: (c) => listCell((c.industryCodes ?? []).map((code) => withName(code, labelOf("GB/T 4754", code)))),
  formatClass: (c) => formatClassNames[c.format.class].zh,
  formats: (c) => listCell(c.format.types),
  sharingType: (c) => sharingTypeNames[c.sharingType].zh,
  sharingMethod: (c) => listCell(c.sharingMethod.map((method) => sharingMethodNames[method].zh)),
  reviewBody: (c) => yesNo(c.reviewBody),
  open: (c) => yesNo(c.open),
  updateCycle: (c) => updateCycleNames[c.updateCycle].zh,
  secrecyRiskAssessed: (c) => yesNo(c.secrecyRiskAssessed),
  personalInformationAssessed: (c) => yesNo(c.personalInformationAssessed),
  onlineLinks: (c) => listCell(c.onlineLinks ?? []),
  serviceUrl: (c) => c.service?.url ?? "",
  serviceType: (c) => c.service?.type ?? "",
  relatedCodes: (c) => listCell(c.relatedCodes ?? []),
  derivedFrom: (c) => listCell(c.derivedFrom ?? []),
  items: (c) => (c.items === undefined ? "" : JSON.stringify(c.items)),
};

/** The cell for a member of the content, in our CSV and in the guide's columns. */
export function contentCell(target: Target, content: CatalogEntry): string {
  const written = contentCells[target];
  if (written !== undefined) return written(content);
  const value: unknown = content[target as keyof CatalogEntry];
  return typeof value === "string" ? value : "";
}

/** The cell of our CSV for a member. */
export function cellOf(target: Target, { entry, organisation }: ExportedEntry): string {
  switch (target) {
    case "entryId":
      return entry.id;
    case "code":
      return entry.code;
    case "provider":
      return organisation.name;
    case "providerCode":
      return organisation.socialCreditCode ?? "";
    default:
      return contentCell(target, entry.content);
  }
}

const itemTypeNames = { C: "字符型C", N: "数值型N", Y: "货币型Y", D: "日期型D", T: "日期时间型T", L: "逻辑型L", M: "备注型M", G: "通用型G", B: "双精度型B", I: "整型I", F: "浮点型F" } as const;

/** Columns of the 2017 guide, in its order; those of an item repeat. */
export const guideHeaders = ["类", "项", "目", "细目", "信息资源名称", "信息资源代码", "信息资源提供方", "内部部门", "信息资源提供方代码", "信息资源摘要", "信息资源格式分类", "信息资源格式类型", "信息项名称", "数据类型", "数据长度", "共享类型", "共享条件", "共享方式", "是否向社会开放", "开放条件", "更新周期", "发布日期", "关联资源代码"] as const;
const firstItemColumn = guideHeaders.indexOf("信息项名称");
const itemColumns = 3;

/** The guide has one column for both. */
export const conditionCell = (content: CatalogEntry): string => (content.sharingType === "refused" ? content.refusalBasis : content.sharingCondition) ?? "";

/** What the item columns show. */
export function itemCells(item: DataItem | undefined): string[] {
  return item === undefined ? Array.from({ length: itemColumns }, () => "") : [item.name, itemTypeNames[item.type], item.length === undefined ? "" : item.scale === undefined ? String(item.length) : `${item.length},${item.scale}`];
}

/** The rows of one entry: the first holds the entry, each further one an item. */
export function guideRows(exported: ExportedEntry): string[][] {
  const { entry } = exported;
  const { content } = entry;
  const parsed = parseEntryCode(entry.code);
  const code = parsed.ok ? parsed.value : undefined;
  const categories = getCodeSet("发改高技〔2017〕1272号");
  const category = code === undefined ? "" : code.class + code.item;
  const head = [
    code === undefined ? "" : (labelOf(categories, code.class) ?? code.class), labelOf(categories, category) ?? code?.item ?? "", code?.section ?? "", code?.subsection ?? "",
    content.title, entry.code, exported.organisation.name, content.internalDepartment ?? "", exported.organisation.socialCreditCode ?? "", content.abstract, cellOf("formatClass", exported), listCell(content.format.types),
  ];
  const tail = [cellOf("sharingType", exported), conditionCell(content), cellOf("sharingMethod", exported), yesNo(content.open), content.openCondition ?? "", cellOf("updateCycle", exported), content.releasedOn ?? "", listCell(content.relatedCodes ?? [])];
  const items = content.items ?? [];
  const cellsOfItem = (index: number): string[] => itemCells(items[index]);
  const blank = (count: number): string[] => Array.from({ length: count }, () => "");
  return [[...head, ...cellsOfItem(0), ...tail], ...items.slice(1).map((_, index) => [...blank(firstItemColumn), ...cellsOfItem(index + 1), ...blank(tail.length)])];
}
