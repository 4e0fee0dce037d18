import type { OrganisationKind, Role } from "#standards";
import type { Reader, Transaction } from "#platform";

export interface Session {
  id: string;
  userId: string;
  createdAt: Date;
  lastUsedAt: Date;
  /** However much it is used, it ends here. */
  expiresAt: Date;
  sourceAddress?: string;
}

interface SessionRow extends Record<string, unknown> {
  id: string;
  user_id: string;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
  source_address: string | null;
}

const columns = "id, user_id, created_at, last_used_at, expires_at, source_address";

const toSession = (row: SessionRow): Session => ({ id: row.id, userId: row.user_id, createdAt: row.created_at, lastUsedAt: row.last_used_at, expiresAt: row.expires_at, ...(row.source_address === null ? {} : { sourceAddress: row.source_address }) });

export async function insertSession(tx: Transaction, session: Session, tokenHash: string): Promise<void> {
  await tx.query("insert into catalog.session (id, token_hash, user_id, created_at, last_used_at, expires_at, source_address) values ($1, $2, $3, $4, $5, $6, $7)", [session.id, tokenHash, session.userId, session.createdAt, session.lastUsedAt, session.expiresAt, session.sourceAddress ?? null]);
}

export interface SessionHolder {
  session: Session;
  displayName: string;
  organisationId: string;
  organisationKind: OrganisationKind;
  roles: Role[];
}

/** The session of a token with the user behind it, unless either has ended, is locked or belongs to a closed body. */
export async function findSessionHolder(reader: Reader, tokenHash: string, now: Date, idleSince: Date): Promise<SessionHolder | undefined> {
  const { rows } = await reader.query<SessionRow & { display_name: string; organisation_id: string; kind: OrganisationKind; roles: Role[] }>({
    name: "catalog-session-holder",
    text: `select s.id, s.user_id, s.created_at, s.last_used_at, s.expires_at, s.source_address, u.display_name, u.organisation_id, o.kind, u.roles
           from catalog.session s join catalog.app_user u on u.id = s.user_id join catalog.organisation o on o.id = u.organisation_id
           where s.token_hash = $1 and s.ended_at is null and s.expires_at > $2 and s.last_used_at > $3 and u.active and u.locked_at is null and o.active`,
    values: [tokenHash, now, idleSince],
  });
  const row = rows[0];
  return row && { session: toSession(row), displayName: row.display_name, organisationId: row.organisation_id, organisationKind: row.kind, roles: row.roles };
}

export async function touchSession(tx: Transaction, id: string, at: Date): Promise<void> {
  await tx.query("update catalog.session set last_used_at = $2 where id = $1 and last_used_at < $2", [id, at]);
}

/** Sessions that can still be used, newest first. */
export async function listSessions(reader: Reader, userId: string, now: Date, idleSince: Date): Promise<Session[]> {
  const { rows } = await reader.query<SessionRow>(`select ${columns} from catalog.session where user_id = $1 and ended_at is null and expires_at > $2 and last_used_at > $3 order by created_at desc limit 100`, [userId, now, idleSince]);
  return rows.map(toSession);
}

/** Ends one session of a user; whether there was one. */
export async function endSession(tx: Transaction, userId: string, sessionId: string, at: Date): Promise<boolean> {
  const { rowCount } = await tx.query("update catalog.session set ended_at = $3 where id = $2 and user_id = $1 and ended_at is null", [userId, sessionId, at]);
  return rowCount > 0;
}

/** Ends all sessions of a user, but for one. */
export async function endSessions(tx: Transaction, userId: string, at: Date, exceptSessionId?: string): Promise<void> {
  await tx.query("update catalog.session set ended_at = $2 where user_id = $1 and ended_at is null and id is distinct from $3", [userId, at, exceptSessionId ?? null]);
}
