import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { facetNames, type Catalog, type CatalogIndex } from "#catalog";
import { announce, entryId, fixtureEntries, person, saveEntry } from "../../contracts/catalog-index/fixture.ts";
import { canKillNeo4j, openNeo4jCity, system, type Neo4jCity } from "./neo4j-city.ts";

const everything = person("数据", "city-reviewer");

/** A server that has just started may need longer than a walk may take; the walk says so, and is asked again. */
async function wholeLineage({ search }: Catalog): Promise<unknown> {
  for (let asked = 0; asked < 20; asked += 1) {
    const lineage = await search.lineage(everything, entryId("sz01"), "upstream", { hops: 10, deadlineMs: 5_000 });
    if (lineage.truncatedBy !== "deadline") return lineage;
  }
  throw new Error("a walk over a few entries took longer than five seconds, twenty times");
}

/** What the index answers, without its generation. */
async function picture(catalog: Catalog): Promise<unknown> {
  const { search } = catalog;
  const pages = [];
  for (const text of ["", "信息", "企业 登记", "第二版"]) {
    const { hits, total, facets } = await search.search(everything, { text, first: 100, facets: facetNames });
    pages.push({ text, total, facets, hits: hits.map((hit) => [hit.entry, hit.score.value]) });
  }
  return { pages, lineage: await wholeLineage(catalog), shared: await search.sharedItems(everything, { first: 50 }), listed: (await search.status(system)).serving?.documents };
}

describe.skipIf(!canKillNeo4j)("Neo4j is killed in the middle of work", () => {
  let city: Neo4jCity;
  beforeAll(async () => void (city = await openNeo4jCity()));
  afterAll(() => city?.close());

  /** The index, with the server killed while its n-th `apply` is on its way. */
  function killedAt(index: CatalogIndex, turn: number): { index: CatalogIndex; killed(): boolean } {
    let turns = 0;
    return {
      killed: () => turns >= turn,
      index: {
        ...index,
        async apply(generation, batch) {
          turns += 1;
          if (turns !== turn) return index.apply(generation, batch);
          const [outcome] = await Promise.allSettled([index.apply(generation, batch), city.engine.kill()]);
          if (outcome.status === "rejected") throw outcome.reason;
          return outcome.value;
        },
      },
    };
  }

  async function changeAll(version: string): Promise<void> {
    for (const entry of fixtureEntries) {
      const changed = { ...entry, content: { ...entry.content, title: `${entry.content.title}${version}` } };
      await saveEntry(city.setting.db.database, changed);
      await announce(city.setting.kernel, changed);
    }
  }

  test("while events are taken in: it goes on where it was, and the index is what a rebuild gives", async () => {
    await city.catalog.search.bringUpToDate();
    await changeAll("第二版");
    const victim = killedAt(city.openIndex(), 1);
    await expect(city.catalogOver(victim.index).search.bringUpToDate()).rejects.toMatchObject({ kind: "Unavailable", code: "index.unavailable" });
    expect(victim.killed()).toBe(true);
    await city.engine.start();
    await city.catalog.search.bringUpToDate();
    const resumed = await picture(city.catalog);
    expect((await city.catalog.search.search(everything, { text: "第二版", first: 1 })).total).toBe(fixtureEntries.length);
    await city.catalog.search.rebuild(system);
    expect(await picture(city.catalog)).toEqual(resumed);
  }, 240_000);

  test("while it is rebuilt: the old generation answers after the restart, and the next rebuild starts clean", async () => {
    const before = await picture(city.catalog);
    const serving = await city.index.serving();
    const victim = killedAt(city.openIndex(), 1);
    await expect(city.catalogOver(victim.index).search.rebuild(system)).rejects.toMatchObject({ kind: "Unavailable" });
    await city.engine.start();
    expect(await picture(city.catalog)).toEqual(before);
    expect((await city.index.serving())!.number).toBe(serving!.number);
    const result = await city.catalog.search.rebuild(system);
    expect(result).toMatchObject({ documents: fixtureEntries.length, parked: 0 });
    expect(await picture(city.catalog)).toEqual(before);
    expect(await city.index.listEntryIds(result.generation, "", 1_000)).toEqual(fixtureEntries.map((entry) => entry.id).sort());
  }, 240_000);
});
