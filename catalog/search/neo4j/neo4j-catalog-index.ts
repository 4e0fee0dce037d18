import { UnavailableError, type Access, type Actor, type Clock, type Log } from "#platform";
import type { CatalogIndex, WalkBounds } from "../catalog-index.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { mixSuggestions } from "../suggestions.ts";
import { countImpact, findPath, walkLineage, type WalkStore } from "../walk.ts";
import { CypherTimeout, indexUnavailable, openNeo4j, type Neo4jConnection, type RunCypher } from "./connection.ts";
import { createDocumentWriter, parkedKey } from "./documents.ts";
import { createGeneration, findGeneration, findServing, indexNotBuilt, removeGenerations, type GenerationNames } from "./generations.ts";
import type { Neo4jIndexSettings } from "./probe.ts";
import { relatedEntries, sharedItems } from "./relations.ts";
import { dropGraph, migrateGraph, namesOf, slotNames, type Slot } from "./schema.ts";
import { createFacetNumbers, searchEntries } from "./search.ts";
import { suggestEntries, suggestTerms } from "./suggest.ts";
import { createCypherParts, seesEntry } from "./visibility.ts";
import { runNeo4jWalk } from "./walk-store.ts";

export interface CreateNeo4jCatalogIndexOptions extends Neo4jIndexSettings {
  access: Access;
  clock: Clock;
  log: Log;
  /** Milliseconds that only rise, for deadlines. */
  monotonicMs: () => number;
}

export interface Neo4jCatalogIndex extends CatalogIndex {
  /** For `doctor` and tests. */
  connection: Neo4jConnection;
  /** Takes everything of this prefix from the server, its indexes and constraints included. */
  removeAll(): Promise<void>;
  close(): Promise<void>;
}

/** The catalog index in Neo4j 5, Community included. Connects when it is first asked, so a centre starts without it. */
export function createNeo4jCatalogIndex({ access, clock, log, monotonicMs, prefix = "Catalog", ...server }: CreateNeo4jCatalogIndexOptions): Neo4jCatalogIndex {
  const connection = openNeo4j(server);
  const names = namesOf(prefix);
  const writer = createDocumentWriter({ connection, names });
  const facetNumbers = createFacetNumbers(names);
  let migrated: Promise<unknown> | undefined;
  let lastServing: GenerationNames | undefined;

  /** Once per process, and again where it failed: the schema is there before anything is written or its state is told. */
  async function ready(): Promise<void> {
    migrated ??= migrateGraph(connection, names).then((applied) => void (applied.length > 0 && log.info({ migrations: applied }, "index schema in Neo4j brought up to date")));
    try {
      await migrated;
    } catch (error) {
      migrated = undefined;
      throw error;
    }
  }

  type Answer<T> = { value: T } | { failure: unknown };
  type Asked<T> = { answer: Answer<T>; serving: GenerationNames | undefined };

  /**
   * Asks the generation that served last and looks afterwards whether it still serves: one that was replaced meanwhile
   * may already have been emptied, so its answer is thrown away.
   */
  async function onServing<T>(ask: (target: GenerationNames) => Promise<Asked<T>>): Promise<T> {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      lastServing ??= await connection.read((cypher) => findServing(cypher, names));
      const target = lastServing;
      if (target === undefined) throw indexNotBuilt();
      const { answer, serving } = await ask(target);
      if (serving?.identity === target.identity) {
        if ("failure" in answer) throw answer.failure;
        return answer.value;
      }
      lastServing = serving;
    }
    throw new UnavailableError("The catalog index was replaced repeatedly while it was asked", { zh: "目录索引正在切换", code: "index.switching", nextStep: "Ask again." });
  }

  /** What went wrong on a generation that was being removed is of no interest; that the server is away is. */
  async function settle<T>(asked: Promise<T>): Promise<Answer<T>> {
    try {
      return { value: await asked };
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      if (error instanceof CypherTimeout) throw indexUnavailable("the question took too long", "Ask for less, or again later.", error);
      return { failure: error };
    }
  }

  const lookServing = () => connection.read((cypher) => findServing(cypher, names));

  /** One transaction for the question and the look at what serves. */
  const reading = <T>(ask: (cypher: RunCypher, target: GenerationNames) => Promise<T>): Promise<T> =>
    onServing(async (target) => {
      const asked = await settle(connection.read(async (cypher) => ({ value: await ask(cypher, target), serving: await findServing(cypher, names) })));
      return "failure" in asked ? { answer: asked, serving: await lookServing() } : { answer: asked.value, serving: asked.value.serving };
    });
  const walking = <T>(viewer: Actor, bounds: WalkBounds, run: (store: WalkStore) => Promise<T>): Promise<T> =>
    onServing(async (target) => {
      const asked = await settle(runNeo4jWalk({ connection, access, target, viewer, bounds, monotonicMs, lookAfterwards: (cypher) => findServing(cypher, names) }, run));
      return "failure" in asked ? { answer: asked, serving: await lookServing() } : { answer: { value: asked.value.value }, serving: asked.value.after };
    });

  async function targetOf(number: number): Promise<GenerationNames & { loading: boolean }> {
    const rows = await connection.read((cypher) => cypher<{ slot: Slot; loading: boolean; identity: string }>(`MATCH (g:${names.generation} {number: $number}) RETURN g.slot AS slot, g.loading AS loading, g.identity AS identity`, { number: BigInt(number) }));
    if (rows[0] === undefined) throw new UnavailableError(`Index generation ${number} is gone`, { zh: "索引版本已不存在", code: "index.generation-gone", nextStep: "Start the rebuild again." });
    return { number, ...rows[0], ...slotNames(names, rows[0].slot) };
  }

  return {
    connection,
    async removeAll() {
      migrated = undefined;
      lastServing = undefined;
      await dropGraph(connection, names);
    },
    close: () => connection.close(),
    search: (viewer, request) =>
      onServing(async (target) => {
        const asked = await settle(connection.read((cypher) => searchEntries({ cypher, access, facetNumbers, target, viewer, lookAfterwards: () => findServing(cypher, names) }, request)));
        return "failure" in asked ? { answer: asked, serving: await lookServing() } : { answer: { value: asked.value.result }, serving: asked.value.after };
      }),
    suggest: (viewer, request) =>
      reading(async (cypher, target) => {
        const terms = await suggestTerms(cypher, access, target, viewer, request);
        return mixSuggestions(request.first, terms, (first) => suggestEntries(cypher, access, target, viewer, { ...request, first }));
      }),
    find: (viewer, entryIds) =>
      reading(async (cypher, { entry }) => {
        const parts = createCypherParts();
        const sees = seesEntry(access, viewer, parts, "d");
        const rows = await cypher<{ id: string; detail: string }>(`UNWIND ${parts.bind(entryIds)} AS id MATCH (d:${entry} {id: id}) WHERE ${sees} RETURN d.id AS id, d.detail AS detail`, parts.parameters);
        const found = new Map(rows.map((row) => [row.id, entryOf(JSON.parse(row.detail) as StoredEntry)]));
        return entryIds.map((id) => found.get(id));
      }),
    related: (viewer, entryId, first) => reading((cypher, target) => relatedEntries(cypher, access, target, viewer, entryId, first)),
    lineage: (viewer, entryId, direction, bounds) => walking(viewer, bounds, (store) => walkLineage(store, entryId, direction, bounds)),
    impact: (viewer, entryId, bounds) => walking(viewer, bounds, (store) => countImpact(store, entryId, bounds)),
    path: (viewer, from, to, bounds) => walking(viewer, bounds, (store) => findPath(store, from, to, bounds)),
    sharedItems: (viewer, request) => reading((cypher, target) => sharedItems(cypher, access, target, viewer, request)),

    async serving() {
      await ready();
      return connection.read((cypher) => findGeneration(cypher, names, "serving"));
    },
    generation: (number) => connection.read((cypher) => findGeneration(cypher, names, number)),
    async statistics(number) {
      const { entry } = await targetOf(number);
      const rows = await connection.read((cypher) => cypher<{ documents: number; parked: number }>(`RETURN COUNT { (:${entry}) } AS documents, COUNT { (:${names.parked} {generation: $number}) } AS parked`, { number: BigInt(number) }));
      return rows[0]!;
    },
    async beginRebuild(start) {
      // The server may have been emptied or replaced since this process looked.
      migrated = undefined;
      await ready();
      await removeGenerations(connection, names);
      return createGeneration(connection, names, { ...start, at: clock.now() });
    },
    apply: async (generation, batch) => writer.apply(await targetOf(generation), batch),
    finishLoading: async (generation) => writer.finishLoading(await targetOf(generation)),
    async finishRebuild(generation) {
      await connection.write(async (cypher) => {
        await cypher(`MATCH (g:${names.generation} {state: 'serving'}) WHERE g.number <> $number SET g.state = 'retired'`, { number: BigInt(generation) });
        await cypher(`MATCH (g:${names.generation} {number: $number}) SET g.state = 'serving', g.finishedAt = $at`, { number: BigInt(generation), at: clock.now().toISOString() });
      });
    },
    async removeRetired() {
      await removeGenerations(connection, names, { state: "retired" }).catch((error: Error) => log.warn({ error: error.message }, "the index generation before could not be removed; it is at the next rebuild"));
    },
    async abandonRebuild(generation) {
      writer.forget(generation);
      await removeGenerations(connection, names, { number: generation });
    },
    park: (generation, documents) =>
      connection.write(async (cypher) => {
        await cypher(
          `UNWIND $rows AS row MERGE (p:${names.parked} {key: row.key})
           SET p.generation = $generation, p.entryId = row.entryId, p.reason = row.reason, p.attempts = coalesce(p.attempts, 0) + 1, p.parkedAt = $at`,
          { generation: BigInt(generation), at: BigInt(clock.now().getTime()), rows: documents.map(({ entryId, reason }) => ({ key: parkedKey(generation, entryId), entryId, reason: reason.slice(0, 1_000) })) },
        );
      }),
    parked: (limit) =>
      connection.read(async (cypher) => {
        const rows = await cypher<{ entryId: string; reason: string; attempts: number; parkedAt: number }>(
          `MATCH (g:${names.generation} {state: 'serving'}) MATCH (p:${names.parked}) WHERE p.generation = g.number RETURN p.entryId AS entryId, p.reason AS reason, p.attempts AS attempts, p.parkedAt AS parkedAt ORDER BY parkedAt DESC, entryId LIMIT $limit`,
          { limit: BigInt(limit) },
        );
        return rows.map((row) => ({ ...row, parkedAt: new Date(row.parkedAt) }));
      }),
    async listEntryIds(generation, after, limit) {
      const { entry } = await targetOf(generation);
      const rows = await connection.read((cypher) => cypher<{ id: string }>(`MATCH (d:${entry}) WHERE d.id > $after RETURN d.id AS id ORDER BY id LIMIT $limit`, { after, limit: BigInt(limit) }));
      return rows.map(({ id }) => id);
    },
  };
}
