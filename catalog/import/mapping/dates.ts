import { isIsoDate } from "#standards";

const pad = (text: string): string => text.padStart(2, "0");

/** Days between Excel's day 0 and 1970-01-01, for serial numbers after February 1900. */
const excelEpochDays = 25_569;

/**
 * A date in the spellings that catalogs have, as `YYYY-MM-DD`: 2022-5-25, 2022/05/25, 2022.5.25, 20220525, 2022年5月25日,
 * with a time behind it, an ISO instant, an Excel serial number. Undefined for anything else, also for 2023 alone: a
 * year is not a day.
 */
export function readDate(value: string): string | undefined {
  const text = value.normalize("NFKC").trim();
  const parts = /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?:[T\s].*)?$/.exec(text) ?? /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (parts) {
    const iso = `${parts[1]}-${pad(parts[2]!)}-${pad(parts[3]!)}`;
    return isIsoDate(iso) ? iso : undefined;
  }
  if (/^\d{5}(\.\d+)?$/.test(text)) {
    const days = Math.floor(Number(text));
    // 1982 to 2064: smaller and larger numbers are something else.
    if (days >= 30_000 && days <= 60_000) return new Date((days - excelEpochDays) * 86_400_000).toISOString().slice(0, 10);
  }
  return undefined;
}
