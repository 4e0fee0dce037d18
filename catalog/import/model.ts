import type { CatalogEntry } from "#standards";
import type { Issue } from "#platform";

/** What became of one row. Rows in = the sum of the outcomes. */
export const importOutcomes = ["created", "updated", "unchanged", "skipped", "rejected"] as const;
export type ImportOutcome = (typeof importOutcomes)[number];

/** `error` keeps the row out; `warning` should be looked at; `note` says what was understood or derived. */
export const severities = ["error", "warning", "note"] as const;
export type Severity = (typeof severities)[number];

/** A finding at one place of the file: `path` is the entry's member it concerns, `column` the file's own column. */
export interface ImportIssue extends Issue {
  row: number;
  sheet?: string;
  column?: string;
  severity: Severity;
  /** What stood there, shortened. */
  value?: string;
}

/** One entry as read from a file: from one row, or from several that carry its items. */
export interface ImportRecord {
  row: number;
  sheet?: string;
  /** Further rows of the same entry (its items). */
  itemRows: number;
  /** Undefined when the row is not fit for a draft. */
  content?: CatalogEntry;
  /** As written, for the report. */
  title: string;
  providerName?: string;
  /** Unified social credit code. */
  providerCode?: string;
  /** Where it came from, also of a row that is not fit. */
  reference?: string;
  /** Of an export of ours: which entry it was. */
  entryId?: string;
  issues: ImportIssue[];
  rules: RowRule[];
}

/** A rule that was applied to a row beyond what it says. */
export interface RowRule {
  code: string;
  message: string;
  zh: string;
}

/** The same over all rows that were not rejected. */
export interface AppliedRule extends RowRule {
  count: number;
}

const shownCharacters = 80;

export function shorten(value: unknown): string {
  const text = (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).replaceAll(/\s+/g, " ");
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
