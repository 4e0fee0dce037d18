import type { CatalogEntry } from "#standards";
import type { Actor, Issue, Refusal, Transaction } from "#platform";
import type { Entry, EntryState } from "../model/types.ts";
import type { Page, PageRequest } from "../model/page.ts";

export interface EntryFilter {
  organisationId?: string;
  states?: readonly EntryState[];
  sharingType?: CatalogEntry["sharingType"];
  open?: boolean;
  waitingFor?: Entry["waitingFor"];
  /** Part of the title. */
  title?: string;
  updatedSince?: Date;
}

export interface DraftInput {
  organisationId: string;
  content: CatalogEntry;
  /** Of the draft to replace; absent: by the content's `sourceReference` within the department, else a new one. */
  entryId?: string;
}

export type SavedDraft =
  | { outcome: "created" | "updated" | "unchanged"; entryId: string; code: string; resourceId: string; completeness: number; gaps: Issue[] }
  /** `issues` says why: content that cannot be stored, or an entry that is no longer a draft. Nothing was written for it. */
  | { outcome: "refused"; issues: Issue[]; entryId?: string; state?: EntryState };

/** One of many: done, or why not. The others are not affected. */
export type ManyOutcome = { entryId: string; done: true; state: EntryState } | { entryId: string; done: false; refusal: Refusal };

export interface EntryHistoryRecord {
  action: string;
  fromState?: EntryState;
  toState: EntryState;
  at: Date;
  actorId: string;
  reason?: string;
  /** On a return: everything to put right, all at once. */
  issues: Issue[];
  version: string;
  changeRequestId?: string;
}

export interface EntryService {
  get(actor: Actor, entryId: string): Promise<Entry>;
  /** By id, code or resource identifier; undefined when there is none that the caller may see. */
  find(actor: Actor, reference: string): Promise<Entry | undefined>;
  /** In the order of `ids`; undefined where there is none that the caller may see. */
  getMany(actor: Actor, ids: readonly string[]): Promise<(Entry | undefined)[]>;
  list(actor: Actor, filter: EntryFilter, page: PageRequest): Promise<Page<Entry>>;

  /** Everything that stands between this content and submission: schema and rules. Writes nothing. */
  check(actor: Actor, organisationId: string, content: CatalogEntry, entryId?: string): Promise<Issue[]>;
  createDraft(actor: Actor, organisationId: string, content: CatalogEntry): Promise<Entry>;
  changeDraft(actor: Actor, entryId: string, content: CatalogEntry): Promise<Entry>;
  /**
   * Creates or replaces many drafts in the caller's transaction, set-based: for importers. One outcome per input, in
   * order; a refused input writes nothing and leaves it to the caller whether to go on or to roll back.
   */
  saveDrafts(tx: Transaction, actor: Actor, inputs: readonly DraftInput[]): Promise<SavedDraft[]>;

  submit(actor: Actor, entryId: string): Promise<Entry>;
  /** The next approval: of the department in `department-review`, of the city in `city-review`, which publishes. */
  approve(actor: Actor, entryId: string): Promise<Entry>;
  return(actor: Actor, entryId: string, reasons: readonly ReturnReason[]): Promise<Entry>;
  /** The submitter's department takes a submission back. */
  recall(actor: Actor, entryId: string): Promise<Entry>;
  suspend(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  resume(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  withdraw(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  /** Up to 500 at once; each is done or refused by itself. */
  submitMany(actor: Actor, entryIds: readonly string[]): Promise<ManyOutcome[]>;
  approveMany(actor: Actor, entryIds: readonly string[]): Promise<ManyOutcome[]>;

  history(actor: Actor, entryId: string): Promise<EntryHistoryRecord[]>;
}

export interface ReturnReason {
  /** Of the member that must change, as in an Issue; `/` for the whole. */
  path: string;
  text: string;
}
