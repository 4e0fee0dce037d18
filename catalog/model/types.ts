import type { CatalogEntry, Organisation as OrganisationContent, Role } from "#standards";

/** A department or other body, as recorded. */
export interface Organisation extends OrganisationContent {
  id: string;
  /** Allocated, never reused: segment 4-6 of the resource identifier prefix. */
  departmentNumber: number;
  /** Resource identifier prefix (GB/T 21063.5), e.g. `33A007`. */
  prefix: string;
  active: boolean;
}

export interface User {
  id: string;
  username: string;
  displayName: string;
  organisationId: string;
  roles: Role[];
  active: boolean;
}

/** A program that holds grants and calls with a token. */
export interface Application {
  id: string;
  name: string;
  organisationId: string;
  active: boolean;
}

export const entryStates = ["draft", "department-review", "city-review", "published", "suspended", "withdrawn"] as const;
export type EntryState = (typeof entryStates)[number];

/** A catalog entry at one version. */
export interface Entry {
  id: string;
  /** Code of the 2017 guide, `类项目/顺序`; allocated when the draft is first saved, never reused. */
  code: string;
  /** Resource identifier (GB/T 21063.5), e.g. `33A007/000012`. */
  resourceId: string;
  organisationId: string;
  state: EntryState;
  /** `major.minor`: minor when compatible, major when an item vanishes or narrows. Drafts are 0.x. */
  version: string;
  content: CatalogEntry;
  /** 0-100; the checklist behind it is computed from the content. */
  completeness: number;
  createdAt: Date;
  updatedAt: Date;
  publishedAt?: Date;
  /** Waiting for a person: who must act next. A flag, not a state. */
  waitingFor?: "cataloguer" | "approver" | "city-reviewer";
}

/** The members of an entry that access scopes look at. */
export interface EntryScopeSubject {
  id: string;
  organisationId: string;
  state: EntryState;
  sharingType: CatalogEntry["sharingType"];
  open: boolean;
}
