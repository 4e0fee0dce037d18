import type { Reader } from "#platform";

export interface RuleFigures {
  ruleId: string;
  organisationId: string;
  /** Evidence rows that stand, and the claims that they are about. */
  hits: number;
  claims: number;
  withdrawn: number;
  nameDiffers: number;
}

/** Hits in the cases of a month, by rule and by the department that supplied the evidence. */
export async function readRuleFigures(reader: Reader, definition: string, period: string): Promise<RuleFigures[]> {
  const { rows } = await reader.query<{ rule_id: string; organisation_id: string; hits: number; claims: number; withdrawn: number; name_differs: number }>(
    `select h.rule_id, h.organisation_id, count(distinct h.evidence_key || h.claim_key) filter (where h.withdrawn_at is null) as hits, count(distinct h.claim_key) filter (where h.withdrawn_at is null) as claims,
            count(distinct h.evidence_key || h.claim_key) filter (where h.withdrawn_at is not null) as withdrawn, count(distinct h.evidence_key || h.claim_key) filter (where h.withdrawn_at is null and not h.name_matches) as name_differs
     from apps.check_hit h join apps.check_case c on c.id = h.case_id where c.definition = $1 and c.period = $2 group by h.rule_id, h.organisation_id order by h.rule_id, h.organisation_id`,
    [definition, period],
  );
  return rows.map((row) => ({ ruleId: row.rule_id, organisationId: row.organisation_id, hits: row.hits, claims: row.claims, withdrawn: row.withdrawn, nameDiffers: row.name_differs }));
}

export interface CaseFigures {
  /** Claims with hits: each is one case. */
  cases: number;
  /** Confirmed and not overturned. */
  confirmed: number;
  dismissed: number;
  overturned: number;
  underAppeal: number;
  /** Not verified yet. */
  pending: number;
  /** Pending, of these: verification was due before `today`. */
  overdue: number;
  /** Pending, of these: the deadline waits for a holiday notice. */
  deadlineUnknown: number;
  /** Pending without any evidence that still stands. */
  withoutEvidence: number;
  /** Yuan, of the confirmed ones. */
  moneyKept: string;
  remainingMonths: number;
  /** Yuan, of the pending ones. */
  moneyPending: string;
}

export async function readCaseFigures(reader: Reader, definition: string, period: string, today: string): Promise<CaseFigures> {
  const confirmed = "outcome = 'confirmed' and appeal_outcome is distinct from 'overturned' and state <> 'appealed'";
  const pending = "state in ('opened', 'notified', 'objected')";
  const { rows } = await reader.query<{ [name: string]: number | string }>(
    `select count(*) as cases, count(*) filter (where ${confirmed}) as confirmed, count(*) filter (where outcome = 'dismissed') as dismissed, count(*) filter (where appeal_outcome = 'overturned') as overturned,
            count(*) filter (where state = 'appealed') as under_appeal, count(*) filter (where ${pending}) as pending, count(*) filter (where ${pending} and verify_by < $3) as overdue,
            count(*) filter (where ${pending} and verify_by is null) as deadline_unknown,
            count(*) filter (where ${pending} and not exists (select 1 from apps.check_hit h where h.case_id = c.id and h.withdrawn_at is null)) as without_evidence,
            coalesce(sum(amount_at_stake) filter (where ${confirmed}), 0)::numeric(16, 2)::text as money_kept, coalesce(sum(remaining_months) filter (where ${confirmed}), 0) as remaining_months,
            coalesce(sum(amount_at_stake) filter (where ${pending}), 0)::numeric(16, 2)::text as money_pending
     from apps.check_case c where definition = $1 and period = $2`,
    [definition, period, today],
  );
  const row = rows[0]!;
  const number = (name: string) => Number(row[name]);
  return { cases: number("cases"), confirmed: number("confirmed"), dismissed: number("dismissed"), overturned: number("overturned"), underAppeal: number("under_appeal"), pending: number("pending"), overdue: number("overdue"), deadlineUnknown: number("deadline_unknown"), withoutEvidence: number("without_evidence"), moneyKept: String(row["money_kept"]), remainingMonths: number("remaining_months"), moneyPending: String(row["money_pending"]) };
}
