import { checkRowCondition, explainRowCondition, maskDescriptions, maskRules, type DataItem, type MaskRule, type RowCondition, type SharingRequest } from "#standards";
import type { Issue, Validator } from "#platform";
import type { Entry } from "../model/types.ts";
import { addDays } from "./deadline-model.ts";
import type { RequestContent } from "./request-model.ts";

/** The checks that every request passes before anybody reads it: all findings at once (政务数据共享条例 art. 21). */
export interface IntakeLimits {
  /** Longest validity of a grant, days. */
  longestValidityDays: number;
}

export const defaultIntakeLimits: IntakeLimits = { longestValidityDays: 3 * 366 };

export interface CheckIntakeOptions {
  content: RequestContent;
  /** The entry in force. */
  entry: Entry;
  today: string;
  limits: IntakeLimits;
  validator: Validator;
}

const itemsOf = (entry: Entry): readonly DataItem[] => entry.content.items ?? [];

export const keyFieldsOf = (entry: Entry): string[] => itemsOf(entry).filter((item) => item.key === true).map((item) => item.field);

/** Key fields first, in the entry's order, then what was asked for, in the order of asking. */
export function grantedFields(entry: Entry, asked: readonly string[]): string[] {
  const keys = keyFieldsOf(entry);
  return [...keys, ...asked.filter((field) => !keys.includes(field))];
}

const methodsOfMode = { feed: ["feed"], batch: ["feed", "offline-media"], query: ["query-service"], file: ["file", "offline-media"] } as const satisfies Record<SharingRequest["deliveryMode"], readonly string[]>;

export function checkIntake({ content, entry, today, limits, validator }: CheckIntakeOptions): Issue[] {
  const issues = validator.validate("sharing-request", content);
  for (const [member, zh] of [["legalBasis", "使用依据"], ["purpose", "使用目的"], ["scene", "使用场景"]] as const) {
    const text = content[member];
    if (typeof text === "string" && text.length > 0 && text.trim() === "") issues.push({ path: `/${member}`, code: "blank", message: "must not be blank", zh: `${zh}不能为空白` });
  }
  // Beyond this point members are looked at only where they have the right form.
  const malformed = new Set(issues.map((issue) => issue.path.split("/")[1]));
  if (keyFieldsOf(entry).length === 0) issues.push({ path: "/entryId", code: "request.entry-without-key", message: "The entry names no key items, so its rows cannot be told apart; its provider must complete it first", zh: "该目录条目未标明主键信息项，请提供方先行补全" });
  if (!malformed.has("fields") && content.fields !== undefined) issues.push(...checkFields(entry, content.fields));
  if (!malformed.has("rowCondition")) issues.push(...checkCondition(entry, content.rowCondition));
  if (!malformed.has("masks")) issues.push(...checkMasks(entry, content.fields ?? [], content.masks));
  if (!malformed.has("deliveryMode") && content.deliveryMode !== undefined) issues.push(...checkMode(entry, content.deliveryMode));
  if (!malformed.has("validFrom") && !malformed.has("validUntil")) issues.push(...checkValidity(content, today, limits));
  return issues;
}

function checkFields(entry: Entry, fields: readonly string[]): Issue[] {
  const known = new Set(itemsOf(entry).map((item) => item.field));
  return fields.flatMap((field, index) => (known.has(field) ? [] : [{ path: `/fields/${index}`, code: "request.unknown-field", message: `The entry has no data item ${field}`, zh: `目录条目没有信息项 ${field}` }]));
}

export function checkCondition(entry: Entry, condition: RowCondition | undefined, path = "/rowCondition"): Issue[] {
  if (condition === undefined) return [];
  const types = new Map(itemsOf(entry).map((item) => [item.field, item.type]));
  return checkRowCondition(condition, (field) => types.get(field)).map((issue) => ({ path, ...issue }));
}

const textTypes: readonly DataItem["type"][] = ["C", "M", "G"];

/** A mask must be able to do its work on the item, and leave a row's key able to tell rows apart. */
function maskFits(item: DataItem, rule: MaskRule): { message: string; zh: string } | undefined {
  if (item.key === true && rule !== "hash") return { message: `${item.field} is a key item: only "hash" keeps its rows apart`, zh: `${item.name}是主键，只能采用带密钥摘要` };
  if (rule === "hash") return undefined;
  if (rule === "birth-year") return [...textTypes, "D", "T"].includes(item.type) ? undefined : { message: `birth-year does not fit ${item.field}, which is no date`, zh: `${item.name}不是日期，不能只留年份` };
  return textTypes.includes(item.type) ? undefined : { message: `${rule} does not fit ${item.field}, which is no text`, zh: `${item.name}不是文本，不能采用“${maskDescriptions[rule].zh}”` };
}

export function checkMasks(entry: Entry, fields: readonly string[], masks: SharingRequest["masks"]): Issue[] {
  const items = new Map(itemsOf(entry).map((item) => [item.field, item]));
  const asked = new Set(grantedFields(entry, fields));
  return Object.entries(masks ?? {}).flatMap(([field, rule]) => {
    const path = `/masks/${field}`;
    if (!maskRules.includes(rule)) return [{ path, code: "request.mask-rule", message: `must be one of ${maskRules.join(", ")}`, zh: `只能是 ${maskRules.join("、")} 之一` }];
    const item = items.get(field);
    if (item === undefined || !asked.has(field)) return [{ path, code: "request.mask-field", message: `${field} is not among the fields asked for`, zh: `脱敏信息项 ${field} 不在申请范围内` }];
    const misfit = maskFits(item, rule);
    return misfit === undefined ? [] : [{ path, code: "request.mask-misfit", ...misfit }];
  });
}

/** What is wrong with the parts of a narrowing: form first, then fit. */
export function narrowingCheck(validator: Validator, entry: Entry): (fields: readonly string[], condition: RowCondition | undefined, masks: SharingRequest["masks"]) => Issue[] {
  return (fields, condition, masks) => {
    const malformed = condition === undefined ? [] : validator.validate("row-condition", condition).map((issue) => ({ ...issue, path: `/addedCondition${issue.path === "/" ? "" : issue.path}` }));
    return [...malformed, ...(malformed.length > 0 ? [] : checkCondition(entry, condition, "/addedCondition")), ...checkMasks(entry, fields, masks)];
  };
}

const unfinished: readonly string[] = ["required", "minLength", "minItems"];

/** A draft may be unfinished, but what is there has the right form. */
export function checkDraft(validator: Validator, content: RequestContent): Issue[] {
  return validator.validate("sharing-request", content).filter((issue) => !unfinished.includes(issue.code));
}

const modeNames = { feed: "批量交换(数据流)", batch: "批量交换(一次性)", query: "服务接口", file: "文件下载" } as const;

function checkMode(entry: Entry, mode: SharingRequest["deliveryMode"]): Issue[] {
  const fitting: readonly string[] = methodsOfMode[mode];
  if (entry.content.sharingMethod.some((method) => fitting.includes(method))) return [];
  return [{ path: "/deliveryMode", code: "request.mode-not-offered", message: `The entry is shared by ${entry.content.sharingMethod.join(", ")}, not by ${mode}`, zh: `该目录条目不提供“${modeNames[mode]}”方式` }];
}

function checkValidity(content: RequestContent, today: string, limits: IntakeLimits): Issue[] {
  if (content.validUntil === undefined) return [];
  const issues: Issue[] = [];
  const from = content.validFrom ?? today;
  const latest = addDays(from > today ? from : today, limits.longestValidityDays);
  if (content.validUntil < today) issues.push({ path: "/validUntil", code: "request.validity-past", message: `${content.validUntil} is past`, zh: `使用时限 ${content.validUntil} 已过` });
  if (content.validUntil < from) issues.push({ path: "/validUntil", code: "request.validity-order", message: "The use would end before it begins", zh: "使用时限早于使用起始日" });
  if (content.validUntil > latest) issues.push({ path: "/validUntil", code: "request.validity-limit", message: `At most ${limits.longestValidityDays} days: until ${latest}`, zh: `使用时限最长 ${limits.longestValidityDays} 天，即不晚于 ${latest}` });
  return issues;
}

export interface ReadableScope {
  items: { item: DataItem; mask?: MaskRule }[];
  /** The row condition in words. */
  condition?: { zh: string; en: string };
}

/** Fields and rows as a person reads them: items by their names, the condition in words. */
export function readableScope(entry: Entry, scope: Pick<RequestContent, "fields" | "rowCondition" | "masks">): ReadableScope {
  const items = new Map(itemsOf(entry).map((item) => [item.field, item]));
  const shown = (scope.fields ?? []).flatMap((field) => {
    const item = items.get(field);
    const mask = scope.masks?.[field];
    return item === undefined ? [] : [{ item, ...(mask === undefined ? {} : { mask }) }];
  });
  if (scope.rowCondition === undefined) return { items: shown };
  return { items: shown, condition: explainRowCondition(scope.rowCondition, (field) => items.get(field)?.name ?? field) };
}

/**
 * What a reviewer should look at, without being wrong: sensitive items asked for in clear, much more than the key,
 * everything without a row condition.
 */
export function reviewNotes(entry: Entry, content: RequestContent): Issue[] {
  const notes: Issue[] = [];
  const fields = grantedFields(entry, content.fields ?? []);
  for (const item of itemsOf(entry)) {
    if (!fields.includes(item.field) || content.masks?.[item.field] !== undefined) continue;
    if (item.sensitivity === "L4" || item.sensitivity === "L3") notes.push({ path: `/fields/${item.field}`, code: "note.sensitive-in-clear", message: `${item.name} is ${item.sensitivity} and would be given in clear`, zh: `${item.name}为 ${item.sensitivity} 级，申请未脱敏` });
  }
  if (content.rowCondition === undefined && itemsOf(entry).some((item) => item.personal === true && fields.includes(item.field))) notes.push({ path: "/rowCondition", code: "note.all-persons", message: "Personal information of all persons in the entry is asked for: no row condition", zh: "未设行条件，将提供全部人员的个人信息" });
  const added = keyFieldsOf(entry).filter((field) => !(content.fields ?? []).includes(field));
  if (added.length > 0) notes.push({ path: "/fields", code: "note.keys-added", message: `Key items are always included: ${added.join(", ")}`, zh: `主键信息项自动包含：${added.join("、")}` });
  return notes;
}
