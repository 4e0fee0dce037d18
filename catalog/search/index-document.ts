import type { CatalogEntry, DataItem } from "#standards";
import type { EntryState } from "../model/types.ts";

/** What the index shows of an entry without asking the records. */
export interface IndexedEntry {
  id: string;
  code: string;
  resourceId: string;
  title: string;
  abstract: string;
  keywords: string[];
  organisationId: string;
  organisationName: string;
  regionCode?: string;
  state: EntryState;
  version: string;
  sharingType: CatalogEntry["sharingType"];
  open: boolean;
  themeCodes: string[];
  guideCategory?: string;
  updateCycle: CatalogEntry["updateCycle"];
  formatClass: CatalogEntry["format"]["class"];
  sensitivity: CatalogEntry["sensitivity"];
  completeness: number;
  items: IndexedItem[];
  views: number;
  grants: number;
  updatedAt: Date;
  publishedAt?: Date;
}

export interface IndexedItem {
  name: string;
  field: string;
  /** Bound, or of the element's name. */
  dataElement?: string;
  sensitivity?: DataItem["sensitivity"];
}

/** Everything that an engine stores of an entry, worked out beforehand so that engines cannot differ. */
export interface IndexDocument {
  entry: IndexedEntry;
  /** Normalised title without punctuation; its full pinyin; its initials. */
  titleKey: string;
  pinyinKey: string;
  initialsKey: string;
  /** Disjoint: each token stands in the best field that has it. Pinyin and initials belong to title and label alike. */
  tokens: { title: string[]; label: string[]; body: string[]; sound: string[] };
  /** 0–1, see ranking.ts. */
  authority: number;
  use: number;
  terms: DocumentTerm[];
  relations: DocumentRelation[];
  grants: DocumentGrant[];
}

export interface DocumentTerm {
  kind: "keyword" | "item" | "element" | "organisation";
  key: string;
  /** How it is called, as compared. */
  nameKey: string;
  pinyinKey: string;
  initialsKey: string;
  /** An item name whose item is counted under its data element. */
  bound: boolean;
}

export interface DocumentRelation {
  kind: "derived-from" | "related";
  /** Code or resource identifier. */
  code: string;
  since: Date;
}

export interface DocumentGrant {
  grantId: string;
  providerOrganisationId: string;
  consumerOrganisationId: string;
  applicationId?: string;
  legalBasis: string;
  since: Date;
}

export interface IndexBatch {
  documents: readonly IndexDocument[];
  /** Ids of entries that are no longer there. */
  removals: readonly string[];
  /** Of the last event that this batch takes in; absent while loading. */
  position?: number;
}
