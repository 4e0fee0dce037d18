import type { Reader, Transaction } from "#platform";
import type { Dispute, DisputeState, DisputeStep, DisputeSubject } from "./dispute-model.ts";
import { columnsOf, present, type Keyset, type ListAccess } from "./rows.ts";

interface DisputeRow extends Record<string, unknown> {
  id: string;
  subject_type: DisputeSubject;
  subject_id: string;
  raised_by_organisation_id: string;
  against_organisation_id: string;
  reason: string;
  state: DisputeState;
  outcome: "upheld" | "dismissed" | null;
  decision: string | null;
  raised_by: string;
  raised_at: Date;
  updated_at: Date;
}

const columns = "id, subject_type, subject_id, raised_by_organisation_id, against_organisation_id, reason, state, outcome, decision, raised_by, raised_at, updated_at";

const disputeColumn = columnsOf({ raisedByOrganisationId: "raised_by_organisation_id", againstOrganisationId: "against_organisation_id", referred: "(state in ('referred', 'decided'))" });

const toDispute = (row: DisputeRow): Dispute => ({
  id: row.id,
  subjectType: row.subject_type,
  subjectId: row.subject_id,
  raisedByOrganisationId: row.raised_by_organisation_id,
  againstOrganisationId: row.against_organisation_id,
  reason: row.reason,
  state: row.state,
  raisedBy: row.raised_by,
  raisedAt: row.raised_at,
  updatedAt: row.updated_at,
  ...present({ outcome: row.outcome, decision: row.decision }),
});

/** False when there is an open dispute about the same. */
export async function insertDispute(tx: Transaction, d: Dispute): Promise<boolean> {
  const { rowCount } = await tx.query(`insert into catalog.dispute (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing`, [d.id, d.subjectType, d.subjectId, d.raisedByOrganisationId, d.againstOrganisationId, d.reason, d.state, d.outcome ?? null, d.decision ?? null, d.raisedBy, d.raisedAt, d.updatedAt]);
  return rowCount === 1;
}

export async function updateDispute(tx: Transaction, d: Dispute): Promise<void> {
  await tx.query("update catalog.dispute set state = $2, outcome = $3, decision = $4, updated_at = $5 where id = $1", [d.id, d.state, d.outcome ?? null, d.decision ?? null, d.updatedAt]);
}

export async function findDispute(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Dispute | undefined> {
  const { rows } = await reader.query<DisputeRow>(`select ${columns} from catalog.dispute where id = $1 ${lock}`, [id]);
  return rows[0] && toDispute(rows[0]);
}

/** What moved last comes first. */
export async function listDisputes(reader: Reader, { access, states, after, limit }: { access: ListAccess; states: readonly DisputeState[] | undefined; after: Keyset | undefined; limit: number }): Promise<Dispute[]> {
  const visible = access(disputeColumn, 5);
  const { rows } = await reader.query<DisputeRow>(
    `select ${columns} from catalog.dispute where ($1::text[] is null or state = any($1)) and ($2::timestamptz is null or (updated_at, id) < ($2, $3)) and ${visible.text} order by updated_at desc, id desc limit $4`,
    [states ?? null, after?.at ?? null, after?.id ?? null, limit, ...visible.values],
  );
  return rows.map(toDispute);
}

export async function insertDisputeStep(tx: Transaction, disputeId: string, step: DisputeStep): Promise<void> {
  await tx.query("insert into catalog.dispute_step (dispute_id, action, from_state, to_state, statement, actor_id, organisation_id, at) values ($1, $2, $3, $4, $5, $6, $7, $8)", [disputeId, step.action, step.fromState, step.toState, step.statement ?? null, step.actorId, step.organisationId ?? null, step.at]);
}

export async function listDisputeSteps(reader: Reader, disputeId: string): Promise<DisputeStep[]> {
  const { rows } = await reader.query<{ action: DisputeStep["action"]; from_state: DisputeState; to_state: DisputeState; statement: string | null; actor_id: string; organisation_id: string | null; at: Date }>("select action, from_state, to_state, statement, actor_id, organisation_id, at from catalog.dispute_step where dispute_id = $1 order by id", [disputeId]);
  return rows.map((row) => ({ action: row.action, fromState: row.from_state, toState: row.to_state, actorId: row.actor_id, at: row.at, ...present({ statement: row.statement, organisationId: row.organisation_id }) }));
}
