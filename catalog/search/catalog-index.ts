import type { Actor } from "#platform";
import type { IndexBatch, IndexedEntry } from "./index-document.ts";
import type { SearchTerms } from "./text/query-terms.ts";

/**
 * What the catalog asks of its index, in the domain's words. Adapters: PostgreSQL (`postgres/`), Neo4j. Both pass the
 * contract suite in tests/contracts/catalog-index.
 *
 * Every question names who asks (`viewer`), and the adapter puts the access decision into its own query: PostgreSQL by
 * `access.condition(viewer, "entry", "see", …)`, another engine from `access.scopes(viewer, "entry", "see")`. What the
 * viewer may not see takes no part in hits, totals, facet counts, suggestions or walks. Grants are shown by the
 * decision on `grant`.
 *
 * Texts arrive as tokens (text/tokeniser.ts), scores follow one formula (ranking.ts); so engines agree on both. Any
 * question may throw UnavailableError: the engine does not answer, or no index has been built yet.
 */
export interface CatalogIndex extends CatalogIndexReader, CatalogIndexWriter {}

export const facetNames = ["organisation", "region", "themeClass", "theme", "guideCategory", "sharingType", "updateCycle", "formatClass", "sensitivity", "open", "state"] as const;
export type FacetName = (typeof facetNames)[number];

export const searchSorts = ["relevance", "updated", "title", "completeness", "use"] as const;
export type SearchSort = (typeof searchSorts)[number];

export interface IndexFilters {
  /** Wanted values per facet: one of them must fit; facets with no values do not filter. `open` has "true" and "false". */
  values: Partial<Record<FacetName, readonly string[]>>;
  minimumCompleteness?: number;
  updatedSince?: Date;
  /** Entries that collect this data item (key as in SharedItem). */
  itemKey?: string;
}

export interface IndexSearchRequest {
  /** No terms: browsing. */
  terms: SearchTerms;
  /** Of the terms, those that must be found; the others only rank. Indexes into `terms.terms`, at least one when there are terms. */
  required: readonly number[];
  filters: IndexFilters;
  sort: SearchSort;
  first: number;
  after?: SortPosition;
  /** Counts of a facet leave out that facet's own filter, so that its other values can be chosen beside. */
  facets: readonly FacetName[];
  /** The day (days since 1970) from which recency counts: the same on all pages of one search. */
  today: number;
}

/** Where a page ended: the sort value and, between equals, the entry's id. */
export interface SortPosition {
  value: number | string;
  entryId: string;
}

export interface IndexSearchResult {
  hits: IndexHit[];
  hasNextPage: boolean;
  total: number;
  facets: FacetCounts[];
}

export interface IndexHit {
  entry: IndexedEntry;
  position: SortPosition;
  score: Score;
}

/** `value` 0–1; the parts say why, each 0–1 before its weight (ranking.ts). */
export interface Score {
  value: number;
  parts: { part: ScorePart; value: number; weight: number }[];
}
export type ScorePart = "text" | "phrase" | "authority" | "completeness" | "use" | "recency";

export interface FacetCounts {
  facet: FacetName;
  /** Most frequent first; values with no hits are not there. */
  values: { value: string; count: number }[];
}

export type SuggestionKind = "entry" | "organisation" | "keyword" | "item";
export interface Suggestion {
  kind: SuggestionKind;
  text: string;
  entryId?: string;
  organisationId?: string;
  /** Key of the item, for the filter `itemKey`. */
  itemKey?: string;
}

/** What somebody has typed so far: a beginning in Han characters, in full pinyin or in initials. */
export interface SuggestRequest {
  terms: SearchTerms;
  first: number;
}

export interface RelatedEntry {
  entry: IndexedEntry;
  score: number;
  reasons: { kind: "declared" | "lineage" | "shares-items"; items: string[] }[];
}

export const walkDirections = ["upstream", "downstream"] as const;
/** `upstream`: what an entry is made from; `downstream`: what is made from it. */
export type WalkDirection = (typeof walkDirections)[number];

/** A walk ends at whichever comes first; `truncated` then says that there is or may be more. */
export interface WalkBounds {
  hops: number;
  nodes: number;
  deadlineMs: number;
}
export type TruncatedBy = "hops" | "nodes" | "deadline";

export interface Lineage {
  root: IndexedEntry;
  nodes: { entry: IndexedEntry; distance: number }[];
  relations: LineageRelation[];
  truncated: boolean;
  truncatedBy?: TruncatedBy;
}

export interface LineageRelation {
  /** The derived entry. */
  fromEntryId: string;
  /** What it is made from. */
  toEntryId: string;
  since: Date;
  /** Grants under which the derived entry's department receives the source, of those the viewer may see. */
  grants: { grantId: string; legalBasis: string; since: Date }[];
}

/** How much hangs on an entry, counted without listing. */
export interface Impact {
  entries: number;
  byDistance: { distance: number; entries: number }[];
  organisations: number;
  /** Departments with a grant on the entry or on something made from it, of the grants the viewer may see. */
  consumerOrganisationIds: string[];
  truncated: boolean;
  truncatedBy?: TruncatedBy;
}

export interface SharedItemsRequest {
  /** Only items that all of these collect. */
  organisationIds: readonly string[];
  /** Default 2: collected by at least so many departments. */
  minimumOrganisations: number;
  terms: SearchTerms;
  first: number;
}
export interface SharedItem {
  /** `element:DE00001` or `item:<name as compared>`. */
  key: string;
  name: string;
  dataElement?: string;
  organisations: { organisationId: string; entries: number }[];
  entries: number;
}
export interface SharedItems {
  items: SharedItem[];
  /** More items may qualify than were examined. */
  truncated: boolean;
}

export interface EntryPath {
  /** From start to end; empty when none was found. */
  steps: { entry: IndexedEntry; via?: PathRelation }[];
  truncated: boolean;
  truncatedBy?: TruncatedBy;
}
/** How a step is reached from the one before. */
export interface PathRelation {
  kind: "derived-from" | "source-of" | "related" | "shares-element";
  dataElement?: string;
  since?: Date;
}

export interface CatalogIndexReader {
  search(viewer: Actor, request: IndexSearchRequest): Promise<IndexSearchResult>;
  suggest(viewer: Actor, request: SuggestRequest): Promise<Suggestion[]>;
  /** Undefined where the viewer may not see the entry or it is not there. In the order of ids. */
  find(viewer: Actor, entryIds: readonly string[]): Promise<(IndexedEntry | undefined)[]>;
  /** These and the following ask about an entry: undefined when the viewer may not see it. */
  related(viewer: Actor, entryId: string, first: number): Promise<RelatedEntry[] | undefined>;
  lineage(viewer: Actor, entryId: string, direction: WalkDirection, bounds: WalkBounds): Promise<Lineage | undefined>;
  impact(viewer: Actor, entryId: string, bounds: WalkBounds): Promise<Impact | undefined>;
  path(viewer: Actor, fromEntryId: string, toEntryId: string, bounds: WalkBounds): Promise<EntryPath | undefined>;
  sharedItems(viewer: Actor, request: SharedItemsRequest): Promise<SharedItems>;
}

export interface IndexGeneration {
  number: number;
  tokeniser: string;
  /** Everything in the event log up to here is in it. */
  position: number;
}

export interface IndexStatistics {
  documents: number;
  parked: number;
}

export interface ParkedDocument {
  entryId: string;
  reason: string;
  attempts: number;
  parkedAt: Date;
}

export interface ApplyResult {
  applied: number;
  /** Refused one by one; the rest of the batch was applied. */
  refused: { entryId: string; reason: string }[];
}

/** One projection at a time calls these; the caller holds the lock. */
export interface CatalogIndexWriter {
  /** The generation that answers; undefined before the first rebuild. */
  serving(): Promise<IndexGeneration | undefined>;
  generation(number: number): Promise<IndexGeneration | undefined>;
  statistics(generation: number): Promise<IndexStatistics>;
  /** Opens an empty generation beside the serving one; leftovers of interrupted rebuilds are removed. `expected`: about how many documents will be loaded. */
  beginRebuild(start: { tokeniser: string; position: number; expected: number }): Promise<number>;
  /**
   * Writes documents (replacing those of the same entries), removes others and moves the generation's position, in one
   * transaction. Repeating a batch changes nothing. A position never moves back.
   */
  apply(generation: number, batch: IndexBatch): Promise<ApplyResult>;
  /** After the bulk of documents: builds what is cheaper to build at once. Before it, `apply` only loads. */
  finishLoading(generation: number): Promise<void>;
  /** Takes the generation into service in one step. */
  finishRebuild(generation: number): Promise<void>;
  /** Removes generations that have served; nobody waits for it, and what cannot be removed now is the next time. */
  removeRetired(): Promise<void>;
  abandonRebuild(generation: number): Promise<void>;
  park(generation: number, documents: readonly { entryId: string; reason: string }[]): Promise<void>;
  parked(limit: number): Promise<ParkedDocument[]>;
  /** Entries of the generation with their parked state, after an id, for comparison with the records. */
  listEntryIds(generation: number, after: string, limit: number): Promise<string[]>;
}

