import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { facetNames, type Catalog, type CatalogIndex } from "#catalog";
import { anonymousActor, createEventLog } from "#platform";
import { announce, entryId, fixtureEntries, organisationId, person, saveEntry } from "../../contracts/catalog-index/fixture.ts";
import { canKillNeo4j, openNeo4jCity, system, type Neo4jCity } from "./neo4j-city.ts";

/** One server for both parts: it is killed, started, stopped and emptied, and starting one is what takes longest. */
let city: Neo4jCity;
beforeAll(async () => void (canKillNeo4j && (city = await openNeo4jCity())));
afterAll(() => city?.close());

const everything = person("数据", "city-reviewer");
const cataloguer = person("民政", "cataloguer");

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
  for (const text of ["", "企业 登记"]) {
    const { hits, total, facets } = await search.search(everything, { text, first: 100, facets: facetNames });
    pages.push({ text, total, facets, hits: hits.map((hit) => [hit.entry, hit.score.value]) });
  }
  return { pages, lineage: await wholeLineage(catalog), shared: await search.sharedItems(everything, { first: 50 }), listed: (await search.status(system)).serving?.documents };
}

describe.skipIf(!canKillNeo4j)("Neo4j is killed in the middle of work", () => {
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

describe.skipIf(!canKillNeo4j)("Neo4j is away for a while", () => {
  beforeAll(async () => {
    await city.catalog.search.bringUpToDate();
    await city.setting.kernel.notifier.start();
    city.catalog.search.start();
  });
  afterAll(async () => {
    await city?.catalog.search.stop();
    await city?.setting.kernel.notifier.stop();
  });

  test("searching says so in both languages and soon, registration goes on, and the index catches up by itself", async () => {
    const { search, entries } = city.catalog;
    await city.engine.kill();
    const start = performance.now();
    for (const ask of [() => search.search(everything, { text: "企业", first: 5 }), () => search.suggest(everything, "企", 5), () => search.lineage(everything, fixtureEntries[0]!.id, "upstream"), () => search.status(system)]) {
      await expect(ask()).rejects.toMatchObject({ kind: "Unavailable", code: "index.unavailable", message: expect.stringContaining("The catalog index is unavailable") as string, zh: expect.stringContaining("目录索引暂不可用") as string });
    }
    // Four questions, each tried again for some seconds before it is given up.
    expect(performance.now() - start).toBeLessThan(60_000);

    const draft = await entries.createDraft(cataloguer, organisationId("民政"), { ...fixtureEntries.find((entry) => entry.organisationId === organisationId("民政"))!.content, title: "停机期间登记的条目", derivedFrom: [], relatedCodes: [] });
    const renamed = { ...fixtureEntries[5]!, content: { ...fixtureEntries[5]!.content, title: "停机期间更名的条目" } };
    await saveEntry(city.setting.db.database, renamed);
    await announce(city.setting.kernel, renamed);
    expect((await entries.get(cataloguer, draft.id)).content.title).toBe("停机期间登记的条目");

    await city.engine.start();
    const found = () => search.search(everything, { text: "停机期间", first: 5 }).then((page) => page.hits.map((hit) => hit.entry.id).sort(), () => []);
    await expect.poll(found, { timeout: 90_000, interval: 500 }).toEqual([draft.id, renamed.id].sort());
    expect((await search.status(system)).lag).toBe(0);
  }, 240_000);

  test("an event that says nothing and a document that the server refuses are passed by; the rest go on and the refused one is parked", async () => {
    const { kernel } = city.setting;
    await kernel.database.withTransaction(async (tx) => {
      const log = createEventLog({ clock: kernel.clock, newId: kernel.newId });
      await log.append(tx, system, [
        { subjectType: "entry", subjectId: "nowhere", kind: "entry.changed", payload: { entryId: 7 } },
        { subjectType: "organisation", subjectId: "nobody", kind: "organisation.changed", payload: {} },
      ]);
    });
    const bad = fixtureEntries.find((entry) => entry.content.title.includes("公交"))!;
    const good = { ...fixtureEntries[7]!, content: { ...fixtureEntries[7]!.content, title: "毒事件之后的条目" } };
    await saveEntry(kernel.database, { ...bad, content: { ...bad.content, updateCycle: null } as unknown as typeof bad.content });
    await announce(kernel, bad);
    await saveEntry(kernel.database, good);
    await announce(kernel, good);
    await city.catalog.search.bringUpToDate();
    const status = await city.catalog.search.status(system);
    expect(status.lag).toBe(0);
    expect(status.parked).toMatchObject([{ entryId: bad.id, attempts: 1, reason: expect.stringContaining("updateCycle") as string }]);
    expect((await city.catalog.search.search(everything, { text: "毒事件之后", first: 5 })).hits.map((hit) => hit.entry.id)).toEqual([good.id]);
    expect(await city.index.find(everything, [bad.id])).toEqual([undefined]);
    await saveEntry(kernel.database, bad);
    await announce(kernel, bad);
    await city.catalog.search.bringUpToDate();
    expect((await city.catalog.search.status(system)).parked).toEqual([]);
  }, 120_000);

  test("of a batch with one document that the server itself refuses, only that one is refused", async () => {
    const { number } = (await city.index.serving())!;
    const [entry] = await city.index.find(everything, [fixtureEntries[8]!.id]);
    const document = (id: string, code: string) => ({ entry: { ...entry!, id, code, resourceId: `r/${id}` }, titleKey: "x", pinyinKey: "x", initialsKey: "x", tokens: { title: ["x"], label: [], body: [], sound: [] }, authority: 0, use: 0, terms: [], relations: [], grants: [] });
    // Longer than an index key of Neo4j may be.
    const result = await city.index.apply(number, { documents: [document("poison_1", "1/1"), document("poison_2", "字".repeat(20_000)), document("poison_3", "1/3")], removals: [] });
    expect(result).toMatchObject({ applied: 2, refused: [{ entryId: "poison_2", reason: expect.stringMatching(/.{20}/) as string }] });
    expect((await city.index.find(everything, ["poison_1", "poison_2", "poison_3"])).map((found) => found?.id)).toEqual(["poison_1", undefined, "poison_3"]);
    await city.index.apply(number, { documents: [], removals: ["poison_1", "poison_3"] });
  }, 60_000);

  test("while it is rebuilt twice, everybody who asks gets the whole answer", async () => {
    const { search } = city.catalog;
    const expected = (await search.search(everything, { text: "企业", first: 100 })).hits.map((hit) => hit.entry.id);
    const reached = (await search.lineage(everything, fixtureEntries[0]!.id, "downstream", { deadlineMs: 5_000 })).nodes.length;
    let rebuilding = true;
    let asked = 0;
    const asking = (async () => {
      while (rebuilding) {
        expect((await search.search(everything, { text: "企业", first: 100 })).hits.map((hit) => hit.entry.id)).toEqual(expected);
        const lineage = await search.lineage(everything, fixtureEntries[0]!.id, "downstream", { deadlineMs: 5_000 });
        // On a busy machine the time of a walk may be over; then it says so, and what it found is no more than the whole.
        if (lineage.truncatedBy === "deadline") expect(lineage.nodes.length).toBeLessThan(reached);
        else expect(lineage.nodes.length).toBe(reached);
        asked += 1;
      }
    })();
    await search.rebuild(system);
    await search.rebuild(system);
    rebuilding = false;
    await asking;
    expect(asked).toBeGreaterThan(2);
  }, 180_000);

  test("an index that somebody emptied is built anew, and what was remembered of the old one misleads nobody", async () => {
    const { search } = city.catalog;
    const ask = async () => {
      const { total, facets } = await search.search(everything, { text: "", first: 1, facets: ["organisation", "state", "theme"] });
      return { total, facets };
    };
    const before = await ask();
    // Else the loop would build it before we have looked.
    await search.stop();
    await city.openIndex().removeAll();
    await expect(ask()).rejects.toMatchObject({ kind: "Unavailable", code: "index.not-built" });
    // From the other end, so that values get other numbers than before.
    const [last] = fixtureEntries.slice(-1);
    await announce(city.setting.kernel, last!);
    await search.bringUpToDate();
    expect(await ask()).toEqual(before);
  }, 120_000);

  test("a centre starts without it, and stops", async () => {
    await city.engine.stop();
    const started = city.catalogOver(city.openIndex());
    started.search.start();
    await expect(started.search.search(anonymousActor, { text: "企业", first: 5 })).rejects.toMatchObject({ code: "index.unavailable" });
    await started.search.stop();
  }, 120_000);
});
