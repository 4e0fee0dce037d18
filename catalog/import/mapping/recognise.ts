import { InputError } from "#platform";
import type { RawRow, RawTable } from "../reading/raw-table.ts";
import { asText } from "./cells.ts";
import { plainHeader, type Mapping } from "./mapping.ts";
import { resolveColumns, type ColumnsOf } from "./row-reader.ts";

/** A table whose columns are known. */
export interface RecognisedTable {
  mapping: Mapping;
  headers: string[];
  columns: ColumnsOf;
  sheet?: string;
  /** Behind the header, totals and blank rows included. */
  rows: RawRow[];
  /** Lines that hold the header; absent when there is none. */
  headerRows: number[];
  /** Why this mapping: what was recognised. */
  matched: string[];
  /** Columns of the file that no target uses. */
  unusedColumns: string[];
}

/** Title rows, units and remarks stand above the header; nobody puts more of them. */
const headerSearchRows = 20;
/** Rows whose address is looked at to tell portals apart. */
const hostSampleRows = 20;

interface Candidate {
  table: RecognisedTable;
  score: number;
}

/** The best reading of a table under any of the mappings; undefined when none fits. */
export function recogniseTable(table: RawTable, mappings: readonly Mapping[]): RecognisedTable | undefined {
  let best: Candidate | undefined;
  for (const header of headersOf(table)) {
    for (const mapping of mappings) {
      const candidate = fit(table, header, mapping);
      if (candidate && (best === undefined || candidate.score > best.score)) best = candidate;
    }
  }
  return best?.table ?? headerless(table, mappings);
}

interface Header {
  headers: string[];
  /** Index of the first data row. */
  from: number;
  rows: number[];
}

const texts = (row: RawRow): string[] => row.cells.map(asText);

/** JSON brings its columns; of a grid, every row near the top may be the header, alone or with the row below it. */
function headersOf({ columns, rows }: RawTable): Header[] {
  if (columns !== undefined) return [{ headers: columns, from: 0, rows: [] }];
  const found: Header[] = [];
  for (let index = 0; index < Math.min(headerSearchRows, rows.length); index += 1) {
    const upper = texts(rows[index]!);
    found.push({ headers: upper, from: index + 1, rows: [rows[index]!.number] });
    const below = rows[index + 1];
    if (below === undefined || below.number !== rows[index]!.number + 1) continue;
    const lower = texts(below);
    if (!upper.some((cell, column) => cell === "" && (lower[column] ?? "") !== "")) continue;
    found.push({ headers: joinHeaders(upper, lower), from: index + 2, rows: [rows[index]!.number, below.number] });
  }
  return found;
}

/** A two-line header: the upper cell is merged over the lower ones it groups. */
function joinHeaders(upper: readonly string[], lower: readonly string[]): string[] {
  let group = "";
  return Array.from({ length: Math.max(upper.length, lower.length) }, (_, column) => {
    const top = upper[column] ?? "";
    const bottom = lower[column] ?? "";
    if (top !== "") group = top;
    if (bottom === "" || bottom === top) return top;
    return group === "" ? bottom : `${group}/${bottom}`;
  });
}

function fit(table: RawTable, header: Header, mapping: Mapping): Candidate | undefined {
  if (mapping.headerless !== undefined) return undefined;
  const columns = resolveColumns(mapping, header.headers);
  if (!mapping.required.every((target) => columns.has(target))) return undefined;
  const plain = new Set(header.headers.map(plainHeader));
  if (mapping.marks !== undefined && !mapping.marks.some((mark) => plain.has(plainHeader(mark)) || header.headers.some((each) => plainHeader(each).endsWith(`/${plainHeader(mark)}`)))) return undefined;
  if (mapping.host !== undefined && !pointsTo(mapping.host, table.rows.slice(header.from, header.from + hostSampleRows), columns)) return undefined;
  const matched = [...new Set([...columns.values()].flatMap((each) => each.map((column) => column.header)))];
  const unusedColumns = header.headers.filter((name, index) => name !== "" && ![...columns.values()].some((each) => each.some((column) => column.index === index)));
  return {
    score: columns.size * 10 + (mapping.host === undefined ? 0 : 5) + (mapping.marks === undefined ? 0 : 3) - header.rows.length,
    table: { mapping, headers: header.headers, columns, rows: table.rows.slice(header.from), headerRows: header.rows, matched, unusedColumns, ...(table.sheet === undefined ? {} : { sheet: table.sheet }) },
  };
}

function pointsTo(host: string, rows: readonly RawRow[], columns: ColumnsOf): boolean {
  const address = columns.get("sourceReference")?.[0];
  return address !== undefined && rows.some((row) => {
    const text = asText(row.cells[address.index]);
    return URL.canParse(text) && new URL(text).host === host;
  });
}

function headerless(table: RawTable, mappings: readonly Mapping[]): RecognisedTable | undefined {
  if (table.columns !== undefined) return undefined;
  const mapping = mappings.find((each) => each.headerless !== undefined && each.fitsHeaderless !== undefined && table.rows.slice(0, 20).every((row) => each.fitsHeaderless!(texts(row))));
  if (mapping === undefined) return undefined;
  const headers = [...mapping.headerless!];
  return { mapping, headers, columns: resolveColumns(mapping, headers), rows: table.rows, headerRows: [], matched: headers, unusedColumns: [], ...(table.sheet === undefined ? {} : { sheet: table.sheet }) };
}

/** What to tell when no mapping fits: the columns there are and the vocabularies that are known. */
export function unrecognised(fileName: string, tables: readonly RawTable[], mappings: readonly Mapping[]): InputError {
  const found = tables.flatMap((table) => (table.columns ?? widest(table.rows)).filter((name) => name !== "")).slice(0, 30);
  const forced = mappings.length === 1 ? mappings[0] : undefined;
  const missing = forced === undefined ? "" : ` The mapping ${forced.name} needs: ${forced.required.map((target) => (forced.fields[target] ?? []).join(" / ")).join("; ")}.`;
  return new InputError(`The columns of ${fileName} are not those of ${forced === undefined ? "any known vocabulary" : `the mapping ${forced.name}`}: ${found.join(", ")}.${missing}`, {
    zh: `${fileName} 的列名与${forced === undefined ? "已知的任何目录格式都不" : `映射 ${forced.name} 不`}相符:${found.join("、")}`,
    code: "mapping.not-recognised",
    nextStep: `Give --mapping with a YAML file that says which column means what (docs/import.md), or one of: ${mappings.map((mapping) => mapping.name).join(", ")}.`,
  });
}

const widest = (rows: readonly RawRow[]): string[] => rows.slice(0, headerSearchRows).map(texts).sort((left, right) => right.filter((cell) => cell !== "").length - left.filter((cell) => cell !== "").length)[0] ?? [];
