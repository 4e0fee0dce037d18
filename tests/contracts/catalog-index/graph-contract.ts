import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { roles } from "#standards";
import { anonymousActor, systemActor, type Actor } from "#platform";
import { facetNames, type FacetName, type IndexFilters, type IndexedEntry, type SearchPage } from "#catalog";
import { entryId, fixtureEntries, fixtureGrants, insertFixture, organisationId, person, type FixtureEntry } from "./fixture.ts";
import { fixtureOrganisations } from "./fixture-entries.ts";
import { openContract, type ContractSetting, type OpenCatalogIndex } from "./open-contract.ts";

const everything = person("数据", "city-reviewer");
const system = systemActor("test");
const codeToEntry = new Map(fixtureEntries.flatMap((entry) => [[entry.code, entry], [entry.code.replace("307001", "33A001"), entry]]));
const bounds = { hops: 10, nodes: 2_000, deadlineMs: 5_000 };

const anyActor: fc.Arbitrary<Actor> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(anonymousActor) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...fixtureOrganisations.map(({ key }) => key)), fc.subarray([...roles], { maxLength: 2 })).map(([organisation, some]) => person(organisation, ...some)) },
);

/** Relations between entries, lineage and access: compared with the same worked out by hand over the fixture. */
export function describeGraphContract(name: string, open: OpenCatalogIndex): void {
  describe(`${name}: relations and access`, () => {
    let setting: ContractSetting;
    beforeAll(async () => {
      setting = await openContract(open);
      await insertFixture(setting.db.database);
      await setting.search.bringUpToDate();
    });
    afterAll(() => setting.close());

    const sees = (actor: Actor, entry: FixtureEntry) => setting.kernel.access.allows(actor, "entry", "see", { id: entry.id, organisationId: entry.organisationId, state: entry.state, sharingType: entry.content.sharingType, open: entry.content.open });
    const visibleTo = (actor: Actor) => new Set(fixtureEntries.filter((entry) => sees(actor, entry)).map((entry) => entry.id));
    const idsOf = (page: SearchPage) => page.hits.map((hit) => hit.entry.id);

    async function allHits(actor: Actor, text: string, filters: IndexFilters = { values: {} }): Promise<string[]> {
      const ids: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await setting.search.search(actor, { text, filters, first: 100, ...(after === undefined ? {} : { after }) });
        ids.push(...idsOf(page));
        if (!page.hasNextPage) return ids;
        after = page.hits.at(-1)!.cursor;
      }
    }

    test("for any actor, hits, totals and facet counts are those of the visible entries, neither more nor fewer", async () => {
      const anyFilters = fc.record({
        organisation: fc.subarray(fixtureOrganisations.map(({ key }) => organisationId(key)), { maxLength: 3 }),
        sharingType: fc.subarray(["unconditional", "conditional", "refused"], { maxLength: 2 }),
        theme: fc.subarray(["ZAA00", "ZRC00", "ZBH00", "ZHC00"], { maxLength: 2 }),
        state: fc.subarray(["draft", "published", "suspended"], { maxLength: 2 }),
        open: fc.subarray(["true", "false"], { maxLength: 1 }),
      });
      await fc.assert(
        fc.asyncProperty(anyActor, fc.constantFrom("", "信息", "企业", "公民身份号码", "许可", "renkou", "登记 日期", "统一社会信用代码"), anyFilters, async (actor, text, values) => {
          const visible = visibleTo(actor);
          // What the text finds is the engine's; the system sees all of it. Relaxed searches are another question.
          const found = new Set(await allHits(system, text));
          const candidates = fixtureEntries.filter((entry) => found.has(entry.id) && visible.has(entry.id));
          const fits = (entry: FixtureEntry, without?: FacetName) => (Object.entries(values) as [FacetName, string[]][]).every(([facet, wanted]) => facet === without || wanted.length === 0 || facetValues(entry, facet).some((value) => wanted.includes(value)));
          const page = await setting.search.search(actor, { text, filters: { values }, first: 100, facets: facetNames });
          if (page.relaxed) return;
          expect(page.total).toBe(candidates.filter((entry) => fits(entry)).length);
          expect((await allHits(actor, text, { values })).sort()).toEqual(candidates.filter((entry) => fits(entry)).map((entry) => entry.id).sort());
          for (const { facet, values: counts } of page.facets) {
            const expected = new Map<string, number>();
            for (const entry of candidates) if (fits(entry, facet)) for (const value of facetValues(entry, facet)) expected.set(value, (expected.get(value) ?? 0) + 1);
            for (const wanted of (values as Partial<Record<FacetName, string[]>>)[facet] ?? []) if (!expected.has(wanted)) expected.set(wanted, 0);
            expect(new Map(counts.map(({ value, count }) => [value, count]))).toEqual(expected);
          }
        }),
        { numRuns: 30 },
      );
    }, 120_000);

    test("for any actor, nothing invisible appears in suggestions, related entries, lineage, impact, paths or shared items", async () => {
      const anyKey = fc.constantFrom(...fixtureEntries.map((entry) => entry.id));
      await fc.assert(
        fc.asyncProperty(anyActor, anyKey, anyKey, fc.constantFrom("失", "人口", "ren", "xx", "血", "登记", "zj", "源头", "中间"), async (actor, from, to, text) => {
          const visible = visibleTo(actor);
          const shown: IndexedEntry[] = [];
          for (const suggestion of await setting.search.suggest(actor, text, 30)) {
            if (suggestion.entryId !== undefined) expect(visible).toContain(suggestion.entryId);
            const carries = (entry: FixtureEntry) => suggestion.kind === "organisation" ? entry.organisationId === suggestion.organisationId : suggestion.kind === "keyword" ? entry.content.keywords!.includes(suggestion.text) : suggestion.kind === "item" ? entry.content.items!.some((item) => item.name === suggestion.text) : entry.content.title === suggestion.text;
            expect(fixtureEntries.some((entry) => visible.has(entry.id) && carries(entry))).toBe(true);
          }
          if (visible.has(from)) {
            shown.push(...(await setting.search.related(actor, from, 50)).map((related) => related.entry));
            for (const direction of ["upstream", "downstream"] as const) {
              const lineage = await setting.search.lineage(actor, from, direction, bounds);
              expect(new Map(lineage.nodes.map((node) => [node.entry.id, node.distance]))).toEqual(distances(from, direction, visible));
              for (const relation of lineage.relations) expect([visible.has(relation.fromEntryId), visible.has(relation.toEntryId)]).toEqual([true, true]);
              for (const grant of lineage.relations.flatMap((relation) => relation.grants)) expect(seesGrant(setting, actor, grant.grantId)).toBe(true);
            }
            const impact = await setting.search.impact(actor, from, bounds);
            const reached = distances(from, "downstream", visible);
            expect(impact.entries).toBe(reached.size);
            expect(impact.consumerOrganisationIds).toEqual([...new Set(fixtureGrants.filter((grant) => [from, ...reached.keys()].includes(entryId(grant.entry)) && seesGrant(setting, actor, grant.id)).map((grant) => organisationId(grant.consumer)))].sort());
          } else {
            for (const ask of [() => setting.search.related(actor, from, 5), () => setting.search.lineage(actor, from, "upstream"), () => setting.search.impact(actor, from), () => setting.search.path(actor, from, from)]) await expect(ask()).rejects.toMatchObject({ kind: "NotFound" });
          }
          if (visible.has(from) && visible.has(to)) {
            const path = await setting.search.path(actor, from, to, bounds);
            expect(path.steps.length === 0 ? undefined : path.steps.length - 1).toBe(pathLength(from, to, visible));
            shown.push(...path.steps.map((step) => step.entry));
          }
          for (const item of (await setting.search.sharedItems(actor, { first: 100 })).items) {
            const collectors = fixtureEntries.filter((entry) => visible.has(entry.id) && entry.content.items!.some((own) => itemIs(own.name, own.dataElement, item.name, item.dataElement)));
            expect(item.entries).toBe(collectors.length);
            expect(item.organisations.map((organisation) => organisation.organisationId).sort()).toEqual([...new Set(collectors.map((entry) => entry.organisationId))].sort());
            expect(item.organisations.length).toBeGreaterThanOrEqual(2);
          }
          for (const entry of shown) expect(visible).toContain(entry.id);
        }),
        { numRuns: 30 },
      );
    }, 120_000);

    test("a walk does not pass through an entry that may not be seen", async () => {
      const analyst = person("税务", "analyst");
      expect((await setting.search.lineage(everything, entryId("s3"), "upstream")).nodes.map((node) => node.entry.id)).toEqual([entryId("s2"), entryId("s1")]);
      expect((await setting.search.lineage(analyst, entryId("s3"), "upstream")).nodes).toEqual([]);
      expect((await setting.search.path(everything, entryId("s1"), entryId("s3"))).steps.map((step) => step.via?.kind)).toEqual([undefined, "source-of", "source-of"]);
      expect((await setting.search.path(analyst, entryId("s1"), entryId("s3"))).steps).toEqual([]);
    });

    test("lineage says since when, and under which grant where the viewer may know", async () => {
      const relationTo = async (actor: Actor) => (await setting.search.lineage(actor, entryId("sw06"), "upstream", { hops: 1 })).relations.find((relation) => relation.toEntryId === entryId("rs04"));
      const relation = await relationTo(person("税务", "analyst"));
      expect(relation!.since).toBeInstanceOf(Date);
      expect(relation!.grants).toEqual([{ grantId: "grant_1", legalBasis: "社会保险法第五十九条", since: new Date("2026-01-01T00:00:00Z") }]);
      expect((await relationTo(person("交通", "analyst")))!.grants).toEqual([]);
    });

    test("hops, nodes and time end a walk and the answer says so", async () => {
      expect(await setting.search.lineage(everything, entryId("sz08"), "upstream", { hops: 1 })).toMatchObject({ truncated: true, truncatedBy: "hops" });
      expect(await setting.search.lineage(everything, entryId("sz08"), "upstream", { hops: 10 })).toMatchObject({ truncated: false });
      const few = await setting.search.lineage(everything, entryId("sz01"), "upstream", { nodes: 2 });
      expect([few.nodes.length, few.truncatedBy]).toEqual([2, "nodes"]);
      expect(await setting.search.lineage(everything, entryId("ga01"), "downstream", { hops: 10, deadlineMs: 1 })).toMatchObject({ truncated: true, truncatedBy: "deadline" });
      expect(await setting.search.impact(everything, entryId("ga01"), { hops: 1 })).toMatchObject({ truncated: true, truncatedBy: "hops" });
      expect(await setting.search.path(everything, entryId("sw01"), entryId("jt03"), { hops: 1 })).toMatchObject({ steps: [], truncated: true, truncatedBy: "hops" });
    });

    test("impact counts what hangs on an entry", async () => {
      const impact = await setting.search.impact(everything, entryId("ga01"), bounds);
      const reached = distances(entryId("ga01"), "downstream", visibleTo(everything));
      expect(impact.entries).toBe(reached.size);
      expect(impact.byDistance.reduce((sum, { entries }) => sum + entries, 0)).toBe(reached.size);
      expect(impact.organisations).toBeGreaterThan(2);
      expect(impact.consumerOrganisationIds).toEqual([organisationId("民政"), organisationId("数据")].sort());
    });

    test("related entries say why: declared, lineage, or rare items in common", async () => {
      const related = await setting.search.related(everything, entryId("mz04"), 20);
      const reasonsOf = (key: string) => related.find((one) => one.entry.id === entryId(key))?.reasons.map((reason) => reason.kind);
      expect(reasonsOf("mz05")).toContain("declared");
      expect(reasonsOf("sz02")).toContain("lineage");
      const items = (await setting.search.related(everything, entryId("gz06"), 20)).find((one) => one.entry.id === entryId("sw07"))!.reasons.find((reason) => reason.kind === "shares-items")!;
      expect(items.items).toEqual(["不动产单元号"]);
    });

    test("items that several departments collect are one by data element, whatever they are called", async () => {
      const { items } = await setting.search.sharedItems(everything, { organisationIds: [organisationId("公安"), organisationId("交通")], first: 10 });
      const plate = items.find((item) => item.dataElement === "DE00004")!;
      expect(plate.organisations.find((organisation) => organisation.organisationId === organisationId("交通"))!.entries).toBe(2);
      expect((await setting.search.sharedItems(everything, { text: "养犬", first: 10 })).items).toEqual([]);
    });
  });
}

function seesGrant(setting: ContractSetting, actor: Actor, id: string): boolean {
  const grant = fixtureGrants.find((candidate) => candidate.id === id)!;
  return setting.kernel.access.allows(actor, "grant", "see", { id, providerOrganisationId: fixtureEntries.find((entry) => entry.id === entryId(grant.entry))!.organisationId, consumerOrganisationId: organisationId(grant.consumer) });
}

function facetValues({ organisationId: organisation, state, content }: FixtureEntry, facet: FacetName): string[] {
  switch (facet) {
    case "organisation":
      return [organisation];
    case "region":
      return [fixtureOrganisations[Number(organisation.split("_")[1]) - 1]!.region];
    case "themeClass":
      return [...new Set(content.themeCodes.map((code) => code.slice(0, 2)))];
    case "theme":
      return content.themeCodes;
    case "guideCategory":
      return [content.guideCategory!];
    case "sharingType":
      return [content.sharingType];
    case "updateCycle":
      return [content.updateCycle];
    case "formatClass":
      return [content.format.class];
    case "sensitivity":
      return [content.sensitivity];
    case "open":
      return [String(content.open)];
    case "state":
      return [state];
  }
}

const elementOf = (name: string, bound: string | undefined) => bound ?? elementNames.get(name);
const elementNames = new Map([["公民身份号码", "DE00001"], ["统一社会信用代码", "DE00002"], ["不动产单元号", "DE00003"], ["机动车号牌号码", "DE00004"], ["身份证号", "DE00001"], ["身份证号码", "DE00001"], ["社会信用代码", "DE00002"], ["车牌号", "DE00004"]]);
const itemIs = (name: string, bound: string | undefined, wanted: string, wantedElement: string | undefined) => (wantedElement === undefined ? elementOf(name, bound) === undefined && name === wanted : elementOf(name, bound) === wantedElement);

const sourcesOf = (entry: FixtureEntry) => (entry.content.derivedFrom ?? []).flatMap((code) => codeToEntry.get(code) ?? []).map((source) => source.id);
const byId = new Map(fixtureEntries.map((entry) => [entry.id, entry]));
const derivedOf = (id: string) => fixtureEntries.filter((entry) => sourcesOf(entry).includes(id)).map((entry) => entry.id);

function distances(root: string, direction: "upstream" | "downstream", visible: ReadonlySet<string>): Map<string, number> {
  return spread(root, visible, (id) => (direction === "upstream" ? sourcesOf(byId.get(id)!) : derivedOf(id)));
}

function spread(root: string, visible: ReadonlySet<string>, next: (id: string) => string[]): Map<string, number> {
  const found = new Map([[root, 0]]);
  for (let frontier = [root], hop = 1; frontier.length > 0; hop += 1) {
    frontier = [...new Set(frontier.flatMap(next))].filter((id) => visible.has(id) && !found.has(id));
    for (const id of frontier) found.set(id, hop);
  }
  found.delete(root);
  return found;
}

/** A data element that more than 50 entries have does not connect (DE00001 has fewer here). */
function pathLength(from: string, to: string, visible: ReadonlySet<string>): number | undefined {
  if (from === to) return 0;
  const elementsOf = (id: string) => new Set(byId.get(id)!.content.items!.flatMap((item) => elementOf(item.name, item.dataElement) ?? []));
  const uses = (element: string) => fixtureEntries.filter((entry) => elementsOf(entry.id).has(element)).length;
  const relatedOf = (id: string) => fixtureEntries.filter((entry) => entry.content.relatedCodes?.some((code) => codeToEntry.get(code)?.id === id) || byId.get(id)!.content.relatedCodes?.some((code) => codeToEntry.get(code)?.id === entry.id)).map((entry) => entry.id);
  const sharing = (id: string) => [...elementsOf(id)].filter((element) => uses(element) <= 50).flatMap((element) => fixtureEntries.filter((entry) => elementsOf(entry.id).has(element)).map((entry) => entry.id));
  return spread(from, visible, (id) => [...sourcesOf(byId.get(id)!), ...derivedOf(id), ...relatedOf(id), ...sharing(id)]).get(to);
}
