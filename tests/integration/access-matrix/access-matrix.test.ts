import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemActor } from "#platform";
import type { Entry } from "#catalog";
import { createMatrixCity, decisionOf, type Caller, type MatrixCity } from "./matrix-city.ts";
import { countSurfaces, entrySurfaces } from "./surfaces.ts";

/**
 * For every role and department relation, every state, sharing type and openness: no surface shows what the detail
 * refuses. The detail (entries.get) is the measure; it is proved against the rules in catalog/entries.
 */
let city: MatrixCity;
/** What each caller's detail shows, the root included. */
const visible = new Map<string, Entry[]>();

beforeAll(async () => {
  city = await createMatrixCity();
  const system = systemActor("test");
  await city.kernel.database.withTransaction((tx) => city.kernel.eventLog.append(tx, system, [{ subjectType: "entry", subjectId: city.root.id, kind: "entry.changed", payload: { entryId: city.root.id, state: "published" } }]));
  await city.catalog.search.bringUpToDate();
  for (const { name, actor } of city.callers) {
    const seen = await Promise.all([city.root.id, ...city.entries.map((entry) => entry.id)].map((id) => city.catalog.entries.get(actor, id).catch(() => undefined)));
    visible.set(name, seen.filter((entry) => entry !== undefined));
  }
}, 180_000);
afterAll(() => city.drop());

function distinctCallers(): Caller[] {
  return [...new Map(city.callers.map((caller) => [decisionOf(city.kernel, caller.actor), caller])).values()];
}

test("callers whom nothing that decides tells apart see the same", () => {
  const seenBy = new Map<string, string>();
  for (const { name, actor } of city.callers) {
    const seen = visible.get(name)!.map((entry) => entry.id).join();
    const decision = decisionOf(city.kernel, actor);
    expect(seenBy.get(decision) ?? seen, name).toBe(seen);
    seenBy.set(decision, seen);
  }
  expect(seenBy.size).toBeGreaterThan(5);
});

test("the matrix is what it claims to be: every kind of entry is seen by some and hidden from others", () => {
  for (const entry of city.entries) {
    const seers = city.callers.filter(({ name }) => visible.get(name)!.some((seen) => seen.id === entry.id)).length;
    expect(seers, entry.kind).toBeGreaterThan(0);
    if (!/published (unconditional|conditional) open/.test(entry.kind)) expect(seers, entry.kind).toBeLessThan(city.callers.length);
  }
  expect(visible.get("anonymous")!.map((entry) => `${entry.state} ${entry.content.sharingType} ${entry.content.open}`).every((kind) => /^published (unconditional|conditional) true$/.test(kind))).toBe(true);
});

describe("no surface shows what the detail refuses", () => {
  const names = ["details in bulk", "detail by code", "list of entries", "export", "import that names it", "history", "search", "search by its own words", "entries of the index by id", "suggestions", "related entries", "related entries from itself", "lineage downstream", "lineage upstream from itself", "impact of itself", "path to it", "collectors of an item", "items collected elsewhere", "asking for it", "subscription to catalog changes"];

  test("every surface of the table is tested", () => {
    expect(entrySurfaces(city).map((surface) => surface.name)).toEqual(names);
  });

  test.each(names)("%s", async (name) => {
    const surface = entrySurfaces(city).find((each) => each.name === name)!;
    const kinds = new Map(city.entries.map((entry) => [entry.id, entry.kind]));
    const among = new Set(city.entries.filter((entry) => surface.among?.(entry) ?? true).map((entry) => entry.id));
    const wrong: string[] = [];
    for (const { name: caller, actor } of surface.perEntry ? distinctCallers() : city.callers) {
      const allowed = new Set(visible.get(caller)!.map((entry) => entry.id).filter((id) => among.has(id)));
      const shown = await surface.listVisible(actor);
      for (const id of shown) if (!allowed.has(id)) wrong.push(`${caller} is shown: ${kinds.get(id)}`);
      if (surface.shows === "same") for (const id of allowed) if (!shown.has(id)) wrong.push(`${caller} misses: ${kinds.get(id)}`);
    }
    expect(wrong).toEqual([]);
  }, 120_000);
});

describe("no count tells of what the detail refuses", () => {
  const names = ["facet state", "facet sharingType", "facet open", "facet organisation", "rows of an export", "rows of a department's export", "total of a search", "total of a search for words", "impact", "entries that share an item"];

  test("every count of the table is tested", () => {
    expect(countSurfaces(city).map((surface) => surface.name)).toEqual(names);
  });

  test.each(names)("%s", async (name) => {
    const surface = countSurfaces(city).find((each) => each.name === name)!;
    for (const { name: caller, actor } of city.callers) expect(await surface.count(actor), caller).toEqual(surface.expected(visible.get(caller)!));
  }, 60_000);
});

test("a grant shows on a walk only to those who may see the grant and the entry it is on", async () => {
  const seeing: string[] = [];
  for (const { name: caller, actor } of city.callers) {
    const { consumerOrganisationIds } = await city.catalog.search.impact(actor, city.root.id);
    const may = city.kernel.access.allows(actor, "grant", "see", city.grant) && visible.get(caller)!.some((entry) => entry.id === city.grant.entryId);
    expect(consumerOrganisationIds, caller).toEqual(may ? [city.grant.consumerOrganisationId] : []);
    const listed = (await city.catalog.sharing.grants.list(actor, {}, { first: 10 })).rows.map((grant) => grant.id);
    expect(listed, caller).toEqual(city.kernel.access.allows(actor, "grant", "see", city.grant) ? [city.grant.id] : []);
    if (may) seeing.push(caller);
  }
  expect(seeing).toContain("application with a grant");
  expect(seeing).not.toContain("application without a grant");
}, 60_000);
