import type { Database, Transaction } from "#platform";

export interface FailureLimit {
  failures: number;
  windowMs: number;
  blockMs: number;
}

/**
 * Counts an attempt before the password is looked at, so that attempts made at the same moment cannot all pass;
 * `passed` takes it back. Answers until when the subject is blocked, if it is.
 */
export async function countAttempt(database: Database, subject: string, limit: FailureLimit, now: Date): Promise<Date | undefined> {
  return database.withTransaction(async (tx) => {
    const windowStart = new Date(now.getTime() - limit.windowMs);
    const { rows } = await tx.query<{ blocked_until: Date | null; was_blocked: boolean }>(
      `insert into catalog.login_failure as f (subject, failures, window_started_at) values ($1, 1, $2)
       on conflict (subject) do update set
         failures = case when f.blocked_until > $2 then f.failures when f.window_started_at <= $3 or f.blocked_until is not null then 1 else f.failures + 1 end,
         window_started_at = case when f.blocked_until > $2 then f.window_started_at when f.window_started_at <= $3 or f.blocked_until is not null then $2 else f.window_started_at end,
         blocked_until = case
           when f.blocked_until > $2 then f.blocked_until
           when f.window_started_at <= $3 or f.blocked_until is not null then null
           when f.failures + 1 > $4 then $5::timestamptz
         end
       returning blocked_until`,
      [subject, now, windowStart, limit.failures, new Date(now.getTime() + limit.blockMs)],
    );
    return rows[0]!.blocked_until ?? undefined;
  });
}

/** The account proved itself: its count is forgotten, the address gets its attempt back. */
export async function passed(tx: Transaction, account: string, address: string | undefined): Promise<void> {
  await tx.query("delete from catalog.login_failure where subject = $1", [account]);
  if (address !== undefined) await tx.query("update catalog.login_failure set failures = greatest(failures - 1, 0) where subject = $1", [address]);
}
