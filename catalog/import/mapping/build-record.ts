import type { CatalogEntry } from "#standards";
import type { ImportIssue, ImportRecord, RowRule } from "../model.ts";
import type { RawRow } from "../reading/raw-table.ts";
import { conditionCell, contentCell, itemCells } from "../export/entry-cells.ts";
import { asText } from "./cells.ts";
import { readItem, readItemsCell, settleItems } from "./items.ts";
import { kindOf, valueKinds } from "./kinds.ts";
import type { Mapping, Target } from "./mapping.ts";
import { readMembers, type Draft } from "./members.ts";
import { excelCellCharacters } from "./own-format.ts";
import { readSharing } from "./openness.ts";
import { readRemoteKey } from "./remote-key.ts";
import { createRowReader, type ColumnsOf, type RowReader } from "./row-reader.ts";

export interface BuildContext {
  mapping: Mapping;
  columns: ColumnsOf;
  sheet: string | undefined;
  /** Content that an export of ours kept beside the readable columns, by entry code. */
  kept?: ReadonlyMap<string, { entryId?: string; content: CatalogEntry }>;
}

/** The entry of one row and of the item rows that follow it. */
export function buildRecord({ mapping, columns, sheet, kept }: BuildContext, rows: readonly RawRow[]): ImportRecord {
  const issues: ImportIssue[] = [];
  const rules: RowRule[] = [];
  const readers = rows.map((row) => createRowReader({ mapping, columns, cells: row.cells, row: row.number, sheet, issues, rules }));
  const reader = readers[0]!;
  const record: ImportRecord = { row: rows[0]!.number, itemRows: rows.length - 1, title: "", issues, rules, ...(sheet === undefined ? {} : { sheet }) };
  const whole = readWholeContent(reader);
  readProvider(reader, record);
  const entryId = reader.text("entryId")?.text;
  if (entryId !== undefined) record.entryId = entryId;
  if (whole !== undefined) {
    record.content = whole;
    record.title = asText(whole.title);
    return issues.some((issue) => issue.severity === "error") ? withoutContent(record) : record;
  }
  if (reader.has("content")) return withoutContent(record);

  const code = reader.text("code")?.text;
  const base = code === undefined ? undefined : kept?.get(code);
  if (base?.entryId !== undefined) record.entryId = base.entryId;
  const draft: Draft = base === undefined ? {} : keptMembers(base.content, reader);
  readMembers(reader, draft);
  readItemsCell(reader, draft);
  const items = readers.flatMap((each, index) => readItem(each, index) ?? []);
  if (items.length > 0) draft.items = settleItems(reader, items, base?.content.items ?? []);
  readSharing(reader, mapping, draft);
  if (base !== undefined) {
    // What a cell was found to be when it was read for the first time is no finding of a cell that nobody touched.
    const untouched = keepUntouched(base.content, readers, draft);
    issues.splice(0, issues.length, ...issues.filter((issue) => issue.column === undefined || !untouched.has(issue.column)));
  }
  if (mapping.key !== undefined) {
    // The column holds an address; the reference is made from it.
    delete draft.sourceReference;
    const reference = readRemoteKey(reader, mapping);
    if (reference !== undefined) record.reference = draft.sourceReference = reference;
  }
  record.title = draft.title ?? "";
  reportSlip(reader, issues);
  return issues.some((issue) => issue.severity === "error") ? record : { ...record, content: draft as CatalogEntry };
}

const withoutContent = ({ content: _content, ...record }: ImportRecord): ImportRecord => record;

/** An entry's content as one JSON object: our own export. */
function readWholeContent(reader: RowReader): CatalogEntry | undefined {
  if (!reader.has("content")) return undefined;
  const found = reader.first("content");
  if (found === undefined) return void reader.report("error", "content", "/", "value.missing", { en: "the content is missing", zh: "缺少条目内容" });
  let content: unknown = found.value;
  if (typeof content === "string") {
    try {
      content = JSON.parse(content) as unknown;
    } catch {
      // Not JSON: reported below.
      content = undefined;
    }
  }
  if (typeof content === "object" && content !== null && !Array.isArray(content)) return content as CatalogEntry;
  return void reader.report("error", "content", "/", "value.unknown", { en: "is not the JSON object of an entry", zh: "不是条目内容的 JSON 对象" }, found.value);
}

/** What an export kept, without the members that the readable columns now state: a cell that was emptied is emptied. */
function keptMembers(content: CatalogEntry, reader: RowReader): Draft {
  const stated = new Set<string>();
  for (const member of ["abstract", "keywords", "themeCodes", "internalDepartment", "sharingCondition", "refusalBasis", "openCondition", "releasedOn", "relatedCodes", "sharingMethod", "format"] as const) {
    const target = member === "format" ? "formatClass" : member;
    if (reader.has(target)) stated.add(member);
  }
  if (stated.has("sharingCondition")) stated.add("refusalBasis");
  return Object.fromEntries(Object.entries(content).filter(([member]) => !stated.has(member))) as Draft;
}

/** Columns of the guide that show one member. */
const shown = ["title", "abstract", "internalDepartment", "sharingMethod", "open", "openCondition", "updateCycle", "releasedOn", "relatedCodes"] as const;

/** A cell that still shows what the export wrote leaves its member as it was, to the letter. */
function keepUntouched(before: CatalogEntry, readers: readonly RowReader[], draft: Draft): ReadonlySet<string> {
  const reader = readers[0]!;
  const untouched = new Set<string>();
  const keep = (targets: readonly Target[], members: readonly (keyof CatalogEntry)[]): void => {
    for (const target of targets) untouched.add(reader.header(target) ?? "");
    members.forEach(restore);
  };
  const restore = (member: keyof CatalogEntry): void => {
    if (before[member] === undefined) delete draft[member];
    else Object.assign(draft, { [member]: before[member] });
  };
  const same = (target: Target, cell: string): boolean => reader.has(target) && comparable(reader.shown(target)) === comparable(cell);
  for (const member of shown) if (same(member, contentCell(member, before))) keep([member], [member]);
  if (same("formatClass", contentCell("formatClass", before)) && same("formats", contentCell("formats", before))) keep(["formatClass", "formats"], ["format"]);
  if (same("sharingType", contentCell("sharingType", before)) && same("sharingCondition", conditionCell(before))) keep(["sharingType", "sharingCondition"], ["sharingType", "sharingCondition", "refusalBasis"]);
  if (reader.has("item.name")) {
    const cells = readers.map((each) => itemTargets.map((target) => comparable(each.shown(target))).join("\n"));
    const items = before.items ?? [];
    const exported = (items.length === 0 ? [undefined] : items).map((item) => itemCells(item).map(comparable).join("\n"));
    if (cells.join("\n\n") === exported.join("\n\n")) keep(itemTargets, ["items"]);
  }
  // The category stands in the code, which is allocated once: a cell cannot change it.
  keep(["guideClass", "guideItem"], ["guideCategory"]);
  return untouched;
}

const itemTargets = ["item.name", "item.type", "item.length"] as const;

/** Excel and people leave spaces and line ends different. */
const comparable = (text: string): string => asText(text.slice(0, excelCellCharacters)).replaceAll(/\s+/g, " ").trim();

function readProvider(reader: RowReader, record: ImportRecord): void {
  const provider = reader.text("provider");
  const kind = provider === undefined ? undefined : kindOf(provider.text);
  if (kind !== undefined) reader.report("error", "provider", "/organisation", "value.of-another-column", { en: `is ${valueKinds[kind].en}, not a provider: have the columns slipped?`, zh: `是${valueKinds[kind].zh},不是提供方,请检查是否错列` }, provider!.text);
  else if (provider !== undefined) record.providerName = provider.text.replaceAll(/\s*\n\s*/g, " ");
  const code = reader.text("providerCode");
  if (code !== undefined && !/^[-—/无]$/.test(code.text)) record.providerCode = code.text.normalize("NFKC").replaceAll(/\s/g, "").toUpperCase();
}

/** Two values that belong elsewhere are no coincidence: say it of the row. */
function reportSlip(reader: RowReader, issues: readonly ImportIssue[]): void {
  const slipped = issues.filter((issue) => issue.code === "value.of-another-column" || (issue.code === "value.unknown" && issue.message.includes("have the columns slipped?")));
  if (slipped.length < 2) return;
  reader.report("error", undefined, "/", "row.shifted", { en: `the columns of this row have slipped (${slipped.map((issue) => issue.column).join(", ")} hold values of other columns): compare it with the header and put it right`, zh: `本行疑似整体错列(${slipped.map((issue) => issue.column).join("、")} 的值属于其他列),请对照表头更正` });
}
