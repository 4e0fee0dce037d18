import type { Reader, Transaction } from "#platform";
import type { AppealOutcome, CaseState, CaseStep, CheckCase, Deadline } from "../model/case.ts";

interface CaseRow {
  id: string;
  number: string;
  definition: string;
  definition_version: number;
  period: string;
  claim_key: string;
  subject_number: string;
  subject_name: string | null;
  claim: Record<string, unknown>;
  organisation_id: string;
  state: CaseState;
  opened_at: Date;
  verify_deadline: Deadline;
  objection_deadline: Deadline | null;
  appeal_deadline: Deadline | null;
  notified_at: Date | null;
  objected_at: Date | null;
  outcome: "confirmed" | "dismissed" | null;
  outcome_kind: string | null;
  outcome_rule_id: string | null;
  decided_by: string | null;
  decided_at: Date | null;
  appealed_at: Date | null;
  appeal_outcome: AppealOutcome | null;
  appeal_decided_by: string | null;
  appeal_decided_at: Date | null;
  closed_at: Date | null;
  amount_at_stake: string;
  remaining_months: number;
  version: number;
}

const columns = `id, number, definition, definition_version, period, claim_key, subject_number, subject_name, claim, organisation_id, state, opened_at, verify_deadline, objection_deadline, appeal_deadline,
  notified_at, objected_at, outcome, outcome_kind, outcome_rule_id, decided_by, decided_at, appealed_at, appeal_outcome, appeal_decided_by, appeal_decided_at, closed_at, amount_at_stake, remaining_months, version`;

function present<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> };
}

function toCase(row: CaseRow): CheckCase {
  return {
    id: row.id,
    number: row.number,
    definition: row.definition,
    definitionVersion: row.definition_version,
    period: row.period,
    claimKey: row.claim_key,
    subjectNumber: row.subject_number,
    claim: row.claim,
    organisationId: row.organisation_id,
    state: row.state,
    openedAt: row.opened_at,
    verifyDeadline: row.verify_deadline,
    amountAtStake: row.amount_at_stake,
    remainingMonths: row.remaining_months,
    version: row.version,
    ...present({
      subjectName: row.subject_name,
      objectionDeadline: row.objection_deadline,
      appealDeadline: row.appeal_deadline,
      notifiedAt: row.notified_at,
      objectedAt: row.objected_at,
      outcome: row.outcome,
      outcomeKind: row.outcome_kind,
      outcomeRuleId: row.outcome_rule_id,
      decidedBy: row.decided_by,
      decidedAt: row.decided_at,
      appealedAt: row.appealed_at,
      appealOutcome: row.appeal_outcome,
      appealDecidedBy: row.appeal_decided_by,
      appealDecidedAt: row.appeal_decided_at,
      closedAt: row.closed_at,
    }),
  };
}

export async function findCase(reader: Reader, id: string): Promise<CheckCase | undefined> {
  const { rows } = await reader.query<CaseRow & Record<string, unknown>>(`select ${columns} from apps.check_case where id = $1`, [id]);
  return rows[0] && toCase(rows[0]);
}

/** Locks the case until the transaction ends: two officers cannot decide it at once. */
export async function findCaseForUpdate(tx: Transaction, id: string): Promise<CheckCase | undefined> {
  const { rows } = await tx.query<CaseRow & Record<string, unknown>>(`select ${columns} from apps.check_case where id = $1 for update`, [id]);
  return rows[0] && toCase(rows[0]);
}

export async function listCasesByIds(reader: Reader, ids: readonly string[]): Promise<CheckCase[]> {
  const { rows } = await reader.query<CaseRow & Record<string, unknown>>(`select ${columns} from apps.check_case where id = any($1)`, [ids]);
  return rows.map(toCase);
}

export interface CaseFilter {
  definition?: string;
  period?: string;
  states?: readonly CaseState[];
  ruleId?: string;
  subjectNumber?: string;
  /** Verification is due on or before this day. */
  dueBy?: string;
}

export interface CasePage {
  /** Number of the case after which (or, backwards, before which) to go on. */
  after?: string;
  before?: string;
  limit: number;
  backward?: boolean;
}

const filterSql = `($1::text is null or definition = $1) and ($2::text is null or period = $2) and ($3::text[] is null or state = any($3))
  and ($4::text is null or exists (select 1 from apps.check_hit h where h.case_id = check_case.id and h.rule_id = $4)) and ($5::text is null or subject_number = $5) and ($6::date is null or verify_by <= $6)`;
const filterValues = (filter: CaseFilter) => [filter.definition ?? null, filter.period ?? null, filter.states ?? null, filter.ruleId ?? null, filter.subjectNumber ?? null, filter.dueBy ?? null];
/** Where an access condition's placeholders may start. */
export const firstCaseConditionPlaceholder = 10;

/** By case number, which rises within a year. `condition` is the access decision, from `firstCaseConditionPlaceholder`. */
export async function listCaseRows(reader: Reader, filter: CaseFilter, page: CasePage, condition: { text: string; values: unknown[] }): Promise<CheckCase[]> {
  const { rows } = await reader.query<CaseRow & Record<string, unknown>>(
    `select ${columns} from apps.check_case where ${filterSql} and ($7::text is null or number > $7 collate "C") and ($8::text is null or number < $8 collate "C") and ${condition.text}
     order by number collate "C" ${page.backward ? "desc" : "asc"} limit $9`,
    [...filterValues(filter), page.after ?? null, page.before ?? null, page.limit, ...condition.values],
  );
  const cases = rows.map(toCase);
  return page.backward ? cases.reverse() : cases;
}

export async function countCaseRows(reader: Reader, filter: CaseFilter, condition: { text: string; values: unknown[] }): Promise<number> {
  // The same placeholders as the list: the three of the page stay unused but bound.
  const { rows } = await reader.query<{ count: number }>(`select count(*) as count from apps.check_case where ${filterSql} and $7::text is null and $8::text is null and $9::text is null and ${condition.text}`, [...filterValues(filter), null, null, null, ...condition.values]);
  return rows[0]!.count;
}

export interface NewCase {
  id: string;
  number: string;
  claimKey: string;
  subjectNumber: string;
  subjectName: string | null;
  claim: Record<string, unknown>;
  /** Yuan. */
  monthlyAmount: string | null;
  remainingMonths: number;
}

export interface CaseCommon {
  definition: string;
  definitionVersion: number;
  period: string;
  organisationId: string;
  openedAt: Date;
  verifyDeadline: Deadline;
}

export async function insertCases(tx: Transaction, common: CaseCommon, cases: readonly NewCase[]): Promise<void> {
  await tx.query(
    `insert into apps.check_case (id, number, definition, definition_version, period, claim_key, subject_number, subject_name, claim, organisation_id, state, opened_at, verify_deadline, verify_by, amount_at_stake, remaining_months, version)
     select c.id, c.number, $2, $3, $4, c."claimKey", c."subjectNumber", c."subjectName", c.claim, $5, 'opened', $6, $7, $8, coalesce(c."monthlyAmount", 0) * c."remainingMonths", c."remainingMonths", 1
     from jsonb_to_recordset($1) as c(id text, number text, "claimKey" text, "subjectNumber" text, "subjectName" text, claim jsonb, "monthlyAmount" numeric, "remainingMonths" integer)`,
    [JSON.stringify(cases), common.definition, common.definitionVersion, common.period, common.organisationId, common.openedAt, JSON.stringify(common.verifyDeadline), common.verifyDeadline.date ?? null],
  );
}

/** The next `count` numbers of a year; the first of them. Numbers are never given back. */
export async function allocateCaseNumbers(tx: Transaction, definition: string, year: number, count: number): Promise<number> {
  const { rows } = await tx.query<{ last: number }>("insert into apps.case_counter (definition, year, last) values ($1, $2, $3) on conflict (definition, year) do update set last = case_counter.last + $3 returning last", [definition, year, count]);
  return rows[0]!.last - count + 1;
}

/** Everything that an action may change; `transition` is the only caller. */
export async function updateCase(tx: Transaction, found: CheckCase): Promise<void> {
  await tx.query(
    `update apps.check_case set state = $2, verify_deadline = $3, verify_by = $4, objection_deadline = $5, object_by = $6, appeal_deadline = $7, appeal_by = $8, notified_at = $9, objected_at = $10,
       outcome = $11, outcome_kind = $12, outcome_rule_id = $13, decided_by = $14, decided_at = $15, appealed_at = $16, appeal_outcome = $17, appeal_decided_by = $18, appeal_decided_at = $19, closed_at = $20, version = version + 1
     where id = $1`,
    [
      found.id, found.state, JSON.stringify(found.verifyDeadline), found.verifyDeadline.date ?? null, found.objectionDeadline ? JSON.stringify(found.objectionDeadline) : null, found.objectionDeadline?.date ?? null,
      found.appealDeadline ? JSON.stringify(found.appealDeadline) : null, found.appealDeadline?.date ?? null, found.notifiedAt ?? null, found.objectedAt ?? null, found.outcome ?? null, found.outcomeKind ?? null, found.outcomeRuleId ?? null,
      found.decidedBy ?? null, found.decidedAt ?? null, found.appealedAt ?? null, found.appealOutcome ?? null, found.appealDecidedBy ?? null, found.appealDecidedAt ?? null, found.closedAt ?? null,
    ],
  );
}

export type NewStep = Omit<CaseStep, "number">;

/** Numbers them on from each case's last step; at most one step per case in a call. */
export async function insertSteps(tx: Transaction, steps: readonly NewStep[]): Promise<void> {
  if (steps.length === 0) return;
  await tx.query(
    `insert into apps.case_step (case_id, number, action, from_state, to_state, actor_id, actor_name, at, reason, detail)
     select s."caseId", coalesce((select max(number) from apps.case_step p where p.case_id = s."caseId"), 0) + 1, s.action, s."fromState", s."toState", s."actorId", s."actorName", s.at, s.reason, coalesce(s.detail, '{}')
     from jsonb_to_recordset($1) as s("caseId" text, action text, "fromState" text, "toState" text, "actorId" text, "actorName" text, at timestamptz, reason text, detail jsonb)`,
    [JSON.stringify(steps)],
  );
}

export async function listSteps(reader: Reader, caseIds: readonly string[]): Promise<CaseStep[]> {
  const { rows } = await reader.query<{ case_id: string; number: number; action: string; from_state: CaseState | null; to_state: CaseState; actor_id: string; actor_name: string | null; at: Date; reason: string | null; detail: Record<string, unknown> }>(
    "select case_id, number, action, from_state, to_state, actor_id, actor_name, at, reason, detail from apps.case_step where case_id = any($1) order by case_id, number",
    [caseIds],
  );
  return rows.map((row) => ({ caseId: row.case_id, number: row.number, action: row.action, toState: row.to_state, actorId: row.actor_id, at: row.at, detail: row.detail, ...present({ fromState: row.from_state, actorName: row.actor_name, reason: row.reason }) }));
}

/** Cases with a deadline that still waits for a holiday notice. */
export async function listCasesWithPendingDeadline(tx: Transaction, limit: number): Promise<CheckCase[]> {
  const { rows } = await tx.query<CaseRow & Record<string, unknown>>(
    `select ${columns} from apps.check_case where (verify_by is null or (object_by is null and objection_deadline is not null) or (appeal_by is null and appeal_deadline is not null)) and state <> 'closed' order by id limit $1 for update skip locked`,
    [limit],
  );
  return rows.map(toCase);
}
