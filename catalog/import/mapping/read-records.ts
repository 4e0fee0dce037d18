import type { CatalogEntry } from "#standards";
import type { ImportIssue, ImportRecord } from "../model.ts";
import type { RawFile, RawRow, RawTable } from "../reading/raw-table.ts";
import { buildRecord } from "./build-record.ts";
import { asText } from "./cells.ts";
import { plainHeader, type Mapping } from "./mapping.ts";
import { machineColumns, machineSheet } from "./own-format.ts";
import { recogniseTable, unrecognised, type RecognisedTable } from "./recognise.ts";
import type { ColumnsOf } from "./row-reader.ts";

/** Everything that a file says, row by row. */
export interface FileRecords {
  mapping: Mapping;
  records: ImportRecord[];
  /** By sheet, or "" of a file without. */
  columns: Map<string, ColumnsOf>;
  tables: { sheet?: string; headerRows: number[]; matched: string[]; unused: { column: string; en: string; zh: string }[]; missing: string[] }[];
  /** Sheets that no mapping fits, such as instructions. */
  skippedSheets: string[];
  /** Rows of totals or remarks that are no entry and have been left out, with their numbers. */
  remarkRows: number;
}

/** Rows between two breaths: reading thousands must not keep the process from answering others. */
const rowsPerTurn = 200;

export async function readRecords(file: RawFile, fileName: string, mappings: readonly Mapping[], onProgress?: (done: number, total: number) => void): Promise<FileRecords> {
  const readable = file.tables.filter((table) => table.sheet !== machineSheet);
  const recognised = readable.map((table) => recogniseTable(table, mappings));
  const first = recognised.find((table) => table !== undefined);
  if (first === undefined) throw unrecognised(fileName, readable, mappings);
  const kept = readKept(file.tables.find((table) => table.sheet === machineSheet));
  const result: FileRecords = { mapping: first.mapping, records: [], columns: new Map(), tables: [], skippedSheets: [], remarkRows: 0 };
  const total = readable.reduce((sum, table) => sum + table.rows.length, 0);
  for (const [index, table] of recognised.entries()) {
    if (table === undefined) {
      result.skippedSheets.push(readable[index]!.sheet ?? fileName);
      continue;
    }
    result.columns.set(table.sheet ?? "", table.columns);
    const { groups, remarks } = groupRows(table);
    result.remarkRows += remarks;
    for (const rows of groups) {
      const record = buildRecord({ mapping: table.mapping, columns: table.columns, sheet: table.sheet, kept }, rows);
      checkWidth(file.kind, table, rows[0]!, record.issues);
      result.records.push(record);
      if (result.records.length % rowsPerTurn === 0) {
        onProgress?.(result.records.length, total);
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
    }
    result.tables.push({
      headerRows: table.headerRows,
      matched: table.matched,
      unused: table.unusedColumns.map((column) => ({ column, ...(table.mapping.unused?.[column] ?? { en: "no member of an entry is read from it", zh: "未映射到目录字段" }) })),
      // Of an export of ours the hidden sheet holds what has no column.
      missing: kept.size > 0 ? [] : missingColumns(table),
      ...(table.sheet === undefined ? {} : { sheet: table.sheet }),
    });
  }
  return result;
}

/** Columns of the vocabulary that the file lacks: worth knowing before wondering where the values are. */
const missingColumns = ({ mapping, columns }: RecognisedTable): string[] => Object.entries(mapping.fields).flatMap(([target, names]) => (columns.has(target as never) || target.startsWith("item.") || mapping.portal ? [] : [names[0]!]));

/**
 * The rows of each entry. A row without a title that has an item belongs to the entry above; so does one whose title
 * was merged over several rows, when it has an item too.
 */
function groupRows({ columns, rows, mapping }: RecognisedTable): { groups: RawRow[][]; remarks: number } {
  const hasItems = columns.has("item.name");
  const cell = (row: RawRow, target: "title" | "item.name" | "provider" | "code") => {
    const column = columns.get(target)?.[0];
    return column === undefined ? "" : asText(row.cells[column.index]);
  };
  const groups: RawRow[][] = [];
  let remarks = 0;
  for (const row of rows) {
    const before = groups.at(-1);
    const title = cell(row, "title");
    const sameAsBefore = before !== undefined && hasItems && cell(row, "item.name") !== "" && (title === "" || (title === cell(before[0]!, "title") && (cell(row, "provider") === "" || cell(row, "provider") === cell(before[0]!, "provider")) && (cell(row, "code") === "" || cell(row, "code") === cell(before[0]!, "code"))));
    if (sameAsBefore) before.push(row);
    else if (mapping.headerless === undefined && isRemark(row)) remarks += 1;
    else groups.push([row]);
  }
  return { groups, remarks };
}

/** 合计, 填表说明 and the like below the table: one cell, and it says so. */
function isRemark(row: RawRow): boolean {
  const filled = row.cells.map(asText).filter((text) => text !== "");
  return filled.length > 0 && filled.length <= 3 && /^(合\s*计|总\s*计|小\s*计|备注[::]|注[::]|说明[::]|填表(人|说明|日期|单位)|制表)/.test(filled[0]!);
}

/** A line with more or fewer fields than the header: a separator inside a value, or a slipped column. */
function checkWidth(kind: RawFile["kind"], table: RecognisedTable, row: RawRow, issues: ImportIssue[]): void {
  if (kind === "json") return;
  const place = { row: row.number, path: "/", ...(table.sheet === undefined ? {} : { sheet: table.sheet }) };
  const extra = row.cells.slice(table.headers.length).map(asText).filter((text) => text !== "");
  if (extra.length > 0) issues.push({ ...place, code: "row.extra-cells", severity: "warning", message: `${extra.length} value${extra.length === 1 ? "" : "s"} stand beyond the last column of the header: is a separator missing its quotation marks?`, zh: `表头之外还有 ${extra.length} 个值,请检查分隔符是否未加引号`, value: extra[0]! });
  else if (kind === "csv" && row.cells.length < table.headers.length) issues.push({ ...place, code: "row.missing-cells", severity: "warning", message: `the row has ${row.cells.length} fields, the header ${table.headers.length}: the last columns are taken as empty`, zh: `本行只有 ${row.cells.length} 列,表头有 ${table.headers.length} 列,缺少的列按空值处理` });
}

/** The machine sheet of our workbook: contents by entry code. */
function readKept(table: RawTable | undefined): Map<string, { entryId?: string; content: CatalogEntry }> {
  const kept = new Map<string, { entryId?: string; content: CatalogEntry }>();
  const [header, ...rows] = table?.rows ?? [];
  if (header === undefined) return kept;
  const names = header.cells.map((cell) => plainHeader(asText(cell)));
  const codeAt = names.indexOf(machineColumns.code);
  const idAt = names.indexOf(machineColumns.entryId);
  const contentAt = names.flatMap((name, index) => (name.startsWith(machineColumns.content) ? [index] : []));
  for (const { cells } of rows) {
    const code = asText(cells[codeAt]);
    try {
      const content: unknown = JSON.parse(contentAt.map((index) => (typeof cells[index] === "string" ? cells[index] : "")).join(""));
      if (code !== "" && typeof content === "object" && content !== null) kept.set(code, { content: content as CatalogEntry, ...(asText(cells[idAt]) === "" ? {} : { entryId: asText(cells[idAt]) }) });
    } catch {
      // Somebody edited the machine sheet: the readable columns alone count for this entry.
      continue;
    }
  }
  return kept;
}
