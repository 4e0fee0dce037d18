import { formatClassNames, sensitivities, sharingTypeNames, updateCycleNames, type FormatClass, type ItemType, type Sensitivity, type SharingMethod } from "#standards";
import { plainHeader } from "./mapping.ts";

/** Words that are accepted, for messages about words that are not. */
export const accepted = {
  updateCycle: { en: Object.values(updateCycleNames).map(({ zh }) => zh).join(", "), zh: Object.values(updateCycleNames).map(({ zh }) => zh).join("、") },
  sharingType: { en: Object.values(sharingTypeNames).map(({ zh }) => zh).join(", "), zh: Object.values(sharingTypeNames).map(({ zh }) => zh).join("、") },
  openness: { en: "无条件开放, 有条件开放, 依申请开放, 不予开放, 是, 否", zh: "无条件开放、有条件开放、依申请开放、不予开放、是、否" },
  formats: { en: "file endings (xlsx, csv, json …), database products, 接口, or a class of the 2017 guide", zh: "文件扩展名(xlsx、csv、json 等)、数据库名称、接口,或指南的格式分类" },
  themes: { en: "a name or code of GB/T 21063.4", zh: "GB/T 21063.4 主题分类的名称或代码" },
  industries: { en: "a name or code of GB/T 4754", zh: "GB/T 4754 行业的名称或代码" },
  date: { en: "a date such as 2026-03-02, 2026/3/2 or 2026年3月2日", zh: "如 2026-03-02、2026/3/2、2026年3月2日" },
  yesNo: { en: "是 or 否 (1 or 0, true or false)", zh: "是、否(或 1、0)" },
  sensitivity: { en: sensitivities.join(", "), zh: "L1 不敏感、L2 低敏感、L3 较敏感、L4 敏感" },
  sharingMethod: { en: "批量交换 (库表), 服务接口, 文件下载, 介质交换", zh: "批量交换(库表)、服务接口、文件下载、介质交换" },
  itemType: { en: "字符型 C, 数值型 N, 货币型 Y, 日期型 D, 日期时间型 T, 逻辑型 L, 备注型 M, 通用型 G, 双精度型 B, 整型 I, 浮点型 F", zh: "字符型C、数值型N、货币型Y、日期型D、日期时间型T、逻辑型L、备注型M、通用型G、双精度型B、整型I、浮点型F" },
} as const;

const yes = new Set(["是", "1", "true", "yes", "y", "开放", "有", "已", "√"]);
const no = new Set(["否", "0", "false", "no", "n", "不开放", "不予开放", "无", "未", "×"]);

export function readYesNo(text: string): boolean | undefined {
  const word = text.normalize("NFKC").trim().toLowerCase();
  return yes.has(word) ? true : no.has(word) ? false : undefined;
}

const sensitivityWords: Readonly<Record<string, Sensitivity>> = { 不敏感: "L1", 低敏感: "L2", 较敏感: "L3", 敏感: "L4", "1级": "L1", "2级": "L2", "3级": "L3", "4级": "L4", 一级: "L1", 二级: "L2", 三级: "L3", 四级: "L4", l1: "L1", l2: "L2", l3: "L3", l4: "L4" };

export function readSensitivity(text: string): Sensitivity | undefined {
  const word = text.normalize("NFKC").trim().toLowerCase().replaceAll(/\s/g, "");
  return sensitivityWords[word] ?? sensitivityWords[/^l[1-4]/.exec(word)?.[0] ?? ""];
}

export const sharingMethodNames: Readonly<Record<SharingMethod, { zh: string; en: string }>> = {
  feed: { zh: "批量交换", en: "feed" },
  "query-service": { zh: "服务接口", en: "query service" },
  file: { zh: "文件下载", en: "file" },
  "offline-media": { zh: "介质交换", en: "offline media" },
};

const methodPatterns: readonly (readonly [SharingMethod, RegExp])[] = [
  ["offline-media", /介质|拷盘|光盘|离线|offline-media/],
  ["feed", /批量|库表|数据库|表交换|前置|feed/],
  ["query-service", /接口|服务|查询|api|query-service/i],
  ["file", /文件|下载|file|邮件/],
];

export function readSharingMethods(words: readonly string[]): { methods: SharingMethod[]; unknown: string[] } {
  const methods = new Set<SharingMethod>();
  const unknown: string[] = [];
  for (const word of words) {
    const inner = word.replace(/^共享平台(方式)?/, "");
    const found = methodPatterns.find(([, pattern]) => pattern.test(inner));
    if (found) methods.add(found[0]);
    else unknown.push(word);
  }
  return { methods: [...methods], unknown };
}

export function readFormatClass(text: string): FormatClass | undefined {
  const word = text.normalize("NFKC").trim().toLowerCase();
  const number = /^([1-7])/.exec(word)?.[1];
  const bare = word.replace(/^[1-7][.、:\s]*/, "");
  const named = (Object.entries(formatClassNames) as [FormatClass, { number: number; zh: string; en: string }][]).find(([key, names]) => bare === names.zh || bare === key || bare === names.en || bare.replace(/类$/, "") === names.zh);
  if (named) return named[0];
  const numbered = bare === "" && number !== undefined ? (Object.entries(formatClassNames) as [FormatClass, { number: number }][]).find(([, names]) => names.number === Number(number)) : undefined;
  return numbered?.[0] ?? (/接口/.test(bare) ? "service" : undefined);
}

const itemTypeWords: Readonly<Record<ItemType, string>> = {
  C: "c 字符 文本 字符串 string text varchar char nvarchar varchar2 nvarchar2 character",
  N: "n 数值 数字 number numeric decimal",
  Y: "y 货币 金额 money",
  D: "d 日期 date",
  T: "t 日期时间 时间 时间戳 datetime timestamp",
  L: "l 逻辑 布尔 boolean bool bit",
  M: "m 备注 长文本 memo clob longtext",
  G: "g 通用 general blob",
  B: "b 双精度 双精度浮点 double",
  I: "i 整型 整数 int integer bigint smallint",
  F: "f 浮点 浮点数 float real",
};
const itemTypeOf = new Map((Object.entries(itemTypeWords) as [ItemType, string][]).flatMap(([type, words]) => words.split(" ").map((word) => [word, type] as const)));

export interface ReadItemType {
  type: ItemType;
  length?: number;
  scale?: number;
}

/** 字符型, C, 字符型C, varchar(50), N(12,2) … */
export function readItemType(text: string): ReadItemType | undefined {
  const word = text.normalize("NFKC").trim().toLowerCase();
  const sized = /^(.*?)[\s(]*(\d{1,7})(?:\s*[,.]\s*(\d{1,2}))?\s*\)?$/.exec(word);
  const name = (sized ? sized[1]! : word).replace(/\($/, "").trim();
  const plain = plainHeader(name);
  // 字符型C, C字符型, 字符类型, 字符: with and without the letter, the 型 and both.
  const bare = [plain, plain.replace(/(?<=[\u4e00-\u9fff])[a-z]$/, ""), plain.replace(/^[a-z](?=[\u4e00-\u9fff])/, "")];
  const type = bare.flatMap((each) => itemTypeOf.get(each) ?? itemTypeOf.get(each.replace(/(类型|型)$/, "")) ?? [])[0];
  if (type === undefined) return undefined;
  return { type, ...(sized ? { length: Number(sized[2]) } : {}), ...(sized?.[3] === undefined ? {} : { scale: Number(sized[3]) }) };
}
