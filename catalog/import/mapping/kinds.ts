import { normaliseFormat, normaliseOpenness, normaliseUpdateCycle, splitListText } from "#standards";

/** Kinds of value that can be told from the value alone: to notice that a column has slipped. */
export const valueKinds = {
  date: { en: "a date", zh: "日期" },
  address: { en: "a web address", zh: "网址" },
  phone: { en: "a telephone number", zh: "电话号码" },
  "update-cycle": { en: "an update cycle", zh: "更新周期" },
  openness: { en: "a kind of opening or sharing", zh: "开放(共享)类型" },
  formats: { en: "a list of formats", zh: "数据格式" },
} as const;
export type ValueKind = keyof typeof valueKinds;

const datePattern = /^(19|20)\d{2}[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|[12]\d|3[01])日?([ T]\d{1,2}:\d{2}.*)?$/;

/** The kind of a text, when it can be nothing else. A title of one of these forms would be no title. */
export function kindOf(value: string): ValueKind | undefined {
  const text = value.trim();
  if (text === "" || text.length > 1_000) return undefined;
  if (datePattern.test(text)) return "date";
  if (/^https?:\/\/\S+$/i.test(text)) return "address";
  if (/^(\+?86[- ]?)?(0\d{2,3}[- ]?\d{7,8}|1[3-9]\d{9})$/.test(text)) return "phone";
  if (text.length <= 12 && /(开放|共享)$/.test(text) && !("unknown" in normaliseOpenness(text))) return "openness";
  if (text.length <= 8 && /^(每|按|不定期|实时)/.test(text) && !("unknown" in normaliseUpdateCycle(text))) return "update-cycle";
  if (text.startsWith("[") && splitListText(text).length > 0 && splitListText(text).every((each) => !("unknown" in normaliseFormat(each)))) return "formats";
  return undefined;
}
