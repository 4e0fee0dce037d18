import type { CatalogEntry } from "#standards";
import { ConflictError, isUniqueViolation, type Reader, type SqlCondition, type Transaction } from "#platform";
import type { Entry, EntryState } from "../model/types.ts";

/** An entry with who did what to it: what the rules of separation look at. It does not leave the entries' services. */
export interface EntryRecord extends Entry {
  createdBy: string;
  editedBy: string;
  submittedBy?: string;
  submittedAt?: Date;
  approvedBy?: string;
  suspendedByOrganisationId?: string;
}

interface EntryRow extends Record<string, unknown> {
  id: string;
  code: string;
  resource_id: string;
  organisation_id: string;
  state: EntryState;
  waiting_for: NonNullable<Entry["waitingFor"]> | null;
  version: string;
  content: CatalogEntry;
  completeness: number;
  created_at: Date;
  created_by: string;
  updated_at: Date;
  edited_by: string;
  submitted_by: string | null;
  submitted_at: Date | null;
  approved_by: string | null;
  published_at: Date | null;
  suspended_by_organisation_id: string | null;
}

const columns = "id, code, resource_id, organisation_id, state, waiting_for, version, content, completeness, created_at, created_by, updated_at, edited_by, submitted_by, submitted_at, approved_by, published_at, suspended_by_organisation_id";

const toRecord = (row: EntryRow): EntryRecord => ({
  id: row.id,
  code: row.code,
  resourceId: row.resource_id,
  organisationId: row.organisation_id,
  state: row.state,
  version: row.version,
  content: row.content,
  completeness: row.completeness,
  createdAt: row.created_at,
  createdBy: row.created_by,
  updatedAt: row.updated_at,
  editedBy: row.edited_by,
  ...(row.waiting_for === null ? {} : { waitingFor: row.waiting_for }),
  ...(row.submitted_by === null ? {} : { submittedBy: row.submitted_by }),
  ...(row.submitted_at === null ? {} : { submittedAt: row.submitted_at }),
  ...(row.approved_by === null ? {} : { approvedBy: row.approved_by }),
  ...(row.published_at === null ? {} : { publishedAt: row.published_at }),
  ...(row.suspended_by_organisation_id === null ? {} : { suspendedByOrganisationId: row.suspended_by_organisation_id }),
});

/** What callers get. */
export const toEntry = ({ id, code, resourceId, organisationId, state, version, content, completeness, createdAt, updatedAt, publishedAt, waitingFor }: EntryRecord): Entry => ({
  id, code, resourceId, organisationId, state, version, content, completeness, createdAt, updatedAt,
  ...(publishedAt === undefined ? {} : { publishedAt }),
  ...(waitingFor === undefined ? {} : { waitingFor }),
});

/** The members that access scopes look at, of an entry or of one that is about to be. */
export const scopeSubjectOf = (entry: Pick<EntryRecord, "id" | "organisationId" | "state" | "content">) => ({ id: entry.id, organisationId: entry.organisationId, state: entry.state, sharingType: entry.content.sharingType, open: entry.content.open });

/** Names of the columns that scopes ask for. */
export const entryScopeColumn = (field: string): string => ({ organisationId: "e.organisation_id", sharingType: "e.sharing_type", state: "e.state", open: "e.open", id: "e.id" })[field] ?? "false";

/** The entry with the content in force, without a check of access: for work in a transaction of the platform's own. */
export async function findEntry(reader: Reader, id: string): Promise<EntryRecord | undefined> {
  return (await findEntries(reader, [id])).get(id);
}

/** Those of `ids` that exist, by id; locked in the order of ids when they are going to change. */
export async function findEntries(reader: Reader, ids: readonly string[], lock: "" | "for update" = ""): Promise<Map<string, EntryRecord>> {
  const { rows } = await reader.query<EntryRow>(`select ${columns} from catalog.entry where id = any($1) order by id ${lock}`, [ids]);
  return new Map(rows.map((row) => [row.id, toRecord(row)]));
}

/** By id, code or resource identifier. */
export async function findEntryByReference(reader: Reader, reference: string): Promise<EntryRecord | undefined> {
  const { rows } = await reader.query<EntryRow>(`select ${columns} from catalog.entry where id = $1 or code = $1 or resource_id = $1 limit 1`, [reference]);
  return rows[0] && toRecord(rows[0]);
}

/** Entries that an import wrote before, not withdrawn, locked; keyed by department and source reference. */
export async function findEntriesBySource(tx: Transaction, keys: readonly { organisationId: string; sourceReference: string }[]): Promise<Map<string, EntryRecord>> {
  if (keys.length === 0) return new Map();
  const { rows } = await tx.query<EntryRow & { source_reference: string }>(
    `select ${columns}, source_reference from catalog.entry
     where (organisation_id, source_reference) in (select * from unnest($1::text[], $2::text[])) and state <> 'withdrawn' order by id for update`,
    [keys.map((key) => key.organisationId), keys.map((key) => key.sourceReference)],
  );
  return new Map(rows.map((row) => [sourceKey(row.organisation_id, row.source_reference), toRecord(row)]));
}

export const sourceKey = (organisationId: string, sourceReference: string): string => `${organisationId}\n${sourceReference}`;

/** Entries that still have a claim on their title: submitted or further. */
export async function findTitleHolders(reader: Reader, titles: readonly { organisationId: string; title: string }[]): Promise<{ organisationId: string; title: string; entryId: string }[]> {
  const { rows } = await reader.query<{ organisation_id: string; title: string; id: string }>(
    "select organisation_id, title, id from catalog.entry where (organisation_id, title) in (select * from unnest($1::text[], $2::text[])) and state not in ('draft', 'withdrawn')",
    [titles.map((title) => title.organisationId), titles.map((title) => title.title)],
  );
  return rows.map((row) => ({ organisationId: row.organisation_id, title: row.title, entryId: row.id }));
}

export interface ListEntriesOptions {
  organisationId?: string | undefined;
  states?: readonly EntryState[] | undefined;
  sharingType?: string | undefined;
  open?: boolean | undefined;
  waitingFor?: string | undefined;
  title?: string | undefined;
  updatedSince?: Date | undefined;
  before?: { updatedAt: Date; id: string } | undefined;
  limit: number;
  /** On `e`, placeholders from `$11`. */
  condition: SqlCondition;
}

/** The last changed first. */
export async function listEntries(reader: Reader, options: ListEntriesOptions): Promise<EntryRecord[]> {
  const { rows } = await reader.query<EntryRow>(
    `select ${columns} from catalog.entry e
     where ($1::text is null or organisation_id = $1) and ($2::text[] is null or state = any($2)) and ($3::text is null or sharing_type = $3)
       and ($4::boolean is null or open = $4) and ($5::text is null or waiting_for = $5) and ($6::text is null or position($6 in title) > 0)
       and ($7::timestamptz is null or updated_at >= $7) and ($8::timestamptz is null or (updated_at, id) < ($8, $9)) and ${options.condition.text}
     order by updated_at desc, id desc limit $10`,
    [options.organisationId ?? null, options.states ?? null, options.sharingType ?? null, options.open ?? null, options.waitingFor ?? null, options.title ?? null, options.updatedSince ?? null, options.before?.updatedAt ?? null, options.before?.id ?? null, options.limit, ...options.condition.values],
  );
  return rows.map(toRecord);
}

/** In the order of codes, which never change: what is read page by page neither repeats nor skips. `condition` is on `e`, placeholders from `$5`. */
export async function listEntriesInOrder(reader: Reader, options: { organisationId?: string | undefined; states?: readonly EntryState[] | undefined; afterCode: string; limit: number; condition: SqlCondition }): Promise<EntryRecord[]> {
  const { rows } = await reader.query<EntryRow>(
    `select ${columns} from catalog.entry e where code > $1 and ($2::text is null or organisation_id = $2) and ($3::text[] is null or state = any($3)) and ${options.condition.text} order by code limit $4`,
    [options.afterCode, options.organisationId ?? null, options.states ?? null, options.limit, ...options.condition.values],
  );
  return rows.map(toRecord);
}

/** Rows per statement: what a wide content needs stays a few megabytes. */
const rowsPerStatement = 1_000;

export async function inPieces<Item>(items: readonly Item[], work: (piece: readonly Item[]) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += rowsPerStatement) await work(items.slice(start, start + rowsPerStatement));
}

export async function insertEntries(tx: Transaction, entries: readonly EntryRecord[]): Promise<void> {
  await inPieces(entries, async (piece) => {
    await tx.query(
      `insert into catalog.entry (id, code, resource_id, organisation_id, state, waiting_for, version, title, sharing_type, open, source_reference, content, completeness, created_at, created_by, updated_at, edited_by)
       select id, code, resource_id, organisation_id, 'draft', null, version, content ->> 'title', content ->> 'sharingType', (content ->> 'open')::boolean, content ->> 'sourceReference', content, completeness, $8, $9, $8, $9
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::integer[]) as new (id, code, resource_id, organisation_id, version, content, completeness)`,
      [piece.map((entry) => entry.id), piece.map((entry) => entry.code), piece.map((entry) => entry.resourceId), piece.map((entry) => entry.organisationId), piece.map((entry) => entry.version), piece.map((entry) => JSON.stringify(entry.content)), piece.map((entry) => entry.completeness), piece[0]!.createdAt, piece[0]!.createdBy],
    );
  });
}

/** Writes content, version and completeness, and the copies of members that lists filter by. */
export async function updateContents(tx: Transaction, entries: readonly EntryRecord[]): Promise<void> {
  await translateTitle(inPieces(entries, async (piece) => {
    await tx.query(
      `update catalog.entry e set content = new.content, version = new.version, completeness = new.completeness, title = new.content ->> 'title', sharing_type = new.content ->> 'sharingType',
         open = (new.content ->> 'open')::boolean, source_reference = new.content ->> 'sourceReference', updated_at = new.updated_at, edited_by = new.edited_by
       from unnest($1::text[], $2::jsonb[], $3::text[], $4::integer[], $5::timestamptz[], $6::text[]) as new (id, content, version, completeness, updated_at, edited_by) where e.id = new.id`,
      [piece.map((entry) => entry.id), piece.map((entry) => JSON.stringify(entry.content)), piece.map((entry) => entry.version), piece.map((entry) => entry.completeness), piece.map((entry) => entry.updatedAt), piece.map((entry) => entry.editedBy)],
    );
  }));
}

/** Writes the state and what goes with it; only `transition()` calls it. */
export async function updateStates(tx: Transaction, entries: readonly EntryRecord[]): Promise<void> {
  await translateTitle(inPieces(entries, async (piece) => {
    await tx.query(
      `update catalog.entry e set state = new.state, waiting_for = new.waiting_for, version = new.version, updated_at = new.updated_at, submitted_by = new.submitted_by, submitted_at = new.submitted_at,
         approved_by = new.approved_by, published_at = new.published_at, suspended_by_organisation_id = new.suspended_by
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[], $8::text[], $9::timestamptz[], $10::text[])
         as new (id, state, waiting_for, version, updated_at, submitted_by, submitted_at, approved_by, published_at, suspended_by) where e.id = new.id`,
      [piece.map((entry) => entry.id), piece.map((entry) => entry.state), piece.map((entry) => entry.waitingFor ?? null), piece.map((entry) => entry.version), piece.map((entry) => entry.updatedAt), piece.map((entry) => entry.submittedBy ?? null), piece.map((entry) => entry.submittedAt ?? null), piece.map((entry) => entry.approvedBy ?? null), piece.map((entry) => entry.publishedAt ?? null), piece.map((entry) => entry.suspendedByOrganisationId ?? null)],
    );
  }));
}

async function translateTitle(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isUniqueViolation(error, "entry_title")) throw new ConflictError("The department has another entry of this title that was submitted at the same moment or before", { zh: "本部门已有同名目录条目", code: "entry.title-taken", nextStep: "Give the entry another title, or change the existing entry.", cause: error });
    throw error;
  }
}
