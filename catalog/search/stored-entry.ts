import type { IndexedEntry } from "./index-document.ts";

/** As an index stores it: JSON has no dates. */
export type StoredEntry = Omit<IndexedEntry, "updatedAt" | "publishedAt"> & { updatedAt: string; publishedAt?: string };

export const entryOf = ({ updatedAt, publishedAt, ...rest }: StoredEntry): IndexedEntry => ({
  ...rest,
  updatedAt: new Date(updatedAt),
  ...(publishedAt === undefined ? {} : { publishedAt: new Date(publishedAt) }),
});
