import { findCode, getCodeSet, normaliseFormat, normaliseFormats, normaliseIndustry, normaliseTheme, normaliseUpdateCycle, parseEntryCode, themeNameOf, type CatalogEntry } from "#standards";
import { asList, asText, unique } from "./cells.ts";
import { readDate } from "./dates.ts";
import { kindOf, valueKinds } from "./kinds.ts";
import type { Target } from "./mapping.ts";
import type { RowReader } from "./row-reader.ts";
import { accepted, readFormatClass, readSensitivity, readSharingMethods, readYesNo } from "./words.ts";

/** What an entry's members are read into, before it is known whether they make an entry. */
export type Draft = { -readonly [Member in keyof CatalogEntry]?: CatalogEntry[Member] };

/** Adds to a finding what the value looks like instead: a slipped column is the commonest cause. */
function slipped(value: unknown): { en: string; zh: string } {
  const kind = kindOf(asText(value));
  return kind === undefined ? { en: "", zh: "" } : { en: `; it looks like ${valueKinds[kind].en}: have the columns slipped?`, zh: `;该值像是${valueKinds[kind].zh},请检查是否错列` };
}

export function reportUnknown(reader: RowReader, severity: "error" | "warning", target: Target, path: string, value: unknown, list: { en: string; zh: string }): void {
  const more = slipped(value);
  reader.report(severity, target, path, "value.unknown", { en: `is not understood${more.en}; accepted: ${list.en}`, zh: `无法识别${more.zh};可填:${list.zh}` }, value);
}

function reportNearest(reader: RowReader, target: Target, path: string, value: unknown, taken: string): void {
  reader.report("note", target, path, "value.approximate", { en: `has no exact counterpart; taken as ${taken}`, zh: `没有完全对应的取值,归入“${taken}”` }, value);
}

const textMembers = [
  ["thesaurus", 100], ["internalDepartment", 100], ["maintainer", 100], ["contact", 100], ["sharingCondition", 1_000], ["refusalBasis", 1_000], ["useConditions", 1_000], ["openCondition", 1_000], ["sourceReference", 500],
] as const;

function cut(reader: RowReader, target: Target, text: string, limit: number): string {
  const characters = [...text];
  if (characters.length <= limit) return text;
  reader.report("warning", target, `/${target}`, "text.cut", { en: `has ${characters.length} characters; only the first ${limit} are kept`, zh: `共 ${characters.length} 字,只保留前 ${limit} 字` }, text);
  return characters.slice(0, limit).join("");
}

/** Members that need nothing but themselves. Each is set only when the row has it. */
export function readMembers(reader: RowReader, draft: Draft): void {
  readTitle(reader, draft);
  const abstract = reader.text("abstract");
  if (abstract !== undefined) draft.abstract = cut(reader, "abstract", abstract.text, 2_000);
  for (const [member, limit] of textMembers) {
    const found = reader.text(member);
    if (found !== undefined) draft[member] = cut(reader, member, found.text, limit);
  }
  readKeywords(reader, draft);
  readThemes(reader, draft);
  readIndustries(reader, draft);
  readGuideCategory(reader, draft);
  readFormat(reader, draft);
  readCycle(reader, draft);
  readMethods(reader, draft);
  for (const member of ["reviewBody", "open", "secrecyRiskAssessed", "personalInformationAssessed"] as const) {
    const found = reader.text(member);
    if (found === undefined) continue;
    const value = readYesNo(found.text);
    if (value === undefined) reportUnknown(reader, member === "open" ? "error" : "warning", member, `/${member}`, found.text, accepted.yesNo);
    else draft[member] = value;
  }
  const level = reader.text("sensitivity");
  if (level !== undefined) {
    const value = readSensitivity(level.text);
    if (value === undefined) reportUnknown(reader, "error", "sensitivity", "/sensitivity", level.text, accepted.sensitivity);
    else draft.sensitivity = value;
  }
  const released = reader.text("releasedOn");
  if (released !== undefined) {
    const value = readDate(released.text);
    if (value === undefined) reportUnknown(reader, "warning", "releasedOn", "/releasedOn", released.text, accepted.date);
    else draft.releasedOn = value;
  }
  readLinks(reader, draft);
  for (const member of ["relatedCodes", "derivedFrom"] as const) {
    const codes = unique(reader.list(member, { ideographicComma: true }) ?? []).filter((code) => reader.exact || !/^[无\-—/]$/.test(code));
    if (codes.length > 0) draft[member] = codes;
  }
}

function readTitle(reader: RowReader, draft: Draft): void {
  const found = reader.text("title");
  if (found === undefined) return reader.report("error", "title", "/title", "value.missing", { en: "the title is missing", zh: "缺少信息资源名称" });
  const kind = reader.exact ? undefined : kindOf(found.text);
  if (kind !== undefined) reader.report("error", "title", "/title", "value.of-another-column", { en: `is ${valueKinds[kind].en}, not a title: have the columns slipped?`, zh: `是${valueKinds[kind].zh},不是名称,请检查是否错列` }, found.text);
  draft.title = reader.exact ? found.text : found.text.replaceAll(/\s*\n\s*/g, " ");
}

function readKeywords(reader: RowReader, draft: Draft): void {
  const found = reader.first("keywords");
  if (found === undefined) return;
  const all = unique(reader.list("keywords") ?? []);
  const kept = all.filter((word) => [...word].length <= 100).slice(0, 100);
  if (kept.length < all.length) reader.report("warning", "keywords", "/keywords", "list.cut", { en: `${all.length - kept.length} of ${all.length} keywords are left out: at most 100, of at most 100 characters`, zh: `${all.length} 个关键字中有 ${all.length - kept.length} 个过长或超出数量,未导入` }, found.value);
  if (kept.length > 0) draft.keywords = kept;
}

/** A code written with its name behind it is the code: `ZHC00 财政/税务`. */
const leadingCode = (text: string): string => /^(Z[A-Z]{2}\d{2}|[A-T]?\d{2,4}|[A-T])(?=\s)/.exec(text)?.[1] ?? text;
/** Words that portals write for "nothing". */
const isNothing = (text: string): boolean => /^(空|无|null|none|-|—|\/)$/i.test(text);

function readThemes(reader: RowReader, draft: Draft): void {
  const codes: string[] = [];
  for (const word of reader.list("themeCodes") ?? []) {
    const code = leadingCode(word);
    const theme = normaliseTheme(code);
    if (reader.exact) codes.push(code);
    else if ("value" in theme) {
      codes.push(theme.value);
      if (theme.approximate) reportNearest(reader, "themeCodes", "/themeCodes", word, `${theme.value} ${themeNameOf(theme.value) ?? ""}`.trim());
    } else if (/^Z[A-HJ-NP-Z]{2}\d{2}$/.test(code)) codes.push(code);
    else if (!isNothing(word)) reportUnknown(reader, "warning", "themeCodes", "/themeCodes", word, accepted.themes);
  }
  if (codes.length > 0) draft.themeCodes = limited(reader, "themeCodes", unique(codes), 10);
}

function readIndustries(reader: RowReader, draft: Draft): void {
  const codes: string[] = [];
  for (const word of reader.list("industryCodes") ?? []) {
    const industry = normaliseIndustry(leadingCode(word));
    if (reader.exact) codes.push(leadingCode(word));
    else if ("value" in industry) codes.push(industry.value);
    else if (!isNothing(word)) reportUnknown(reader, "warning", "industryCodes", "/industryCodes", word, accepted.industries);
  }
  if (codes.length > 0) draft.industryCodes = limited(reader, "industryCodes", unique(codes), 10);
}

function limited(reader: RowReader, target: Target, values: string[], limit: number): string[] {
  if (values.length > limit) reader.report("warning", target, `/${target}`, "list.cut", { en: `has ${values.length} members; only the first ${limit} are kept`, zh: `共 ${values.length} 项,只保留前 ${limit} 项` });
  return values.slice(0, limit);
}

/** 类 and 项 in columns of their own, by name or number, or at the front of 信息资源代码. */
function readGuideCategory(reader: RowReader, draft: Draft): void {
  const category = reader.text("guideCategory");
  if (category !== undefined) {
    const code = /^[123]\d{2}/.exec(category.text)?.[0];
    if (code !== undefined) draft.guideCategory = code;
    else reader.report("warning", "guideCategory", "/guideCategory", "value.unknown", { en: "is not a class and item of the 2017 guide such as 101", zh: "不是指南的类、项代码,如 101" }, category.text);
    return;
  }
  const classText = reader.text("guideClass");
  const itemText = reader.text("guideItem");
  if (classText !== undefined && itemText !== undefined) {
    const { entries } = getCodeSet("发改高技〔2017〕1272号");
    const guideClass = /^[123]/.exec(classText.text)?.[0] ?? entries.find((entry) => entry.parent === undefined && entry.label.startsWith(classText.text.slice(0, 2)))?.code;
    const number = /^\d{2}/.exec(itemText.text.padStart(2, "0"))?.[0];
    const item = /^\d/.test(itemText.text) ? `${guideClass}${number}` : entries.find((entry) => entry.parent === guideClass && (entry.label === itemText.text || entry.label.startsWith(itemText.text)))?.code;
    if (guideClass !== undefined && item !== undefined && /^[123]\d{2}$/.test(item)) draft.guideCategory = item;
    else reader.report("warning", "guideItem", "/guideCategory", "value.unknown", { en: `${classText.text}/${itemText.text} is not a class and item of the 2017 guide`, zh: `“${classText.text}/${itemText.text}”不是指南中的类、项` }, itemText.text);
    return;
  }
  if (reader.exact) return;
  const code = reader.text("code");
  const parsed = code === undefined ? undefined : parseEntryCode(code.text);
  if (parsed?.ok && findCode(getCodeSet("发改高技〔2017〕1272号"), parsed.value.class + parsed.value.item)) draft.guideCategory = parsed.value.class + parsed.value.item;
}

function readFormat(reader: RowReader, draft: Draft): void {
  const classText = reader.text("formatClass");
  const formatClass = classText === undefined ? undefined : readFormatClass(classText.text);
  const words = reader.list("formats", { ideographicComma: true }) ?? [];
  const { format, unknown, approximate } = normaliseFormats(words);
  if (formatClass !== undefined) {
    // A class that is stated stands; its types are then what the row writes, known or not.
    const typeOf = (word: string): string => {
      const known = normaliseFormat(word);
      return reader.exact || "unknown" in known || known.approximate ? word.slice(0, 40) : known.value.type;
    };
    draft.format = { class: formatClass, types: unique(words.map(typeOf)).slice(0, 20) };
    return;
  }
  if (classText !== undefined && format === undefined) return reportUnknown(reader, "error", "formatClass", "/format", classText.text, accepted.formats);
  if (format === undefined) {
    if (words.length === 0) reader.report("error", reader.has("formats") ? "formats" : "formatClass", "/format", "value.missing", { en: "the format is missing", zh: "缺少信息资源格式" });
    else reportUnknown(reader, "error", "formats", "/format", words.join(","), accepted.formats);
    return;
  }
  draft.format = { class: format.class, types: [...format.types] };
  if (unknown.length > 0) reportUnknown(reader, "warning", "formats", "/format/types", unknown.join(","), accepted.formats);
  if (approximate) reportNearest(reader, "formats", "/format", words.join(","), "电子文件");
}

function readCycle(reader: RowReader, draft: Draft): void {
  const found = reader.text("updateCycle");
  if (found === undefined) return reader.report("error", "updateCycle", "/updateCycle", "value.missing", { en: "the update cycle is missing; it is mandatory (条例 art. 13)", zh: "缺少更新周期(《政务数据共享条例》第十三条必填项)" });
  const cycle = normaliseUpdateCycle(found.text);
  const numbered = "unknown" in cycle ? normaliseUpdateCycle(found.text.replace(/^[1-9][.、:\s]*(?=[\u4e00-\u9fff])/, "")) : cycle;
  if ("unknown" in numbered) return reportUnknown(reader, "error", "updateCycle", "/updateCycle", found.text, accepted.updateCycle);
  draft.updateCycle = numbered.value;
  if (numbered.approximate) reportNearest(reader, "updateCycle", "/updateCycle", found.text, numbered.value === "irregular" ? "不定期" : numbered.value);
}

function readMethods(reader: RowReader, draft: Draft): void {
  const words = reader.list("sharingMethod", { ideographicComma: true });
  if (words === undefined) return;
  const { methods, unknown } = readSharingMethods(words);
  if (unknown.length > 0) reportUnknown(reader, "warning", "sharingMethod", "/sharingMethod", unknown.join(","), accepted.sharingMethod);
  if (methods.length > 0) draft.sharingMethod = methods as CatalogEntry["sharingMethod"];
}

function readLinks(reader: RowReader, draft: Draft): void {
  if (reader.exact) return readExactLinks(reader, draft);
  const found = reader.first("onlineLinks");
  if (found !== undefined) {
    const words = typeof found.value === "string" && /^https?:\/\/\S+$/i.test(found.value.trim()) ? [found.value.trim()] : asList(found.value);
    const links = unique(words.filter((word) => URL.canParse(word) && /^(https?|ftp):/i.test(word) && word.length <= 1_000).map((word) => (/^[\u0021-\u007e]+$/.test(word) ? word : new URL(word).href))).slice(0, 20);
    const wrong = words.filter((word) => !URL.canParse(word));
    if (wrong.length > 0) reader.report("warning", "onlineLinks", "/onlineLinks", "value.unknown", { en: "is not a web address", zh: "不是网址" }, wrong.join(","));
    if (links.length > 0) draft.onlineLinks = links;
  }
  const address = reader.text("serviceUrl");
  if (address !== undefined && URL.canParse(address.text)) draft.service = { url: address.text, type: reader.text("serviceType")?.text.slice(0, 40) ?? "HTTP" };
}

function readExactLinks(reader: RowReader, draft: Draft): void {
  const links = reader.list("onlineLinks");
  if (links !== undefined && links.length > 0) draft.onlineLinks = links;
  const address = reader.text("serviceUrl");
  if (address !== undefined) draft.service = { url: address.text, type: reader.text("serviceType")?.text ?? "HTTP" };
}
