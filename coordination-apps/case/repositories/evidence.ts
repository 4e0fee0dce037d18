import type { Reader, Transaction } from "#platform";
import type { CaseEvidence } from "../model/case.ts";

interface EvidenceRow {
  id: string;
  case_id: string;
  definition_version: number;
  rule_id: string;
  severity: "ground" | "clue";
  evidence_role: string;
  evidence: Record<string, unknown>;
  evidence_date: string | null;
  name_matches: boolean | null;
  organisation_id: string;
  feed_id: string;
  grant_id: string;
  generation: number;
  batch_sequence: number;
  found_at: Date;
  found_by: "batch" | "continuous";
  revision: number;
  earlier: Record<string, unknown>[];
  withdrawn_at: Date | null;
  withdrawn_reason: string | null;
}

/** The evidence of cases, oldest circumstance first; of a row found by several definition versions, the newest. */
export async function listEvidence(reader: Reader, caseIds: readonly string[]): Promise<CaseEvidence[]> {
  const { rows } = await reader.query<EvidenceRow & Record<string, unknown>>(
    `select * from (
       select distinct on (case_id, rule_id, evidence_key) id, case_id, definition_version, rule_id, severity, evidence_role, evidence, evidence_date, name_matches, organisation_id, feed_id, grant_id, generation,
         batch_sequence, found_at, found_by, revision, earlier, withdrawn_at, withdrawn_reason
       from apps.check_hit where case_id = any($1) order by case_id, rule_id, evidence_key, definition_version desc) newest
     order by case_id, evidence_date nulls last, rule_id, id`,
    [caseIds],
  );
  return rows.map((row) => ({
    hitId: row.id,
    caseId: row.case_id,
    definitionVersion: row.definition_version,
    ruleId: row.rule_id,
    severity: row.severity,
    role: row.evidence_role,
    evidence: row.evidence,
    organisationId: row.organisation_id,
    feedId: row.feed_id,
    grantId: row.grant_id,
    generation: row.generation,
    batchSequence: row.batch_sequence,
    foundAt: row.found_at,
    foundBy: row.found_by,
    revision: row.revision,
    earlier: row.earlier,
    ...(row.evidence_date === null ? {} : { evidenceDate: row.evidence_date }),
    ...(row.name_matches === null ? {} : { nameMatches: row.name_matches }),
    ...(row.withdrawn_at === null ? {} : { withdrawnAt: row.withdrawn_at }),
    ...(row.withdrawn_reason === null ? {} : { withdrawnReason: row.withdrawn_reason }),
  }));
}

/** A hit that an earlier version of the definition already put into a case stays in that case. */
export async function inheritCases(tx: Transaction, definition: string): Promise<void> {
  await tx.query(
    `update apps.check_hit h set case_id = p.case_id from apps.check_hit p
     where h.definition = $1 and h.case_id is null and p.definition = h.definition and p.claim_key = h.claim_key and p.rule_id = h.rule_id and p.evidence_key = h.evidence_key and p.case_id is not null`,
    [definition],
  );
}

export interface UnassignedClaim {
  claimKey: string;
  hits: number;
}

/** Claims with standing hits of a severity that opens cases and that are in no case yet. */
export async function listUnassignedClaims(tx: Transaction, definition: string, severities: readonly string[]): Promise<UnassignedClaim[]> {
  const { rows } = await tx.query<{ claim_key: string; hits: number }>('select claim_key, count(*) as hits from apps.check_hit where definition = $1 and case_id is null and withdrawn_at is null and severity = any($2) group by claim_key order by claim_key collate "C"', [definition, severities]);
  return rows.map((row) => ({ claimKey: row.claim_key, hits: row.hits }));
}

/** Puts every standing hit of these claims that is in no case into its case; answers how many each case got. */
export async function assignHits(tx: Transaction, definition: string, assignments: readonly { claimKey: string; caseId: string }[]): Promise<Map<string, string[]>> {
  const { rows } = await tx.query<{ case_id: string; rules: string[] }>(
    `with assigned as (
       update apps.check_hit h set case_id = a.case_id from unnest($2::text[], $3::text[]) as a(claim_key, case_id)
       where h.definition = $1 and h.claim_key = a.claim_key and h.case_id is null and h.withdrawn_at is null returning h.case_id, h.rule_id)
     select case_id, array_agg(rule_id order by rule_id) as rules from assigned group by case_id`,
    [definition, assignments.map((a) => a.claimKey), assignments.map((a) => a.caseId)],
  );
  return new Map(rows.map((row) => [row.case_id, row.rules]));
}
