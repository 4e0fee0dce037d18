import type { Reader, Transaction } from "#platform";
import type { RuleOutcome } from "../services/comparison.ts";

/** What an input had to offer when a run began: the freshness that the report states. */
export interface RunInput {
  role: string;
  attached: boolean;
  feedId?: string;
  grantId?: string;
  organisationId?: string;
  generation?: number;
  appliedSequence?: number;
  /** When the last batch was applied, ISO 8601. */
  updatedAt?: string;
  unavailable?: { message: string; zh: string };
}

export interface CheckRun {
  id: string;
  definition: string;
  definitionVersion: number;
  period: string;
  kind: "batch" | "continuous";
  startedAt: Date;
  finishedAt: Date;
  actorId: string;
  /** Claims of the month that were compared. */
  compared: number;
  /** Claims of which at least one hit stands. */
  claimsWithHits: number;
  hitsFound: number;
  hitsWithdrawn: number;
  casesOpened: number;
  rules: RuleOutcome[];
  inputs: RunInput[];
}

interface RunRow {
  id: string;
  definition: string;
  definition_version: number;
  period: string;
  kind: "batch" | "continuous";
  started_at: Date;
  finished_at: Date;
  actor_id: string;
  compared: number;
  claims_with_hits: number;
  hits_found: number;
  hits_withdrawn: number;
  cases_opened: number;
  rules: RuleOutcome[];
  inputs: RunInput[];
}

export async function insertRun(tx: Transaction, run: CheckRun): Promise<void> {
  await tx.query(
    `insert into apps.check_run (id, definition, definition_version, period, kind, started_at, finished_at, actor_id, compared, claims_with_hits, hits_found, hits_withdrawn, cases_opened, rules, inputs)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [run.id, run.definition, run.definitionVersion, run.period, run.kind, run.startedAt, run.finishedAt, run.actorId, run.compared, run.claimsWithHits, run.hitsFound, run.hitsWithdrawn, run.casesOpened, JSON.stringify(run.rules), JSON.stringify(run.inputs)],
  );
}

const toRun = (row: RunRow): CheckRun => ({
  id: row.id,
  definition: row.definition,
  definitionVersion: row.definition_version,
  period: row.period,
  kind: row.kind,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  actorId: row.actor_id,
  compared: row.compared,
  claimsWithHits: row.claims_with_hits,
  hitsFound: row.hits_found,
  hitsWithdrawn: row.hits_withdrawn,
  casesOpened: row.cases_opened,
  rules: row.rules,
  inputs: row.inputs,
});

const columns = "id, definition, definition_version, period, kind, started_at, finished_at, actor_id, compared, claims_with_hits, hits_found, hits_withdrawn, cases_opened, rules, inputs";

/** The newest monthly comparison of a month. */
export async function findLastBatch(reader: Reader, definition: string, period: string): Promise<CheckRun | undefined> {
  const { rows } = await reader.query<RunRow & Record<string, unknown>>(`select ${columns} from apps.check_run where definition = $1 and period = $2 and kind = 'batch' order by started_at desc, id desc limit 1`, [definition, period]);
  return rows[0] && toRun(rows[0]);
}

export async function hasBatch(reader: Reader, definition: string): Promise<boolean> {
  return (await reader.query("select 1 from apps.check_run where definition = $1 and kind = 'batch' limit 1", [definition])).rowCount > 0;
}

export async function listRuns(reader: Reader, definition: string, limit: number): Promise<CheckRun[]> {
  const { rows } = await reader.query<RunRow & Record<string, unknown>>(`select ${columns} from apps.check_run where definition = $1 order by started_at desc, id desc limit $2`, [definition, limit]);
  return rows.map(toRun);
}
