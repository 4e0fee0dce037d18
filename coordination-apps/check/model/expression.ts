/**
 * The language of check rules: data, not code. An operand or a condition is a small JSON tree that is checked for
 * types when a definition is loaded and compiled to parameterised SQL; nothing in it is ever run as script or pasted
 * into SQL text.
 *
 * Values may be absent (null at the source). A comparison with an absent value is neither true nor false, and a rule
 * hits only when its condition is certainly true: missing data never accuses anyone.
 */
export type ValueType = "text" | "date" | "number" | "boolean" | "month";

export type Operand =
  | { claim: string }
  | { evidence: string }
  /** The month that is compared: its first and last day. */
  | { period: "start" | "end" }
  /** The definition's statutory window for this claim. */
  | { window: "from" | "until" }
  | { date: string }
  | { number: number }
  | { text: string }
  | { truth: boolean }
  /** The calendar month of a date, or of a text `YYYYMM`; absent when the text is no month. */
  | { monthOf: Operand }
  /** The first and the last day of a month. */
  | { firstDayOf: Operand }
  | { lastDayOf: Operand }
  /** A date or a month, so many months later (earlier when negative); the end of a shorter month where the day is missing. */
  | { plusMonths: Operand; months: number | Operand }
  /** The first that is present. */
  | { coalesce: Operand[] }
  /** The earliest (smallest) of those that are present. */
  | { earliest: Operand[] }
  /** The latest (largest) of those that are present. */
  | { latest: Operand[] }
  /** A scale: the value of the highest band whose `from` is not above the number; `below` where it is under all bands. */
  | { scale: Operand; bands: { from: number; value: number }[]; below: number };

export const comparisonSymbols = ["=", "!=", "<", "<=", ">", ">="] as const;
export type ComparisonSymbol = (typeof comparisonSymbols)[number];

export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | { compare: [Operand, ComparisonSymbol, Operand] }
  | { oneOf: [Operand, readonly (string | number)[]] }
  /** Present, and for text not blank. */
  | { present: Operand }
  | { absent: Operand }
  /** A date inside the window, both ends included. */
  | { during: Operand }
  /**
   * A circumstance that holds from one date until another (absent: still holds) and touches the window. One that ended
   * on the very day on which the window opens does not touch it.
   */
  | { overlaps: { from: Operand; until: Operand } };

export interface ExpressionTypes {
  claim: ReadonlyMap<string, ValueType>;
  /** Absent where a condition may not look at evidence. */
  evidence?: ReadonlyMap<string, ValueType>;
  /** Absent inside the window's own definition. */
  window?: { from: Operand; until: Operand };
}

export interface ExpressionIssue {
  path: string;
  message: string;
  zh: string;
}

/** Reports what is wrong with a tree, each with its place; `typeOf` gives an operand's type, or undefined when unknown. */
export interface ExpressionChecker {
  operand(operand: Operand, path: string): ValueType | undefined;
  condition(condition: Condition, path: string): void;
  issues: ExpressionIssue[];
}

export function createExpressionChecker(types: ExpressionTypes): ExpressionChecker {
  const issues: ExpressionIssue[] = [];
  const report = (path: string, message: string, zh: string): undefined => void issues.push({ path, message, zh });

  function expect(operand: Operand, path: string, allowed: readonly ValueType[]): ValueType | undefined {
    const type = checkOperand(operand, path);
    if (type !== undefined && !allowed.includes(type)) return report(path, `is ${type} where ${allowed.join(" or ")} is needed`, `类型为 ${type}，应为 ${allowed.join("或")}`);
    return type;
  }

  function sameType(operands: readonly Operand[], path: string): ValueType | undefined {
    if (operands.length === 0) return report(path, "needs at least one operand", "至少需要一个操作数");
    const found = operands.map((operand, index) => checkOperand(operand, `${path}/${index}`));
    const first = found[0];
    for (const [index, type] of found.entries()) if (type !== undefined && first !== undefined && type !== first) report(`${path}/${index}`, `is ${type} beside ${first}`, `类型 ${type} 与 ${first} 不一致`);
    return first;
  }

  function checkOperand(operand: Operand, path: string): ValueType | undefined {
    if ("claim" in operand) return types.claim.get(operand.claim) ?? report(path, `the claims have no field "${operand.claim}"`, `申领记录没有字段“${operand.claim}”`);
    if ("evidence" in operand) return types.evidence?.get(operand.evidence) ?? report(path, `there is no evidence field "${operand.evidence}" here`, `此处没有证据字段“${operand.evidence}”`);
    if ("period" in operand) return "date";
    if ("window" in operand) return types.window ? "date" : report(path, "the window cannot refer to itself", "窗口不能引用自身");
    if ("date" in operand) return isDate(operand.date) ? "date" : report(path, `"${operand.date}" is not a date YYYY-MM-DD`, "日期格式应为 YYYY-MM-DD");
    if ("number" in operand) return Number.isFinite(operand.number) ? "number" : report(path, "is not a number", "不是数值");
    if ("text" in operand) return "text";
    if ("truth" in operand) return "boolean";
    if ("monthOf" in operand) return expect(operand.monthOf, `${path}/monthOf`, ["date", "text"]) && "month";
    if ("firstDayOf" in operand) return expect(operand.firstDayOf, `${path}/firstDayOf`, ["month"]) && "date";
    if ("lastDayOf" in operand) return expect(operand.lastDayOf, `${path}/lastDayOf`, ["month"]) && "date";
    if ("plusMonths" in operand) {
      if (typeof operand.months !== "number") expect(operand.months, `${path}/months`, ["number"]);
      else if (!Number.isInteger(operand.months)) report(`${path}/months`, "must be a whole number", "月数应为整数");
      return expect(operand.plusMonths, `${path}/plusMonths`, ["date", "month"]);
    }
    if ("coalesce" in operand) return sameType(operand.coalesce, `${path}/coalesce`);
    if ("earliest" in operand) return sameType(operand.earliest, `${path}/earliest`);
    if ("latest" in operand) return sameType(operand.latest, `${path}/latest`);
    if ("scale" in operand) {
      if (operand.bands.length === 0) return report(path, "a scale needs at least one band", "分档至少需要一档");
      if (operand.bands.some((band, index) => index > 0 && band.from <= operand.bands[index - 1]!.from)) return report(path, "bands must rise", "分档下限应递增");
      return expect(operand.scale, `${path}/scale`, ["number"]);
    }
    return report(path, "is not an operand that is known", "不是可用的操作数");
  }

  function checkCondition(condition: Condition, path: string): void {
    if ("all" in condition || "any" in condition) {
      const parts = "all" in condition ? condition.all : condition.any;
      if (parts.length === 0) report(path, "needs at least one condition", "至少需要一个条件");
      for (const [index, part] of parts.entries()) checkCondition(part, `${path}/${index}`);
    } else if ("not" in condition) checkCondition(condition.not, `${path}/not`);
    else if ("compare" in condition) {
      const [left, symbol, right] = condition.compare;
      if (!comparisonSymbols.includes(symbol)) report(path, `"${String(symbol)}" does not compare`, "比较符不可用");
      const [a, b] = [checkOperand(left, `${path}/0`), checkOperand(right, `${path}/2`)];
      if (a !== undefined && b !== undefined && a !== b) report(path, `compares ${a} with ${b}`, `不能比较 ${a} 与 ${b}`);
      if (a === "boolean" && symbol !== "=" && symbol !== "!=") report(path, "yes and no are only equal or not", "真假值只能比较是否相等");
    } else if ("oneOf" in condition) {
      const [operand, values] = condition.oneOf;
      const type = expect(operand, `${path}/0`, ["text", "number"]);
      if (values.length === 0) report(path, "needs at least one value", "至少需要一个值");
      if (type !== undefined && values.some((value) => typeof value !== (type === "text" ? "string" : "number"))) report(path, `holds a value that is not ${type}`, `列表中有非 ${type} 的值`);
    } else if ("present" in condition) checkOperand(condition.present, `${path}/present`);
    else if ("absent" in condition) checkOperand(condition.absent, `${path}/absent`);
    else if ("during" in condition) {
      if (!types.window) report(path, "there is no window here", "此处没有窗口");
      expect(condition.during, `${path}/during`, ["date"]);
    } else if ("overlaps" in condition) {
      if (!types.window) report(path, "there is no window here", "此处没有窗口");
      expect(condition.overlaps.from, `${path}/overlaps/from`, ["date"]);
      expect(condition.overlaps.until, `${path}/overlaps/until`, ["date"]);
    } else report(path, "is not a condition that is known", "不是可用的条件");
  }

  return { operand: checkOperand, condition: checkCondition, issues };
}

function isDate(text: string): boolean {
  if (!/^[1-9]\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** Which evidence fields a tree looks at: these must be in the grant for the rule to run. */
export function evidenceFieldsOf(tree: unknown): Set<string> {
  return fieldsOf(tree, "evidence");
}

/** Which claim fields a tree looks at. */
export function claimFieldsOf(tree: unknown): Set<string> {
  return fieldsOf(tree, "claim");
}

function fieldsOf(tree: unknown, member: "claim" | "evidence"): Set<string> {
  const found = new Set<string>();
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) for (const part of node) walk(part);
    else if (typeof node === "object" && node !== null) {
      for (const [name, value] of Object.entries(node)) {
        if (name === member && typeof value === "string") found.add(value);
        else walk(value);
      }
    }
  };
  walk(tree);
  return found;
}
