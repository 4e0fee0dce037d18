import type { CatalogEntry } from "#standards";
import { ConflictError, isUniqueViolation, type Reader, type SqlCondition, type Transaction } from "#platform";
import type { Entry } from "../model/types.ts";
import type { ChangeRequestState } from "./change-request-transitions.ts";

/** An edit of a published entry that is held until it is approved; the published version stays up meanwhile. */
export interface ChangeRequest {
  id: string;
  entryId: string;
  organisationId: string;
  /** The version that it changes. */
  baseVersion: string;
  state: ChangeRequestState;
  waitingFor?: NonNullable<Entry["waitingFor"]>;
  /** The whole content as it would become. */
  content: CatalogEntry;
  /** Why the entry changes. */
  reason: string;
  createdAt: Date;
  createdBy: string;
  updatedAt: Date;
  editedBy: string;
  submittedAt?: Date;
  submittedBy?: string;
  approvedBy?: string;
  decidedAt?: Date;
  /** The version that it became. */
  resultVersion?: string;
}

interface ChangeRequestRow extends Record<string, unknown> {
  id: string;
  entry_id: string;
  organisation_id: string;
  base_version: string;
  state: ChangeRequestState;
  waiting_for: NonNullable<Entry["waitingFor"]> | null;
  content: CatalogEntry;
  reason: string;
  created_at: Date;
  created_by: string;
  updated_at: Date;
  edited_by: string;
  submitted_at: Date | null;
  submitted_by: string | null;
  approved_by: string | null;
  decided_at: Date | null;
  result_version: string | null;
}

const columnNames = ["id", "entry_id", "organisation_id", "base_version", "state", "waiting_for", "content", "reason", "created_at", "created_by", "updated_at", "edited_by", "submitted_at", "submitted_by", "approved_by", "decided_at", "result_version"] as const;
const columns = columnNames.map((name) => `c.${name}`).join(", ");

const toChangeRequest = (row: ChangeRequestRow): ChangeRequest => ({
  id: row.id,
  entryId: row.entry_id,
  organisationId: row.organisation_id,
  baseVersion: row.base_version,
  state: row.state,
  content: row.content,
  reason: row.reason,
  createdAt: row.created_at,
  createdBy: row.created_by,
  updatedAt: row.updated_at,
  editedBy: row.edited_by,
  ...(row.waiting_for === null ? {} : { waitingFor: row.waiting_for }),
  ...(row.submitted_at === null ? {} : { submittedAt: row.submitted_at }),
  ...(row.submitted_by === null ? {} : { submittedBy: row.submitted_by }),
  ...(row.approved_by === null ? {} : { approvedBy: row.approved_by }),
  ...(row.decided_at === null ? {} : { decidedAt: row.decided_at }),
  ...(row.result_version === null ? {} : { resultVersion: row.result_version }),
});

const valuesOf = (request: ChangeRequest) => [request.id, request.entryId, request.organisationId, request.baseVersion, request.state, request.waitingFor ?? null, JSON.stringify(request.content), request.reason, request.createdAt, request.createdBy, request.updatedAt, request.editedBy, request.submittedAt ?? null, request.submittedBy ?? null, request.approvedBy ?? null, request.decidedAt ?? null, request.resultVersion ?? null];

export async function insertChangeRequest(tx: Transaction, request: ChangeRequest): Promise<void> {
  try {
    await tx.query(`insert into catalog.entry_change_request (${columnNames.join(", ")}) values (${columnNames.map((_, index) => `$${index + 1}`).join(", ")})`, valuesOf(request));
  } catch (error) {
    if (isUniqueViolation(error, "entry_change_request_one_open")) throw new ConflictError(`Entry ${request.entryId} has an open change request`, { zh: "该条目已有未完成的变更申请", code: "change-request.one-open", nextStep: "Edit or dismiss the open one.", cause: error });
    throw error;
  }
}

const updated = columnNames.slice(4);

export async function updateChangeRequest(tx: Transaction, request: ChangeRequest): Promise<void> {
  await tx.query(`update catalog.entry_change_request set ${updated.map((name, index) => `${name} = $${index + 2}`).join(", ")} where id = $1`, [request.id, ...valuesOf(request).slice(4)]);
}

export async function findChangeRequest(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<ChangeRequest | undefined> {
  const { rows } = await reader.query<ChangeRequestRow>(`select ${columns} from catalog.entry_change_request c where id = $1 ${lock}`, [id]);
  return rows[0] && toChangeRequest(rows[0]);
}

export async function findOpenChangeRequest(tx: Transaction, entryId: string): Promise<ChangeRequest | undefined> {
  const { rows } = await tx.query<ChangeRequestRow>(`select ${columns} from catalog.entry_change_request c where entry_id = $1 and state in ('draft', 'department-review', 'city-review') for update`, [entryId]);
  return rows[0] && toChangeRequest(rows[0]);
}

export interface ListChangeRequestsOptions {
  entryId?: string | undefined;
  organisationId?: string | undefined;
  states?: readonly ChangeRequestState[] | undefined;
  waitingFor?: string | undefined;
  before?: { updatedAt: Date; id: string } | undefined;
  limit: number;
  /** On the entry `e`, placeholders from `$8`. */
  condition: SqlCondition;
}

/** The last changed first. */
export async function listChangeRequests(reader: Reader, options: ListChangeRequestsOptions): Promise<ChangeRequest[]> {
  const { rows } = await reader.query<ChangeRequestRow>(
    `select ${columns} from catalog.entry_change_request c join catalog.entry e on e.id = c.entry_id
     where ($1::text is null or c.entry_id = $1) and ($2::text is null or c.organisation_id = $2) and ($3::text[] is null or c.state = any($3)) and ($4::text is null or c.waiting_for = $4)
       and ($5::timestamptz is null or (c.updated_at, c.id) < ($5, $6)) and ${options.condition.text}
     order by c.updated_at desc, c.id desc limit $7`,
    [options.entryId ?? null, options.organisationId ?? null, options.states ?? null, options.waitingFor ?? null, options.before?.updatedAt ?? null, options.before?.id ?? null, options.limit, ...options.condition.values],
  );
  return rows.map(toChangeRequest);
}
