import type { CatalogEntry } from "#standards";
import type { Issue, Reader, Transaction } from "#platform";
import type { EntryState } from "../model/types.ts";
import type { ChangeReason } from "./content-diff.ts";
import { inPieces } from "./entry-repository.ts";
import { formatVersion, parseVersion } from "./version.ts";

/** One published version of an entry. */
export interface EntryVersion {
  entryId: string;
  version: string;
  content: CatalogEntry;
  changeKind: "first" | "minor" | "major";
  /** What made it minor or major. */
  changeReasons: ChangeReason[];
  changeRequestId?: string;
  publishedAt: Date;
  publishedBy: string;
}

interface EntryVersionRow extends Record<string, unknown> {
  entry_id: string;
  major: number;
  minor: number;
  content: CatalogEntry;
  change_kind: EntryVersion["changeKind"];
  change_reasons: ChangeReason[];
  change_request_id: string | null;
  published_at: Date;
  published_by: string;
}

const toVersion = (row: EntryVersionRow): EntryVersion => ({
  entryId: row.entry_id,
  version: formatVersion(row),
  content: row.content,
  changeKind: row.change_kind,
  changeReasons: row.change_reasons,
  publishedAt: row.published_at,
  publishedBy: row.published_by,
  ...(row.change_request_id === null ? {} : { changeRequestId: row.change_request_id }),
});

export async function insertVersions(tx: Transaction, versions: readonly EntryVersion[]): Promise<void> {
  await inPieces(versions, async (piece) => {
    const numbers = piece.map((version) => parseVersion(version.version));
    await tx.query(
      `insert into catalog.entry_version (entry_id, major, minor, content, change_kind, change_reasons, change_request_id, published_at, published_by)
       select * from unnest($1::text[], $2::integer[], $3::integer[], $4::jsonb[], $5::text[], $6::jsonb[], $7::text[], $8::timestamptz[], $9::text[])`,
      [piece.map((version) => version.entryId), numbers.map((number) => number.major), numbers.map((number) => number.minor), piece.map((version) => JSON.stringify(version.content)), piece.map((version) => version.changeKind), piece.map((version) => JSON.stringify(version.changeReasons)), piece.map((version) => version.changeRequestId ?? null), piece.map((version) => version.publishedAt), piece.map((version) => version.publishedBy)],
    );
  });
}

const versionColumns = "entry_id, major, minor, content, change_kind, change_reasons, change_request_id, published_at, published_by";

/** Newest first. */
export async function listVersions(reader: Reader, entryId: string): Promise<EntryVersion[]> {
  const { rows } = await reader.query<EntryVersionRow>(`select ${versionColumns} from catalog.entry_version where entry_id = $1 order by major desc, minor desc limit 1000`, [entryId]);
  return rows.map(toVersion);
}

export async function findVersion(reader: Reader, entryId: string, version: string): Promise<EntryVersion | undefined> {
  const { major, minor } = parseVersion(version);
  const { rows } = await reader.query<EntryVersionRow>(`select ${versionColumns} from catalog.entry_version where entry_id = $1 and major = $2 and minor = $3`, [entryId, major, minor]);
  return rows[0] && toVersion(rows[0]);
}

/** What happened to an entry, once. */
export interface EntryHistoryRecord {
  action: string;
  fromState?: EntryState;
  toState: EntryState;
  at: Date;
  actorId: string;
  /** Of a user, when it was read. */
  actorName?: string;
  reason?: string;
  /** On a return: everything to put right, all at once. */
  issues: Issue[];
  version: string;
  changeRequestId?: string;
}

interface EntryHistoryRow extends Record<string, unknown> {
  action: string;
  from_state: EntryState | null;
  to_state: EntryState;
  at: Date;
  actor_id: string;
  display_name: string | null;
  reason: string | null;
  issues: Issue[] | null;
  version: string;
  change_request_id: string | null;
}

export async function insertHistory(tx: Transaction, records: readonly (EntryHistoryRecord & { entryId: string })[]): Promise<void> {
  await inPieces(records, async (piece) => {
    await tx.query(
      `insert into catalog.entry_history (entry_id, change_request_id, action, from_state, to_state, at, actor_id, reason, issues, version)
       select entry_id, change_request_id, action, from_state, to_state, at, actor_id, reason, issues, version
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::jsonb[], $10::text[]) with ordinality
         as new (entry_id, change_request_id, action, from_state, to_state, at, actor_id, reason, issues, version, n) order by n`,
      [piece.map((record) => record.entryId), piece.map((record) => record.changeRequestId ?? null), piece.map((record) => record.action), piece.map((record) => record.fromState ?? null), piece.map((record) => record.toState), piece.map((record) => record.at), piece.map((record) => record.actorId), piece.map((record) => record.reason ?? null), piece.map((record) => (record.issues.length === 0 ? null : JSON.stringify(record.issues))), piece.map((record) => record.version)],
    );
  });
}

/** Oldest first. */
export async function listHistory(reader: Reader, entryId: string): Promise<EntryHistoryRecord[]> {
  const { rows } = await reader.query<EntryHistoryRow>("select h.action, h.from_state, h.to_state, h.at, h.actor_id, u.display_name, h.reason, h.issues, h.version, h.change_request_id from catalog.entry_history h left join catalog.app_user u on u.id = h.actor_id where h.entry_id = $1 order by h.id limit 2000", [entryId]);
  return rows.map((row) => ({
    action: row.action,
    toState: row.to_state,
    at: row.at,
    actorId: row.actor_id,
    issues: row.issues ?? [],
    version: row.version,
    ...(row.display_name === null ? {} : { actorName: row.display_name }),
    ...(row.from_state === null ? {} : { fromState: row.from_state }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.change_request_id === null ? {} : { changeRequestId: row.change_request_id }),
  }));
}
