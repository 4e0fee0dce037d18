import { quoteIdentifier, type Actor, type Kernel, type NewDomainEvent, type Transaction } from "#platform";
import { subjectTable, type Period } from "../../check/compile/rule-to-sql.ts";
import type { CheckDefinition } from "../../check/model/definition.ts";
import { localDay } from "../../check/model/period.ts";
import type { WithdrawnHit } from "../../check/services/comparison.ts";
import { liveStates, type CaseState } from "../model/case.ts";
import { computeDeadline, type WorkingDayCalendar } from "../model/deadline.ts";
import { allocateCaseNumbers, insertCases, insertSteps, type NewCase, type NewStep } from "../repositories/cases.ts";
import { assignHits, inheritCases, listUnassignedClaims } from "../repositories/evidence.ts";

export interface OpenCasesOptions {
  kernel: Pick<Kernel, "newId">;
  calendar: WorkingDayCalendar;
  definition: CheckDefinition;
  period: Period;
  /** The department that pays the benefit. */
  organisationId: string;
  actor: Actor;
  at: Date;
  withdrawn: readonly WithdrawnHit[];
}

export interface OpenCasesOutcome {
  opened: number;
  /** Open cases that got further evidence. */
  extended: number;
  events: NewDomainEvent[];
}

/**
 * Puts new hits into cases in the transaction that recorded them: into the claim's case that is still open, else into a
 * new one, all hits of one claim into the same. Withdrawn evidence is written into its case's timeline; whether the
 * case falls with it, an officer decides.
 */
export async function openCases(tx: Transaction, options: OpenCasesOptions): Promise<OpenCasesOutcome> {
  const { definition, period, actor, at, organisationId } = options;
  const events: NewDomainEvent[] = [];
  const event = (kind: string, caseId: string, number: string, state: CaseState, detail: Record<string, unknown> = {}) =>
    events.push({ subjectType: "case", subjectId: caseId, kind, organisationId, payload: { caseId, number, state, definition: definition.name, period: period.month, ...detail } });
  const step = (caseId: string, action: string, state: CaseState, detail: Record<string, unknown>, fromState?: CaseState): NewStep => ({ caseId, action, toState: state, actorId: actor.id, at, detail, ...(fromState === undefined ? {} : { fromState }), ...(actor.name === undefined ? {} : { actorName: actor.name }) });

  await inheritCases(tx, definition.name);
  const unassigned = await listUnassignedClaims(tx, definition.name, definition.hit.opensCase);
  const claimKeys = unassigned.map((claim) => claim.claimKey);
  const { rows: live } = claimKeys.length === 0 ? { rows: [] } : await tx.query<{ id: string; number: string; claim_key: string; state: CaseState }>("select distinct on (claim_key) id, number, claim_key, state from apps.check_case where definition = $1 and claim_key = any($2) and state = any($3) order by claim_key, opened_at desc, number desc", [definition.name, claimKeys, liveStates]);
  const liveByClaim = new Map(live.map((row) => [row.claim_key, row]));
  const opened = await insertNewCases(tx, options, claimKeys.filter((key) => !liveByClaim.has(key)));

  const assigned = await assignHits(tx, definition.name, [...live.map((row) => ({ claimKey: row.claim_key, caseId: row.id })), ...opened.map((row) => ({ claimKey: row.claimKey, caseId: row.id }))]);
  await insertSteps(tx, opened.map((row) => step(row.id, "open", "opened", { rules: assigned.get(row.id) ?? [] })));
  for (const row of opened) event("case.opened", row.id, row.number, "opened");
  const extended = live.filter((row) => assigned.has(row.id));
  await insertSteps(tx, extended.map((row) => step(row.id, "evidence-added", row.state, { rules: assigned.get(row.id)! }, row.state)));
  for (const row of extended) event("case.evidence-added", row.id, row.number, row.state);

  await recordWithdrawn(tx, options.withdrawn, step, event);
  return { opened: opened.length, extended: extended.length, events };
}

async function insertNewCases(tx: Transaction, options: OpenCasesOptions, claimKeys: readonly string[]): Promise<NewCase[]> {
  if (claimKeys.length === 0) return [];
  const { definition, period, at, kernel, calendar, organisationId } = options;
  const { subject, caseTerms } = definition;
  const q = quoteIdentifier;
  // Calendar months after the month compared, up to the month of the last day granted.
  const { rows } = await tx.query<{ claim_key: string; claim: Record<string, unknown>; remaining_months: number }>(
    `select c.${q(subject.keyField)}::text as claim_key, to_jsonb(c) - 'zt_in_period' as claim,
       greatest(0, coalesce((extract(year from age_until.u) * 12 + extract(month from age_until.u))::integer - ($2::integer), 0)) as remaining_months
     from ${subjectTable} c cross join lateral (select case when isfinite(c.${q(subject.untilField)}) then c.${q(subject.untilField)} end as u) age_until
     where c.${q(subject.keyField)}::text = any($1) order by c.${q(subject.keyField)}::text collate "C"`,
    [claimKeys, Number(period.month.slice(0, 4)) * 12 + Number(period.month.slice(4))],
  );
  const openedOn = localDay(at);
  const year = Number(openedOn.slice(0, 4));
  const first = await allocateCaseNumbers(tx, definition.name, year, rows.length);
  const cases = rows.map((row, index): NewCase => ({
    id: kernel.newId("case"),
    number: `${caseTerms.numberPrefix}〔${year}〕${String(first + index).padStart(6, "0")}号`,
    claimKey: row.claim_key,
    subjectNumber: String(row.claim[subject.matchField]),
    subjectName: (row.claim[subject.nameField] as string | null | undefined) ?? null,
    claim: row.claim,
    monthlyAmount: row.claim[subject.monthlyAmountField] === null || row.claim[subject.monthlyAmountField] === undefined ? null : String(row.claim[subject.monthlyAmountField]),
    remainingMonths: row.remaining_months,
  }));
  const verifyDeadline = computeDeadline({ from: openedOn, count: caseTerms.verifyWorkingDays, unit: "working-day", what: { message: "verification", zh: "核实期限" }, calendar });
  await insertCases(tx, { definition: definition.name, definitionVersion: definition.version, period: period.month, organisationId, openedAt: at, verifyDeadline }, cases);
  return cases;
}

async function recordWithdrawn(
  tx: Transaction,
  withdrawn: readonly WithdrawnHit[],
  step: (caseId: string, action: string, state: CaseState, detail: Record<string, unknown>, fromState?: CaseState) => NewStep,
  event: (kind: string, caseId: string, number: string, state: CaseState, detail?: Record<string, unknown>) => void,
): Promise<void> {
  const byCase = new Map<string, WithdrawnHit[]>();
  for (const hit of withdrawn) if (hit.caseId !== undefined) byCase.set(hit.caseId, [...(byCase.get(hit.caseId) ?? []), hit]);
  if (byCase.size === 0) return;
  const { rows } = await tx.query<{ id: string; number: string; state: CaseState; standing: number }>("select id, number, state, (select count(*) from apps.check_hit h where h.case_id = c.id and h.withdrawn_at is null) as standing from apps.check_case c where id = any($1) order by number", [[...byCase.keys()]]);
  await insertSteps(tx, rows.map((row) => step(row.id, "evidence-withdrawn", row.state, { hits: byCase.get(row.id)!.map((hit) => ({ hitId: hit.id, reason: hit.reason })), standing: row.standing }, row.state)));
  for (const row of rows) event("case.evidence-withdrawn", row.id, row.number, row.state, { standing: row.standing });
}
