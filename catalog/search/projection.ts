import { setImmediate as nextTurn } from "node:timers/promises";
import { ConflictError, describeError, UnavailableError, type DomainEvent, type Kernel, type Reader, type Transaction } from "#platform";
import type { CatalogIndex } from "./catalog-index.ts";
import { countEntries, listEntryIdsOfElements, listEntryIdsOfOrganisation, listEntrySources, readDataElements, readEntrySources, readOrganisationNames } from "./entry-records.ts";
import type { IndexDocument } from "./index-document.ts";
import { projectEntry, type DataElements, type EntrySource } from "./project-entry.ts";
import type { Tokeniser } from "./text/tokeniser.ts";

/**
 * Keeps the index a picture of the records. Events only say which entries to look at again: a document is always made
 * from the record as it is, so applying an event twice, or late, gives the same index. The position that has been
 * applied is stored by the index, with the documents.
 */
export interface IndexProjection {
  /**
   * Takes in one batch of events. `more`: there are more; `busy`: another process is at it; `idle`: nothing left;
   * `missing`: there is no index yet.
   */
  step(): Promise<"more" | "busy" | "idle" | "missing">;
  /** Looks at these entries again, whether or not something happened. */
  refresh(entryIds: readonly string[]): Promise<void>;
  /** Builds the index anew beside the serving one, catches up, and switches. Interrupted, it leaves the serving one as it is. */
  rebuild(options?: RebuildOptions): Promise<RebuildResult>;
}

export interface RebuildOptions {
  onProgress?(progress: RebuildProgress): void;
  signal?: AbortSignal;
  /** When another process is rebuilding: wait until it has, and do nothing. Default: refuse. */
  wait?: boolean;
}
export interface RebuildProgress {
  phase: "loading" | "indexing" | "catching-up" | "done";
  done: number;
  total: number;
}
export interface RebuildResult {
  generation: number;
  documents: number;
  parked: number;
}

export interface CreateIndexProjectionOptions {
  kernel: Kernel;
  index: CatalogIndex;
  tokeniser: Tokeniser;
  /** Names of organisations, loaded into the dictionary before documents are made. */
  organisationWords(names: Iterable<string>): string[];
  /** Events per step. */
  batchSize?: number;
  /** Documents per transaction while rebuilding. */
  chunkSize?: number;
}

/** Held for one batch by whoever applies events; and for the whole of a rebuild. */
const projectionLock = 7_305_021;
const rebuildLock = 7_305_022;
const documentsPerApply = 500;
/** Cutting an entry's texts takes about half a millisecond: after so many, whoever waits for this process has a turn. */
const projectedAtOnce = 20;

export function createIndexProjection({ kernel, index, tokeniser, organisationWords, batchSize = 500, chunkSize = 1_000 }: CreateIndexProjectionOptions): IndexProjection {
  const { database, eventLog, log } = kernel;
  const applied = kernel.metrics.counter("catalog_index_documents_total", "Documents written to the catalog index");
  const parkedTotal = kernel.metrics.counter("catalog_index_parked_total", "Documents that could not be indexed");

  async function learnOrganisations(reader: Reader): Promise<void> {
    tokeniser.addWords(organisationWords((await readOrganisationNames(reader)).values()));
  }

  async function project(elements: DataElements, sources: readonly EntrySource[]): Promise<{ documents: IndexDocument[]; refused: { entryId: string; reason: string }[] }> {
    const documents: IndexDocument[] = [];
    const refused: { entryId: string; reason: string }[] = [];
    for (const [at, source] of sources.entries()) {
      if (at % projectedAtOnce === projectedAtOnce - 1) await nextTurn();
      try {
        documents.push(projectEntry(tokeniser, elements, source));
      } catch (error) {
        refused.push({ entryId: source.entry.id, reason: describeError(error) });
      }
    }
    return { documents, refused };
  }

  /** Writes what could be made and parks the rest, without its older version: that may show what is no longer to be seen. */
  async function apply(generation: number, documents: readonly IndexDocument[], refused: { entryId: string; reason: string }[], removals: readonly string[], position: number | undefined): Promise<number> {
    const result = await index.apply(generation, { documents, removals: [...removals, ...refused.map((refusal) => refusal.entryId)], ...(position === undefined ? {} : { position }) });
    const all = [...refused, ...result.refused];
    if (result.refused.length > 0) await index.apply(generation, { documents: [], removals: result.refused.map((refusal) => refusal.entryId) });
    if (all.length > 0) {
      await index.park(generation, all);
      parkedTotal.inc(all.length);
      log.warn({ generation, entryIds: all.slice(0, 20).map((refusal) => refusal.entryId), parked: all.length }, "entries could not be indexed and were parked; the reason stands in the index status");
    }
    applied.inc(result.applied);
    return all.length;
  }

  async function applyEntries(reader: Reader, generation: number, entryIds: readonly string[], position: number | undefined): Promise<void> {
    const elements = await readDataElements(reader);
    for (let start = 0; start < entryIds.length || start === 0; start += documentsPerApply) {
      const ids = entryIds.slice(start, start + documentsPerApply);
      const sources = await readEntrySources(reader, ids);
      const present = new Set(sources.map((source) => source.entry.id));
      const { documents, refused } = await project(elements, sources);
      // The position moves with the last part: a batch that stops half-way is taken in again from its beginning.
      await apply(generation, documents, refused, ids.filter((id) => !present.has(id)), start + documentsPerApply >= entryIds.length ? position : undefined);
    }
  }

  async function affectedEntries(reader: Reader, events: readonly DomainEvent[]): Promise<string[]> {
    const ids = new Set<string>();
    const organisations = new Set<string>();
    const elements = new Set<string>();
    for (const event of events) {
      // A payload that says nothing must not hold up what comes after it.
      const { entryId } = (event.payload ?? {}) as { entryId?: unknown };
      if (typeof entryId === "string") ids.add(entryId);
      if (event.subjectType === "organisation") organisations.add(event.subjectId);
      if (event.subjectType === "data-element") elements.add(event.subjectId);
    }
    if (organisations.size > 0) {
      await learnOrganisations(reader);
      for (const id of await listEntryIdsOfOrganisation(reader, [...organisations])) ids.add(id);
    }
    if (elements.size > 0) for (const id of await listEntryIdsOfElements(reader, [...elements])) ids.add(id);
    return [...ids];
  }

  /** One batch into a generation; the number of events taken in. */
  async function takeIn(reader: Reader, generation: number): Promise<number> {
    const state = await index.generation(generation);
    if (state === undefined) throw new ConflictError(`Index generation ${generation} is gone`, { code: "index.generation-gone", nextStep: "Start the rebuild again." });
    const events = await eventLog.readAfter(reader, state.position, batchSize);
    if (events.length > 0) await applyEntries(reader, generation, await affectedEntries(reader, events), events.at(-1)!.position);
    return events.length;
  }

  const lock = async (tx: Transaction, wait: boolean): Promise<boolean> => {
    if (wait) {
      await tx.query("select pg_advisory_xact_lock($1)", [projectionLock]);
      return true;
    }
    const { rows } = await tx.query<{ got: boolean }>("select pg_try_advisory_xact_lock($1) as got", [projectionLock]);
    return rows[0]!.got;
  };

  async function load(generation: number, total: number, options: RebuildOptions): Promise<{ documents: number; parked: number }> {
    const elements = await database.read(readDataElements);
    let documents = 0;
    let parked = 0;
    let writing: Promise<number> = Promise.resolve(0);
    try {
      for (let after = ""; ; ) {
        options.signal?.throwIfAborted();
        const sources = await database.read((reader) => listEntrySources(reader, after, chunkSize));
        if (sources.length === 0) break;
        after = sources.at(-1)!.entry.id;
        const made = await project(elements, sources);
        // While the index takes one chunk, the next is read and cut.
        parked += await writing;
        writing = apply(generation, made.documents, made.refused, [], undefined);
        // Awaited in the next turn: a failure meanwhile must not count as unhandled.
        writing.catch(() => undefined);
        documents += made.documents.length;
        options.onProgress?.({ phase: "loading", done: documents, total });
      }
      parked += await writing;
      return { documents, parked };
    } catch (error) {
      // Nothing may still be writing when the generation is dropped.
      await Promise.allSettled([writing]);
      throw error;
    }
  }

  return {
    async step() {
      const serving = await index.serving();
      if (serving === undefined) return "missing";
      return database.withTransaction(async (tx) => {
        if (!(await lock(tx, false))) return "busy";
        const taken = await takeIn(tx, (await index.serving())!.number);
        return taken === batchSize ? "more" : "idle";
      });
    },
    async refresh(entryIds) {
      await database.withTransaction(async (tx) => {
        await lock(tx, true);
        const serving = await index.serving();
        if (serving !== undefined && entryIds.length > 0) await applyEntries(tx, serving.number, entryIds, undefined);
      });
    },
    async rebuild(options = {}) {
      const holder = await database.connect();
      try {
        const { rows } = await holder.query<{ got: boolean }>("select pg_try_advisory_lock($1) as got", [rebuildLock]);
        if (!rows[0]!.got && options.wait) {
          await holder.query("select pg_advisory_lock($1)", [rebuildLock]);
          const serving = await index.serving();
          if (serving !== undefined) return { generation: serving.number, ...(await index.statistics(serving.number)) };
        } else if (!rows[0]!.got) throw new ConflictError("The catalog index is already being rebuilt", { zh: "目录索引正在重建", code: "index.rebuild-running", nextStep: "Wait until it has ended; it can be watched in the index status." });
        const position = await database.read((reader) => eventLog.head(reader));
        await database.read(learnOrganisations);
        const total = await database.read(countEntries);
        const generation = await index.beginRebuild({ tokeniser: tokeniser.version, position, expected: total });
        try {
          const loaded = await load(generation, total, options);
          options.onProgress?.({ phase: "indexing", done: loaded.documents, total: loaded.documents });
          await index.finishLoading(generation);
          options.onProgress?.({ phase: "catching-up", done: loaded.documents, total: loaded.documents });
          while ((await database.read((reader) => takeIn(reader, generation))) === batchSize) options.signal?.throwIfAborted();
          options.signal?.throwIfAborted();
          await database.withTransaction(async (tx) => {
            // Nobody applies events to the old generation while the last ones go into the new.
            await lock(tx, true);
            while ((await takeIn(tx, generation)) > 0);
            await index.finishRebuild(generation);
          });
          await index.removeRetired();
          options.onProgress?.({ phase: "done", done: loaded.documents, total: loaded.documents });
          return { generation, ...(await index.statistics(generation)) };
        } catch (error) {
          await index.abandonRebuild(generation).catch((failure: Error) => log.warn({ generation, error: failure.message }, "an interrupted rebuild left tables behind; the next rebuild removes them"));
          throw options.signal?.aborted ? new UnavailableError("The rebuild was interrupted; the index serves as before", { zh: "重建已中断,原索引继续服务", code: "index.rebuild-interrupted", nextStep: "Start it again.", cause: error }) : error;
        }
      } finally {
        await holder.end();
      }
    },
  };
}
