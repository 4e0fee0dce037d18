import { findCode, searchEntries } from "./code-set.ts";
import type { CodeEntry, CodeSet, SearchCodesOptions } from "./code-set.ts";
import { divisions } from "./divisions.ts";
import { economicTypeCodes } from "./economic-types.ts";
import { guideCategories } from "./guide-categories.ts";
import { industryCodes } from "./industries.ts";
import { ethnicGroupCodes, maritalStatusCodes, sexCodes } from "./personal-code-sets.ts";
import { socialCreditCategories } from "./social-credit-categories.ts";
import { themeCodes } from "./themes.ts";

/** Every code set, read when first asked for. The names are those of `DataItem.codeSet`. */
const registry: ReadonlyMap<string, () => CodeSet> = new Map([
  ["GB/T 2260", divisions],
  ["GB/T 2261.1", () => sexCodes],
  ["GB/T 2261.2", () => maritalStatusCodes],
  ["GB/T 3304", () => ethnicGroupCodes],
  ["GB/T 4754", industryCodes],
  ["GB/T 12402", () => economicTypeCodes],
  [themeCodes.name, () => themeCodes],
  [guideCategories.name, () => guideCategories],
  [socialCreditCategories.name, () => socialCreditCategories],
]);

/** Names of all code sets. */
export const codeSetNames: readonly string[] = [...registry.keys()];

/** `GB/T 2260-2007`, `GB 2261.1`, `GBT4754` and the like all name the set without its edition. */
const normaliseName = (name: string): string =>
  name
    .trim()
    .replace(/^GB\s*\/?\s*T?\s*(?=[0-9])/i, "GB/T ")
    .replace(/-[0-9]{4}$/, "");

/** The code set of a name; undefined for one that is not here. Editions and spellings of the prefix do not matter. */
export const findCodeSet = (name: string): CodeSet | undefined =>
  (registry.get(name) ?? registry.get(normaliseName(name)))?.();

/**
 * The code set of a name.
 *
 * @throws RangeError naming the sets there are.
 */
export const getCodeSet = (name: string): CodeSet => {
  const set = findCodeSet(name);
  if (set === undefined) throw new RangeError(`there is no code set ${name}; there are ${codeSetNames.join(", ")}`);
  return set;
};

const setOf = (set: CodeSet | string): CodeSet => (typeof set === "string" ? getCodeSet(set) : set);

/** The Chinese name of a code, on a day or the latest; undefined for an unknown code. */
export const labelOf = (set: CodeSet | string, code: string, on?: string): string | undefined =>
  findCode(setOf(set), code, on)?.label;

/** Whether a code stands in a set: at any time, or on a given day (`YYYY-MM-DD`). */
export const isCode = (set: CodeSet | string, code: string, on?: string): boolean =>
  findCode(setOf(set), code, on) !== undefined;

/** Entries whose code begins with the query or whose name contains it; best match first. */
export const searchCodes = (set: CodeSet | string, query: string, options: SearchCodesOptions = {}): CodeEntry[] =>
  searchEntries(setOf(set), query, options);

/** Whether a text is a code of GB/T 4754 with or without its letter. */
export const isIndustryCode = (text: string): boolean => isCode("GB/T 4754", text);

/** Whether a text is a code of GB/T 2260, now or in the past. */
export const isRegionCode = (text: string): boolean => isCode("GB/T 2260", text);
