import { schemas, sharingTypes, updateCycles, type CatalogEntry, type DataItem } from "#standards";
import { canonicalJson } from "#platform";

/** One member that differs; `path` as in an Issue. `label` is the Chinese title that the schema gives it. */
export interface MemberChange {
  path: string;
  label: string;
  kind: "added" | "removed" | "changed";
  before?: unknown;
  after?: unknown;
}

/** One data item that differs, known by its field name. */
export interface ItemChange {
  field: string;
  name: string;
  kind: "added" | "removed" | "changed";
  /** Of a changed item: which of its members. */
  changes: MemberChange[];
}

export interface ChangeReason {
  path: string;
  message: string;
  zh: string;
}

export interface ContentDiff {
  /** `major` when something that a consumer builds on vanishes or narrows; `minor` for any other difference. */
  kind: "none" | "minor" | "major";
  reasons: ChangeReason[];
  members: MemberChange[];
  items: ItemChange[];
}

type Titled = { readonly properties: Readonly<Record<string, { readonly title?: string }>> };
const labels = (schemas["catalog-entry"] as unknown as Titled).properties;
const itemLabels = (schemas["data-item"] as unknown as Titled).properties;

const equal = (a: unknown, b: unknown): boolean => a === b || canonicalJson(a ?? null) === canonicalJson(b ?? null);

function memberChanges(before: object, after: object, path: string, titles: Titled["properties"], leaveOut: ReadonlySet<string>): MemberChange[] {
  const old = before as Record<string, unknown>;
  const next = after as Record<string, unknown>;
  const names = Object.keys(titles).filter((name) => !leaveOut.has(name) && !equal(old[name], next[name]));
  return names.map((name) => ({
    path: `${path}/${name}`,
    label: titles[name]?.title ?? name,
    kind: old[name] === undefined ? ("added" as const) : next[name] === undefined ? ("removed" as const) : ("changed" as const),
    ...(old[name] === undefined ? {} : { before: old[name] }),
    ...(next[name] === undefined ? {} : { after: next[name] }),
  }));
}

const withoutItems = new Set(["items"]);
const nothing = new Set<string>();

/** Which types hold every value of another: a consumer's column may have to grow, but loses nothing. */
const widenings: Readonly<Record<string, readonly string[]>> = { I: ["N"], C: ["M", "G"], M: ["G"], F: ["B"] };

const lengthOf = (item: DataItem): number => item.length ?? Number.POSITIVE_INFINITY;

function itemReasons(before: DataItem, after: DataItem): ChangeReason[] {
  const path = `/items/${before.field}`;
  const what = `${before.name}(${before.field})`;
  const reasons: ChangeReason[] = [];
  const add = (member: string, message: string, zh: string) => reasons.push({ path: `${path}/${member}`, message: `${before.field} ${message}`, zh: `信息项“${what}”${zh}` });
  if (before.type !== after.type && !widenings[before.type]?.includes(after.type)) add("type", `changes its type from ${before.type} to ${after.type}`, `类型由 ${before.type} 改为 ${after.type}`);
  if (lengthOf(after) < lengthOf(before)) add("length", `narrows to length ${after.length}`, `长度收窄为 ${after.length}`);
  else if (lengthOf(after) - (after.scale ?? 0) < lengthOf(before) - (before.scale ?? 0)) add("scale", "holds fewer digits before the point", "整数位减少");
  if (before.type === after.type && (after.scale ?? 0) < (before.scale ?? 0)) add("scale", "loses decimal places", "小数位减少");
  if ((before.key ?? false) !== (after.key ?? false)) add("key", after.key ? "becomes part of the key" : "is no longer part of the key", after.key ? "成为主键" : "不再是主键");
  if (before.required === true && after.required !== true) add("required", "may now be empty", "不再必填");
  if (!equal(before.codeSet, after.codeSet)) add("codeSet", "follows another code set", "代码集变更");
  if (before.format !== undefined && before.format !== after.format) add("format", "follows another format", "格式变更");
  return reasons;
}

function contentReasons(before: CatalogEntry, after: CatalogEntry): ChangeReason[] {
  const reasons: ChangeReason[] = [];
  if (sharingTypes.indexOf(after.sharingType) > sharingTypes.indexOf(before.sharingType)) reasons.push({ path: "/sharingType", message: `sharing narrows from ${before.sharingType} to ${after.sharingType}`, zh: "共享类型收紧" });
  for (const method of before.sharingMethod) if (!after.sharingMethod.includes(method)) reasons.push({ path: "/sharingMethod", message: `is no longer shared by ${method}`, zh: `取消共享方式 ${method}` });
  if (before.open && !after.open) reasons.push({ path: "/open", message: "is no longer open to the public", zh: "不再向社会开放" });
  if (before.format.class !== after.format.class) reasons.push({ path: "/format/class", message: `changes from ${before.format.class} to ${after.format.class}`, zh: "信息资源格式变更" });
  if (updateCycles.indexOf(after.updateCycle) > updateCycles.indexOf(before.updateCycle)) reasons.push({ path: "/updateCycle", message: `is updated less often: ${before.updateCycle} becomes ${after.updateCycle}`, zh: "更新周期变长" });
  return reasons;
}

/** What differs between two contents, and whether a consumer of the first can read the second. */
export function diffContents(before: CatalogEntry, after: CatalogEntry): ContentDiff {
  const members = memberChanges(before, after, "", labels, withoutItems);
  const old = new Map((before.items ?? []).map((item) => [item.field, item]));
  const next = new Map((after.items ?? []).map((item) => [item.field, item]));
  const items: ItemChange[] = [];
  const reasons = contentReasons(before, after);
  for (const [field, item] of old) {
    const now = next.get(field);
    if (!now) {
      items.push({ field, name: item.name, kind: "removed", changes: [] });
      reasons.push({ path: `/items/${field}`, message: `${field} is removed`, zh: `删除信息项“${item.name}(${field})”` });
      continue;
    }
    const changes = memberChanges(item, now, `/items/${field}`, itemLabels, nothing);
    if (changes.length === 0) continue;
    items.push({ field, name: now.name, kind: "changed", changes });
    reasons.push(...itemReasons(item, now));
  }
  for (const [field, item] of next) {
    if (old.has(field)) continue;
    items.push({ field, name: item.name, kind: "added", changes: [] });
    // A grant's key fields identify rows: with another key, a consumer's table is another table.
    if (item.key) reasons.push({ path: `/items/${field}/key`, message: `${field} is added to the key`, zh: `新增主键信息项“${item.name}(${field})”` });
  }
  const reordered = !equal((before.items ?? []).map((item) => item.field), (after.items ?? []).map((item) => item.field));
  if (items.length === 0 && reordered) members.push({ path: "/items", label: labels.items?.title ?? "items", kind: "changed", before: [...old.keys()], after: [...next.keys()] });
  const differs = members.length > 0 || items.length > 0;
  return { kind: reasons.length > 0 ? "major" : differs ? "minor" : "none", reasons, members, items };
}
