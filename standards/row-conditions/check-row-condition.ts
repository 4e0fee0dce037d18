import type { Comparison, RowCondition } from "../generated/types.ts";
import type { ItemType } from "../generated/values.ts";
import type { StandardIssue } from "../issue.ts";
import { comparisonKind } from "./comparison-keys.ts";
import { comparisonsOf } from "./fields.ts";

/** Deeper or larger conditions are refused: they come from outside and are evaluated for every row. */
export const rowConditionLimits = { depth: 10, comparisons: 200, values: 5000 } as const;

const kindNames = {
  text: { en: "text", zh: "文本" },
  number: { en: "a number", zh: "数值" },
  double: { en: "a number", zh: "数值" },
  date: { en: "a date YYYY-MM-DD", zh: "日期(YYYY-MM-DD)" },
  timestamp: { en: "a date and time YYYY-MM-DD hh:mm:ss", zh: "日期时间(YYYY-MM-DD hh:mm:ss)" },
  boolean: { en: "true or false", zh: "真或假" },
} as const;

/** What PostgreSQL cannot hold in text: NUL and half surrogate pairs. */
const unstorable = /\0|\p{Surrogate}/u;

const depthOf = (condition: RowCondition): number => {
  if ("all" in condition) return 1 + Math.max(...condition.all.map(depthOf));
  if ("any" in condition) return 1 + Math.max(...condition.any.map(depthOf));
  if ("not" in condition) return 1 + depthOf(condition.not);
  return 1;
};

const operandsOf = (comparison: Comparison): readonly (string | number | boolean)[] | undefined => {
  if (comparison.op === "is-null" || comparison.op === "is-not-null") return [];
  if (comparison.op === "in") return comparison.values;
  return comparison.value === undefined ? undefined : [comparison.value];
};

/**
 * What is wrong with a condition for an entry whose fields have these types: unknown fields, missing values, values
 * that are not of the field's type, sizes beyond `rowConditionLimits`. An empty list means that the condition compiles.
 *
 * @param typeOfField undefined for a field that the entry does not have.
 */
export const checkRowCondition = (
  condition: RowCondition,
  typeOfField: (field: string) => ItemType | undefined,
): StandardIssue[] => {
  if (depthOf(condition) > rowConditionLimits.depth) {
    return [
      {
        code: "row-condition.depth",
        message: `The condition is nested more than ${rowConditionLimits.depth} levels deep.`,
        zh: `行条件嵌套超过 ${rowConditionLimits.depth} 层。`,
      },
    ];
  }
  const comparisons = comparisonsOf(condition);
  const values = comparisons.reduce((sum, comparison) => sum + (comparison.values?.length ?? 1), 0);
  if (comparisons.length > rowConditionLimits.comparisons || values > rowConditionLimits.values) {
    return [
      {
        code: "row-condition.size",
        message: `The condition has ${comparisons.length} comparisons and ${values} values; at most ${rowConditionLimits.comparisons} and ${rowConditionLimits.values} are allowed.`,
        zh: `行条件含 ${comparisons.length} 个比较、${values} 个取值，最多允许 ${rowConditionLimits.comparisons} 个和 ${rowConditionLimits.values} 个。`,
      },
    ];
  }
  return comparisons.flatMap((comparison) => checkComparison(comparison, typeOfField(comparison.field)));
};

const checkComparison = (comparison: Comparison, type: ItemType | undefined): StandardIssue[] => {
  const { field, op } = comparison;
  if (type === undefined) {
    return [
      {
        code: "row-condition.unknown-field",
        message: `The entry has no field ${field}.`,
        zh: `该目录条目没有信息项 ${field}。`,
      },
    ];
  }
  const operands = operandsOf(comparison);
  if (operands === undefined || (op === "in" && operands.length === 0)) {
    return [
      {
        code: "row-condition.value-missing",
        message: `The comparison of ${field} with "${op}" names no value.`,
        zh: `信息项 ${field} 的比较(${op})缺少取值。`,
      },
    ];
  }
  const kind = comparisonKind(type);
  if (op === "starts-with" && kind.name !== "text") {
    return [
      {
        code: "row-condition.not-text",
        message: `"starts-with" is for text; ${field} is ${kindNames[kind.name].en}.`,
        zh: `"开头为"只用于文本，信息项 ${field} 的类型是${kindNames[kind.name].zh}。`,
      },
    ];
  }
  return operands
    .filter((operand) => unstorable.test(String(operand)) || kind.keyOf(operand) === undefined)
    .slice(0, 10)
    .map((operand) => ({
      code: "row-condition.value-type",
      message: `${JSON.stringify(operand)} is not ${kindNames[kind.name].en}, which ${field} is.`,
      zh: `${JSON.stringify(operand)} 不是${kindNames[kind.name].zh}，而信息项 ${field} 的类型是${kindNames[kind.name].zh}。`,
    }));
};
