import { createHash } from "node:crypto";
import { InputError } from "#platform";
import type { IndexFilters, SearchSort, SortPosition } from "./catalog-index.ts";

/**
 * A place in one search: after which hit, and of which search. It carries the day from which recency counts and which
 * words were required, so that later pages continue the first one exactly.
 */
export interface SearchCursor {
  today: number;
  /** Which terms, as in IndexSearchRequest. */
  required: readonly number[];
  /** Nothing had all words: compounds are asked for by their parts. */
  relaxed: boolean;
  position: SortPosition;
}

/** What makes a search another one. */
export function searchFingerprint(key: readonly string[], filters: IndexFilters, sort: SearchSort): string {
  const values = Object.entries(filters.values)
    .filter(([, wanted]) => wanted !== undefined && wanted.length > 0)
    .map(([facet, wanted]) => [facet, [...new Set(wanted)].sort()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([key, values, filters.minimumCompleteness ?? null, filters.updatedSince?.toISOString() ?? null, filters.itemKey ?? null, sort]);
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

export function encodeSearchCursor(fingerprint: string, cursor: SearchCursor): string {
  return Buffer.from(JSON.stringify([fingerprint, cursor.today, cursor.required, cursor.relaxed, cursor.position.value, cursor.position.entryId])).toString("base64url");
}

/** Refuses a cursor that cannot be read, and one that belongs to a search with another text, filter or order. */
export function decodeSearchCursor(cursor: string, fingerprint: string): SearchCursor {
  const unreadable = (cause?: unknown) => new InputError("The cursor cannot be read", { zh: "分页游标无效", code: "search.cursor", nextStep: "Ask for the first page again, without a cursor.", ...(cause === undefined ? {} : { cause }) });
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch (error) {
    throw unreadable(error);
  }
  if (!Array.isArray(parts) || parts.length !== 6) throw unreadable();
  const [of, today, required, relaxed, value, entryId] = parts as unknown[];
  if (typeof today !== "number" || !Number.isSafeInteger(today) || Math.abs(today) > 1_000_000 || !isTermList(required) || typeof relaxed !== "boolean" || typeof entryId !== "string") throw unreadable();
  if (of !== fingerprint) {
    throw new InputError("The cursor belongs to a search with another text, filter or order", { zh: "检索条件已改变,原分页游标不能继续使用", code: "search.cursor-of-another-search", nextStep: "Ask for the first page of the new search, without a cursor." });
  }
  if (typeof value !== "string" && !(typeof value === "number" && Number.isSafeInteger(value))) throw unreadable();
  return { today, required, relaxed, position: { value, entryId } };
}

const isTermList = (value: unknown): value is number[] => Array.isArray(value) && value.length <= 16 && value.every((at) => Number.isInteger(at) && at >= 0 && at < 16);
