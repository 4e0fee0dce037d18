import type { Role } from "#standards";
import type { Reader, SqlCondition, Transaction } from "#platform";
import type { User } from "../model/types.ts";

/** A user with what only log-in and password care look at; it never leaves the users' services. */
export interface Account extends User {
  passwordHash: string;
  lockedAt?: Date;
  lockReason?: string;
}

interface UserRow extends Record<string, unknown> {
  id: string;
  username: string;
  display_name: string;
  organisation_id: string;
  roles: Role[];
  active: boolean;
  password_hash: string;
  locked_at: Date | null;
  lock_reason: string | null;
}

const columns = "id, username, display_name, organisation_id, roles, active, password_hash, locked_at, lock_reason";

export const toUser = ({ id, username, displayName, organisationId, roles, active }: User): User => ({ id, username, displayName, organisationId, roles, active });

const toAccount = (row: UserRow): Account => ({
  id: row.id,
  username: row.username,
  displayName: row.display_name,
  organisationId: row.organisation_id,
  roles: row.roles,
  active: row.active,
  passwordHash: row.password_hash,
  ...(row.locked_at === null ? {} : { lockedAt: row.locked_at }),
  ...(row.lock_reason === null ? {} : { lockReason: row.lock_reason }),
});

export async function insertUser(tx: Transaction, user: User & { passwordHash: string }, at: Date): Promise<void> {
  await tx.query(
    `insert into catalog.app_user (id, username, display_name, organisation_id, roles, active, password_hash, password_changed_at, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)`,
    [user.id, user.username, user.displayName, user.organisationId, user.roles, user.active, user.passwordHash, at],
  );
}

export async function updateUser(tx: Transaction, user: User, at: Date): Promise<void> {
  await tx.query("update catalog.app_user set display_name = $2, organisation_id = $3, roles = $4, active = $5, updated_at = $6 where id = $1", [user.id, user.displayName, user.organisationId, user.roles, user.active, at]);
}

/** A new password is one that no scan has seen, and it lifts a lock. */
export async function updatePassword(tx: Transaction, userId: string, passwordHash: string, at: Date): Promise<void> {
  await tx.query("update catalog.app_user set password_hash = $2, password_changed_at = $3, password_scanned_with = null, locked_at = null, lock_reason = null, updated_at = $3 where id = $1", [userId, passwordHash, at]);
}

export async function setLock(tx: Transaction, userId: string, lock: { at: Date; reason: string } | undefined, at: Date): Promise<void> {
  await tx.query("update catalog.app_user set locked_at = $2, lock_reason = $3, updated_at = $4 where id = $1", [userId, lock?.at ?? null, lock?.reason ?? null, at]);
}

export async function findAccount(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Account | undefined> {
  const { rows } = await reader.query<UserRow>(`select ${columns} from catalog.app_user where id = $1 ${lock}`, [id]);
  return rows[0] && toAccount(rows[0]);
}

export async function findAccountByUsername(reader: Reader, username: string): Promise<Account | undefined> {
  const { rows } = await reader.query<UserRow>(`select ${columns} from catalog.app_user where lower(username) = lower($1)`, [username]);
  return rows[0] && toAccount(rows[0]);
}

/** Those of `ids` that exist, by id. */
export async function findUsers(reader: Reader, ids: readonly string[]): Promise<Map<string, User>> {
  const { rows } = await reader.query<UserRow>(`select ${columns} from catalog.app_user where id = any($1)`, [ids]);
  return new Map(rows.map((row) => [row.id, toUser(toAccount(row))]));
}

export interface ListUsersOptions {
  organisationId?: string | undefined;
  role?: Role | undefined;
  active?: boolean | undefined;
  afterUsername: string;
  limit: number;
  /** Placeholders from `$6`. */
  condition: SqlCondition;
}

/** By user name. */
export async function listUsers(reader: Reader, { organisationId, role, active, afterUsername, limit, condition }: ListUsersOptions): Promise<User[]> {
  const { rows } = await reader.query<UserRow>(
    `select ${columns} from catalog.app_user
     where ($1::text is null or organisation_id = $1) and ($2::text is null or $2 = any(roles)) and ($3::boolean is null or active = $3)
       and lower(username) > $4 and ${condition.text}
     order by lower(username) limit $5`,
    [organisationId ?? null, role ?? null, active ?? null, afterUsername, limit, ...condition.values],
  );
  return rows.map(toAccount).map(toUser);
}

/** Whether anybody administers the city data office yet. */
export async function hasCityAdministrator(reader: Reader): Promise<boolean> {
  const { rowCount } = await reader.query("select 1 from catalog.app_user u join catalog.organisation o on o.id = u.organisation_id where o.kind = 'city-data-office' and 'administrator' = any(u.roles) and u.active limit 1");
  return rowCount > 0;
}
