import type { CatalogEntry } from "#standards";
import type { Actor, Kernel } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Entry, EntryState } from "../model/types.ts";
import { assessCompleteness, type Completeness } from "./completeness.ts";
import { createEntryDrafts, entryNotFound, type EntryDrafts } from "./entry-drafts.ts";
import { entryScopeColumn, findEntries, findEntry, findEntryByReference, listEntries, scopeSubjectOf, toEntry } from "./entry-repository.ts";
import { createEntryReview, type EntryReview } from "./entry-review.ts";
import { listHistory, type EntryHistoryRecord } from "./entry-version-repository.ts";

export interface EntryFilter {
  organisationId?: string;
  states?: readonly EntryState[];
  sharingType?: CatalogEntry["sharingType"];
  open?: boolean;
  waitingFor?: NonNullable<Entry["waitingFor"]>;
  /** Part of the title. */
  title?: string;
  updatedSince?: Date;
}

/**
 * Entries: what a department says of its information resources, through their life (entry-transitions.ts).
 *
 * `check`: everything between a content and its submission, schema and rules; writes nothing.
 * `saveDrafts`: creates or replaces many drafts in the caller's transaction, set-based, for importers: one outcome per
 * input, in order; a refused input writes nothing and leaves it to the caller whether to go on or to roll back.
 * `approve`: the next approval: the department's in `department-review`, the city's in `city-review`, which publishes.
 * `submitMany`, `approveMany`: up to 500 at once; each is done or refused by itself.
 */
export interface EntryService extends EntryDrafts, EntryReview {
  get(actor: Actor, entryId: string): Promise<Entry>;
  /** By id, code or resource identifier; undefined when there is none that the caller may see. */
  find(actor: Actor, reference: string): Promise<Entry | undefined>;
  /** In the order of `ids`; undefined where there is none that the caller may see. */
  getMany(actor: Actor, ids: readonly string[]): Promise<(Entry | undefined)[]>;
  /** The last changed first. */
  list(actor: Actor, filter: EntryFilter, page: PageRequest): Promise<Page<Entry>>;
  history(actor: Actor, entryId: string): Promise<EntryHistoryRecord[]>;
  /** How complete an entry is and what would make it better. */
  completeness(actor: Actor, entryId: string): Promise<Completeness>;
}

export function createEntryService({ kernel }: { kernel: Kernel }): EntryService {
  const { access, database } = kernel;

  async function get(actor: Actor, entryId: string): Promise<Entry> {
    const entry = await database.read((reader) => findEntry(reader, entryId));
    if (!entry) throw entryNotFound(entryId);
    access.assert(actor, "entry", "see", scopeSubjectOf(entry));
    return toEntry(entry);
  }

  return {
    ...createEntryDrafts({ kernel }),
    ...createEntryReview({ kernel }),
    get,

    async find(actor, reference) {
      access.assertAnyScope(actor, "entry", "see");
      const entry = await database.read((reader) => findEntryByReference(reader, reference));
      return entry && access.allows(actor, "entry", "see", scopeSubjectOf(entry)) ? toEntry(entry) : undefined;
    },

    async getMany(actor, ids) {
      access.assertAnyScope(actor, "entry", "see");
      const found = await database.read((reader) => findEntries(reader, ids));
      return ids.map((id) => {
        const entry = found.get(id);
        return entry && access.allows(actor, "entry", "see", scopeSubjectOf(entry)) ? toEntry(entry) : undefined;
      });
    },

    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "entry", "see");
      checkPageSize(first);
      const condition = access.condition(actor, "entry", "see", { column: entryScopeColumn, firstPlaceholder: 11 });
      const [at, id] = after === undefined ? [] : decodeCursor(after, 2);
      const rows = await database.read((reader) => listEntries(reader, { ...filter, ...(at === undefined ? {} : { before: { updatedAt: new Date(Number(at)), id: String(id) } }), limit: first + 1, condition }));
      return toPage(rows.map(toEntry), first, (row) => encodeCursor([row.updatedAt.getTime(), row.id]));
    },

    async history(actor, entryId) {
      const entry = await get(actor, entryId);
      access.assert(actor, "entry", "see-work", scopeSubjectOf(entry));
      return database.read((reader) => listHistory(reader, entryId));
    },

    completeness: async (actor, entryId) => assessCompleteness((await get(actor, entryId)).content),
  };
}
