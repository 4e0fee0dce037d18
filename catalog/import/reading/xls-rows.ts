import { read, utils, type WorkSheet } from "@e965/xlsx";
import { tooLong, tooManyColumns, tooManyRows, UnreadableError, type ReadLimits } from "./limits.ts";
import type { RawRow, RawTable } from "./raw-table.ts";
import { dateText } from "./xlsx-rows.ts";

/** Every sheet of an old binary workbook (BIFF) that is not empty. Formulas and macros are not read. */
export function readXls(bytes: Buffer, fileName: string, limits: ReadLimits): RawTable[] {
  let book: ReturnType<typeof read>;
  try {
    book = read(bytes, { type: "buffer", cellFormula: false, cellHTML: false, cellStyles: false, bookVBA: false, bookDeps: false, cellDates: true, UTC: true, sheetRows: limits.rows + 1 });
  } catch (cause) {
    throw new UnreadableError({ code: "file.xls", message: `${fileName} is not a readable workbook: ${(cause as Error).message.slice(0, 200)}`, zh: `${fileName} 不是可读的 XLS 工作簿`, nextStep: "Open it in Excel or WPS and save it as XLSX, without a password." }, cause);
  }
  let total = 0;
  return book.SheetNames.flatMap((name): RawTable[] => {
    const sheet: WorkSheet | undefined = book.Sheets[name];
    if (!sheet?.["!ref"]) return [];
    const range = utils.decode_range(sheet["!ref"]);
    const rows: RawRow[] = [];
    const grid = utils.sheet_to_json<unknown[]>(sheet, { header: 1, raw: true, defval: "", blankrows: true, UTC: true });
    for (const [index, values] of grid.entries()) {
      const number = range.s.r + index + 1;
      const place = `${fileName}, sheet ${name}, row ${number}`;
      const cells = values.map((value) => (value instanceof Date ? dateText(value) : String(value ?? "")));
      while (cells.at(-1) === "") cells.pop();
      if (cells.every((cell) => cell.trim() === "")) continue;
      if (cells.length > limits.columns) throw tooManyColumns(place, cells.length, limits.columns);
      const long = cells.findIndex((cell) => cell.length > limits.cellCharacters);
      if (long !== -1) throw tooLong(`${place}, column ${long + 1}`, cells[long]!.length, limits.cellCharacters);
      total += 1;
      if (total > limits.rows) throw tooManyRows(limits.rows);
      rows.push({ number, cells: [...Array.from({ length: range.s.c }, () => ""), ...cells] });
    }
    const byNumber = new Map(rows.map((row) => [row.number, row]));
    for (const merge of sheet["!merges"] ?? []) {
      const value = byNumber.get(merge.s.r + 1)?.cells[merge.s.c] ?? "";
      for (let row = merge.s.r + 2; value !== "" && row <= merge.e.r + 1; row += 1) {
        const cells = byNumber.get(row)?.cells;
        if (cells && (cells[merge.s.c] ?? "") === "") cells[merge.s.c] = value;
      }
    }
    return rows.length === 0 ? [] : [{ sheet: name, rows: rows.map((row) => ({ ...row, cells: Array.from(row.cells, (cell) => cell ?? "") })) }];
  });
}
