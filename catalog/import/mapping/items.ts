import { pinyin } from "pinyin-pro";
import { itemFormats, type CatalogEntry, type DataItem } from "#standards";
import { normaliseItemName } from "../../model/item-names.ts";
import { reportUnknown, type Draft } from "./members.ts";
import type { RowReader } from "./row-reader.ts";
import { accepted, readItemType, readSensitivity, readYesNo } from "./words.ts";

type Loose = Partial<DataItem> & { name: string };

/**
 * A column name for an item that comes without one: the initials of its pinyin, or the name itself where it is Latin;
 * a number behind it when taken.
 */
export function fieldNameFor(name: string, taken: ReadonlySet<string>): string {
  const letters = pinyin(name.normalize("NFKC").replaceAll(/\([^()]*\)/g, ""), { pattern: "first", toneType: "none", type: "array", nonZh: "consecutive" }).join("");
  const slug = letters.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replaceAll(/^_+|_+$/g, "");
  const base = (/^[a-z]/.test(slug) ? slug : `f_${slug}`).replace(/^zt_/, "f_zt_").slice(0, 50).replace(/_$/, "");
  if (!taken.has(base)) return base;
  for (let number = 2; ; number += 1) if (!taken.has(`${base}_${number}`)) return `${base}_${number}`;
}

/** The item of one row; undefined when the row has none. */
export function readItem(reader: RowReader, index: number): Loose | undefined {
  const name = reader.text("item.name");
  if (name === undefined) return undefined;
  const path = `/items/${index}`;
  const item: Loose = { name: [...name.text].slice(0, 100).join("") };
  const typeText = reader.text("item.type");
  if (typeText !== undefined) {
    const type = readItemType(typeText.text);
    if (type === undefined) reportUnknown(reader, "error", "item.type", `${path}/type`, typeText.text, accepted.itemType);
    else Object.assign(item, type);
  }
  readNumbers(reader, item, path);
  const field = reader.text("item.field");
  if (field !== undefined) item.field = field.text.toLowerCase();
  for (const [target, member] of [["item.required", "required"], ["item.key", "key"], ["item.personal", "personal"]] as const) {
    const found = reader.text(target);
    const value = found === undefined ? undefined : readYesNo(found.text);
    if (found !== undefined && value === undefined) reportUnknown(reader, "warning", target, `${path}/${member}`, found.text, accepted.yesNo);
    else if (value !== undefined) item[member] = value;
  }
  const level = reader.text("item.sensitivity");
  if (level !== undefined) {
    const value = readSensitivity(level.text);
    if (value === undefined) reportUnknown(reader, "error", "item.sensitivity", `${path}/sensitivity`, level.text, accepted.sensitivity);
    else item.sensitivity = value;
  }
  for (const [target, member, limit] of [["item.codeSet", "codeSet", 200], ["item.dataElement", "dataElement", 200], ["item.definition", "definition", 500]] as const) {
    const found = reader.text(target);
    if (found !== undefined) item[member] = [...found.text].slice(0, limit).join("");
  }
  const format = reader.text("item.format");
  const known = itemFormats.find((each) => each === format?.text);
  if (known !== undefined) item.format = known;
  return item;
}

function readNumbers(reader: RowReader, item: Loose, path: string): void {
  for (const [target, member, most] of [["item.length", "length", 1_000_000], ["item.scale", "scale", 30]] as const) {
    const found = reader.text(target);
    if (found === undefined || /^[-—/无]$/.test(found.text)) continue;
    const parts = /^(\d{1,7})(?:\.0+)?(?:\s*[,.]\s*(\d{1,2}))?$/.exec(found.text.normalize("NFKC"));
    const value = parts ? Number(parts[1]) : Number.NaN;
    if (!(value >= (member === "length" ? 1 : 0) && value <= most)) {
      reader.report("warning", target, `${path}/${member}`, "value.unknown", { en: `is not a whole number up to ${most}`, zh: `不是 ${most} 以内的整数` }, found.text);
      continue;
    }
    item[member] = value;
    if (member === "length" && parts?.[2] !== undefined && !/\.0+$/.test(found.text)) item.scale = Number(parts[2]);
  }
}

/** Puts the items of an entry together: what an earlier export knew of them stays, names for columns are made. */
export function settleItems(reader: RowReader, items: readonly Loose[], before: readonly DataItem[]): DataItem[] {
  const known = new Map(before.map((item) => [normaliseItemName(item.name), item]));
  const taken = new Set(items.flatMap((item) => item.field ?? known.get(normaliseItemName(item.name))?.field ?? []));
  return items.map((item, index) => {
    const merged: Loose = { ...known.get(normaliseItemName(item.name)), ...item };
    if (merged.type === undefined) {
      merged.type = "C";
      reader.applyRule("item.type", { en: "The type of an item is not stated: taken as text (C)", zh: "未填写信息项数据类型,按字符型处理" });
    }
    if (merged.field === undefined) {
      merged.field = fieldNameFor(merged.name, taken);
      taken.add(merged.field);
      reader.applyRule("item.field", { en: "An item has no 英文短名: made from the initials of its pinyin, to be confirmed", zh: "信息项没有英文短名:按拼音首字母生成,由部门确认" });
    } else if (!/^[a-z][a-z0-9_]{0,57}$/.test(merged.field)) {
      reader.report("error", "item.field", `/items/${index}/field`, "value.unknown", { en: "must begin with a letter and have only small letters, digits and _", zh: "英文短名须以字母开头,只含小写字母、数字和下划线" }, merged.field);
    }
    return merged as DataItem;
  });
}

/** Items written as JSON in one cell, as our own CSV has them. */
export function readItemsCell(reader: RowReader, draft: Draft): void {
  const found = reader.first("items");
  if (found === undefined) return;
  let items: unknown = found.value;
  if (typeof items === "string") {
    try {
      items = JSON.parse(items as string) as unknown;
    } catch {
      // Not JSON: reported below with what is expected.
      items = undefined;
    }
  }
  if (Array.isArray(items)) draft.items = items as NonNullable<CatalogEntry["items"]>;
  else reader.report("error", "items", "/items", "value.unknown", { en: "is not a list of items in JSON", zh: "不是 JSON 格式的信息项列表" }, found.value);
}
