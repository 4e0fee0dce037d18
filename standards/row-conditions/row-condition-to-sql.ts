import type { Comparison, RowCondition } from "../generated/types.ts";
import type { ItemType } from "../generated/values.ts";
import { comparisonKind, timestampSqlText } from "./comparison-keys.ts";
import { checkedTypeOfField } from "./evaluate-row-condition.ts";

/** The column that a field of a condition stands for. */
export interface RowConditionColumn {
  /**
   * An SQL expression, quoted where needed, whose PostgreSQL type fits the item type: text for C M G, a number for
   * N Y I B F, date for D, timestamp for T, boolean for L. A source column of another type is cast here by the caller.
   */
  readonly sql: string;
  readonly type: ItemType;
  /** The column is a timestamptz: it is compared in Beijing time (UTC+8). */
  readonly withTimeZone?: boolean;
}

export interface SqlCondition {
  /** A boolean expression in parentheses. */
  readonly text: string;
  /** One for each `$n` of the text, from `valuesStartAt` on. */
  readonly values: readonly (string | readonly string[])[];
}

const sqlOperators = { "=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=" } as const;
const bigintLimit = 9_000_000_000_000_000_000n;

const isBigint = (text: string): boolean => {
  if (!/^-?[0-9]{1,19}$/.test(text)) return false;
  const value = BigInt(text);
  return value <= bigintLimit && value >= -bigintLimit;
};

const columnExpression = ({ sql, type, withTimeZone }: RowConditionColumn): string => {
  switch (type) {
    case "C":
    case "M":
    case "G":
      return `(${sql})::text collate "C"`;
    // Through text, so that a `real` 0.1 is compared as 0.1 and not as 0.100000001490116.
    case "F":
      return `(${sql})::text::float8`;
    case "T":
      return withTimeZone === true ? `((${sql}) at time zone interval '+08:00')` : `(${sql})`;
    default:
      return `(${sql})`;
  }
};

const castOf = (type: ItemType, texts: readonly string[]): string => {
  switch (type) {
    case "C":
    case "M":
    case "G":
      return "text";
    case "I":
      return texts.every(isBigint) ? "bigint" : "numeric";
    case "N":
    case "Y":
      return "numeric";
    case "B":
    case "F":
      return "float8";
    case "D":
      return "date";
    case "T":
      return "timestamp";
    case "L":
      return "boolean";
  }
};

const textOf = (type: ItemType, value: string | number | boolean): string => {
  const text = String(value);
  switch (comparisonKind(type).name) {
    case "text":
      return text;
    case "timestamp":
      return timestampSqlText(text);
    case "date":
      return text.trim().split(/[ T]/, 1)[0] ?? "";
    default:
      return text.trim();
  }
};

/**
 * A condition as the text of a `where`, with every value a parameter. It selects exactly the rows for which
 * `compileRowCondition` answers true.
 *
 * @param columnOf the column for a field; undefined for a field that the source does not have.
 * @param valuesStartAt number of the first parameter. Default 1.
 * @throws Error listing what `checkRowCondition` finds wrong.
 */
export const rowConditionToSql = (
  condition: RowCondition,
  columnOf: (field: string) => RowConditionColumn | undefined,
  valuesStartAt = 1,
): SqlCondition => {
  checkedTypeOfField(condition, (field) => columnOf(field)?.type);
  const values: (string | readonly string[])[] = [];
  const parameter = (value: string | readonly string[], cast: string): string => {
    values.push(value);
    return `$${valuesStartAt + values.length - 1}::${cast}`;
  };
  const comparisonSql = ({ field, op, value, values: members }: Comparison): string => {
    const column = columnOf(field) as RowConditionColumn;
    if (op === "is-null") return `((${column.sql}) is null)`;
    if (op === "is-not-null") return `((${column.sql}) is not null)`;
    const expression = columnExpression(column);
    if (op === "in") {
      const texts = (members ?? []).map((member) => textOf(column.type, member));
      return `(${expression} = any(${parameter(texts, `${castOf(column.type, texts)}[]`)}))`;
    }
    const text = textOf(column.type, value as string | number | boolean);
    if (op === "starts-with") return `(starts_with(${expression}, ${parameter(text, "text")}))`;
    return `(${expression} ${sqlOperators[op]} ${parameter(text, castOf(column.type, [text]))})`;
  };
  const sqlOf = (node: RowCondition): string => {
    if ("all" in node) return `(${node.all.map(sqlOf).join(" and ")})`;
    if ("any" in node) return `(${node.any.map(sqlOf).join(" or ")})`;
    if ("not" in node) return `(not ${sqlOf(node.not)})`;
    return comparisonSql(node);
  };
  return { text: sqlOf(condition), values };
};
