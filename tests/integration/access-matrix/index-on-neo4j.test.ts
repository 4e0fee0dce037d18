import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry } from "#catalog";
import { neo4jUrl, openNeo4j } from "../../contracts/catalog-index/open-neo4j.ts";
import { createMatrixCity, decisionOf, type Caller, type MatrixCity } from "./matrix-city.ts";
import { countSurfaces, entrySurfaces } from "./surfaces.ts";

/** The matrix once more for what the index answers, with the index in Neo4j: its access conditions are written in Cypher. */
describe.skipIf(neo4jUrl === undefined)("no surface of the index in Neo4j shows what the detail refuses", () => {
  let city: MatrixCity;
  const visible = new Map<string, Entry[]>();
  /** One caller of each decision: callers whom nothing that decides tells apart see the same (access-matrix.test.ts). */
  let callers: Caller[];
  beforeAll(async () => {
    city = await createMatrixCity(openNeo4j);
    await city.catalog.search.bringUpToDate();
    callers = [...new Map(city.callers.map((caller) => [decisionOf(city.kernel, caller.actor), caller])).values()];
    for (const { name, actor } of callers) {
      const seen = await Promise.all([city.root.id, ...city.entries.map((entry) => entry.id)].map((id) => city.catalog.entries.get(actor, id).catch(() => undefined)));
      visible.set(name, seen.filter((entry) => entry !== undefined));
    }
  }, 240_000);
  afterAll(() => city?.drop());

  const surfaces = ["search", "search by its own words", "entries of the index by id", "suggestions", "related entries", "related entries from itself", "lineage downstream", "lineage upstream from itself", "impact of itself", "path to it"];
  test.each(surfaces)("%s", async (name) => {
    const wrong: string[] = [];
    for (const [turn, { name: caller, actor }] of callers.entries()) {
      // Where each entry is a question of its own, callers share them out: the adapter is tried here, not the rules again.
      const asksEach = entrySurfaces(city).find((each) => each.name === name)!.perEntry === true;
      const entries = asksEach ? city.entries.filter((_entry, at) => (at + Math.floor(at / 6)) % 3 === turn % 3) : city.entries;
      const surface = entrySurfaces({ ...city, entries }).find((each) => each.name === name)!;
      const kinds = new Map(entries.map((entry) => [entry.id, entry.kind]));
      const among = new Set(entries.filter((entry) => surface.among?.(entry) ?? true).map((entry) => entry.id));
      const allowed = new Set(visible.get(caller)!.map((entry) => entry.id).filter((id) => among.has(id)));
      const shown = await surface.listVisible(actor);
      for (const id of shown) if (!allowed.has(id)) wrong.push(`${caller} is shown: ${kinds.get(id)}`);
      for (const id of allowed) if (!shown.has(id)) wrong.push(`${caller} misses: ${kinds.get(id)}`);
    }
    expect(wrong).toEqual([]);
  }, 240_000);

  const counts = ["facet state", "facet sharingType", "facet open", "facet organisation", "total of a search", "total of a search for words", "impact", "entries that share an item"];
  test.each(counts)("%s", async (name) => {
    const surface = countSurfaces(city).find((each) => each.name === name)!;
    for (const { name: caller, actor } of callers) expect(await surface.count(actor), caller).toEqual(surface.expected(visible.get(caller)!));
  }, 120_000);

  test("a grant shows on a walk only to those who may see the grant and the entry it is on", async () => {
    for (const { name: caller, actor } of city.callers) {
      const may = city.kernel.access.allows(actor, "grant", "see", city.grant) && city.kernel.access.allows(actor, "entry", "see", subjectOf(city));
      const { consumerOrganisationIds } = await city.catalog.search.impact(actor, city.root.id);
      expect(consumerOrganisationIds, caller).toEqual(may ? [city.grant.consumerOrganisationId] : []);
    }
  }, 120_000);
});

/** The entry that the grant is on, as access looks at it. */
function subjectOf({ entries, grant }: MatrixCity): object {
  const entry = entries.find(({ id }) => id === grant.entryId)!;
  const [, state, sharingType, open] = entry.kind.split(" ");
  return { id: entry.id, organisationId: entry.organisationId, state, sharingType, open: open === "open" };
}
