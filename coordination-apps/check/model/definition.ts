import { canonicalJson, InputError, sha256, type Issue } from "#platform";
import { claimFieldsOf, createExpressionChecker, evidenceFieldsOf, type Condition, type Operand, type ValueType } from "./expression.ts";

export interface BilingualText {
  message: string;
  zh: string;
}

export interface FieldDeclaration {
  /** As in the catalog entry (`DataItem.field`) and so in the landing table. */
  field: string;
  type: Exclude<ValueType, "month">;
  title: BilingualText;
}

/** The list that is checked: whose benefit, and by which field its rows are known. */
export interface SubjectList {
  role: string;
  title: BilingualText;
  department: BilingualText;
  /** The catalog entry that feeds it, e.g. `laodong.unemployment_claim`. */
  entry: string;
  keyField: string;
  /** What claims and evidence are matched by: the citizen number. */
  matchField: string;
  /** The second key: a difference is noted on the hit and never a reason to drop it. */
  nameField: string;
  /** The benefit of one month, and the last day for which it was granted: for what is at stake. */
  monthlyAmountField: string;
  untilField: string;
  fields: FieldDeclaration[];
  /** Which claims belong to a month's comparison. */
  inPeriod: Condition;
}

export interface EvidenceRole {
  role: string;
  title: BilingualText;
  department: BilingualText;
  entry: string;
  keyFields: string[];
  matchField: string;
  nameField?: string;
  fields: FieldDeclaration[];
}

export interface LegalBasis {
  law: string;
  article: string;
  /** The clause itself. */
  text: BilingualText;
}

/** `ground`: the law names it as an end of entitlement. `clue`: it only suggests one and needs looking into. */
export type Severity = "ground" | "clue";

export interface CheckRule {
  id: string;
  title: BilingualText;
  /** What an officer confirms: several rules may prove the same ground. */
  kind: string;
  /** An evidence role, or the subject list's own role: then its other rows are the evidence. */
  role: string;
  /** With the subject's role only: `same` looks at the claim's own row, `others` at the other claims of the same person. */
  subjectRows?: "same" | "others";
  severity: Severity;
  legalBasis: LegalBasis;
  condition: Condition;
  /** When the circumstance arose. */
  evidenceDate: Operand;
}

export interface GroundKind {
  kind: string;
  title: BilingualText;
}

export interface CaseTerms {
  /** Number prefix, e.g. 失协. */
  numberPrefix: string;
  verifyWorkingDays: number;
  objectWorkingDays: number;
  /** Calendar days in which a decision may be appealed. */
  appealDays: number;
  sources: BilingualText[];
}

/**
 * A comparison: whose list, against which evidence, by which rules with which legal basis, and what follows. Pure data,
 * versioned: a hit names the version that found it.
 */
export interface CheckDefinition {
  name: string;
  version: number;
  title: BilingualText;
  purpose: BilingualText;
  subject: SubjectList;
  /** When a circumstance counts: the days for which benefit was granted, as far as the month compared has come. */
  window: { from: Operand; until: Operand };
  evidence: EvidenceRole[];
  kinds: GroundKind[];
  dismissalKinds: GroundKind[];
  rules: CheckRule[];
  /** What counts as a hit, in words, and which hits open a case. */
  hit: { text: BilingualText; opensCase: Severity[] };
  caseTerms: CaseTerms;
}

export function typesOf(fields: readonly FieldDeclaration[]): Map<string, ValueType> {
  return new Map(fields.map(({ field, type }) => [field, type]));
}

/** The fields that a role's rows have, whether it is evidence or the subject list itself. */
export function fieldsOfRole(definition: CheckDefinition, role: string): FieldDeclaration[] {
  return role === definition.subject.role ? definition.subject.fields : (definition.evidence.find((candidate) => candidate.role === role)?.fields ?? []);
}

export function keyFieldsOfRole(definition: CheckDefinition, role: string): string[] {
  return role === definition.subject.role ? [definition.subject.keyField] : (definition.evidence.find((candidate) => candidate.role === role)?.keyFields ?? []);
}

export function rolesOf(definition: CheckDefinition): string[] {
  return [definition.subject.role, ...definition.evidence.map((role) => role.role)];
}

export function getRule(definition: CheckDefinition, ruleId: string): CheckRule {
  const rule = definition.rules.find((candidate) => candidate.id === ruleId);
  if (!rule) throw new InputError(`Definition ${definition.name} has no rule ${ruleId}`, { zh: `协查方案没有规则 ${ruleId}`, code: "check.rule-unknown" });
  return rule;
}

/** Which claim fields a comparison cannot do without. */
export function neededClaimFields(definition: CheckDefinition): Set<string> {
  const { subject } = definition;
  return new Set([subject.keyField, subject.matchField, ...claimFieldsOf([subject.inPeriod, definition.window])]);
}

/** Which fields of its evidence a rule cannot do without. */
export function neededEvidenceFields(definition: CheckDefinition, rule: CheckRule): Set<string> {
  const found = evidenceFieldsOf([rule.condition, rule.evidenceDate]);
  for (const field of keyFieldsOfRole(definition, rule.role)) found.add(field);
  const role = definition.evidence.find((candidate) => candidate.role === rule.role);
  if (role) found.add(role.matchField);
  return found;
}

/** Every fault of a definition, each with its place; empty when it can be compiled. */
export function checkDefinition(definition: CheckDefinition): Issue[] {
  const issues: Issue[] = [];
  const report = (path: string, message: string, zh: string) => void issues.push({ path, code: "check.definition", message, zh });
  const { subject } = definition;
  if (!/^[a-z][a-z0-9-]*$/.test(definition.name)) report("/name", "must be lower-case words joined by hyphens", "名称只能用小写字母、数字和连字符");
  if (!Number.isInteger(definition.version) || definition.version < 1) report("/version", "must be a whole number from 1", "版本应为从 1 开始的整数");

  const roles = rolesOf(definition);
  if (new Set(roles).size !== roles.length) report("/evidence", "names a role twice", "证据角色重复");
  const ids = definition.rules.map((rule) => rule.id);
  if (new Set(ids).size !== ids.length) report("/rules", "names a rule twice", "规则编号重复");

  const claim = typesOf(subject.fields);
  for (const [member, type] of [["keyField", "text"], ["matchField", "text"], ["nameField", "text"], ["monthlyAmountField", "number"], ["untilField", "date"]] as const) {
    if (claim.get(subject[member]) !== type) report(`/subject/${member}`, `must name a ${type} field of the claims`, `应为申领记录的 ${type} 字段`);
  }
  const take = (found: { path: string; message: string; zh: string }[]) => found.forEach(({ path, message, zh }) => report(path, message, zh));

  const inPeriod = createExpressionChecker({ claim });
  inPeriod.condition(subject.inPeriod, "/subject/inPeriod");
  take(inPeriod.issues);
  const window = createExpressionChecker({ claim });
  for (const end of ["from", "until"] as const) if (window.operand(definition.window[end], `/window/${end}`) !== "date") report(`/window/${end}`, "must be a date", "应为日期");
  take(window.issues);

  for (const [index, role] of definition.evidence.entries()) {
    const fields = typesOf(role.fields);
    const path = `/evidence/${index}`;
    if (role.keyFields.length === 0 || role.keyFields.some((field) => !fields.has(field))) report(`${path}/keyFields`, "must name declared fields", "主键应为已声明的字段");
    if (fields.get(role.matchField) !== "text") report(`${path}/matchField`, "must name a declared text field", "匹配字段应为已声明的文本字段");
    if (role.nameField !== undefined && fields.get(role.nameField) !== "text") report(`${path}/nameField`, "must name a declared text field", "姓名字段应为已声明的文本字段");
  }
  for (const [index, rule] of definition.rules.entries()) {
    const path = `/rules/${index}`;
    if (!roles.includes(rule.role)) report(`${path}/role`, `there is no role ${rule.role}`, `没有角色 ${rule.role}`);
    if ((rule.role === subject.role) !== (rule.subjectRows !== undefined)) report(`${path}/subjectRows`, "is needed exactly when the evidence is the claims themselves", "仅当证据为申领记录自身时才应填写");
    if (!definition.kinds.some((kind) => kind.kind === rule.kind)) report(`${path}/kind`, `there is no kind ${rule.kind}`, `没有认定类别 ${rule.kind}`);
    const checker = createExpressionChecker({ claim, evidence: typesOf(fieldsOfRole(definition, rule.role)), window: definition.window });
    checker.condition(rule.condition, `${path}/condition`);
    if (checker.operand(rule.evidenceDate, `${path}/evidenceDate`) !== "date") report(`${path}/evidenceDate`, "must be a date", "应为日期");
    take(checker.issues);
  }
  return issues;
}

export function assertDefinition(definition: CheckDefinition): void {
  const issues = checkDefinition(definition);
  if (issues.length > 0) throw new InputError(`Check definition ${definition.name} has ${issues.length} fault${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `协查方案 ${definition.name} 有 ${issues.length} 处错误：${issues[0]!.path} ${issues[0]!.zh}`, issues });
}

/** Two definitions with the same digest find the same hits. */
export function digestOf(definition: CheckDefinition): string {
  return sha256(canonicalJson(definition));
}
