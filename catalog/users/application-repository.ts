import type { OrganisationKind } from "#standards";
import type { Reader, SqlCondition, Transaction } from "#platform";
import type { Application } from "../model/types.ts";

/** A token of an application as it can be shown: never the token itself. */
export interface ApiToken {
  id: string;
  applicationId: string;
  label: string;
  createdAt: Date;
  createdBy: string;
  expiresAt: Date;
  lastUsedAt?: Date;
  revokedAt?: Date;
}

interface ApplicationRow extends Record<string, unknown> {
  id: string;
  name: string;
  organisation_id: string;
  active: boolean;
}

interface ApiTokenRow extends Record<string, unknown> {
  id: string;
  application_id: string;
  label: string;
  created_at: Date;
  created_by: string;
  expires_at: Date;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

const toApplication = (row: ApplicationRow): Application => ({ id: row.id, name: row.name, organisationId: row.organisation_id, active: row.active });

const toApiToken = (row: ApiTokenRow): ApiToken => ({
  id: row.id,
  applicationId: row.application_id,
  label: row.label,
  createdAt: row.created_at,
  createdBy: row.created_by,
  expiresAt: row.expires_at,
  ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
});

export async function insertApplication(tx: Transaction, application: Application, at: Date): Promise<void> {
  await tx.query("insert into catalog.application (id, name, organisation_id, active, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)", [application.id, application.name, application.organisationId, application.active, at]);
}

export async function updateApplication(tx: Transaction, application: Application, at: Date): Promise<void> {
  await tx.query("update catalog.application set name = $2, active = $3, updated_at = $4 where id = $1", [application.id, application.name, application.active, at]);
}

export async function findApplication(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Application | undefined> {
  const { rows } = await reader.query<ApplicationRow>(`select id, name, organisation_id, active from catalog.application where id = $1 ${lock}`, [id]);
  return rows[0] && toApplication(rows[0]);
}

/** Those of `ids` that exist, by id. */
export async function findApplications(reader: Reader, ids: readonly string[]): Promise<Map<string, Application>> {
  const { rows } = await reader.query<ApplicationRow>("select id, name, organisation_id, active from catalog.application where id = any($1)", [ids]);
  return new Map(rows.map((row) => [row.id, toApplication(row)]));
}

/** By id; the condition's placeholders start at `$4`. */
export async function listApplications(reader: Reader, { organisationId, afterId, limit, condition }: { organisationId?: string | undefined; afterId: string; limit: number; condition: SqlCondition }): Promise<Application[]> {
  const { rows } = await reader.query<ApplicationRow>(`select id, name, organisation_id, active from catalog.application where ($1::text is null or organisation_id = $1) and id > $2 and ${condition.text} order by id limit $3`, [organisationId ?? null, afterId, limit, ...condition.values]);
  return rows.map(toApplication);
}

export async function insertApiToken(tx: Transaction, token: ApiToken, tokenHash: string): Promise<void> {
  await tx.query("insert into catalog.api_token (id, application_id, token_hash, label, created_at, created_by, expires_at) values ($1, $2, $3, $4, $5, $6, $7)", [token.id, token.applicationId, tokenHash, token.label, token.createdAt, token.createdBy, token.expiresAt]);
}

export async function listApiTokens(reader: Reader, applicationId: string): Promise<ApiToken[]> {
  const { rows } = await reader.query<ApiTokenRow>("select id, application_id, label, created_at, created_by, expires_at, last_used_at, revoked_at from catalog.api_token where application_id = $1 order by created_at desc, id limit 200", [applicationId]);
  return rows.map(toApiToken);
}

export async function findApiToken(reader: Reader, tokenId: string): Promise<ApiToken | undefined> {
  const { rows } = await reader.query<ApiTokenRow>("select id, application_id, label, created_at, created_by, expires_at, last_used_at, revoked_at from catalog.api_token where id = $1", [tokenId]);
  return rows[0] && toApiToken(rows[0]);
}

export async function revokeApiToken(tx: Transaction, tokenId: string, at: Date): Promise<boolean> {
  const { rowCount } = await tx.query("update catalog.api_token set revoked_at = $2 where id = $1 and revoked_at is null", [tokenId, at]);
  return rowCount > 0;
}

export interface TokenHolder {
  tokenId: string;
  applicationId: string;
  name: string;
  organisationId: string;
  organisationKind: OrganisationKind;
  lastUsedAt?: Date;
}

/** The application of a token, unless the token has expired or was revoked, or the application or its body is closed. */
export async function findTokenHolder(reader: Reader, tokenHash: string, now: Date): Promise<TokenHolder | undefined> {
  const { rows } = await reader.query<{ id: string; application_id: string; name: string; organisation_id: string; kind: OrganisationKind; last_used_at: Date | null }>({
    name: "catalog-token-holder",
    text: `select t.id, t.application_id, a.name, a.organisation_id, o.kind, t.last_used_at
           from catalog.api_token t join catalog.application a on a.id = t.application_id join catalog.organisation o on o.id = a.organisation_id
           where t.token_hash = $1 and t.revoked_at is null and t.expires_at > $2 and a.active and o.active`,
    values: [tokenHash, now],
  });
  const row = rows[0];
  return row && { tokenId: row.id, applicationId: row.application_id, name: row.name, organisationId: row.organisation_id, organisationKind: row.kind, ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }) };
}

export async function touchToken(tx: Transaction, tokenId: string, at: Date): Promise<void> {
  await tx.query("update catalog.api_token set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)", [tokenId, at]);
}
