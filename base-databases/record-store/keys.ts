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
 * Checks every key of the query that no row has shown before and remembers the verdict, so that each is checked once
 * in its life (0.1 µs here; the trip to and fro costs 2 µs a key) and SQL joins with the verdicts from then on.
 *
 * @param rawKeysSql a query with one text column `raw`, without NULLs and blanks; its parameters start at $2.
 */
export async function checkNewKeys(tx: Transaction, kind: KeyKind, rawKeysSql: string, values: readonly unknown[], asOf: string): Promise<number> {
  const { rows } = await tx.query<{ raw: string }>(`select distinct n.raw from (${rawKeysSql}) n where not exists (select 1 from base.key_check c where c.key_kind = $1 and c.raw = n.raw)`, [kind, ...values]);
  if (rows.length === 0) return 0;
  const raws: string[] = [];
  const keys: (string | null)[] = [];
  const reasons: (string | null)[] = [];
  for (const { raw } of rows) {
    const verdict = readKey(kind, raw, asOf);
    raws.push(raw);
    keys.push(verdict.key ?? null);
    reasons.push(verdict.reason ?? null);
  }
  await tx.query("insert into base.key_check (key_kind, raw, key, reason) select $1, raw, key, reason from unnest($2::text[], $3::text[], $4::text[]) as c(raw, key, reason) on conflict do nothing", [kind, raws, keys, reasons]);
  return raws.length;
}
