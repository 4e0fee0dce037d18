import { NotFoundError, sha256, verifyPassword, type Actor, type Kernel, type Reader } from "#platform";
import { commonPasswords } from "./common-passwords.ts";
import { passwordCandidates } from "./password-rules.ts";
import { endSessions } from "./session-repository.ts";
import { setLock } from "./user-repository.ts";

/**
 * Finds accounts whose password is one of those that are tried first (弱密码检测). A stored hash can only be guessed at,
 * about 25 ms a guess, so the scan works in pieces: each account and each piece of its candidates is a step that is
 * written down, a call does as many guesses as it was given, and the next call goes on from there. An account that
 * was compared with the whole dictionary is not looked at again until its password or the dictionary changes.
 */
export interface PasswordScan {
  id: string;
  startedAt: Date;
  finishedAt?: Date;
  accounts: number;
  examined: number;
  guesses: number;
  findings: { userId: string; foundAt: Date; locked: boolean }[];
}

export interface ScanWeakPasswordsOptions {
  /** Locks the accounts that are found and ends their sessions; only a new password opens them. */
  lock: boolean;
  /** How many guesses this call makes at most. Default 2,000: under a minute on one core. */
  maxGuesses?: number;
  onProgress?(scan: Pick<PasswordScan, "accounts" | "examined" | "guesses">): void;
  signal?: AbortSignal;
}

export interface PasswordScanService {
  /** Starts a scan or goes on with the one that is open. */
  scanWeakPasswords(actor: Actor, options: ScanWeakPasswordsOptions): Promise<PasswordScan>;
  getScan(actor: Actor, scanId: string): Promise<PasswordScan>;
}

interface ScanRow extends Record<string, unknown> {
  id: string;
  dictionary: string;
  started_at: Date;
  finished_at: Date | null;
  accounts: number;
  examined: number;
  guesses: number;
  user_id: string | null;
  candidate: number;
}

interface ScannedAccount extends Record<string, unknown> {
  id: string;
  username: string;
  display_name: string;
  password_hash: string;
  name: string;
  short_name: string | null;
}

/** Guesses between two writes of the position: what an interruption repeats at most. */
const step = 32;
const scanLock = 7_305_010;

export function createPasswordScanService({ kernel, dictionary = commonPasswords }: { kernel: Kernel; dictionary?: readonly string[] }): PasswordScanService {
  const { access, audit, clock, database, newId } = kernel;
  const digest = sha256(["2", ...dictionary].join("\n"));
  const scanColumns = "id, dictionary, started_at, finished_at, accounts, examined, guesses, user_id, candidate";
  const dueAccounts = "u.active and u.locked_at is null and u.password_scanned_with is distinct from $1";

  async function toScan(reader: Reader, row: ScanRow): Promise<PasswordScan> {
    const { rows } = await reader.query<{ user_id: string; found_at: Date; locked: boolean }>("select user_id, found_at, locked from catalog.password_scan_finding where scan_id = $1 order by found_at, user_id", [row.id]);
    return { id: row.id, startedAt: row.started_at, accounts: row.accounts, examined: row.examined, guesses: row.guesses, findings: rows.map((finding) => ({ userId: finding.user_id, foundAt: finding.found_at, locked: finding.locked })), ...(row.finished_at === null ? {} : { finishedAt: row.finished_at }) };
  }

  const openScan = (actor: Actor) =>
    database.withTransaction(async (tx) => {
      const open = (await tx.query<ScanRow>(`select ${scanColumns} from catalog.password_scan where finished_at is null for update`)).rows[0];
      if (open && open.dictionary === digest) return open;
      // A dictionary that changed midway: the old scan ends where it is, the new one looks at everything.
      if (open) await tx.query("update catalog.password_scan set finished_at = $2 where id = $1", [open.id, clock.now()]);
      const id = newId("scan");
      const { rows } = await tx.query<ScanRow>(
        `insert into catalog.password_scan (id, dictionary, started_at, started_by, accounts, examined, guesses, candidate)
         select $2, $1, $3, $4, count(*), 0, 0, 0 from catalog.app_user u where ${dueAccounts} returning ${scanColumns}`,
        [digest, id, clock.now(), actor.id],
      );
      await audit.record(tx, actor, { action: "user.scan-passwords", objectType: "password-scan", objectId: id, detail: { accounts: rows[0]!.accounts } });
      return rows[0]!;
    });

  const nextAccount = (preferred: string | null) =>
    database.read(async (reader) => {
      const { rows } = await reader.query<ScannedAccount>(
        `select u.id, u.username, u.display_name, u.password_hash, o.name, o.short_name from catalog.app_user u join catalog.organisation o on o.id = u.organisation_id
         where ${dueAccounts} order by u.id = $2 desc, u.id limit 1`,
        [digest, preferred ?? ""],
      );
      return rows[0];
    });

  /** The account is done: with a finding or without. Its password may have changed meanwhile; then nothing is concluded. */
  const conclude = (actor: Actor, scanId: string, account: ScannedAccount, found: boolean, lock: boolean) =>
    database.withTransaction(async (tx) => {
      const now = clock.now();
      const { rowCount } = await tx.query("update catalog.app_user set password_scanned_with = $3 where id = $1 and password_hash = $2", [account.id, account.password_hash, digest]);
      await tx.query("update catalog.password_scan set examined = examined + 1, user_id = null, candidate = 0 where id = $1", [scanId]);
      if (!found || rowCount === 0) return;
      if (lock) {
        await setLock(tx, account.id, { at: now, reason: "weak-password" }, now);
        await endSessions(tx, account.id, now);
      }
      await tx.query("insert into catalog.password_scan_finding (scan_id, user_id, found_at, locked) values ($1, $2, $3, $4) on conflict do nothing", [scanId, account.id, now, lock]);
      await audit.record(tx, actor, { action: lock ? "user.lock" : "user.report-weak-password", objectType: "user", objectId: account.id, detail: { scanId, reason: "weak-password" } });
    });

  return {
    async scanWeakPasswords(actor, { lock, maxGuesses = 2_000, onProgress, signal }) {
      access.assertAnyScope(actor, "user", "scan-passwords");
      access.assert(actor, "user", "scan-passwords", {});
      // One scanner at a time: a second caller would repeat the first one's guesses.
      const guard = await database.connect();
      try {
        const { rows } = await guard.query<{ locked: boolean }>("select pg_try_advisory_lock($1) as locked", [scanLock]);
        let scan = await openScan(actor);
        if (!rows[0]!.locked) return await database.read((reader) => toScan(reader, scan));
        const total = { guesses: 0 };
        while (total.guesses < maxGuesses && !signal?.aborted) {
          const account = await nextAccount(scan.user_id);
          if (!account) {
            await database.withTransaction((tx) => tx.query("update catalog.password_scan set finished_at = $2 where id = $1", [scan.id, clock.now()]));
            break;
          }
          const candidates = passwordCandidates({ username: account.username, displayName: account.display_name, organisationNames: [account.name, ...(account.short_name === null ? [] : [account.short_name])] }, dictionary);
          let candidate = scan.user_id === account.id ? scan.candidate : 0;
          let found = false;
          while (!found && candidate < candidates.length && total.guesses < maxGuesses && !signal?.aborted) {
            const piece = candidates.slice(candidate, candidate + Math.min(step, maxGuesses - total.guesses));
            const matches = await Promise.all(piece.map((guess) => verifyPassword(account.password_hash, guess)));
            found = matches.includes(true);
            candidate += piece.length;
            total.guesses += piece.length;
            await database.withTransaction((tx) => tx.query("update catalog.password_scan set guesses = guesses + $2, user_id = $3, candidate = $4 where id = $1", [scan.id, piece.length, account.id, candidate]));
          }
          if (found || candidate >= candidates.length) await conclude(actor, scan.id, account, found, lock);
          scan = await readScan(scan.id);
          onProgress?.(scan);
        }
        scan = await readScan(scan.id);
        return await database.read((reader) => toScan(reader, scan));
      } finally {
        await guard.end();
      }
    },

    async getScan(actor, scanId) {
      access.assert(actor, "user", "scan-passwords", {});
      const scan = await readScan(scanId);
      return database.read((reader) => toScan(reader, scan));
    },
  };

  async function readScan(id: string): Promise<ScanRow> {
    const { rows } = await database.read((reader) => reader.query<ScanRow>(`select ${scanColumns} from catalog.password_scan where id = $1`, [id]));
    if (!rows[0]) throw new NotFoundError(`No password scan ${id}`, { zh: "弱密码检测记录不存在", code: "password-scan.not-found" });
    return rows[0];
  }
}
