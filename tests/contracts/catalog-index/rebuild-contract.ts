import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousActor, systemActor } from "#platform";
import { facetNames, type RebuildProgress } from "#catalog";
import { announce, entryId, fixtureEntries, insertFixture, person, saveEntry, type FixtureEntry } from "./fixture.ts";
import { openContract, type ContractSetting, type OpenCatalogIndex } from "./open-contract.ts";

const everything = person("数据", "city-reviewer");
const system = systemActor("test");

/** The projection: the index is a picture of the records that can be thrown away and drawn again while it serves. */
export function describeRebuildContract(name: string, open: OpenCatalogIndex): void {
  describe(`${name}: projection and rebuild`, () => {
    let setting: ContractSetting;
    beforeAll(async () => {
      setting = await openContract(open);
      await insertFixture(setting.db.database);
      await setting.search.bringUpToDate();
    });
    afterAll(() => setting.close());

    const change = async (entry: FixtureEntry) => {
      await saveEntry(setting.db.database, entry);
      await announce(setting.kernel, entry);
    };
    const find = async (text: string) => (await setting.search.search(everything, { text, first: 100 })).hits.map((hit) => hit.entry.id);

    /** Everything that the index answers, for comparison. */
    async function picture(): Promise<unknown> {
      const pages = [];
      for (const text of ["", "信息", "renkou", "企业 登记", "xx"]) {
        const { hits, total, facets } = await setting.search.search(everything, { text, first: 100, facets: facetNames });
        pages.push({ text, total, facets, hits: hits.map((hit) => [hit.entry, hit.score]) });
      }
      const lineage = await setting.search.lineage(everything, entryId("sz01"), "upstream", { hops: 10 });
      return { pages, lineage, shared: await setting.search.sharedItems(everything, { first: 100 }), suggestions: await Promise.all(["人", "gong", "xx", "杭"].map((text) => setting.search.suggest(everything, text, 50))) };
    }

    test("taking the same events in again changes nothing", async () => {
      await change({ ...fixtureEntries[0]!, content: { ...fixtureEntries[0]!.content, title: "户籍人口基础信息新版" } });
      await setting.search.bringUpToDate();
      const before = await picture();
      await announce(setting.kernel, fixtureEntries[0]!);
      await announce(setting.kernel, fixtureEntries[0]!);
      await setting.search.bringUpToDate();
      expect(await picture()).toEqual(before);
    });

    test("while it is rebuilt the old one answers, and what happens meanwhile is in the new one", async () => {
      const phases: RebuildProgress["phase"][] = [];
      const during: Promise<string[]>[] = [];
      const changed = { ...fixtureEntries[3]!, content: { ...fixtureEntries[3]!.content, title: "重建期间更名的条目" } };
      let changing: Promise<void> | undefined;
      const result = await setting.search.rebuild(system, {
        onProgress({ phase }) {
          phases.push(phase);
          during.push(find("公交线路"));
          if (phase === "loading") changing ??= change(changed);
        },
      });
      await changing;
      await setting.search.bringUpToDate();
      expect([...new Set(phases)]).toEqual(["loading", "indexing", "catching-up", "done"]);
      for (const found of await Promise.all(during)) expect(found[0]).toBe(entryId("jt03"));
      expect(result).toMatchObject({ documents: fixtureEntries.length, parked: 0 });
      expect(await find("重建期间更名")).toEqual([changed.id]);
    });

    test("an interrupted rebuild leaves the old index as it was, and the next one works", async () => {
      const before = await picture();
      for (const phase of ["loading", "indexing", "catching-up"] as const) {
        const abort = new AbortController();
        await expect(setting.search.rebuild(system, { signal: abort.signal, onProgress: (progress) => void (progress.phase === phase && abort.abort()) })).rejects.toMatchObject({ kind: "Unavailable", code: "index.rebuild-interrupted" });
        expect(await picture()).toEqual(before);
      }
      await setting.search.rebuild(system);
      expect(await picture()).toEqual(before);
    });

    test("of two rebuilds at once one is refused", async () => {
      let second: Promise<unknown> | undefined;
      await setting.search.rebuild(system, { onProgress: () => void (second ??= setting.search.rebuild(system).catch((error: unknown) => error)) });
      expect(await second).toMatchObject({ kind: "Conflict", code: "index.rebuild-running" });
    });

    test("an entry that cannot be indexed is parked with its reason and hidden; the rest go on, and it comes back once put right", async () => {
      const broken = (entry: FixtureEntry, member: "format" | "updateCycle"): FixtureEntry => ({ ...entry, content: { ...entry.content, [member]: null } as unknown as FixtureEntry["content"] });
      const good = fixtureEntries.find(({ id }) => id === entryId("jt04"))!;
      await change(broken(fixtureEntries.find(({ id }) => id === entryId("jt03"))!, "format"));
      await change(broken(fixtureEntries.find(({ id }) => id === entryId("jt07"))!, "updateCycle"));
      await change({ ...good, content: { ...good.content, title: "公交站点新分布" } });
      await setting.search.bringUpToDate();
      const status = await setting.search.status(system);
      expect(status.parked.map((parked) => parked.entryId).sort()).toEqual([entryId("jt03"), entryId("jt07")]);
      for (const parked of status.parked) expect(parked.reason.length).toBeGreaterThan(10);
      expect(await find("公交线路信息")).not.toContain(entryId("jt03"));
      expect(await find("公交站点新分布")).toEqual([good.id]);
      const rebuilt = await setting.search.rebuild(system);
      expect(rebuilt.parked).toBe(2);
      await change(fixtureEntries.find(({ id }) => id === entryId("jt03"))!);
      await setting.search.bringUpToDate();
      expect((await setting.search.status(system)).parked.map((parked) => parked.entryId)).toEqual([entryId("jt07")]);
      expect(await find("公交线路信息")).toContain(entryId("jt03"));
      await change(fixtureEntries.find(({ id }) => id === entryId("jt07"))!);
      await setting.search.bringUpToDate();
      expect((await setting.search.status(system)).parked).toEqual([]);
    });

    test("a renamed organisation is found by its new name in all its entries", async () => {
      await setting.db.database.withTransaction(async (tx) => {
        await tx.query("update catalog.organisation set name = '杭州市大数据发展管理局' where name = '杭州市数据资源管理局'");
        const { rows } = await tx.query<{ id: string }>("select id from catalog.organisation where name = '杭州市大数据发展管理局'");
        await setting.kernel.eventLog.append(tx, system, [{ subjectType: "organisation", subjectId: rows[0]!.id, kind: "organisation.changed", organisationId: rows[0]!.id, payload: { organisationId: rows[0]!.id } }]);
      });
      await setting.search.bringUpToDate();
      expect((await find("大数据发展管理局")).length).toBe(fixtureEntries.filter((entry) => entry.organisationId === everything.organisationId).length);
    });

    test("the loop takes changes in by itself and stops when it is told", async () => {
      await setting.kernel.notifier.start();
      setting.search.start();
      const changes = setting.search.changes.follow(everything, {});
      const next = changes.next();
      await change({ ...fixtureEntries[0]!, content: { ...fixtureEntries[0]!.content, title: "自动更新的条目" } });
      expect((await next).value).toMatchObject({ kind: "entry.changed", entryId: fixtureEntries[0]!.id });
      await expect.poll(() => find("自动更新"), { timeout: 10_000 }).toEqual([fixtureEntries[0]!.id]);
      await changes.return?.();
      await setting.search.stop();
      await setting.kernel.notifier.stop();
    });

    test("a follower gets what the actor may see, from a position on, and can leave while nothing happens", async () => {
      const head = await setting.db.database.read((reader) => setting.kernel.eventLog.head(reader));
      const draft = fixtureEntries.find(({ id }) => id === entryId("ga12"))!;
      const openEntry = fixtureEntries.find(({ id }) => id === entryId("ga09"))!;
      await announce(setting.kernel, draft);
      await announce(setting.kernel, openEntry);
      const changes = setting.search.changes.follow(anonymousActor, { after: head });
      expect((await changes.next()).value).toMatchObject({ entryId: openEntry.id, position: head + 2 });
      const waiting = changes.next();
      await changes.return?.();
      expect(await waiting).toEqual({ done: true, value: undefined });
    });

    test("who does not answer for the platform neither sees the state of the index nor rebuilds it", async () => {
      await expect(setting.search.status(person("公安", "administrator"))).rejects.toMatchObject({ kind: "NotFound" });
      await expect(setting.search.rebuild(person("公安", "cataloguer"))).rejects.toMatchObject({ kind: "NotFound" });
      await expect(setting.search.rebuild(person("公安", "auditor"))).rejects.toMatchObject({ kind: "NotAllowed" });
      await setting.search.bringUpToDate();
      await expect(setting.search.status(person("数据", "administrator"))).resolves.toMatchObject({ lag: 0, outdated: false });
    });

    test("a rebuilt index equals one that took in every change as it came", async () => {
      const anyChange = fc.record({
        entry: fc.constantFrom(...fixtureEntries),
        state: fc.constantFrom("draft", "published", "suspended"),
        title: fc.constantFrom("户籍人口明细", "企业登记年报", "公交站点分布", "低保家庭核对"),
        keywords: fc.subarray(["人口", "企业", "低保", "新词"]),
        derived: fc.subarray(fixtureEntries.slice(0, 6).map((entry) => entry.code), { maxLength: 2 }),
        items: fc.subarray(["公民身份号码", "姓名", "新增信息项", "统一社会信用代码"], { minLength: 1 }),
        gone: fc.constantFrom(false, false, false, true),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 12 }), async (changes) => {
          for (const { entry, state, title, keywords, derived, items, gone } of changes) {
            const content = { ...entry.content, title: `${title}${entry.id.slice(-2)}`, keywords, derivedFrom: derived, items: items.map((item, at) => ({ name: item, field: `c${at}`, type: "C" as const, length: 10 })) };
            if (gone) await setting.db.database.withTransaction((tx) => tx.query("delete from catalog.entry where id = $1 and not exists (select from catalog.sharing_grant where entry_id = $1)", [entry.id]));
            else await saveEntry(setting.db.database, { ...entry, state, content });
            await announce(setting.kernel, entry);
          }
          await setting.search.bringUpToDate();
          const before = await picture();
          await setting.search.rebuild(system);
          expect(await picture()).toEqual(before);
        }),
        { numRuns: 4 },
      );
    }, 120_000);
  });
}
