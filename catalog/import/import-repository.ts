import type { SharingType } from "#standards";
import type { Reader, SqlCondition, Transaction } from "#platform";
import type { EntryState } from "../model/types.ts";
import type { ImportIssue, ImportOutcome } from "./model.ts";
import type { ImportJob, ImportRowReport, ImportSummary } from "./report.ts";

interface JobRow extends Record<string, unknown> {
  id: string;
  file_name: string;
  file_digest: string;
  file_bytes: number;
  mapping: string;
  dry_run: boolean;
  strict: boolean;
  imported: boolean;
  created: number;
  updated: number;
  unchanged: number;
  skipped: number;
  rejected: number;
  summary: ImportSummary;
  created_at: Date;
  created_by: string;
  organisation_id: string | null;
}

const columns = "id, file_name, file_digest, file_bytes, mapping, dry_run, strict, imported, created, updated, unchanged, skipped, rejected, summary, created_at, created_by, organisation_id";

/** Names of the columns that scopes ask for. */
export const importScopeColumn = (field: string): string => ({ createdBy: "j.created_by", organisationId: "j.organisation_id" })[field] ?? "false";

const toJob = (row: JobRow): ImportJob => ({
  id: row.id,
  fileName: row.file_name,
  fileDigest: row.file_digest,
  fileBytes: row.file_bytes,
  mapping: row.mapping,
  dryRun: row.dry_run,
  strict: row.strict,
  imported: row.imported,
  counts: { created: row.created, updated: row.updated, unchanged: row.unchanged, skipped: row.skipped, rejected: row.rejected },
  summary: row.summary,
  createdAt: row.created_at,
  createdBy: row.created_by,
  ...(row.organisation_id === null ? {} : { organisationId: row.organisation_id }),
});

export async function insertJob(tx: Transaction, job: ImportJob): Promise<void> {
  const { counts } = job;
  await tx.query(`insert into catalog.import_job (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`, [
    job.id, job.fileName, job.fileDigest, job.fileBytes, job.mapping, job.dryRun, job.strict, job.imported, counts.created, counts.updated, counts.unchanged, counts.skipped, counts.rejected, JSON.stringify(job.summary), job.createdAt, job.createdBy, job.organisationId ?? null,
  ]);
}

const rowsPerStatement = 1_000;

export async function insertRows(tx: Transaction, jobId: string, rows: readonly ImportRowReport[]): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsPerStatement) {
    const piece = rows.slice(start, start + rowsPerStatement);
    await tx.query(
      `insert into catalog.import_row (job_id, position, row_number, sheet, outcome, title, provider, organisation_id, entry_id, entry_code, issues)
       select $1, position, row_number, sheet, outcome, title, provider, organisation_id, entry_id, entry_code, issues
       from unnest($2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::jsonb[]) as new (position, row_number, sheet, outcome, title, provider, organisation_id, entry_id, entry_code, issues)`,
      [jobId, piece.map((row) => row.position), piece.map((row) => row.row), piece.map((row) => row.sheet ?? null), piece.map((row) => row.outcome), piece.map((row) => row.title), piece.map((row) => row.provider ?? null), piece.map((row) => row.organisationId ?? null), piece.map((row) => row.entryId ?? null), piece.map((row) => row.entryCode ?? null), piece.map((row) => JSON.stringify(row.issues))],
    );
  }
}

export async function findJob(reader: Reader, id: string): Promise<ImportJob | undefined> {
  const { rows } = await reader.query<JobRow>(`select ${columns} from catalog.import_job where id = $1`, [id]);
  return rows[0] && toJob(rows[0]);
}

/** Newest first. `condition` is on `j`, placeholders from `$4`. */
export async function listJobs(reader: Reader, { before, limit, condition }: { before?: { createdAt: Date; id: string } | undefined; limit: number; condition: SqlCondition }): Promise<ImportJob[]> {
  const { rows } = await reader.query<JobRow>(
    `select ${columns} from catalog.import_job j where ($1::timestamptz is null or (created_at, id) < ($1, $2)) and ${condition.text} order by created_at desc, id desc limit $3`,
    [before?.createdAt ?? null, before?.id ?? null, limit, ...condition.values],
  );
  return rows.map(toJob);
}

/** In the order of the file. */
export async function listRows(reader: Reader, jobId: string, { outcome, afterPosition, limit }: { outcome?: ImportOutcome | undefined; afterPosition: number; limit: number }): Promise<ImportRowReport[]> {
  const { rows } = await reader.query<{ position: number; row_number: number; sheet: string | null; outcome: ImportOutcome; title: string; provider: string | null; organisation_id: string | null; entry_id: string | null; entry_code: string | null; issues: ImportIssue[] }>(
    "select position, row_number, sheet, outcome, title, provider, organisation_id, entry_id, entry_code, issues from catalog.import_row where job_id = $1 and ($2::text is null or outcome = $2) and position > $3 order by position limit $4",
    [jobId, outcome ?? null, afterPosition, limit],
  );
  return rows.map((row) => ({
    position: row.position,
    row: row.row_number,
    outcome: row.outcome,
    title: row.title,
    issues: row.issues,
    ...(row.sheet === null ? {} : { sheet: row.sheet }),
    ...(row.provider === null ? {} : { provider: row.provider }),
    ...(row.organisation_id === null ? {} : { organisationId: row.organisation_id }),
    ...(row.entry_id === null ? {} : { entryId: row.entry_id }),
    ...(row.entry_code === null ? {} : { entryCode: row.entry_code }),
  }));
}

export interface KnownEntry {
  id: string;
  code: string;
  organisationId: string;
  state: EntryState;
  sharingType: SharingType;
  open: boolean;
  title: string;
  sourceReference?: string;
}

interface KnownRow extends Record<string, unknown> {
  id: string;
  code: string;
  organisation_id: string;
  state: EntryState;
  sharing_type: SharingType;
  open: boolean;
  title: string;
  source_reference: string | null;
}

const toKnown = ({ id, code, organisation_id, state, sharing_type, open, title, source_reference }: KnownRow): KnownEntry => ({ id, code, organisationId: organisation_id, state, sharingType: sharing_type, open, title, ...(source_reference === null ? {} : { sourceReference: source_reference }) });
const knownColumns = "id, code, organisation_id, state, sharing_type, open, title, source_reference";

/** Entries that a file may be about: by id, and of those not withdrawn by source in whatever department and by department and title. The caller leaves out what its actor may not see. */
export async function findKnownEntries(reader: Reader, { ids, references, titles }: { ids: readonly string[]; references: readonly string[]; titles: readonly { organisationId: string; title: string }[] }): Promise<KnownEntry[]> {
  const { rows } = await reader.query<KnownRow>(
    `select ${knownColumns} from catalog.entry where id = any($1)
     union select ${knownColumns} from catalog.entry where source_reference = any($2) and state <> 'withdrawn'
     union select ${knownColumns} from catalog.entry where (organisation_id, title) in (select * from unnest($3::text[], $4::text[])) and state <> 'withdrawn'
     order by code`,
    [ids, references, titles.map((each) => each.organisationId), titles.map((each) => each.title)],
  );
  return rows.map(toKnown);
}

/** Entries of a source that are not among those given, in departments that the file names. */
export async function findMissing(reader: Reader, { source, present, organisationIds, limit }: { source: string; present: readonly string[]; organisationIds: readonly string[]; limit: number }): Promise<{ count: number; sample: { code: string; title: string }[] }> {
  const { rows } = await reader.query<{ code: string; title: string; count: number }>(
    `select code, title, count(*) over () as count from catalog.entry
     where starts_with(source_reference, $1) and state <> 'withdrawn' and organisation_id = any($2) and not (source_reference = any($3)) order by code limit $4`,
    [`${source}#`, organisationIds, present, limit],
  );
  return { count: rows[0]?.count ?? 0, sample: rows.map(({ code, title }) => ({ code, title })) };
}
