import { InputError } from "#platform";
import type { Period } from "../compile/rule-to-sql.ts";

/** The calendar day in China (UTC+8, no summer time) at an instant. */
export function localDay(at: Date): string {
  return new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 10);
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** `YYYYMM` with its first and last day. */
export function periodOf(month: string): Period {
  const match = /^([1-9]\d{3})(0[1-9]|1[0-2])$/.exec(month);
  if (!match) throw new InputError(`"${month}" is not a month of the form YYYYMM`, { zh: `“${month}”不是 YYYYMM 格式的月份`, code: "check.month" });
  const start = `${match[1]}-${match[2]}-01`;
  const end = new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).toISOString().slice(0, 10);
  return { month, start, end };
}

export function currentMonth(at: Date): string {
  return localDay(at).slice(0, 7).replace("-", "");
}
