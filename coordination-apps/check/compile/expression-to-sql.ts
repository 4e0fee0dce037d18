import type { ComparisonSymbol, Condition, Operand, ValueType } from "../model/expression.ts";

/** Collects a statement's values; the only way in which a value gets near SQL text. */
export interface Binder {
  /** The placeholder of one more value, cast to `type`. */
  bind(value: unknown, type: string): string;
  readonly values: unknown[];
}

export function createBinder(): Binder {
  const values: unknown[] = [];
  return { values, bind: (value, type) => `$${values.push(value)}::${type}` };
}

export interface ExpressionScope {
  binder: Binder;
  /** SQL of a field as its declared type. */
  claim(field: string): string;
  evidence(field: string): string;
  claimType(field: string): ValueType;
  evidenceType(field: string): ValueType;
  period(end: "start" | "end"): string;
  window: { from: Operand; until: Operand };
}

export interface ExpressionCompiler {
  operand(operand: Operand): string;
  condition(condition: Condition): string;
}

const symbols: Record<ComparisonSymbol, string> = { "=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=" };

/** A text that is not a month must be absent, not an error: one bad row may not stop the comparison of all others. */
const monthText = "'^[1-9][0-9]{3}(0[1-9]|1[0-2])$'";

/**
 * Compiles a checked tree. Months are whole numbers, year * 12 + month - 1, in SQL. Three-valued logic is SQL's own:
 * what compares with an absent value is unknown, and a WHERE takes only what is true.
 */
export function createExpressionCompiler(scope: ExpressionScope): ExpressionCompiler {
  const { binder } = scope;

  function typeOf(node: Operand): ValueType {
    if ("claim" in node) return scope.claimType(node.claim);
    if ("evidence" in node) return scope.evidenceType(node.evidence);
    if ("number" in node || "scale" in node) return "number";
    if ("text" in node) return "text";
    if ("truth" in node) return "boolean";
    if ("monthOf" in node) return "month";
    if ("plusMonths" in node) return typeOf(node.plusMonths);
    if ("coalesce" in node) return typeOf(node.coalesce[0]!);
    if ("earliest" in node) return typeOf(node.earliest[0]!);
    if ("latest" in node) return typeOf(node.latest[0]!);
    return "date";
  }

  const list = (nodes: readonly Operand[]) => nodes.map(operand).join(", ");

  function operand(node: Operand): string {
    if ("claim" in node) return scope.claim(node.claim);
    if ("evidence" in node) return scope.evidence(node.evidence);
    if ("period" in node) return scope.period(node.period);
    if ("window" in node) return operand(scope.window[node.window]);
    if ("date" in node) return binder.bind(node.date, "date");
    if ("number" in node) return binder.bind(node.number, "numeric");
    if ("text" in node) return binder.bind(node.text, "text");
    if ("truth" in node) return binder.bind(node.truth, "boolean");
    if ("monthOf" in node) {
      const inner = operand(node.monthOf);
      if (typeOf(node.monthOf) === "text") return `(case when ${inner} ~ ${monthText} then left(${inner}, 4)::integer * 12 + right(${inner}, 2)::integer - 1 end)`;
      return `(case when isfinite(${inner}) then (extract(year from ${inner}) * 12 + extract(month from ${inner}) - 1)::integer end)`;
    }
    if ("firstDayOf" in node) {
      const inner = operand(node.firstDayOf);
      return `make_date(${inner} / 12, ${inner} % 12 + 1, 1)`;
    }
    if ("lastDayOf" in node) {
      const next = `(${operand(node.lastDayOf)} + 1)`;
      return `(make_date(${next} / 12, ${next} % 12 + 1, 1) - 1)`;
    }
    if ("plusMonths" in node) {
      const months = typeof node.months === "number" ? binder.bind(node.months, "integer") : `(${operand(node.months)})::integer`;
      return typeOf(node.plusMonths) === "month" ? `(${operand(node.plusMonths)} + ${months})` : `(${operand(node.plusMonths)} + make_interval(months => ${months}))::date`;
    }
    if ("coalesce" in node) return `coalesce(${list(node.coalesce)})`;
    // PostgreSQL's least and greatest pass over nulls.
    if ("earliest" in node) return `least(${list(node.earliest)})`;
    if ("latest" in node) return `greatest(${list(node.latest)})`;
    const inner = operand(node.scale);
    const bands = [...node.bands].reverse().map((band) => `when ${inner} >= ${binder.bind(band.from, "numeric")} then ${binder.bind(band.value, "numeric")}`);
    return `(case ${bands.join(" ")} when ${inner} is not null then ${binder.bind(node.below, "numeric")} end)`;
  }

  const isPresent = (node: Operand) => (typeOf(node) === "text" ? `coalesce(btrim(${operand(node)}) <> '', false)` : `${operand(node)} is not null`);

  function condition(node: Condition): string {
    if ("all" in node) return `(${node.all.map(condition).join(" and ")})`;
    if ("any" in node) return `(${node.any.map(condition).join(" or ")})`;
    if ("not" in node) return `(not ${condition(node.not)})`;
    if ("compare" in node) {
      const [left, symbol, right] = node.compare;
      // The order of texts must not depend on the database's locale.
      const collate = typeOf(left) === "text" && symbol !== "=" && symbol !== "!=" ? ' collate "C"' : "";
      return `(${operand(left)} ${symbols[symbol]} ${operand(right)}${collate})`;
    }
    if ("oneOf" in node) return `(${operand(node.oneOf[0])} = any(${binder.bind(node.oneOf[1], typeOf(node.oneOf[0]) === "text" ? "text[]" : "numeric[]")}))`;
    if ("present" in node) return `(${isPresent(node.present)})`;
    if ("absent" in node) return `(not ${isPresent(node.absent)})`;
    if ("during" in node) {
      const inner = operand(node.during);
      return `(${inner} >= ${operand(scope.window.from)} and ${inner} <= ${operand(scope.window.until)})`;
    }
    const [from, until] = [operand(node.overlaps.from), operand(node.overlaps.until)];
    return `(${from} <= ${operand(scope.window.until)} and (${until} is null or ${until} > ${operand(scope.window.from)}))`;
  }

  return { operand, condition };
}
