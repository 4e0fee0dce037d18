/** Where the city's identifiers stand (GB/T 21063.5): `33` Zhejiang, `A` the city within it. */
export interface IdentifierArea {
  /** GB/T 2260, first two digits. */
  provinceCode: string;
  /** `0` the province itself, `A`–`Z` without I and O an area below it. */
  areaLetter: string;
}

/** GB/T 21063.5: province, area letter, department number. */
export function formatPrefix(area: IdentifierArea, departmentNumber: number): string {
  return `${area.provinceCode}${area.areaLetter}${String(departmentNumber).padStart(3, "0")}`;
}

/** Prefix and a number that the prefix's owner gives once. */
export function formatResourceId(prefix: string, number: number): string {
  return `${prefix}/${String(number).padStart(6, "0")}`;
}

/** The guide's 类 and 项 when the content names none: 3 部门, 07 省级及以下. */
export const departmentalCategory = "307";

/** 发改高技〔2017〕1272号: 类 (1 digit) 项 (2) 目 (3, here the department's number), before the slash of a code. */
export function codeFront(guideCategory: string | undefined, departmentNumber: number): string {
  return `${guideCategory ?? departmentalCategory}${String(departmentNumber).padStart(3, "0")}`;
}

export function formatEntryCode(front: string, number: number): string {
  return `${front}/${String(number).padStart(4, "0")}`;
}
