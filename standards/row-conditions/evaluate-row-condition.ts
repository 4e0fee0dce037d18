import type { Comparison, RowCondition } from "../generated/types.ts";
import type { ItemType } from "../generated/values.ts";
import { checkRowCondition } from "./check-row-condition.ts";
import { withComparisonKind } from "./comparison-keys.ts";
import type { CellValue, ComparisonKind } from "./comparison-keys.ts";

/** SQL's three truth values; undefined is unknown. */
type Truth = boolean | undefined;

export type NamedRow = Readonly<Record<string, CellValue>>;

const readNamed =
  (field: string) =>
  (row: NamedRow): CellValue =>
    row[field];

const compileComparison = <Row, Key>(
  { op, value, values }: Comparison,
  kind: ComparisonKind<Key>,
  read: (row: Row) => CellValue,
): ((row: Row) => Truth) => {
  if (op === "is-null") return (row) => (read(row) ?? null) === null;
  if (op === "is-not-null") return (row) => (read(row) ?? null) !== null;
  /** Missing and unreadable values are unknown: they never let a row pass. */
  const keyOfCell = (row: Row): Key | undefined => {
    const cell = read(row);
    return cell === null || cell === undefined ? undefined : kind.keyOf(cell);
  };
  if (op === "in") {
    const members = new Set(values?.map((member) => kind.keyOf(member)).map((key) => kind.textOf(key as Key)));
    return (row) => {
      const key = keyOfCell(row);
      return key === undefined ? undefined : members.has(kind.textOf(key));
    };
  }
  if (op === "starts-with") {
    const start = String(value);
    return (row) => {
      const cell = read(row);
      return cell === null || cell === undefined ? undefined : String(cell).startsWith(start);
    };
  }
  const operand = kind.keyOf(value as string | number | boolean) as Key;
  const test = comparisonTests[op];
  return (row) => {
    const key = keyOfCell(row);
    return key === undefined ? undefined : test(kind.compare(key, operand));
  };
};

const comparisonTests = {
  "=": (order: number) => order === 0,
  "!=": (order: number) => order !== 0,
  "<": (order: number) => order < 0,
  "<=": (order: number) => order <= 0,
  ">": (order: number) => order > 0,
  ">=": (order: number) => order >= 0,
} as const;

const compile = <Row>(
  condition: RowCondition,
  typeOfField: (field: string) => ItemType,
  reader: (field: string) => (row: Row) => CellValue,
): ((row: Row) => Truth) => {
  if ("all" in condition) {
    const members = condition.all.map((member) => compile(member, typeOfField, reader));
    return (row) => {
      let truth: Truth = true;
      for (const member of members) {
        const own = member(row);
        if (own === false) return false;
        if (own === undefined) truth = undefined;
      }
      return truth;
    };
  }
  if ("any" in condition) {
    const members = condition.any.map((member) => compile(member, typeOfField, reader));
    return (row) => {
      let truth: Truth = false;
      for (const member of members) {
        const own = member(row);
        if (own === true) return true;
        if (own === undefined) truth = undefined;
      }
      return truth;
    };
  }
  if ("not" in condition) {
    const member = compile(condition.not, typeOfField, reader);
    return (row) => {
      const own = member(row);
      return own === undefined ? undefined : !own;
    };
  }
  return withComparisonKind(typeOfField(condition.field), (kind) =>
    compileComparison(condition, kind, reader(condition.field)),
  );
};

/**
 * A function that tells whether a row passes, to be kept and called for every row. It answers exactly as the SQL of
 * `rowConditionToSql` does in a `where`: with NULLs in three-valued logic, a row passing only if the condition is true.
 *
 * @param reader how to read a field from a row; default: the member of that name. Given once per field.
 * @throws Error listing what `checkRowCondition` finds wrong.
 */
export function compileRowCondition(
  condition: RowCondition,
  typeOfField: (field: string) => ItemType | undefined,
): (row: NamedRow) => boolean;
export function compileRowCondition<Row>(
  condition: RowCondition,
  typeOfField: (field: string) => ItemType | undefined,
  reader: (field: string) => (row: Row) => CellValue,
): (row: Row) => boolean;
export function compileRowCondition(
  condition: RowCondition,
  typeOfField: (field: string) => ItemType | undefined,
  reader: (field: string) => (row: NamedRow) => CellValue = readNamed,
): (row: NamedRow) => boolean {
  const evaluate = compile(condition, checkedTypeOfField(condition, typeOfField), reader);
  return (row) => evaluate(row) === true;
}

/** Whether one row passes. For many rows keep the function of `compileRowCondition`. */
export const evaluateRowCondition = (
  condition: RowCondition,
  row: NamedRow,
  typeOfField: (field: string) => ItemType | undefined,
): boolean => compileRowCondition(condition, typeOfField)(row);

/**
 * `typeOfField` for a condition known to be right.
 *
 * @throws Error listing what `checkRowCondition` finds wrong.
 */
export const checkedTypeOfField = (
  condition: RowCondition,
  typeOfField: (field: string) => ItemType | undefined,
): ((field: string) => ItemType) => {
  const issues = checkRowCondition(condition, typeOfField);
  if (issues.length > 0) {
    throw new Error(`the row condition cannot be used: ${issues.map((issue) => issue.message).join(" ")}`);
  }
  return (field) => typeOfField(field) as ItemType;
};
