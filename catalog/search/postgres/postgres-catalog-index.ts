import { UnavailableError, type Access, type Actor, type Clock, type Database, type Log, type Reader } from "#platform";
import type { CatalogIndex, IndexStatistics } from "../catalog-index.ts";
import { mixSuggestions } from "../suggestions.ts";
import { countImpact, findPath, walkLineage } from "../walk.ts";
import { removeDocuments, writeDocuments } from "./documents.ts";
import { createFacetValues } from "./facet-values.ts";
import { analyseGeneration, createGeneration, createGenerationIndexes, dropGenerations, findGeneration, findServing, indexNotBuilt, shortId, tablesOf, type GenerationTables } from "./generations.ts";
import { relatedEntries, sharedItems } from "./relations.ts";
import { searchDocuments } from "./search.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { createSqlParts, seesEntry } from "./sql-parts.ts";
import { suggestEntries, suggestTerms } from "./suggest.ts";
import { openPostgresWalk } from "./walk-store.ts";

export interface CreatePostgresCatalogIndexOptions {
  database: Database;
  access: Access;
  clock: Clock;
  log: Log;
  /** Milliseconds that only rise, for deadlines. */
  monotonicMs: () => number;
}

/** How long a rebuild waits for readers of the generation before; after that it is removed at the next rebuild. */
const dropWaitMs = 5_000;

/** The catalog index in the centre's own PostgreSQL. */
export function createPostgresCatalogIndex({ database, access, clock, log, monotonicMs }: CreatePostgresCatalogIndexOptions): CatalogIndex {
  const facetValues = createFacetValues();
  // Terms already written into a generation that is being loaded. A rebuild that loses them begins again.
  const loading = new Map<number, Set<string>>();
  const walkTools = { database, access, monotonicMs };
  let lastServing: number | undefined;

  /** Runs a question on the serving generation; when that one was replaced meanwhile, on the new one. */
  async function onServing<T>(ask: (tables: GenerationTables, reader: Reader) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await database.read(async (reader) => {
          const number = await findServing(reader);
          if (number === undefined) throw indexNotBuilt();
          return ask(tablesOf(number), reader);
        });
      } catch (error) {
        if (attempt >= 2 || !isGone(error)) throw error;
      }
    }
  }

  async function count(reader: Reader, number: number): Promise<IndexStatistics> {
    const { rows } = await reader.query<IndexStatistics & Record<string, unknown>>(`select (select count(*) from ${tablesOf(number).document}) as documents, (select count(*) from catalog.index_parked where generation = $1) as parked`, [number]);
    return rows[0]!;
  }

  return {
    async search(viewer, request) {
      // The generation that served last is asked at once; the answer itself says whether it still serves.
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const number = (lastServing ??= await database.read(findServing));
        if (number === undefined) throw indexNotBuilt();
        try {
          const { serving, result } = await database.read((reader) => searchDocuments(reader, access, facetValues, tablesOf(number), viewer, request));
          if (serving === number) return result;
        } catch (error) {
          if (!isGone(error)) throw error;
        }
        lastServing = undefined;
      }
      throw new UnavailableError("The catalog index was replaced repeatedly while it was asked", { zh: "目录索引正在切换", code: "index.switching", nextStep: "Ask again." });
    },
    suggest: (viewer, request) =>
      onServing(async (tables, reader) => {
        const terms = await suggestTerms(reader, access, tables, viewer, request);
        return mixSuggestions(request.first, terms, (first) => suggestEntries(reader, access, tables, viewer, { ...request, first }));
      }),
    find: (viewer, entryIds) =>
      onServing(async (tables, reader) => {
        const found = await findEntries(reader, tables, viewer, entryIds);
        return entryIds.map((id) => found.get(id));
      }),
    related: (viewer, entryId, first) => onServing((tables, reader) => relatedEntries(reader, access, tables, viewer, entryId, first)),
    lineage: (viewer, entryId, direction, bounds) => onServing((tables) => openPostgresWalk(walkTools, tables, viewer, bounds, (store) => walkLineage(store, entryId, direction, bounds))),
    impact: (viewer, entryId, bounds) => onServing((tables) => openPostgresWalk(walkTools, tables, viewer, bounds, (store) => countImpact(store, entryId, bounds))),
    path: (viewer, from, to, bounds) => onServing((tables) => openPostgresWalk(walkTools, tables, viewer, bounds, (store) => findPath(store, from, to, bounds))),
    sharedItems: (viewer, request) => onServing((tables, reader) => sharedItems(reader, access, tables, viewer, request)),

    serving: () =>
      database.read(async (reader) => {
        const number = await findServing(reader);
        return number === undefined ? undefined : findGeneration(reader, number);
      }),
    generation: (number) => database.read((reader) => findGeneration(reader, number)),
    statistics: (number) => database.read((reader) => count(reader, number)),
    async beginRebuild(start) {
      const leftover = await database.read((reader) => reader.query<{ number: number }>("select number from catalog.index_generation where state <> 'serving'"));
      await dropGenerations(database, leftover.rows.map((row) => row.number), dropWaitMs);
      const number = await database.withTransaction((tx) => createGeneration(tx, { ...start, at: clock.now() }));
      loading.set(number, new Set());
      return number;
    },
    async apply(generation, batch) {
      const loaded = loading.get(generation);
      const { terms, ...result } = await database.withTransaction(async (tx) => {
        const tables = tablesOf(generation);
        const written = await writeDocuments({ tx, tables, facetValues, documents: batch.documents, loading: loaded !== undefined, loadedTerms: loaded ?? new Set() });
        if (!loaded) await removeDocuments(tx, tables, batch.removals);
        const settled = [...batch.documents.map((document) => document.entry.id), ...batch.removals];
        await tx.query("delete from catalog.index_parked where generation = $1 and entry_id = any($2) and not entry_id = any($3)", [generation, settled, written.refused.map((refusal) => refusal.entryId)]);
        if (batch.position !== undefined) await tx.query("update catalog.index_generation set position = greatest(position, $2) where number = $1", [generation, batch.position]);
        return written;
      });
      for (const term of terms) loaded?.add(term);
      return result;
    },
    async finishLoading(generation) {
      await database.withTransaction((tx) => createGenerationIndexes(tx, generation));
      loading.delete(generation);
      await analyseGeneration(database, generation);
    },
    finishRebuild: (generation) =>
      database.withTransaction(async (tx) => {
        await tx.query("update catalog.index_generation set state = 'retired' where state = 'serving'");
        await tx.query("update catalog.index_generation set state = 'serving', finished_at = $2 where number = $1", [generation, clock.now()]);
      }),
    async removeRetired() {
      const { rows } = await database.read((reader) => reader.query<{ number: number }>("select number from catalog.index_generation where state = 'retired'"));
      const numbers = rows.map((row) => row.number);
      await dropGenerations(database, numbers, dropWaitMs).catch((error: Error) => log.warn({ generations: numbers, error: error.message }, "the index generation before is still being read; it is removed at the next rebuild"));
    },
    async abandonRebuild(generation) {
      loading.delete(generation);
      await dropGenerations(database, [generation], dropWaitMs);
    },
    park: (generation, documents) =>
      database.withTransaction(async (tx) => {
        await tx.query(
          `insert into catalog.index_parked as p (generation, entry_id, reason, attempts, parked_at) select $1, entry_id, reason, 1, $4 from unnest($2::text[], $3::text[]) as d (entry_id, reason)
           on conflict (generation, entry_id) do update set reason = excluded.reason, attempts = p.attempts + 1, parked_at = excluded.parked_at`,
          [generation, documents.map((document) => document.entryId), documents.map((document) => document.reason.slice(0, 1_000)), clock.now()],
        );
      }),
    parked: (limit) =>
      database.read(async (reader) => {
        const { rows } = await reader.query<{ entry_id: string; reason: string; attempts: number; parked_at: Date }>(
          "select p.entry_id, p.reason, p.attempts, p.parked_at from catalog.index_parked p join catalog.index_generation g on g.number = p.generation where g.state = 'serving' order by p.parked_at desc, p.entry_id limit $1",
          [limit],
        );
        return rows.map((row) => ({ entryId: row.entry_id, reason: row.reason, attempts: row.attempts, parkedAt: row.parked_at }));
      }),
    listEntryIds: (generation, after, limit) =>
      database.read(async (reader) => {
        const { rows } = await reader.query<{ entry_id: string }>(`select entry_id from ${tablesOf(generation).document} where entry_id > $1 order by entry_id limit $2`, [after, limit]);
        return rows.map((row) => row.entry_id);
      }),
  };

  async function findEntries(reader: Reader, tables: GenerationTables, viewer: Actor, entryIds: readonly string[]) {
    const parts = createSqlParts();
    const { rows } = await reader.query<{ entry_id: string; detail: StoredEntry }>(
      `select d.entry_id, d.detail from ${tables.document} d where d.document_id = any(${parts.bind(entryIds.map(shortId))}::bigint[]) and ${seesEntry(access, viewer, parts, "d")}`,
      parts.values,
    );
    return new Map(rows.map((row) => [row.entry_id, entryOf(row.detail)]));
  }
}

/** The generation's tables were dropped between reading its number and asking it. */
function isGone(error: unknown): boolean {
  return (error as { code?: string }).code === "42P01";
}
