import type { Reader, Transaction } from "#platform";
import { grantEventKinds, type Grant, type GrantChange, type GrantFilter, type GrantVersion, type Metering, type StopConfirmation, type StopParty, type UsageRecord } from "./grant-model.ts";
import { columnsOf, present, type ListAccess } from "./rows.ts";

interface GrantRow extends Record<string, unknown> {
  id: string;
  version: number;
  request_id: string;
  entry_id: string;
  entry_version: string;
  provider_organisation_id: string;
  consumer_organisation_id: string;
  application_id: string | null;
  legal_basis: string;
  purpose: string;
  action: Grant["action"];
  delivery_mode: Grant["deliveryMode"];
  fields: string[];
  key_fields: string[];
  row_condition: Grant["rowCondition"] | null;
  masks: Grant["masks"] | null;
  valid_from: string;
  valid_until: string;
  state: Grant["state"];
  issued_at: Date;
  revoked_at: Date | null;
  revocation_reason: string | null;
}

const columns = "id, version, request_id, entry_id, entry_version, provider_organisation_id, consumer_organisation_id, application_id, legal_basis, purpose, action, delivery_mode, fields, key_fields, row_condition, masks, valid_from, valid_until, state, issued_at, revoked_at, revocation_reason";

const grantColumn = columnsOf({ consumerOrganisationId: "consumer_organisation_id", providerOrganisationId: "provider_organisation_id", applicationId: "application_id" });

const toGrant = (row: GrantRow): Grant => ({
  id: row.id,
  version: row.version,
  requestId: row.request_id,
  entryId: row.entry_id,
  entryVersion: row.entry_version,
  providerOrganisationId: row.provider_organisation_id,
  consumerOrganisationId: row.consumer_organisation_id,
  legalBasis: row.legal_basis,
  purpose: row.purpose,
  action: row.action,
  deliveryMode: row.delivery_mode,
  fields: row.fields,
  keyFields: row.key_fields,
  validFrom: row.valid_from,
  validUntil: row.valid_until,
  state: row.state,
  issuedAt: row.issued_at.toISOString(),
  ...present({ applicationId: row.application_id, rowCondition: row.row_condition, masks: row.masks, revokedAt: row.revoked_at?.toISOString(), revocationReason: row.revocation_reason }),
});

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const valuesOf = (g: Grant): unknown[] => [g.id, g.version, g.requestId, g.entryId, g.entryVersion, g.providerOrganisationId, g.consumerOrganisationId, g.applicationId ?? null, g.legalBasis, g.purpose, g.action, g.deliveryMode, g.fields, g.keyFields, json(g.rowCondition), json(g.masks), g.validFrom, g.validUntil, g.state, g.issuedAt, g.revokedAt ?? null, g.revocationReason ?? null];

export async function insertGrant(tx: Transaction, grant: Grant): Promise<void> {
  await tx.query(`insert into catalog.sharing_grant (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`, valuesOf(grant));
}

/** Parties, entry and request of a grant never change; scope and state do. */
export async function updateGrant(tx: Transaction, g: Grant): Promise<void> {
  await tx.query(
    "update catalog.sharing_grant set version = $2, fields = $3, row_condition = $4, masks = $5, valid_until = $6, state = $7, revoked_at = $8, revocation_reason = $9 where id = $1",
    [g.id, g.version, g.fields, json(g.rowCondition), json(g.masks), g.validUntil, g.state, g.revokedAt ?? null, g.revocationReason ?? null],
  );
}

export async function findGrant(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Grant | undefined> {
  const { rows } = await reader.query<GrantRow>(`select ${columns} from catalog.sharing_grant where id = $1 ${lock}`, [id]);
  return rows[0] && toGrant(rows[0]);
}

export async function findGrantOfRequest(reader: Reader, requestId: string): Promise<Grant | undefined> {
  const { rows } = await reader.query<GrantRow>(`select ${columns} from catalog.sharing_grant where request_id = $1`, [requestId]);
  return rows[0] && toGrant(rows[0]);
}

export interface ListGrantsOptions extends GrantFilter {
  /** Absent only for the platform's own work. */
  access?: ListAccess;
  ids?: readonly string[];
  afterId?: string;
  limit?: number;
}

/** By id, which is by time of issue. */
export async function selectGrants(reader: Reader, { access, ids, afterId, limit, ...filter }: ListGrantsOptions): Promise<Grant[]> {
  const visible = access?.(grantColumn, 11) ?? { text: "true", values: [] };
  const { rows } = await reader.query<GrantRow>(
    `select ${columns} from catalog.sharing_grant
     where ($1::text[] is null or state = any($1)) and ($2::text is null or entry_id = $2) and ($3::text is null or request_id = $3)
       and ($4::text is null or consumer_organisation_id = $4) and ($5::text is null or provider_organisation_id = $5)
       and ($6::text is null or application_id = $6) and ($7::text[] is null or delivery_mode = any($7)) and id > $8 and ($10::text[] is null or id = any($10)) and ${visible.text}
     order by id limit $9`,
    [filter.states ?? null, filter.entryId ?? null, filter.requestId ?? null, filter.consumerOrganisationId ?? null, filter.providerOrganisationId ?? null, filter.applicationId ?? null, filter.deliveryModes ?? null, afterId ?? "", limit ?? null, ids ?? null, ...visible.values],
  );
  return rows.map(toGrant);
}

/** Grants whose last day is over. */
export async function lockExpiredGrants(tx: Transaction, today: string, limit: number): Promise<Grant[]> {
  const { rows } = await tx.query<GrantRow>(`select ${columns} from catalog.sharing_grant where state in ('active', 'suspended') and valid_until < $1 order by id limit $2 for update skip locked`, [today, limit]);
  return rows.map(toGrant);
}

export async function insertGrantVersion(tx: Transaction, version: GrantVersion): Promise<void> {
  await tx.query("insert into catalog.grant_version (grant_id, version, change, content, reason, actor_id, actor_organisation_id, at) values ($1, $2, $3, $4, $5, $6, $7, $8)", [version.grant.id, version.version, version.change, JSON.stringify(version.grant), version.reason ?? null, version.actorId, version.actorOrganisationId ?? null, version.at]);
}

export async function listGrantVersions(reader: Reader, grantId: string): Promise<GrantVersion[]> {
  const { rows } = await reader.query<{ version: number; change: GrantChange; content: Grant; reason: string | null; actor_id: string; actor_organisation_id: string | null; at: Date }>("select version, change, content, reason, actor_id, actor_organisation_id, at from catalog.grant_version where grant_id = $1 order by version", [grantId]);
  return rows.map((row) => ({ version: row.version, change: row.change, grant: row.content, actorId: row.actor_id, at: row.at, ...present({ reason: row.reason, actorOrganisationId: row.actor_organisation_id }) }));
}

/** False when that party had confirmed before. */
export async function insertStop(tx: Transaction, stop: { grantId: string; party: StopParty; at: Date; actorId: string }): Promise<boolean> {
  const { rowCount } = await tx.query("insert into catalog.grant_stop (grant_id, party, at, actor_id) values ($1, $2, $3, $4) on conflict do nothing", [stop.grantId, stop.party, stop.at, stop.actorId]);
  return rowCount === 1;
}

export async function listStops(reader: Reader, grantId: string): Promise<StopConfirmation[]> {
  const { rows } = await reader.query<{ party: StopParty; at: Date; actor_id: string }>("select party, at, actor_id from catalog.grant_stop where grant_id = $1 order by at, party", [grantId]);
  return rows.map((row) => ({ party: row.party, at: row.at, actorId: row.actor_id }));
}

/**
 * Version of all grants taken together: the position of the newest grant event. Events are written in the transaction
 * of the change and have no late arrivals, so equal numbers mean equal policies.
 */
export async function readPolicyVersion(reader: Reader): Promise<number> {
  const { rows } = await reader.query<{ version: number }>("select coalesce(max(newest.position), 0) as version from unnest($1::text[]) as kinds (kind) cross join lateral (select position from platform.event_log where event_log.kind = kinds.kind order by position desc limit 1) as newest", [grantEventKinds]);
  return rows[0]!.version;
}

export async function addMetering(tx: Transaction, meterings: readonly Metering[]): Promise<void> {
  await tx.query(
    `insert into catalog.grant_meter as meter (grant_id, day, rows, bytes, calls)
     select grant_id, day, sum(rows), sum(bytes), sum(calls) from unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[], $5::bigint[]) as given (grant_id, day, rows, bytes, calls) group by grant_id, day order by grant_id, day
     on conflict (grant_id, day) do update set rows = meter.rows + excluded.rows, bytes = meter.bytes + excluded.bytes, calls = meter.calls + excluded.calls`,
    [meterings.map((m) => m.grantId), meterings.map((m) => m.day), meterings.map((m) => m.rows), meterings.map((m) => m.bytes), meterings.map((m) => m.calls)],
  );
}

export async function listMetering(reader: Reader, grantId: string, fromDay: string, untilDay: string): Promise<Metering[]> {
  const { rows } = await reader.query<{ day: string; rows: number; bytes: number; calls: number }>("select day, rows, bytes, calls from catalog.grant_meter where grant_id = $1 and day between $2 and $3 order by day", [grantId, fromDay, untilDay]);
  return rows.map((row) => ({ grantId, ...row }));
}

export async function insertUsage(tx: Transaction, record: UsageRecord): Promise<void> {
  await tx.query(
    "insert into catalog.usage_record (id, grant_id, kind, scene, process, effect, from_day, until_day, organisation_id, actor_id, recorded_at, keep_until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    [record.id, record.grantId, record.kind, record.scene, record.process, record.effect ?? null, record.fromDay, record.untilDay, record.organisationId, record.actorId, record.recordedAt, record.keepUntil],
  );
}

interface UsageRow extends Record<string, unknown> {
  id: string;
  kind: UsageRecord["kind"];
  scene: string;
  process: string;
  effect: string | null;
  from_day: string;
  until_day: string;
  organisation_id: string;
  actor_id: string;
  recorded_at: Date;
  keep_until: string;
}

export async function listUsage(reader: Reader, grantId: string): Promise<UsageRecord[]> {
  const { rows } = await reader.query<UsageRow>("select id, kind, scene, process, effect, from_day, until_day, organisation_id, actor_id, recorded_at, keep_until from catalog.usage_record where grant_id = $1 order by recorded_at, id", [grantId]);
  return rows.map((row) => ({ id: row.id, grantId, kind: row.kind, scene: row.scene, process: row.process, fromDay: row.from_day, untilDay: row.until_day, organisationId: row.organisation_id, actorId: row.actor_id, recordedAt: row.recorded_at, keepUntil: row.keep_until, ...present({ effect: row.effect }) }));
}
