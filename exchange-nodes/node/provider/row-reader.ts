import type { CellValue } from "#standards";
import { cellText, nullCell, unchangedCell, type Cells, type LineWriter } from "./cells.ts";
import type { FailureCode } from "./field-checks.ts";
import { trimmedEnd, type FeedPlan, type Transform } from "./feed-plan.ts";

export interface RowFailure {
  field: string;
  code: FailureCode;
}

/** `row`: may be sent. `filtered`: the grant does not cover it. `bad`: to be parked. `incomplete`: the log left a large value out. */
export type RowVerdict = "row" | "filtered" | "bad" | "incomplete";

/** Where a cell of the plan's source columns stands in the cells at hand. */
export type ColumnMap = Int32Array;

/**
 * Reads rows of one feed: condition, conversion, mask, check. After `read` says `row`, `writeRow` writes the wire
 * line; nothing is allocated for a row whose values need no conversion.
 */
export interface RowReader {
  /** `origin`: `sql` for what COPY selected with the plan's list, `log` for columns as the log prints them. */
  read(cells: Cells, map: ColumnMap, origin: "sql" | "log"): RowVerdict;
  /** Of the last `bad`. */
  readonly failures: readonly RowFailure[];
  /** Whether the line can be copied as it is: nothing was converted since `read`. */
  readonly untouched: boolean;
  /** Key and other fields, tab-separated with a newline. */
  writeRow(writer: LineWriter): void;
  /** Key fields, then `\N` for every other field. Valid after `readKey`. */
  writeKeyOnly(writer: LineWriter): void;
  /** Reads only the key: `false` when a part of it is null or cannot be read. */
  readKey(cells: Cells, map: ColumnMap, origin: "sql" | "log"): boolean;
  /** The wire key as one text; after `read` or `readKey`. */
  keyText(): string;
}

export const keySeparator = "\u001f";

export function createRowReader(plan: FeedPlan): RowReader {
  const width = plan.wire.length;
  const { keyCount } = plan;
  const outBuffer: Buffer[] = Array.from({ length: width }, () => Buffer.alloc(0));
  const outStart = new Int32Array(width);
  const outEnd = new Int32Array(width);
  const failures: RowFailure[] = [];
  const checks = plan.wire.map((column) => column.check);
  const required = plan.wire.map((column) => column.required);
  const isText = plan.wire.map((column) => column.item.type === "C" || column.item.type === "M" || column.item.type === "G");
  const afterSql = plan.wire.map((column) => column.afterSql);
  const afterLog = plan.wire.map((column) => column.afterLog);
  const trims = plan.wire.map((column) => (column.plan.trim === "none" ? undefined : column.plan.trim));
  const conditionAt = new Map(plan.conditionFields.map((field, at) => [field.field, { index: width + at, plan: field.plan }]));
  let untouched = true;

  const fail = (index: number, code: FailureCode) => void failures.push({ field: plan.wire[index]!.field, code });

  function readField(cells: Cells, at: number, index: number, transform: Transform | undefined, fromLog: boolean): boolean {
    let buffer = cells.buffer;
    let start = cells.start[at]!;
    let end = cells.end[at]!;
    if (end < 0) {
      outEnd[index] = nullCell;
      if (!required[index]) return true;
      fail(index, "required");
      return false;
    }
    if (fromLog) {
      const trim = trims[index];
      if (trim !== undefined) end = trimmedEnd(buffer, start, end, trim);
    }
    if (transform !== undefined) {
      untouched = false;
      const text = transform(buffer.toString("utf8", start, end));
      if (text === undefined) {
        fail(index, "type");
        return false;
      }
      buffer = Buffer.from(text);
      start = 0;
      end = buffer.length;
    }
    outBuffer[index] = buffer;
    outStart[index] = start;
    outEnd[index] = end;
    if (end === start && isText[index]) {
      // An empty text is no value where one is asked for, and is neither code nor number.
      if (!required[index]) return true;
      fail(index, "required");
      return false;
    }
    const failure = checks[index]!(buffer, start, end);
    if (failure === undefined) return true;
    fail(index, failure);
    return false;
  }

  /** Whether the condition holds; `undefined` when a value that it needs cannot be read. */
  function holds(cells: Cells, map: ColumnMap, fromLog: boolean): boolean | "unreadable" | "incomplete" {
    let problem: "unreadable" | "incomplete" | undefined;
    const read = (field: string): CellValue => {
      const known = conditionAt.get(field)!;
      const at = map[known.index]!;
      const end = cells.end[at]!;
      if (end === unchangedCell) {
        problem = "incomplete";
        return null;
      }
      if (end < 0) return null;
      if (known.plan.convert === undefined) {
        const start = cells.start[at]!;
        return cells.buffer.toString("utf8", start, fromLog ? trimmedEnd(cells.buffer, start, end, known.plan.trim) : end);
      }
      const text = known.plan.convert(cellText(cells, at));
      if (text === undefined) {
        problem ??= "unreadable";
        failures.push({ field, code: "type" });
      }
      return text;
    };
    const passed = plan.passes!(read);
    return problem ?? passed;
  }

  return {
    failures,
    get untouched() {
      return untouched;
    },
    read(cells, map, origin) {
      failures.length = 0;
      untouched = true;
      const fromLog = origin === "log";
      if (plan.passes !== undefined && (fromLog || plan.condition === undefined)) {
        const verdict = holds(cells, map, fromLog);
        if (verdict === "incomplete") return "incomplete";
        if (verdict === false) return "filtered";
        if (verdict === "unreadable") {
          for (let index = 0; index < keyCount; index += 1) readField(cells, map[index]!, index, fromLog ? afterLog[index] : afterSql[index], fromLog);
          return "bad";
        }
      }
      const transforms = fromLog ? afterLog : afterSql;
      for (let index = 0; index < width; index += 1) {
        const at = map[index]!;
        if (cells.end[at] === unchangedCell) return "incomplete";
        readField(cells, at, index, transforms[index], fromLog);
      }
      return failures.length === 0 ? "row" : "bad";
    },
    writeRow(writer) {
      for (let index = 0; index < width; index += 1) {
        if (index > 0) writer.byte(9);
        writer.cell(outBuffer[index]!, outStart[index]!, outEnd[index]!);
      }
      writer.byte(10);
    },
    writeKeyOnly(writer) {
      for (let index = 0; index < width; index += 1) {
        if (index > 0) writer.byte(9);
        if (index < keyCount) writer.cell(outBuffer[index]!, outStart[index]!, outEnd[index]!);
        else writer.cell(outBuffer[0]!, 0, nullCell);
      }
      writer.byte(10);
    },
    readKey(cells, map, origin) {
      failures.length = 0;
      const fromLog = origin === "log";
      const transforms = fromLog ? afterLog : afterSql;
      let whole = true;
      for (let index = 0; index < keyCount; index += 1) whole = readField(cells, map[index]!, index, transforms[index], fromLog) && whole;
      return whole;
    },
    keyText() {
      let text = "";
      for (let index = 0; index < keyCount; index += 1) {
        const part = outEnd[index]! < 0 ? "\\N" : outBuffer[index]!.toString("utf8", outStart[index]!, outEnd[index]!);
        text = index === 0 ? part : `${text}${keySeparator}${part}`;
      }
      return text;
    },
  };
}
