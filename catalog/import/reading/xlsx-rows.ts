import ExcelJS from "exceljs";
import { Readable } from "node:stream";
import { tooLong, tooManyColumns, tooManyRows, UnreadableError, type ReadLimits } from "./limits.ts";
import type { RawRow, RawTable } from "./raw-table.ts";
import { storeZip, unzip, type ZipMember } from "./zip.ts";

const needed = /^(\[Content_Types\]\.xml|_rels\/\.rels|xl\/(workbook\.xml|sharedStrings\.xml|styles\.xml|_rels\/workbook\.xml\.rels|worksheets\/sheet\d+\.xml))$/i;
/** What the streaming reader must have met before the sheets. */
const order = (name: string): number => (/workbook\.xml/i.test(name) ? 0 : /sharedStrings|styles/i.test(name) ? 1 : /worksheets/i.test(name) ? 3 : 2);

const mostMerges = 100_000;

/** Cells merged downwards: their value stands in the first row only, and people mean it for all of them. */
function verticalMerges(member: ZipMember): { column: number; from: number; to: number }[] {
  const merges: { column: number; from: number; to: number }[] = [];
  const text = member.bytes.toString("latin1");
  for (const match of text.matchAll(/<mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"/g)) {
    const from = Number(match[2]);
    const to = Number(match[4]);
    if (to > from && merges.length < mostMerges) merges.push({ column: columnNumber(match[1]!), from, to });
  }
  return merges;
}

const columnNumber = (letters: string): number => [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0);

/** Every sheet that is not empty. A formula is the text that it last showed. */
export async function readXlsx(bytes: Buffer, fileName: string, limits: ReadLimits): Promise<RawTable[]> {
  const members = unzip(bytes, fileName, limits.unpackedBytes, (name) => needed.test(name));
  // Without shared strings the streaming reader goes by temporary files and loses every sheet behind the first.
  if (!members.some(({ name }) => /sharedStrings/i.test(name))) members.push({ name: "xl/sharedStrings.xml", bytes: Buffer.from('<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>') });
  members.sort((left, right) => order(left.name) - order(right.name));
  if (!members.some(({ name }) => /worksheets/i.test(name))) throw new UnreadableError({ code: "file.no-sheet", message: `${fileName} has no sheet`, zh: `${fileName} 中没有工作表`, nextStep: "Check that it is an XLSX workbook." });
  const mergesOf = new Map(members.flatMap((member) => (/worksheets\/sheet(\d+)\.xml/i.exec(member.name) ? [[/sheet(\d+)\.xml/i.exec(member.name)![1]!, verticalMerges(member)] as const] : [])));

  const reader = new ExcelJS.stream.xlsx.WorkbookReader(Readable.from([storeZip(members)]), { worksheets: "emit", sharedStrings: "cache", hyperlinks: "ignore", styles: "cache", entries: "ignore" });
  const tables: RawTable[] = [];
  let total = 0;
  let sheets = 0;
  for await (const sheet of reader) {
    sheets += 1;
    const { id, name, state } = sheet as unknown as { id: number; name?: string; state?: string };
    const rows: RawRow[] = [];
    const title = name ?? `sheet ${id}`;
    for await (const row of sheet) {
      const place = `${fileName}, sheet ${title}, row ${row.number}`;
      if (row.cellCount > limits.columns * 4) throw tooManyColumns(place, row.cellCount, limits.columns);
      const cells: unknown[] = [];
      row.eachCell({ includeEmpty: false }, (cell, column) => {
        const value = cellText(cell);
        if (value === "") return;
        if (column > limits.columns) throw tooManyColumns(place, column, limits.columns);
        if (value.length > limits.cellCharacters) throw tooLong(`${place}, column ${column}`, value.length, limits.cellCharacters);
        cells[column - 1] = value;
      });
      if (cells.every((cell) => cell === undefined || (cell as string).trim() === "")) continue;
      total += 1;
      if (total > limits.rows) throw tooManyRows(limits.rows);
      rows.push({ number: row.number, cells: Array.from(cells, (cell) => cell ?? "") });
    }
    fillDown(rows, mergesOf.get(String(id)) ?? []);
    if (rows.length > 0 && (state !== "veryHidden" || title === "zhengtong")) tables.push({ sheet: title, rows });
  }
  const there = members.filter(({ name }) => /worksheets/i.test(name)).length;
  if (sheets !== there) throw new UnreadableError({ code: "file.sheets-lost", message: `${fileName}: only ${sheets} of its ${there} sheets can be read`, zh: `${fileName} 的 ${there} 个工作表中只能读取 ${sheets} 个`, nextStep: "Open it in Excel or WPS and save it again as XLSX." });
  return tables;
}

function fillDown(rows: readonly RawRow[], merges: readonly { column: number; from: number; to: number }[]): void {
  if (merges.length === 0) return;
  const byNumber = new Map(rows.map((row) => [row.number, row]));
  for (const { column, from, to } of merges) {
    const value = byNumber.get(from)?.cells[column - 1] ?? "";
    if (value === "") continue;
    for (let number = from + 1; number <= Math.min(to, rows.at(-1)!.number); number += 1) {
      const row = byNumber.get(number);
      if (!row) continue;
      while (row.cells.length < column) row.cells.push("");
      if (row.cells[column - 1] === "") row.cells[column - 1] = value;
    }
  }
}

interface RichText {
  richText?: { text: string }[];
  text?: unknown;
  result?: unknown;
  formula?: string;
  sharedFormula?: string;
  error?: string;
}

function cellText({ value }: ExcelJS.Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return dateText(value);
  const rich = value as RichText;
  if (rich.richText !== undefined) return rich.richText.map((part) => part.text).join("");
  if (rich.formula !== undefined || rich.sharedFormula !== undefined) {
    if (rich.result instanceof Date) return dateText(rich.result);
    return rich.result === undefined || rich.result === null || typeof rich.result === "object" ? `=${rich.formula ?? rich.sharedFormula ?? ""}` : String(rich.result);
  }
  if (typeof rich.text === "string") return rich.text;
  if (typeof rich.text === "object" && rich.text !== null) return ((rich.text as RichText).richText ?? []).map((part) => part.text).join("");
  return rich.error ?? "";
}

/** Excel's dates have no zone; a time of day is kept only when there is one. */
export function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) return "";
  const text = date.toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text.slice(0, 19).replace("T", " ");
}
