import type { Reader, Transaction } from "#platform";
import type { Correction, CorrectionFilter, CorrectionState } from "./correction-model.ts";
import { columnsOf, present, type Keyset, type ListAccess } from "./rows.ts";

interface CorrectionRow extends Record<string, unknown> {
  id: string;
  entry_id: string;
  entry_version: string;
  grant_id: string | null;
  field: string;
  row_key: string;
  row_key_digest: string;
  given_value: string | null;
  expected_value: string | null;
  evidence: string;
  raised_by_organisation_id: string | null;
  provider_organisation_id: string;
  state: CorrectionState;
  raised_by: string;
  raised_at: Date;
  updated_at: Date;
  answer: string | null;
  answered_by: string | null;
  answered_at: Date | null;
}

const columns = "id, entry_id, entry_version, grant_id, field, row_key, row_key_digest, given_value, expected_value, evidence, raised_by_organisation_id, provider_organisation_id, state, raised_by, raised_at, updated_at, answer, answered_by, answered_at";

const correctionColumn = columnsOf({ raisedByOrganisationId: "raised_by_organisation_id", providerOrganisationId: "provider_organisation_id" });

const toCorrection = (row: CorrectionRow): Correction => ({
  id: row.id,
  entryId: row.entry_id,
  entryVersion: row.entry_version,
  field: row.field,
  rowKey: row.row_key,
  rowKeyDigest: row.row_key_digest,
  evidence: row.evidence,
  providerOrganisationId: row.provider_organisation_id,
  state: row.state,
  raisedBy: row.raised_by,
  raisedAt: row.raised_at,
  updatedAt: row.updated_at,
  ...present({ grantId: row.grant_id, givenValue: row.given_value, expectedValue: row.expected_value, raisedByOrganisationId: row.raised_by_organisation_id, answer: row.answer, answeredBy: row.answered_by, answeredAt: row.answered_at }),
});

/** False when the same department has the same doubt open already. */
export async function insertCorrection(tx: Transaction, c: Correction): Promise<boolean> {
  const { rowCount } = await tx.query(`insert into catalog.correction (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) on conflict do nothing`, [
    c.id, c.entryId, c.entryVersion, c.grantId ?? null, c.field, c.rowKey, c.rowKeyDigest, c.givenValue ?? null, c.expectedValue ?? null, c.evidence, c.raisedByOrganisationId ?? null, c.providerOrganisationId, c.state, c.raisedBy, c.raisedAt, c.updatedAt, c.answer ?? null, c.answeredBy ?? null, c.answeredAt ?? null,
  ]);
  return rowCount === 1;
}

export async function updateCorrection(tx: Transaction, c: Correction): Promise<void> {
  await tx.query("update catalog.correction set state = $2, updated_at = $3, answer = $4, answered_by = $5, answered_at = $6 where id = $1", [c.id, c.state, c.updatedAt, c.answer ?? null, c.answeredBy ?? null, c.answeredAt ?? null]);
}

export async function findCorrection(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Correction | undefined> {
  const { rows } = await reader.query<CorrectionRow>(`select ${columns} from catalog.correction where id = $1 ${lock}`, [id]);
  return rows[0] && toCorrection(rows[0]);
}

export async function findOpenCorrection(reader: Reader, key: { entryId: string; field: string; rowKeyDigest: string; raisedByOrganisationId: string | undefined }): Promise<Correction | undefined> {
  const { rows } = await reader.query<CorrectionRow>(`select ${columns} from catalog.correction where state = 'raised' and entry_id = $1 and field = $2 and row_key_digest = $3 and coalesce(raised_by_organisation_id, '') = $4`, [key.entryId, key.field, key.rowKeyDigest, key.raisedByOrganisationId ?? ""]);
  return rows[0] && toCorrection(rows[0]);
}

/** Everybody's open doubts about one value. */
export async function lockOpenCorrectionsOf(tx: Transaction, entryId: string, field: string, rowKeyDigest: string): Promise<Correction[]> {
  const { rows } = await tx.query<CorrectionRow>(`select ${columns} from catalog.correction where state = 'raised' and entry_id = $1 and field = $2 and row_key_digest = $3 order by id for update`, [entryId, field, rowKeyDigest]);
  return rows.map(toCorrection);
}

export interface ListCorrectionsOptions {
  access: ListAccess;
  filter: CorrectionFilter;
  after: Keyset | undefined;
  limit: number;
}

/** What moved last comes first. */
export async function listCorrections(reader: Reader, { access, filter, after, limit }: ListCorrectionsOptions): Promise<Correction[]> {
  const visible = access(correctionColumn, 8);
  const { rows } = await reader.query<CorrectionRow>(
    `select ${columns} from catalog.correction
     where ($1::text[] is null or state = any($1)) and ($2::text is null or entry_id = $2) and ($3::text is null or provider_organisation_id = $3)
       and ($4::text is null or raised_by_organisation_id = $4) and ($5::timestamptz is null or (updated_at, id) < ($5, $6)) and ${visible.text}
     order by updated_at desc, id desc limit $7`,
    [filter.states ?? null, filter.entryId ?? null, filter.providerOrganisationId ?? null, filter.raisedByOrganisationId ?? null, after?.at ?? null, after?.id ?? null, limit, ...visible.values],
  );
  return rows.map(toCorrection);
}
