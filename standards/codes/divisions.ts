import { findCode } from "./code-set.ts";
import type { CodeEntry, CodeSet } from "./code-set.ts";
import { hangzhouDivisionChanges } from "./hangzhou-division-changes.ts";
import { once, readDataRows } from "./read-data.ts";

/** Last day of a month given as `YYYYMM`. */
const endOfMonth = (month: string): string =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4, 6)), 0)).toISOString().slice(0, 10);

const startOfNextMonth = (month: string): string =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(4, 6)), 1)).toISOString().slice(0, 10);

const parentOf = (code: string): string | undefined => {
  if (code.endsWith("0000")) return undefined;
  return code.endsWith("00") ? `${code.slice(0, 2)}0000` : `${code.slice(0, 4)}00`;
};

/**
 * GB/T 2260 county level and above, with what was valid when since 1980. The yearly tables bound each interval from
 * outside: a code is outside its interval only when it was certainly not valid. Hangzhou's changes have exact days.
 */
export const divisions = once((): CodeSet => {
  const rows = readDataRows("gbt2260-divisions.tsv");
  const known = new Set(rows.map(([code]) => code));
  const entries = rows.map(([code = "", label = "", lastTableWithout = "", firstTableWithout = ""]): CodeEntry => {
    const parent = parentOf(code);
    return {
      code,
      label,
      ...(parent !== undefined && known.has(parent) ? { parent } : {}),
      ...(lastTableWithout === "" ? {} : { validFrom: startOfNextMonth(lastTableWithout) }),
      ...(firstTableWithout === "" ? {} : { validTo: endOfMonth(firstTableWithout) }),
    };
  });
  for (const change of hangzhouDivisionChanges) {
    for (const [index, entry] of entries.entries()) {
      const successors = change.ended[entry.code];
      if (successors !== undefined && entry.validTo !== undefined) {
        entries[index] = { ...entry, validTo: change.on, replacedBy: successors };
      }
      if (change.begun.includes(entry.code)) entries[index] = { ...entry, validFrom: change.on };
    }
  }
  return {
    name: "GB/T 2260",
    title: "中华人民共和国行政区划代码",
    english: "Administrative division codes of China, county level and above",
    source:
      "GB/T 2260-2007; Ministry of Civil Affairs yearly tables 1980-12 to 2019-04; National Bureau of Statistics divisions as of 2023-06",
    entries,
  };
});

/** Bit per six-digit code that stands or ever stood in GB/T 2260, and the three of residence permits. */
const areaBits = once((): Uint8Array => {
  const bits = new Uint8Array(1_000_000 / 8);
  const set = (code: number): void => {
    bits[code >> 3] = (bits[code >> 3] ?? 0) | (1 << (code & 7));
  };
  for (const entry of divisions().entries) set(Number(entry.code));
  // Residence permits of residents of Hong Kong, Macao and Taiwan carry 810000, 820000 and 830000.
  for (const code of [810_000, 820_000, 830_000]) set(code);
  return bits;
});

/** Whether a six-digit number is or ever was a division's code. */
export const isKnownArea = (code: number): boolean => ((areaBits()[code >> 3] ?? 0) & (1 << (code & 7))) !== 0;

/**
 * The name of a division from the province down, e.g. `浙江省杭州市上城区`; undefined for an unknown code.
 *
 * @param on `YYYY-MM-DD`; default: the latest there was.
 */
export const fullDivisionName = (code: string, on?: string): string | undefined => {
  const names: string[] = [];
  for (let current: string | undefined = code; current !== undefined; current = parentOf(current)) {
    const entry = findCode(divisions(), current, on);
    if (entry === undefined) {
      if (current === code) return undefined;
    } else if (!isAggregate(entry.label)) names.unshift(entry.label);
  }
  return names.join("");
};

const isAggregate = (label: string): boolean =>
  label === "市辖区" || label === "县" || label.endsWith("直辖县级行政区划");
