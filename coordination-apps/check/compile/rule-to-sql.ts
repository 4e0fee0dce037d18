import { quoteIdentifier, type Statement } from "#platform";
import { createBinder, createExpressionCompiler, type Binder } from "./expression-to-sql.ts";
import { fieldsOfRole, keyFieldsOfRole, typesOf, type CheckDefinition, type CheckRule } from "../model/definition.ts";
import type { ValueType } from "../model/expression.ts";
import { columnSql, keyMatchSql, keySql, type LandingTable } from "../repositories/landing.ts";

/** A calendar month and its first and last day. */
export interface Period {
  /** `YYYYMM`. */
  month: string;
  start: string;
  end: string;
}

export interface CompileContext {
  definition: CheckDefinition;
  claims: LandingTable;
  period: Period;
}

/** The claims of one comparison, made once and joined by every rule. */
export const subjectTable = "zt_check_subject";
/** Which claims a continuous turn touches. */
export const scopeTable = "zt_check_scope";

/** Two names are the same when they differ only in white space and in the middle dot of a transliterated name. */
const nameSql = (column: string) => `regexp_replace(${column}, '[[:space:]·•]', '', 'g')`;

function claimColumns({ definition, claims }: CompileContext) {
  return definition.subject.fields.filter(({ field }) => claims.columns.has(field));
}

function scopeOf(context: CompileContext, binder: Binder, claimAlias: string, claimFromLanding: boolean, evidence?: { rule: CheckRule; table: LandingTable }) {
  const { definition, claims, period } = context;
  const claimTypes = typesOf(definition.subject.fields);
  const evidenceFields = evidence ? fieldsOfRole(definition, evidence.rule.role) : [];
  const evidenceTypes = typesOf(evidenceFields);
  return createExpressionCompiler({
    binder,
    claim: (field) => (claimFromLanding ? columnSql(claimAlias, field, claimTypes.get(field) as Exclude<ValueType, "month">, claims.columns.get(field)) : `${claimAlias}.${quoteIdentifier(field)}`),
    evidence: (field) => columnSql("e", field, evidenceTypes.get(field) as Exclude<ValueType, "month">, evidence?.table.columns.get(field)),
    claimType: (field) => claimTypes.get(field) ?? "text",
    evidenceType: (field) => evidenceTypes.get(field) ?? "text",
    // Bound only where used: PostgreSQL refuses a parameter that no text mentions.
    period: (end) => binder.bind(period[end], "date"),
    window: definition.window,
  });
}

/**
 * Makes the subject table: the claims of the month, and those outside it that still have standing hits (so that a hit
 * whose evidence goes away is seen to go also after the claim has run out). `touchedOnly` takes the claims of the scope
 * table instead.
 */
export function compileSubject(context: CompileContext, touchedOnly: boolean): Statement {
  const { definition, claims } = context;
  const binder = createBinder();
  const compiler = scopeOf(context, binder, "c", true);
  const key = `c.${quoteIdentifier(definition.subject.keyField)}`;
  const inPeriod = `coalesce(${compiler.condition(definition.subject.inPeriod)}, false)`;
  const columns = claimColumns(context).map(({ field, type }) => `${columnSql("c", field, type, claims.columns.get(field))} as ${quoteIdentifier(field)}`);
  const where = touchedOnly ? `${key} in (select claim_key from ${scopeTable})` : `${inPeriod} or ${key} in (select claim_key from apps.check_hit where definition = ${binder.bind(definition.name, "text")} and withdrawn_at is null)`;
  return { text: `insert into ${subjectTable} select ${columns.join(", ")}, ${inPeriod} from ${claims.sql} c where ${where}`, values: binder.values };
}

/** The empty subject table: the claims' declared columns and whether the claim belongs to the month. */
export function createSubjectTable(context: CompileContext): string {
  const columns = claimColumns(context).map(({ field, type }) => `${columnSql("c", field, type, context.claims.columns.get(field))} as ${quoteIdentifier(field)}`);
  return `create temporary table ${subjectTable} on commit drop as select ${columns.join(", ")}, false as zt_in_period from ${context.claims.sql} c where false`;
}

export interface CompileRuleOptions extends CompileContext {
  rule: CheckRule;
  evidence: LandingTable;
  touchedOnly: boolean;
  at: Date;
  foundBy: "batch" | "continuous";
}

/**
 * One rule as one statement over all claims of the subject table: finds the current hits, records new and changed ones,
 * and marks the recorded ones that are no longer found as withdrawn, with the reason. Answers one row of counts.
 */
export function compileRule(options: CompileRuleOptions): Statement {
  const { definition, rule, claims, evidence, period } = options;
  const binder = createBinder();
  const compiler = scopeOf(options, binder, "c", false, { rule, table: evidence });
  const { subject } = definition;
  const role = definition.evidence.find((candidate) => candidate.role === rule.role);
  const keyFields = keyFieldsOfRole(definition, rule.role);
  const claimKey = quoteIdentifier(subject.keyField);
  const matchClaim = `c.${quoteIdentifier(subject.matchField)}`;
  const matchEvidence = `e.${quoteIdentifier(role ? role.matchField : subject.matchField)}`;
  const join = rule.subjectRows === "same" ? `e.${claimKey} = c.${claimKey}` : rule.subjectRows === "others" ? `${matchEvidence} = ${matchClaim} and e.${claimKey} <> c.${claimKey}` : `${matchEvidence} = ${matchClaim}`;
  const copied = fieldsOfRole(definition, rule.role).filter(({ field }) => evidence.columns.has(field));
  const copy = (alias: string) => `jsonb_build_object(${copied.map(({ field, type }) => `${binder.bind(field, "text")}, ${columnSql(alias, field, type, evidence.columns.get(field))}`).join(", ")})`;
  const nameField = role ? role.nameField : subject.nameField;
  const nameMatches = nameField !== undefined && evidence.columns.has(nameField) && claims.columns.has(subject.nameField) ? `${nameSql(`c.${quoteIdentifier(subject.nameField)}`)} = ${nameSql(`e.${quoteIdentifier(nameField)}`)}` : "null::boolean";

  const name = binder.bind(definition.name, "text");
  const version = binder.bind(definition.version, "integer");
  const ruleId = binder.bind(rule.id, "text");
  const month = binder.bind(period.month, "text");
  const at = binder.bind(options.at, "timestamptz");
  const constants = {
    severity: binder.bind(rule.severity, "text"),
    role: binder.bind(rule.role, "text"),
    organisation: binder.bind(evidence.organisationId, "text"),
    feed: binder.bind(evidence.feedId, "text"),
    grant: binder.bind(evidence.grantId, "text"),
    generation: binder.bind(evidence.generation, "integer"),
    foundBy: binder.bind(options.foundBy, "text"),
  };

  const text = `
with current as materialized (
  select c.${claimKey}::text as claim_key, ${keySql("e", keyFields)} as evidence_key, ${copy("e")} as evidence,
         ${compiler.operand(rule.evidenceDate)} as evidence_date, ${nameMatches} as name_matches, e.zt_sequence, c.zt_in_period
  from ${subjectTable} c join ${evidence.sql} e on ${join}
  where ${compiler.condition(rule.condition)}
), recorded as (
  insert into apps.check_hit as h (id, definition, definition_version, claim_key, rule_id, evidence_role, evidence_key, severity, evidence, evidence_date, name_matches,
    organisation_id, feed_id, grant_id, generation, batch_sequence, first_period, found_at, found_by, revision)
  select 'hit_' || encode(sha256(convert_to(jsonb_build_array(${name}, ${version}, claim_key, ${ruleId}, evidence_key)::text, 'UTF8')), 'hex'),
    ${name}, ${version}, claim_key, ${ruleId}, ${constants.role}, evidence_key, ${constants.severity}, evidence, evidence_date, name_matches,
    ${constants.organisation}, ${constants.feed}, ${constants.grant}, ${constants.generation}, zt_sequence, ${month}, ${at}, ${constants.foundBy}, 1
  from current where zt_in_period
  on conflict (id) do update set revision = h.revision + 1,
    earlier = h.earlier || jsonb_build_array(jsonb_build_object('evidence', h.evidence, 'batchSequence', h.batch_sequence, 'withdrawnAt', h.withdrawn_at, 'withdrawnReason', h.withdrawn_reason, 'until', ${at})),
    evidence = excluded.evidence, evidence_date = excluded.evidence_date, name_matches = excluded.name_matches, organisation_id = excluded.organisation_id, feed_id = excluded.feed_id,
    grant_id = excluded.grant_id, generation = excluded.generation, batch_sequence = excluded.batch_sequence, withdrawn_at = null, withdrawn_reason = null
    where h.withdrawn_at is not null or h.evidence <> excluded.evidence or h.evidence_date is distinct from excluded.evidence_date or h.name_matches is distinct from excluded.name_matches
  returning h.revision
), lost as (
  select old.id, c2.${claimKey} is not null as claim_there, ${keyFields.map((field) => `e.${quoteIdentifier(field)}`)[0]!} is not null as evidence_there, ${copy("e")} <> old.evidence as changed
  from apps.check_hit old
  left join ${claims.sql} c2 on c2.${claimKey} = old.claim_key
  left join ${evidence.sql} e on ${keyMatchSql("e", keyFields, evidence.columns, "old.evidence_key")}
  where old.definition = ${name} and old.rule_id = ${ruleId} and old.withdrawn_at is null and old.first_period <= ${month}
    ${options.touchedOnly ? `and old.claim_key in (select claim_key from ${scopeTable})` : ""}
    and not exists (select 1 from current where current.claim_key = old.claim_key and current.evidence_key = old.evidence_key)
), withdrawn as (
  update apps.check_hit h set withdrawn_at = ${at},
    withdrawn_reason = case when not lost.claim_there then 'claim-deleted' when not lost.evidence_there then 'evidence-deleted' when lost.changed then 'evidence-changed'
                            when h.definition_version <> ${version} then 'definition-changed' else 'claim-changed' end
  from lost where h.id = lost.id
  returning h.id, h.case_id, h.withdrawn_reason
)
select (select count(*) from current where zt_in_period) as found, (select count(*) from recorded where revision = 1) as added, (select count(*) from recorded where revision > 1) as revised,
       coalesce((select jsonb_agg(jsonb_build_object('id', id, 'caseId', case_id, 'reason', withdrawn_reason)) from withdrawn), '[]') as withdrawn`;
  return { text, values: binder.values };
}

/**
 * Which claims a changed input touches: by the key under which its changed rows are now, and by the hits that its
 * changed or deleted rows stand in.
 */
export function compileScope(context: CompileContext, role: string, table: LandingTable, afterSequence: number): Statement[] {
  const { definition, claims } = context;
  const { subject } = definition;
  const claimKey = quoteIdentifier(subject.keyField);
  const evidenceRole = definition.evidence.find((candidate) => candidate.role === role);
  const keyFields = keyFieldsOfRole(definition, role);
  const match = quoteIdentifier(evidenceRole ? evidenceRole.matchField : subject.matchField);
  const changed = "zt_sequence > $1 and zt_sequence <= $2";
  const range = [afterSequence, table.appliedSequence];
  const statements: Statement[] = [
    { text: `insert into ${scopeTable} select c.${claimKey}::text from ${claims.sql} c where c.${quoteIdentifier(subject.matchField)} in (select e.${match} from ${table.sql} e where ${changed}) on conflict do nothing`, values: range },
    {
      text: `insert into ${scopeTable} select h.claim_key from apps.check_hit h where h.definition = $3 and h.evidence_role = $4 and h.withdrawn_at is null
             and h.evidence_key in (select ${keySql("e", keyFields)} from ${table.sql} e where ${changed}${table.deletedSql === undefined ? "" : ` union all select ${keySql("d", keyFields)} from ${table.deletedSql} d where ${changed}`}) on conflict do nothing`,
      values: [...range, definition.name, role],
    },
  ];
  if (!evidenceRole) {
    // By their own key too: a claim without a citizen number matches nobody, itself included.
    statements.push({ text: `insert into ${scopeTable} select e.${claimKey}::text from ${table.sql} e where ${changed} on conflict do nothing`, values: range });
    if (table.deletedSql !== undefined) statements.push({ text: `insert into ${scopeTable} select d.${claimKey}::text from ${table.deletedSql} d where ${changed} on conflict do nothing`, values: range });
  }
  return statements;
}
