import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousActor, systemActor, type Actor } from "#platform";
import { createCatalogSearch, createCatalogTokeniser, facetNames, searchSorts, type CatalogSearch, type SearchPage } from "#catalog";
import { entryId, fixtureEntries, insertFixture, organisationId, person } from "./fixture.ts";
import { goldenQueries } from "./golden-queries.ts";
import { openContract, type CatalogIndexUnderTest, type ContractSetting } from "./open-contract.ts";
import { openPostgres } from "./open-postgres.ts";
import { neo4jUrl, openNeo4j } from "./open-neo4j.ts";

/** How far the scores of one entry may be apart: PostgreSQL ranks in four-byte numbers. Hits nearer than this may change places. */
const scoreTolerance = 0.000_005;

const cataloguer = person("民政", "cataloguer");
const viewers: readonly (readonly [string, Actor])[] = [
  ["who sees everything", person("数据", "city-reviewer")],
  ["a cataloguer", cataloguer],
  ["nobody", anonymousActor],
];

/** Those from whom something is hidden: what everybody sees, both are asked for by the contracts already. */
const restricted = viewers.slice(1);

/** The same records in PostgreSQL and in Neo4j: the same answers to the same questions, whoever asks. */
describe.skipIf(neo4jUrl === undefined)("both indexes answer alike", () => {
  let setting: ContractSetting;
  let opened: CatalogIndexUnderTest;
  let postgres: CatalogSearch;
  let neo4j: CatalogSearch;
  beforeAll(async () => {
    setting = await openContract(openPostgres);
    await insertFixture(setting.db.database);
    postgres = setting.search;
    opened = await openNeo4j(setting.kernel);
    neo4j = createCatalogSearch({ kernel: setting.kernel, index: opened.index, tokeniser: createCatalogTokeniser() });
    await postgres.bringUpToDate();
    await neo4j.bringUpToDate();
  });
  afterAll(async () => {
    await neo4j.stop();
    await opened.close();
    await setting.close();
  });

  const both = async <T>(ask: (search: CatalogSearch) => Promise<T>): Promise<[T, T]> => [await ask(postgres), await ask(neo4j)];

  function expectSamePage(expected: SearchPage, found: SearchPage): void {
    expect({ total: found.total, relaxed: found.relaxed, hasNextPage: found.hasNextPage, facets: found.facets }).toEqual({ total: expected.total, relaxed: expected.relaxed, hasNextPage: expected.hasNextPage, facets: expected.facets });
    const scores = new Map(expected.hits.map((hit) => [hit.entry.id, hit]));
    expect(found.hits.map((hit) => hit.entry.id).sort()).toEqual([...scores.keys()].sort());
    found.hits.forEach((hit, at) => {
      const same = scores.get(hit.entry.id)!;
      expect(hit.entry).toEqual(same.entry);
      expect(hit.highlights).toEqual(same.highlights);
      expect(Math.abs(hit.score.value - same.score.value), hit.entry.title).toBeLessThanOrEqual(scoreTolerance);
      for (const [place, { part, value }] of hit.score.parts.entries()) expect(Math.abs(value - same.score.parts[place]!.value), `${hit.entry.title} ${part}`).toBeLessThanOrEqual(scoreTolerance / 0.04);
      const there = expected.hits[at]!;
      if (there.entry.id !== hit.entry.id) expect(Math.abs(there.score.value - hit.score.value), `${hit.entry.title} in place of ${there.entry.title}`).toBeLessThanOrEqual(2 * scoreTolerance);
    });
  }

  test.each(restricted)("golden texts, their facets and scores, for %s", async (_name, viewer) => {
    // All of them for the viewer with the most conditions; a sample for the others, as each statement is planned once a viewer.
    const asked = goldenQueries.filter((_query, at) => viewer === cataloguer || at % 5 === 0);
    for (const { query } of asked) expectSamePage(...(await both((search) => search.search(viewer, { text: query, first: 100, facets: facetNames }))));
  }, 240_000);

  test("filters, orders and pages", async () => {
    const viewer = viewers[0]![1];
    const filters = { values: { sharingType: ["conditional"], open: ["false"], theme: ["ZSB00", "ZNB00"] }, minimumCompleteness: 60, updatedSince: new Date("2026-01-03T00:00:00Z") };
    expectSamePage(...(await both((search) => search.search(viewer, { text: "信息", filters, first: 100, facets: facetNames }))));
    for (const sort of searchSorts) {
      const [expected, found] = await both(async (search) => {
        const first = await search.search(viewer, { text: "登记", sort, first: 5 });
        const next = await search.search(viewer, { text: "登记", sort, first: 5, after: first.hits.at(-1)!.cursor });
        return [...first.hits, ...next.hits].map((hit) => hit.entry.id);
      });
      expect(found, sort).toEqual(expected);
    }
  });

  test.each(viewers)("suggestions for %s", async (_name, viewer) => {
    for (const text of ["人口", "综合库", "ren", "fr", "xx", "gongminshen", "杭州市", "低", "失业", "%"]) {
      const [expected, found] = await both((search) => search.suggest(viewer, text, 20));
      expect(found, text).toEqual(expected);
    }
  });

  test.each(restricted)("relations, lineage, impact, paths and shared items for %s", async (_name, viewer) => {
    const bounds = { hops: 6, nodes: 300, deadlineMs: 5_000 };
    const reach = ({ nodes, truncated, truncatedBy }: Awaited<ReturnType<CatalogSearch["lineage"]>>) => ({ nodes: nodes.map(({ entry, distance }) => [entry.id, distance]), truncated, truncatedBy });
    const visible = await postgres.find(viewer, fixtureEntries.map((entry) => entry.id));
    const ids = visible.flatMap((entry) => entry?.id ?? []);
    expect((await neo4j.find(viewer, fixtureEntries.map((entry) => entry.id)))).toEqual(visible);
    for (const id of ids.filter((_id, at) => at % 10 === 0).concat(ids.includes(entryId("ga01")) ? [entryId("ga01")] : [])) {
      const [expected, found] = await both(async (search) => {
        const [up, down] = [await search.lineage(viewer, id, "upstream", bounds), await search.lineage(viewer, id, "downstream", bounds)];
        const relations = [...up.relations, ...down.relations].map((relation) => JSON.stringify(relation)).sort();
        const path = await search.path(viewer, ids[0]!, id, bounds);
        return { up: reach(up), down: reach(down), relations, impact: await search.impact(viewer, id, bounds), related: await search.related(viewer, id, 20), pathLength: path.steps.length };
      });
      expect(found, id).toEqual(expected);
    }
    for (const request of [{ first: 100 }, { first: 10, text: "公民身份" }, { first: 20, organisationIds: [organisationId("公安"), organisationId("交通")] }, { first: 20, minimumOrganisations: 4 }]) {
      const [expected, found] = await both((search) => search.sharedItems(viewer, request));
      expect(found).toEqual(expected);
    }
  });

  test("the state of the index", async () => {
    const [expected, found] = await both((search) => search.status(systemActor("test")));
    expect({ ...found, serving: { ...found.serving, generation: 0 } }).toEqual({ ...expected, serving: { ...expected.serving, generation: 0 } });
  });
});
