import type { Transaction } from "#platform";
import type { CaseOutcome } from "../case/model/app.ts";

/**
 * The row that goes back to the benefit department as a feed. It tells what was found; what follows for the benefit is
 * the department's own decision.
 */
export async function writeUnemploymentOutcome(tx: Transaction, outcome: CaseOutcome): Promise<void> {
  const { case: decided, rule, standing } = outcome;
  await tx.query(
    `insert into apps.unemployment_outcome (case_number, claim_no, citizen_number, citizen_name, outcome, outcome_kind, legal_basis, circumstance_from, decided_on, period, monthly_amount, remaining_months, amount_at_stake, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict (case_number) do update set outcome = excluded.outcome, outcome_kind = excluded.outcome_kind, legal_basis = excluded.legal_basis, circumstance_from = coalesce(excluded.circumstance_from, unemployment_outcome.circumstance_from),
       decided_on = excluded.decided_on, updated_at = excluded.updated_at`,
    [
      decided.number, decided.claimKey, decided.subjectNumber, decided.subjectName ?? null, standing, decided.outcomeKind ?? null, rule ? `${rule.legalBasis.law}${rule.legalBasis.article}` : null,
      outcome.circumstanceFrom ?? null, outcome.decidedOn, decided.period, (decided.claim["monthly_amount"] as number | null | undefined) ?? null, decided.remainingMonths, decided.amountAtStake, outcome.at,
    ],
  );
}
