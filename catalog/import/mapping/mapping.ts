/** What a column can mean. Dotted targets of items repeat on the rows of one entry. */
export const targets = [
  "title", "abstract", "keywords", "thesaurus", "themeCodes", "industryCodes", "guideCategory", "guideClass", "guideItem", "internalDepartment", "maintainer", "contact",
  "formats", "formatClass", "sharingType", "sharingCondition", "refusalBasis", "sharingMethod", "useConditions", "reviewBody", "open", "openCondition", "openness", "updateCycle",
  "sensitivity", "secrecyRiskAssessed", "personalInformationAssessed", "onlineLinks", "serviceUrl", "serviceType", "relatedCodes", "derivedFrom", "releasedOn", "sourceReference",
  "provider", "providerCode", "code", "entryId", "content", "items",
  "item.name", "item.field", "item.type", "item.length", "item.scale", "item.required", "item.key", "item.codeSet", "item.format", "item.sensitivity", "item.personal", "item.dataElement", "item.definition",
] as const;
export type Target = (typeof targets)[number];

/** How the column of `sourceReference` gives a row's own id at its source. */
export interface RemoteKey {
  /** Of an address: the query parameter that holds the id. Absent: its last part, or the whole text. */
  parameter?: string;
}

/**
 * How a foreign table is read: which of its columns mean what. Columns are alternatives, the first that has a value
 * counts; of JSON they may be paths (`publisher.name`, `distribution[].format`).
 */
export interface Mapping {
  name: string;
  title: { en: string; zh: string };
  fields: Partial<Record<Target, readonly string[]>>;
  /** Without columns for all of these a table is not recognised. */
  required: readonly Target[];
  /** Column names that no other vocabulary has, when the fields' own do not tell. */
  marks?: readonly string[];
  /** What a missing value is taken for; said in the report. */
  defaults?: Partial<Record<Target, string>>;
  /** Stands before the keys in `sourceReference`; default the host of the key's address, else the mapping's name. */
  source?: string;
  key?: RemoteKey;
  /** Only files whose key column points to this host. */
  host?: string;
  /** The city whose names are shortened in the table: 市教育局 is the city's. */
  city?: string;
  /** An open-data portal: it says how an entry is open to the public, not how it is shared. */
  portal?: boolean;
  /** Our own table: what stands there is what is meant, to the letter. */
  exact?: boolean;
  /** Columns that are known and have no place in an entry, with the reason. */
  unused?: Readonly<Record<string, { en: string; zh: string }>>;
  /** Column names of a table that has no header. */
  headerless?: readonly string[];
  /** Whether a row without header fits `headerless`. */
  fitsHeaderless?(cells: readonly string[]): boolean;
}

/** The form in which headers are compared: without spaces, remarks in brackets, asterisks and colons. */
export function plainHeader(header: string): string {
  const folded = header.normalize("NFKC").trim().toLowerCase();
  const bare = folded.replaceAll(/\([^()]*\)|【[^】]*】/g, "").replaceAll(/[\s*::、.。"'_-]/g, "");
  return bare === "" ? folded : bare;
}

/** The column that a path starts in. */
export const baseColumn = (column: string): string => /^[^.[\]]+/.exec(column)?.[0] ?? column;
