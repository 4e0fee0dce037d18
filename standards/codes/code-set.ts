/** One code of a code set. */
export interface CodeEntry {
  readonly code: string;
  /** The standard's own Chinese name. */
  readonly label: string;
  readonly english?: string;
  /** Code of the next level up, in a set with levels. */
  readonly parent?: string;
  /** First day on which the code may have been valid, `YYYY-MM-DD`; absent: since before the record begins. */
  readonly validFrom?: string;
  /** First day on which it is no longer valid; absent: still valid. */
  readonly validTo?: string;
  /** Codes that took its place. */
  readonly replacedBy?: readonly string[];
  /** `local`: widespread, not in the standard. `unverified`: the standard's text was not at hand. Default `standard`. */
  readonly status?: "standard" | "local" | "unverified";
}

export interface CodeSet {
  /** As written in `DataItem.codeSet`, e.g. `GB/T 2261.1`. */
  readonly name: string;
  readonly title: string;
  readonly english: string;
  /** Edition and origin of the codes. */
  readonly source: string;
  /** Every code, in the standard's order; a code with several meanings over time has several entries. */
  readonly entries: readonly CodeEntry[];
  /** Other spellings of a code in the set's own, e.g. `0111` → `A0111`. */
  normalise?(code: string): string;
}

const isValidOn = (entry: CodeEntry, on: string): boolean =>
  (entry.validFrom === undefined || entry.validFrom <= on) && (entry.validTo === undefined || on < entry.validTo);

const indexes = new WeakMap<CodeSet, ReadonlyMap<string, readonly CodeEntry[]>>();

const indexOf = (set: CodeSet): ReadonlyMap<string, readonly CodeEntry[]> => {
  const known = indexes.get(set);
  if (known !== undefined) return known;
  const index = new Map<string, CodeEntry[]>();
  for (const entry of set.entries) {
    const entries = index.get(entry.code);
    if (entries === undefined) index.set(entry.code, [entry]);
    else entries.push(entry);
  }
  indexes.set(set, index);
  return index;
};

/**
 * The entry of a code: the one valid on a day, or without a day the latest there was. Undefined when there is none.
 *
 * @param on `YYYY-MM-DD`.
 */
export const findCode = (set: CodeSet, code: string, on?: string): CodeEntry | undefined => {
  const entries = indexOf(set).get(set.normalise === undefined ? code : set.normalise(code));
  if (entries === undefined) return undefined;
  return on === undefined ? entries.at(-1) : entries.findLast((entry) => isValidOn(entry, on));
};

const searchRank = (entry: CodeEntry, query: string): number => {
  if (entry.code === query || entry.label === query) return 0;
  if (entry.code.startsWith(query)) return 1;
  if (entry.label.startsWith(query)) return 2;
  if (entry.label.includes(query)) return 3;
  return entry.english?.toLowerCase().includes(query.toLowerCase()) === true ? 4 : -1;
};

export interface SearchCodesOptions {
  /** Default 20. */
  readonly limit?: number;
  /** Only codes valid on this day; default: all, those valid today or not. */
  readonly on?: string;
}

/** Entries whose code begins with the query or whose name contains it; best match first, then the set's order. */
export const searchEntries = (set: CodeSet, query: string, options: SearchCodesOptions = {}): CodeEntry[] => {
  const { limit = 20, on } = options;
  const wanted = query.trim();
  const ranked: { entry: CodeEntry; rank: number }[] = [];
  for (const entry of set.entries) {
    if (on !== undefined && !isValidOn(entry, on)) continue;
    const rank = wanted === "" ? 5 : searchRank(entry, wanted);
    if (rank >= 0) ranked.push({ entry, rank });
  }
  return ranked
    .sort((left, right) => left.rank - right.rank)
    .slice(0, limit)
    .map(({ entry }) => entry);
};
