import { expect, test } from "vitest";
import { unemploymentCheck } from "../../unemployment/definition.ts";
import { checkDefinition, digestOf, type CheckDefinition, type CheckRule } from "./definition.ts";
import type { Condition } from "./expression.ts";

const withRule = (change: Partial<CheckRule>): CheckDefinition => ({ ...unemploymentCheck, rules: [{ ...unemploymentCheck.rules[0]!, ...change }] });
const faults = (definition: CheckDefinition) => checkDefinition(definition).map((issue) => `${issue.path} ${issue.message}`);

test("a rule that names an unknown field or role is refused at its place", () => {
  expect(faults(withRule({ condition: { present: { evidence: "salary" } } }))).toEqual(['/rules/0/condition/present there is no evidence field "salary" here']);
  expect(faults(withRule({ role: "passports" }))).toContain("/rules/0/role there is no role passports");
  expect(faults(withRule({ kind: "laziness" }))).toEqual(["/rules/0/kind there is no kind laziness"]);
});

test("a comparison of unlike things is refused with both types", () => {
  const compare = (condition: Condition) => faults(withRule({ condition }));
  expect(compare({ compare: [{ evidence: "employed_on" }, "<", { claim: "months_paid" }] })).toEqual(["/rules/0/condition compares date with number"]);
  expect(compare({ compare: [{ monthOf: { evidence: "employed_on" } }, ">", { claim: "benefit_from" }] })).toEqual(["/rules/0/condition compares month with date"]);
  expect(compare({ oneOf: [{ evidence: "name" }, [1]] })).toEqual(["/rules/0/condition holds a value that is not text"]);
  expect(compare({ during: { evidence: "name" } })).toEqual(["/rules/0/condition/during is text where date is needed"]);
  expect(compare({ all: [] })).toEqual(["/rules/0/condition needs at least one condition"]);
  expect(compare({ compare: [{ date: "2026-02-30" }, "<", { period: "end" }] })).toEqual(['/rules/0/condition/0 "2026-02-30" is not a date YYYY-MM-DD']);
});

test("what a configuration file might smuggle in is not a condition", () => {
  expect(faults(withRule({ condition: { sql: "true; drop table landing.claims" } as unknown as Condition }))).toEqual(["/rules/0/condition is not a condition that is known"]);
  expect(faults(withRule({ condition: { compare: [{ claim: "name" }, "= any(select 1) or" as "=", { text: "x" }] } }))).toEqual(['/rules/0/condition "= any(select 1) or" does not compare']);
});

test("the evidence's own members must be declared", () => {
  const [first, ...rest] = unemploymentCheck.evidence;
  expect(faults({ ...unemploymentCheck, evidence: [{ ...first!, keyFields: ["nothing"], matchField: "employed_on" }, ...rest] })).toEqual(["/evidence/0/keyFields must name declared fields", "/evidence/0/matchField must name a declared text field"]);
});

test("a definition's digest tells whether two find the same", () => {
  expect(digestOf(unemploymentCheck)).toBe(digestOf(JSON.parse(JSON.stringify(unemploymentCheck)) as CheckDefinition));
  expect(digestOf(withRule({}))).not.toBe(digestOf(unemploymentCheck));
});
