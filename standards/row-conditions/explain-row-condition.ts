import type { Comparison, RowCondition } from "../generated/types.ts";

export interface BilingualText {
  readonly zh: string;
  readonly en: string;
}

const zhOperators = {
  "=": "等于",
  "!=": "不等于",
  "<": "小于",
  "<=": "不大于",
  ">": "大于",
  ">=": "不小于",
} as const;

const shownMembers = 10;

/**
 * A condition as a person reads it, in both languages.
 *
 * @param nameOf the name shown for a field.
 * @param labelOf the label of a coded value, shown after the code; undefined for none.
 */
export const explainRowCondition = (
  condition: RowCondition,
  nameOf: (field: string) => string,
  labelOf: (field: string, value: string) => string | undefined = () => undefined,
): BilingualText => {
  const show = (field: string, value: string | number | boolean | undefined): string => {
    const label = labelOf(field, String(value));
    return label === undefined ? String(value) : `${String(value)}(${label})`;
  };
  const explainComparison = ({ field, op, value, values = [] }: Comparison): BilingualText => {
    const name = nameOf(field);
    switch (op) {
      case "is-null":
        return { zh: `${name}为空`, en: `${name} is empty` };
      case "is-not-null":
        return { zh: `${name}不为空`, en: `${name} is not empty` };
      case "starts-with":
        return { zh: `${name}以"${String(value)}"开头`, en: `${name} starts with "${String(value)}"` };
      case "in": {
        const shown = values.slice(0, shownMembers).map((member) => show(field, member));
        const rest = values.length - shown.length;
        return {
          zh: `${name}是 ${shown.join("、")}${rest > 0 ? ` 等 ${values.length} 个值` : ""} 之一`,
          en: `${name} is one of ${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
        };
      }
      default:
        return { zh: `${name}${zhOperators[op]} ${show(field, value)}`, en: `${name} ${op} ${show(field, value)}` };
    }
  };
  const explain = (node: RowCondition, nested: boolean): BilingualText => {
    if ("not" in node) {
      const inner = explain(node.not, false);
      return { zh: `不满足(${inner.zh})`, en: `not (${inner.en})` };
    }
    const members = "all" in node ? node.all : "any" in node ? node.any : undefined;
    if (members === undefined) return explainComparison(node as Comparison);
    const parts = members.map((member) => explain(member, members.length > 1));
    const [zhWord, enWord] = "all" in node ? ["，且", " and "] : ["，或", " or "];
    const zh = parts.map((part) => part.zh).join(zhWord);
    const en = parts.map((part) => part.en).join(enWord);
    return nested && parts.length > 1 ? { zh: `(${zh})`, en: `(${en})` } : { zh, en };
  };
  return explain(condition, false);
};
