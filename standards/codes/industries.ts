import type { CodeEntry, CodeSet } from "./code-set.ts";
import { once, readDataRows } from "./read-data.ts";

const parentOf = (code: string): string | undefined =>
  code.length === 1 ? undefined : code.slice(0, code.length === 3 ? 1 : -1);

/**
 * 国民经济行业分类: 20 sections, 97 divisions, 473 groups, 1381 classes. A code is the section's letter and 2, 3 or 4
 * digits (`A0111`); the digits alone (`0111`), which name the same thing, are understood too.
 */
export const industryCodes = once((): CodeSet => {
  const rows = readDataRows("gbt4754-2017-industries.tsv");
  const codeOfDigits = new Map(rows.map(([code = ""]) => [code.slice(1), code]));
  return {
    name: "GB/T 4754",
    title: "国民经济行业分类",
    english: "Industrial classification for national economic activities",
    source: "GB/T 4754-2017",
    entries: rows.map(([code = "", label = ""]): CodeEntry => {
      const parent = parentOf(code);
      return { code, label, ...(parent === undefined ? {} : { parent }) };
    }),
    normalise: (code) => {
      const digits = /^[A-T]?([0-9]{2,4})$/.exec(code)?.[1];
      const full = digits === undefined ? undefined : codeOfDigits.get(digits);
      // A letter that is not the section of the digits is a mistake, not a spelling.
      return full !== undefined && (code === digits || code === full) ? full : code;
    },
  };
});
