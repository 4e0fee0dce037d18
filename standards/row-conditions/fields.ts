import type { Comparison, RowCondition } from "../generated/types.ts";

/** Every comparison of a condition, from left to right. */
export const comparisonsOf = (condition: RowCondition): Comparison[] => {
  if ("all" in condition) return condition.all.flatMap(comparisonsOf);
  if ("any" in condition) return condition.any.flatMap(comparisonsOf);
  if ("not" in condition) return comparisonsOf(condition.not);
  return [condition];
};

/** The fields that a condition reads, each once, in order of appearance. */
export const fieldsOfRowCondition = (condition: RowCondition): string[] => [
  ...new Set(comparisonsOf(condition).map((comparison) => comparison.field)),
];
