import type { EntryService } from "../entries/entry-service.ts";
import type { CatalogSearch } from "./catalog-search.ts";

/** The entries' service as pages ask it: a published entry that somebody opens is counted, which ranking by use looks at. */
export function countViews(entries: EntryService, search: Pick<CatalogSearch, "recordView">): EntryService {
  return {
    ...entries,
    async find(actor, reference) {
      const entry = await entries.find(actor, reference);
      // A department's looks at its own entries say nothing about their use.
      if (entry?.state === "published" && actor.kind !== "system" && actor.organisationId !== entry.organisationId) search.recordView(entry.id);
      return entry;
    },
  };
}
