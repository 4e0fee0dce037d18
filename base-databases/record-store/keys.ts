import { checkCitizenNumber, checkSocialCreditCode, isCitizenNumber, isSocialCreditCode, normaliseCitizenNumber, normaliseSocialCreditCode, toEighteenCharacters } from "#standards";
import type { Transaction } from "#platform";
import type { KeyKind } from "./definition.ts";

export interface KeyVerdict {
  key?: string;
  /** Code of the first thing wrong, such as `citizen-number.check-digit`; `missing` when nothing is written. */
  reason?: string;
}

/** The key that a written number means, or why it means none. Numbers of 15 digits become those of 18 (GB 11643-1999). */
export function readKey(kind: KeyKind, raw: string, asOf: string): KeyVerdict {
  if (kind === "citizen-number") {
    if (isCitizenNumber(raw, asOf)) return { key: raw };
    const normal = normaliseCitizenNumber(raw);
    const number = toEighteenCharacters(normal) ?? normal;
    const verdict = checkCitizenNumber(number, { asOf });
    return verdict.ok ? { key: number } : { reason: verdict.issues[0]!.code };
  }
  if (isSocialCreditCode(raw)) return { key: raw };
  const normal = normaliseSocialCreditCode(raw);
  const verdict = checkSocialCreditCode(normal);
  return verdict.ok ? { key: normal } : { reason: verdict.issues[0]!.code };
}

/**
 * Checks every key that no row has shown before, remembers the verdict and fills it in: each is checked once in its
 * life (0.1 µs here; the trip to and fro costs 2 µs a key), and SQL joins with the verdicts from then on.
 *
 * @param resolvedSql a table of (raw, key, reason) whose last two are NULL where there was no verdict yet.
 */
export async function checkNewKeys(tx: Transaction, kind: KeyKind, resolvedSql: string, asOf: string): Promise<number> {
  const { rows } = await tx.query<{ raw: string }>(`select distinct raw from ${resolvedSql} where key is null and reason is null`);
  if (rows.length === 0) return 0;
  // In order: see touch().
  const raws = rows.map((row) => row.raw).sort();
  const verdicts = raws.map((raw) => readKey(kind, raw, asOf));
  const keys = verdicts.map((verdict) => verdict.key ?? null);
  const reasons = verdicts.map((verdict) => verdict.reason ?? null);
  await tx.query("insert into base.key_check (key_kind, raw, key, reason) select $1, raw, key, reason from unnest($2::text[], $3::text[], $4::text[]) as c(raw, key, reason) on conflict do nothing", [kind, raws, keys, reasons]);
  // From the verdicts at hand, not from the table: statistics made before this kind of key was ever seen make the planner
  // take the join's sides the wrong way round (17 s instead of 0.1 s for 60,000 keys).
  await tx.query(`update ${resolvedSql} r set key = c.key, reason = c.reason from unnest($1::text[], $2::text[], $3::text[]) as c(raw, key, reason) where r.key is null and r.reason is null and c.raw = r.raw`, [raws, keys, reasons]);
  return raws.length;
}
