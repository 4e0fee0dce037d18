import { parse } from "csv-parse/sync";
import { tooLong, tooManyColumns, tooManyRows, UnreadableError, type ReadLimits } from "./limits.ts";
import type { RawRow } from "./raw-table.ts";

const delimiters = [",", "\t", ";", "|", ","] as const;

/** The separator that cuts the first lines into the same number of fields, the more the better. */
export function detectDelimiter(text: string): string {
  const lines = firstLines(text, 30);
  let best: { delimiter: string; score: number } = { delimiter: ",", score: 0 };
  for (const delimiter of delimiters) {
    const counts = lines.map((line) => countOutsideQuotes(line, delimiter));
    const most = mode(counts.filter((count) => count > 0));
    if (most === undefined) continue;
    const score = counts.filter((count) => count === most).length * 100 + most;
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

function mode(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((left, right) => right[1] - left[1] || right[0] - left[0])[0]?.[0];
}

/** Lines as records have them: a quoted line break does not end one. */
function firstLines(text: string, count: number): string[] {
  const lines: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length && lines.length < count && at < 1_000_000; at += 1) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (character === "\n" && !quoted) {
      if (at > start) lines.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (lines.length < count && start < text.length) lines.push(text.slice(start, start + 100_000));
  return lines;
}

function countOutsideQuotes(line: string, delimiter: string): number {
  let quoted = false;
  let count = 0;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    else if (character === delimiter && !quoted) count += 1;
  }
  return count;
}

/** Rows of a delimited text; blank ones are left out, numbers stay those of the file's lines. */
export function readDelimited(text: string, fileName: string, limits: ReadLimits): { rows: RawRow[]; delimiter: string } {
  const delimiter = detectDelimiter(text);
  const rows: RawRow[] = [];
  let failure: UnreadableError | undefined;
  // A record's line is known when it ends; it began as many lines earlier as it has line breaks.
  const common = { delimiter, bom: true, relax_column_count: true, skip_empty_lines: true, info: true, max_record_size: limits.cellCharacters * 4 } as const;
  const onRecord = ({ record, info }: { record: string[]; info: { lines: number } }): null => {
    if (failure !== undefined) return null;
    const breaks = record.reduce((sum, cell) => sum + (cell.includes("\n") ? cell.split("\n").length - 1 : 0), 0);
    const number = Math.max(1, info.lines - breaks);
    if (record.length > limits.columns) failure = tooManyColumns(`${fileName}, line ${number}`, record.length, limits.columns);
    const long = record.findIndex((cell) => cell.length > limits.cellCharacters);
    if (long !== -1) failure = tooLong(`${fileName}, line ${number}, column ${long + 1}`, record[long]!.length, limits.cellCharacters);
    if (rows.length >= limits.rows) failure = tooManyRows(limits.rows);
    if (failure === undefined && record.some((cell) => cell.trim() !== "")) rows.push({ number, cells: record });
    return null;
  };
  const run = (relaxed: boolean): void => {
    rows.length = 0;
    parse(text, { ...common, ...(relaxed ? { quote: null } : {}), on_record: onRecord as never });
  };
  try {
    run(false);
  } catch (error) {
    // A stray quotation mark inside a field: read it as an ordinary character rather than refuse the file.
    const code = (error as { code?: string }).code;
    if (code !== "INVALID_OPENING_QUOTE" && code !== "CSV_INVALID_CLOSING_QUOTE" && code !== "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE") throw unparsable(fileName, error);
    try {
      run(true);
    } catch (again) {
      throw unparsable(fileName, again);
    }
  }
  if (failure !== undefined) throw failure;
  return { rows, delimiter };
}

function unparsable(fileName: string, error: unknown): UnreadableError {
  const { lines, message } = error as { lines?: number; message: string };
  return new UnreadableError({ code: "file.csv", message: `${fileName}${lines === undefined ? "" : `, line ${lines}`}: ${message}`, zh: `${fileName}${lines === undefined ? "" : ` 第 ${lines} 行`}不是完整的 CSV(多为引号未闭合)`, nextStep: "Close the quotation mark that opens before this line, or save the table as XLSX." }, error);
}
