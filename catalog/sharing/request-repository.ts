import type { SharingType } from "#standards";
import type { Reader, Transaction } from "#platform";
import type { Decision, Extension, MaterialItem, MaterialReturn, Narrowing, Opinion, Request, RequestAction, RequestContent, RequestFilter, RequestState, RequestStep, ReviewOffice, ReviewPart, WaitingParty } from "./request-model.ts";
import { columnsOf, present, type Keyset, type ListAccess } from "./rows.ts";

interface RequestRow extends Record<string, unknown> {
  id: string;
  number: string;
  entry_id: string;
  entry_version: string;
  entry_title: string;
  consumer_organisation_id: string;
  provider_organisation_id: string;
  application_id: string | null;
  state: RequestState;
  waiting_for: WaitingParty[];
  overdue: boolean;
  sharing_type: SharingType;
  review_body: boolean;
  round: number;
  content: RequestContent;
  decision: Decision | null;
  extension: Extension | null;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  requesters: string[];
  internally_approved_by: string | null;
  sent_at: Date | null;
  decided_at: Date | null;
}

const columns = "id, number, entry_id, entry_version, entry_title, consumer_organisation_id, provider_organisation_id, application_id, state, waiting_for, overdue, sharing_type, review_body, round, content, decision, extension, created_by, created_at, updated_at, requesters, internally_approved_by, sent_at, decided_at";

export const requestColumn = columnsOf({ consumerOrganisationId: "request.consumer_organisation_id", providerOrganisationId: "request.provider_organisation_id", applicationId: "request.application_id", sent: "(request.sent_at is not null)", reviewBody: "request.review_body" });

const toRequest = (row: RequestRow): Request => ({
  id: row.id,
  number: row.number,
  entryId: row.entry_id,
  entryVersion: row.entry_version,
  entryTitle: row.entry_title,
  consumerOrganisationId: row.consumer_organisation_id,
  providerOrganisationId: row.provider_organisation_id,
  state: row.state,
  waitingFor: row.waiting_for,
  overdue: row.overdue,
  sharingType: row.sharing_type,
  reviewBody: row.review_body,
  round: row.round,
  content: row.content,
  createdBy: row.created_by,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  requesters: row.requesters,
  ...present({ applicationId: row.application_id, decision: row.decision, extension: row.extension, internallyApprovedBy: row.internally_approved_by, sentAt: row.sent_at, decidedAt: row.decided_at }),
});

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

const valuesOf = (request: Request): unknown[] => [
  request.id, request.number, request.entryId, request.entryVersion, request.entryTitle, request.consumerOrganisationId, request.providerOrganisationId, request.applicationId ?? null, request.state, request.waitingFor, request.overdue, request.sharingType, request.reviewBody, request.round,
  json(request.content), json(request.decision), json(request.extension), request.createdBy, request.createdAt, request.updatedAt, request.requesters, request.internallyApprovedBy ?? null, request.sentAt ?? null, request.decidedAt ?? null,
];

export async function insertRequest(tx: Transaction, request: Request): Promise<void> {
  await tx.query(`insert into catalog.request (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`, valuesOf(request));
}

export async function updateRequest(tx: Transaction, request: Request): Promise<void> {
  const { rowCount } = await tx.query(
    `update catalog.request set number = $2, entry_id = $3, entry_version = $4, entry_title = $5, consumer_organisation_id = $6, provider_organisation_id = $7, application_id = $8, state = $9, waiting_for = $10, overdue = $11, sharing_type = $12, review_body = $13, round = $14, content = $15, decision = $16, extension = $17, created_by = $18, created_at = $19, updated_at = $20, requesters = $21, internally_approved_by = $22, sent_at = $23, decided_at = $24 where id = $1`,
    valuesOf(request),
  );
  if (rowCount !== 1) throw new Error(`Request ${request.id} vanished while it was locked`);
}

export async function findRequest(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Request | undefined> {
  const { rows } = await reader.query<RequestRow>(`select ${columns} from catalog.request where id = $1 ${lock}`, [id]);
  return rows[0] && toRequest(rows[0]);
}

export async function findRequests(reader: Reader, ids: readonly string[]): Promise<Map<string, Request>> {
  const { rows } = await reader.query<RequestRow>(`select ${columns} from catalog.request where id = any($1)`, [ids]);
  return new Map(rows.map((row) => [row.id, toRequest(row)]));
}

export interface ListRequestsOptions {
  access: ListAccess;
  filter: RequestFilter;
  after: Keyset | undefined;
  limit: number;
}

/** What moved last comes first. */
export async function listRequests(reader: Reader, { access, filter, after, limit }: ListRequestsOptions): Promise<Request[]> {
  const visible = access(requestColumn, 9);
  const { rows } = await reader.query<RequestRow>(
    `select ${columns} from catalog.request
     where ($1::text[] is null or state = any($1)) and ($2::text is null or entry_id = $2) and ($3::text is null or consumer_organisation_id = $3)
       and ($4::text is null or provider_organisation_id = $4) and ($5::text is null or waiting_for @> array[$5])
       and ($6::timestamptz is null or (updated_at, id) < ($6, $7)) and ${visible.text}
     order by updated_at desc, id desc limit $8`,
    [filter.states ?? null, filter.entryId ?? null, filter.consumerOrganisationId ?? null, filter.providerOrganisationId ?? null, filter.waitingFor ?? null, after?.at ?? null, after?.id ?? null, limit, ...visible.values],
  );
  return rows.map(toRequest);
}

/** A place where a caller is waited for, in one of its departments' roles. */
export interface Desk {
  party: WaitingParty;
  /** Whose requests: those asked by, or asked of, this organisation; absent: everybody's. */
  consumerOrganisationId?: string;
  providerOrganisationId?: string;
}

/** Requests that wait at one of the desks, oldest first. */
export async function listWaiting(reader: Reader, { access, desks, limit }: { access: ListAccess; desks: readonly Desk[]; limit: number }): Promise<Request[]> {
  if (desks.length === 0) return [];
  const visible = access(requestColumn, 5);
  const { rows } = await reader.query<RequestRow>(
    `select ${columns} from catalog.request
     where waiting_for && $1::text[] and exists (select 1 from unnest($1::text[], $2::text[], $3::text[]) as desk (party, consumer, provider)
                   where waiting_for @> array[party] and (consumer is null or consumer = consumer_organisation_id) and (provider is null or provider = provider_organisation_id))
       and ${visible.text}
     order by updated_at, id limit $4`,
    [desks.map((desk) => desk.party), desks.map((desk) => desk.consumerOrganisationId ?? null), desks.map((desk) => desk.providerOrganisationId ?? null), limit, ...visible.values],
  );
  return rows.map(toRequest);
}

interface StepRow extends Record<string, unknown> {
  id: number;
  request_id: string;
  action: RequestAction;
  from_state: RequestState;
  to_state: RequestState;
  at: Date;
  actor_id: string;
  actor_organisation_id: string | null;
  reason: string | null;
  detail: Record<string, unknown>;
}

export async function insertStep(tx: Transaction, step: Omit<RequestStep, "id">): Promise<void> {
  await tx.query(
    "insert into catalog.request_step (request_id, action, from_state, to_state, at, actor_id, actor_organisation_id, reason, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    [step.requestId, step.action, step.fromState, step.toState, step.at, step.actorId, step.actorOrganisationId ?? null, step.reason ?? null, JSON.stringify(step.detail)],
  );
}

export async function listSteps(reader: Reader, requestId: string): Promise<RequestStep[]> {
  const { rows } = await reader.query<StepRow>("select id, request_id, action, from_state, to_state, at, actor_id, actor_organisation_id, reason, detail from catalog.request_step where request_id = $1 order by id", [requestId]);
  return rows.map((row) => ({ id: row.id, requestId: row.request_id, action: row.action, fromState: row.from_state, toState: row.to_state, at: row.at, actorId: row.actor_id, detail: row.detail, ...present({ actorOrganisationId: row.actor_organisation_id, reason: row.reason }) }));
}

interface OpinionRow extends Record<string, unknown> {
  request_id: string;
  round: number;
  part: ReviewPart;
  opinion: Opinion["opinion"];
  reason: string | null;
  legal_basis: string | null;
  narrowing: Narrowing | null;
  actor_id: string;
  organisation_id: string;
  at: Date;
}

export async function insertOpinion(tx: Transaction, requestId: string, opinion: Opinion): Promise<void> {
  await tx.query(
    "insert into catalog.request_opinion (request_id, round, part, opinion, reason, legal_basis, narrowing, actor_id, organisation_id, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    [requestId, opinion.round, opinion.part, opinion.opinion, opinion.reason ?? null, opinion.legalBasis ?? null, json(opinion.narrowing), opinion.actorId, opinion.organisationId, opinion.at],
  );
}

export async function listOpinions(reader: Reader, requestIds: readonly string[]): Promise<Map<string, Opinion[]>> {
  const { rows } = await reader.query<OpinionRow>("select request_id, round, part, opinion, reason, legal_basis, narrowing, actor_id, organisation_id, at from catalog.request_opinion where request_id = any($1) order by at, part", [requestIds]);
  const byRequest = new Map<string, Opinion[]>(requestIds.map((id) => [id, []]));
  for (const row of rows) {
    byRequest.get(row.request_id)!.push({ round: row.round, part: row.part, opinion: row.opinion, actorId: row.actor_id, organisationId: row.organisation_id, at: row.at, ...present({ reason: row.reason, legalBasis: row.legal_basis, narrowing: row.narrowing }) });
  }
  return byRequest;
}

interface ReturnRow extends Record<string, unknown> {
  round: number;
  part: ReviewPart;
  items: MaterialItem[];
  content: RequestContent;
  actor_id: string;
  at: Date;
}

export async function insertReturn(tx: Transaction, requestId: string, materialReturn: MaterialReturn): Promise<void> {
  await tx.query("insert into catalog.request_return (request_id, round, part, items, content, actor_id, at) values ($1, $2, $3, $4, $5, $6, $7)", [requestId, materialReturn.round, materialReturn.part, JSON.stringify(materialReturn.items), JSON.stringify(materialReturn.content), materialReturn.actorId, materialReturn.at]);
}

export async function listReturns(reader: Reader, requestId: string): Promise<MaterialReturn[]> {
  const { rows } = await reader.query<ReturnRow>("select round, part, items, content, actor_id, at from catalog.request_return where request_id = $1 order by round", [requestId]);
  return rows.map((row) => ({ round: row.round, part: row.part, items: row.items, content: row.content, actorId: row.actor_id, at: row.at }));
}

/** Which office of the four an organisation speaks for. */
export async function findOfficeOf(reader: Reader, organisationId: string | undefined): Promise<ReviewOffice | undefined> {
  if (organisationId === undefined) return undefined;
  const { rows } = await reader.query<{ office: ReviewOffice }>("select office from catalog.review_office where organisation_id = $1", [organisationId]);
  return rows[0]?.office;
}

export async function listOffices(reader: Reader): Promise<{ office: ReviewOffice; organisationId: string }[]> {
  const { rows } = await reader.query<{ office: ReviewOffice; organisation_id: string }>("select office, organisation_id from catalog.review_office order by office");
  return rows.map((row) => ({ office: row.office, organisationId: row.organisation_id }));
}

export async function upsertOffice(tx: Transaction, assignment: { office: ReviewOffice; organisationId: string; at: Date; actorId: string }): Promise<void> {
  await tx.query(
    "insert into catalog.review_office (office, organisation_id, assigned_at, assigned_by) values ($1, $2, $3, $4) on conflict (office) do update set organisation_id = excluded.organisation_id, assigned_at = excluded.assigned_at, assigned_by = excluded.assigned_by",
    [assignment.office, assignment.organisationId, assignment.at, assignment.actorId],
  );
}
