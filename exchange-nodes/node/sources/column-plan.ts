import type { DataItem, ItemType } from "#standards";
import { conversionTo, type Conversion } from "./conversions.ts";

/**
 * How a source column becomes an item's value. `natural`: the column's own type fits, so SQL gives the canonical text
 * itself and conditions, masks and checksums can run in SQL; otherwise the text is converted in process, for
 * snapshots and changes by the same function.
 */
export interface ColumnPlan {
  natural: boolean;
  /** What COPY selects: canonical text for a natural column, the column as it is otherwise. */
  copySql(column: string): string;
  /** An expression of the item's SQL type, for conditions and checksums; natural columns only. */
  typedSql(column: string): string;
  /** The same of type text, canonical. */
  textSql(column: string): string;
  /** A timestamp with time zone, which row conditions compare in Beijing time. */
  withTimeZone: boolean;
  /** What the replication slot's text has too much at its end. */
  trim: Trim;
  convert?: Conversion;
}

/** `blanks`: char(n) is padded. `zeros`: numeric keeps its declared decimals. `offset`: `+08` of the session's zone. */
export type Trim = "none" | "blanks" | "zeros" | "offset";

const integers = new Set(["int2", "int4", "int8"]);
const texts = new Set(["text", "varchar", "bpchar", "name", "citext"]);

const plain = (column: string) => column;
const asText = (column: string) => `${column}::text`;
const booleanText = (column: string) => `case when ${column} then 't' when not ${column} then 'f' end`;
const trimmed = (column: string) => `trim_scale(${column})`;
const beijing = (column: string) => `(${column} at time zone interval '+08:00')`;

interface Natural {
  typed(column: string): string;
  copy?(column: string): string;
  text?(column: string): string;
  trim?: Trim;
}

function naturalPlan(type: ItemType, sourceType: string): Natural | undefined {
  switch (type) {
    case "C":
    case "M":
    case "G":
      if (sourceType === "bool") return { typed: booleanText, copy: booleanText, text: booleanText };
      if (sourceType === "numeric") return { typed: asText };
      return { typed: asText, trim: sourceType === "bpchar" ? "blanks" : "none" };
    case "N":
    case "Y":
      if (integers.has(sourceType)) return { typed: plain, text: asText };
      return sourceType === "numeric" ? { typed: trimmed, text: (column) => `trim_scale(${column})::text`, trim: "zeros" } : undefined;
    case "I":
      if (integers.has(sourceType)) return { typed: plain, text: asText };
      return sourceType === "numeric" ? { typed: trimmed, text: (column) => `trim_scale(${column})::text`, trim: "zeros" } : undefined;
    case "B":
    case "F":
      return sourceType === "float8" || sourceType === "float4" || sourceType === "int2" || sourceType === "int4" ? { typed: plain, text: asText } : undefined;
    case "D":
      return sourceType === "date" ? { typed: plain, text: asText } : undefined;
    case "T":
      if (sourceType === "timestamp") return { typed: plain, text: asText };
      return sourceType === "timestamptz" ? { typed: plain, copy: beijing, text: (column) => `${beijing(column)}::text`, trim: "offset" } : undefined;
    case "L":
      return sourceType === "bool" ? { typed: plain, text: booleanText } : undefined;
  }
}

/** Whether any value of the source type can ever be read as the item type. */
export function isConvertible(type: ItemType, sourceType: string): boolean {
  if (naturalPlan(type, sourceType) !== undefined || texts.has(sourceType)) return true;
  switch (type) {
    case "N":
    case "Y":
    case "I":
    case "B":
    case "F":
      return integers.has(sourceType) || sourceType === "numeric" || sourceType === "float4" || sourceType === "float8";
    case "D":
    case "T":
      return sourceType === "date" || sourceType === "timestamp";
    case "L":
      return integers.has(sourceType);
    default:
      return true;
  }
}

export function planColumn(item: DataItem, sourceType: string): ColumnPlan {
  const natural = naturalPlan(item.type, sourceType);
  if (natural === undefined) return { natural: false, copySql: sourceType === "bpchar" ? asText : plain, typedSql: plain, textSql: asText, withTimeZone: false, trim: sourceType === "bpchar" ? "blanks" : "none", convert: conversionTo(item.type) };
  return {
    natural: true,
    copySql: natural.copy ?? natural.typed,
    typedSql: natural.typed,
    textSql: natural.text ?? natural.typed,
    withTimeZone: sourceType === "timestamptz",
    trim: natural.trim ?? "none",
  };
}
