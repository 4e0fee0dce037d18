import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemActor } from "#platform";
import type { SearchPage, SearchRequest } from "#catalog";
import { entryId, insertFixture, organisationId, person, saveEntry, announce, fixtureEntries } from "./fixture.ts";
import { goldenQueries } from "./golden-queries.ts";
import { openContract, type ContractSetting, type OpenCatalogIndex } from "./open-contract.ts";

const everything = person("数据", "city-reviewer");
const analyst = person("税务", "analyst");
const keysOf = (page: SearchPage) => page.hits.map((hit) => hit.entry.id.slice("entry_".length));

/** What people get for what they ask: the golden queries, pages, facets, highlights, suggestions. */
export function describeSearchContract(name: string, open: OpenCatalogIndex): void {
  describe(`${name}: search`, () => {
    let setting: ContractSetting;
    beforeAll(async () => {
      setting = await openContract(open);
      await insertFixture(setting.db.database);
      await setting.search.bringUpToDate();
    });
    afterAll(() => setting.close());
    const ask = (request: Partial<SearchRequest> & { text: string }, actor = everything) => setting.search.search(actor, { first: 100, ...request });

    test.each(goldenQueries.map((golden) => [golden.query, golden] as const))("%s", async (_query, golden) => {
      const page = await ask({ text: golden.query });
      const keys = keysOf(page);
      expect(page.relaxed).toBe(golden.relaxed ?? (golden.all?.length === 0 && page.relaxed));
      if (golden.first) expect(keys.slice(0, golden.first.length)).toEqual(golden.first);
      if (golden.all) expect([...keys].sort()).toEqual([...golden.all].sort());
      if (golden.with) expect(keys).toEqual(expect.arrayContaining([...golden.with]));
      for (const key of golden.without ?? []) expect(keys).not.toContain(key);
    });

    test("pages follow each other without a gap or a repeat, in every order", async () => {
      for (const sort of ["relevance", "updated", "title", "completeness", "use"] as const) {
        const whole = keysOf(await ask({ text: "信息", sort }));
        const paged: string[] = [];
        let after: string | undefined;
        do {
          const page = await ask({ text: "信息", sort, first: 7, ...(after === undefined ? {} : { after }) });
          expect(page.total).toBe(whole.length);
          paged.push(...keysOf(page));
          after = page.hasNextPage ? page.hits.at(-1)!.cursor : undefined;
        } while (after !== undefined);
        expect(paged).toEqual(whole);
        expect(whole.length).toBeGreaterThan(40);
      }
    });

    test("pages of a relaxed search stay relaxed, and a day that begins between pages changes nothing", async () => {
      const text = "企业纳税信用等级评价结果怎么查";
      const whole = keysOf(await ask({ text }));
      const page = await ask({ text, first: 3 });
      setting.clock.advance(400 * 86_400_000);
      const next = await ask({ text, first: 3, after: page.hits.at(-1)!.cursor });
      setting.clock.set("2026-03-01T00:00:00Z");
      expect([...keysOf(page), ...keysOf(next)]).toEqual(whole.slice(0, 6));
    });

    test("titles are ordered as pinyin orders them", async () => {
      const titles = (await ask({ text: "名录", sort: "title" })).hits.map((hit) => hit.entry.title);
      expect(titles).toEqual([...titles].sort(new Intl.Collator("zh-u-co-pinyin").compare));
    });

    test("a cursor of another text, filter or order is refused, and so is one that cannot be read", async () => {
      const { cursor } = (await ask({ text: "企业", first: 1 })).hits[0]!;
      await expect(ask({ text: "企业登记", after: cursor })).rejects.toMatchObject({ kind: "Input", code: "search.cursor-of-another-search" });
      await expect(ask({ text: "企业", sort: "title", after: cursor })).rejects.toMatchObject({ code: "search.cursor-of-another-search" });
      await expect(ask({ text: "企业", filters: { values: { open: ["true"] } }, after: cursor })).rejects.toMatchObject({ code: "search.cursor-of-another-search" });
      await expect(ask({ text: "企业", after: "garbage" })).rejects.toMatchObject({ kind: "Input", code: "search.cursor" });
    });

    test("a facet leaves out its own filter, keeps chosen values without hits, and names its values", async () => {
      const page = await ask({ text: "许可", filters: { values: { organisation: [organisationId("市监"), organisationId("教育")], open: ["true"], updateCycle: ["static"] } }, facets: ["organisation", "open", "updateCycle"] });
      expect(page.total).toBe(0);
      const [organisations, open, cycles] = page.facets;
      expect(cycles!.values.find((value) => value.value === "static")).toEqual({ value: "static", count: 0, selected: true, label: { zh: "不更新", en: "static" } });
      expect(cycles!.values.reduce((sum, value) => sum + value.count, 0)).toBe((await ask({ text: "许可", filters: { values: { organisation: [organisationId("市监"), organisationId("教育")], open: ["true"] } } })).total);
      expect(organisations!.values.map((value) => value.count)).toEqual([0, 0]);
      expect(open!.values).toEqual([{ value: "true", count: 0, selected: true, label: { zh: "向社会开放", en: "open to the public" } }]);
      const named = await ask({ text: "许可", facets: ["organisation", "region", "theme", "themeClass"] });
      expect(named.facets[0]!.values.map((value) => value.label?.zh)).toContain("杭州市公安局");
      expect(named.facets[1]!.values.map((value) => value.label?.zh)).toContain("浙江省杭州市");
    });

    test("filters by completeness, day and item narrow the hits", async () => {
      expect((await ask({ text: "", filters: { values: {}, minimumCompleteness: 95 } })).hits.every((hit) => hit.entry.completeness >= 95)).toBe(true);
      const since = new Date("2026-01-10T00:00:00Z");
      const recent = await ask({ text: "", filters: { values: {}, updatedSince: since } });
      expect(recent.total).toBe(fixtureEntries.filter((entry) => entry.updatedAt >= since).length);
      const item = (await setting.search.sharedItems(everything, { text: "不动产单元号", first: 5 })).items[0]!;
      expect(keysOf(await ask({ text: "", filters: { values: {}, itemKey: item.key } })).sort()).toEqual(["gz01", "gz06", "gz07", "sw07"]);
    });

    test("the score is the sum of its parts, and says why", async () => {
      const [hit] = (await ask({ text: "企业法人登记信息", first: 1 })).hits;
      expect(hit!.score.parts.find((part) => part.part === "phrase")!.value).toBe(1);
      expect(hit!.score.parts.find((part) => part.part === "text")!.value).toBeCloseTo(1, 5);
      expect(hit!.score.parts.find((part) => part.part === "authority")!.value).toBeCloseTo(1, 5);
      expect(hit!.score.parts.reduce((sum, part) => sum + part.value * part.weight, 0)).toBeCloseTo(hit!.score.value, 5);
      expect(hit!.position.value).toBe(Math.round(hit!.score.value * 1_000_000));
    });

    test("highlights are plain segments of the original text", async () => {
      const [hit] = (await ask({ text: "失业保险金 金额", first: 1 })).hits;
      expect(hit!.highlights[0]).toEqual({ field: "title", segments: [{ text: "失业保险金", hit: true }, { text: "发放信息", hit: false }] });
      expect(hit!.highlights.find((highlight) => highlight.field === "item")!.segments).toEqual([{ text: "金额", hit: true }]);
    });

    test("looks raise an entry above its equals", async () => {
      for (let look = 0; look < 500; look += 1) setting.search.recordView(entryId("mz06"));
      await setting.search.bringUpToDate();
      const [first] = (await ask({ text: "", sort: "use" })).hits;
      expect(first!.entry).toMatchObject({ id: entryId("mz06"), views: 500 });
    });

    test("suggestions come by characters, pinyin and initials, for entries, organisations, keywords and items", async () => {
      const texts = async (text: string, actor = everything) => (await setting.search.suggest(actor, text, 12)).map(({ kind, text: found }) => `${kind} ${found}`);
      expect(await texts("人口综")).toEqual(["entry 人口综合库", "entry 人口综合库质量报告"]);
      expect(await texts("综合库")).toEqual(expect.arrayContaining(["entry 人口综合库", "entry 法人综合库"]));
      expect(await texts("renkouz")).toContain("entry 人口综合库");
      expect(await texts("fr")).toEqual(expect.arrayContaining(["keyword 法人库", "entry 法人综合库"]));
      expect(await texts("杭州市民")).toContain("organisation 杭州市民政局");
      expect(await texts("gongminshen")).toContain("item 公民身份号码");
      expect(await texts("低")).toEqual(expect.arrayContaining(["keyword 低保", "entry 低收入家庭经济状况核对"]));
      expect(await texts("低", analyst)).not.toContain("entry 低收入家庭经济状况核对");
      expect(await texts("%")).toEqual([]);
    });

    test("sizes and unknown names are refused with what would be right", async () => {
      await expect(ask({ text: "字".repeat(201) })).rejects.toMatchObject({ kind: "Input", code: "search.text-too-long" });
      await expect(ask({ text: "", first: 101 })).rejects.toMatchObject({ kind: "Input" });
      await expect(ask({ text: "", first: 0 })).rejects.toMatchObject({ kind: "Input" });
      await expect(setting.search.lineage(everything, entryId("ga01"), "downstream", { hops: 11 })).rejects.toMatchObject({ code: "walk.bounds" });
    });

    test("an odd text finds something or nothing, and never fails", async () => {
      for (const text of ["'", "\\", "':*", "a & b | !c", "<->", "(((", "人'口", "\u0000人口", "😀", "𠮷野家", "%_", "~renkou", "^rk", "A".repeat(200), "的".repeat(200)]) await expect(ask({ text, facets: ["organisation"] })).resolves.toBeDefined();
    });

    test("what a department publishes is found a moment later, and what it suspends is gone", async () => {
      const entry = { ...fixtureEntries.find(({ id }) => id === entryId("sw02"))!, state: "suspended" as const };
      expect(keysOf(await ask({ text: "企业欠税公告" }, analyst))).toContain("sw02");
      await saveEntry(setting.db.database, entry);
      await announce(setting.kernel, entry);
      await setting.search.bringUpToDate();
      expect(keysOf(await ask({ text: "企业欠税公告" }, analyst))).not.toContain("sw02");
      await saveEntry(setting.db.database, { ...entry, state: "published", content: { ...entry.content, title: "企业欠缴税款公告" } });
      await announce(setting.kernel, entry);
      await setting.search.bringUpToDate();
      expect(keysOf(await ask({ text: "欠缴税款" }, analyst))).toEqual(["sw02"]);
      expect((await setting.search.status(systemActor("test"))).lag).toBe(0);
    });
  });
}
