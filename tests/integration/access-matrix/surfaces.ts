import { NotAllowedError, NotFoundError, type Actor } from "#platform";
import type { Entry, ExportOptions } from "#catalog";
import { contentOf, type MatrixCity, type MatrixEntry } from "./matrix-city.ts";

/**
 * Everything through which an entry could be seen. A new way to look at entries gets a line here, and the matrix
 * proves for every caller and every kind of entry that it shows what the detail shows, and nothing that it refuses.
 */
export interface EntrySurface {
  name: string;
  /** `same`: exactly what the detail shows of `among`; `no more`: nothing beyond (surfaces that by purpose show less). */
  shows: "same" | "no more";
  /** Asks once per entry: proved for one caller of each decision (see `decisionOf`), the others for every caller. */
  perEntry?: true;
  /** The entries that could appear at all. Default: all of the matrix. */
  among?(entry: MatrixEntry): boolean;
  listVisible(actor: Actor): Promise<Set<string>>;
}

/** Counts leak as well as names: each number is what counting the visible details gives. */
export interface CountSurface {
  name: string;
  count(actor: Actor): Promise<Record<string, number>>;
  expected(visible: readonly Entry[]): Record<string, number>;
}

/** Questions side by side: fewer than the pool has connections. */
const atOnce = 6;

async function exportText(catalog: MatrixCity["catalog"], actor: Actor, options: ExportOptions): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of (await catalog.exports.run(actor, options)).chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

/** What a busy machine cuts short would look as if it were hidden. */
const patient = { deadlineMs: 5_000 };

const published = (entry: MatrixEntry) => entry.kind.split(" ")[1] === "published";

/** Undefined where the caller is told that it is not there, or may not ask at all. */
async function unlessHidden<Value>(call: Promise<Value>): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof NotAllowedError) return undefined;
    throw error;
  }
}

export function entrySurfaces({ catalog, entries, root, kernel }: MatrixCity): EntrySurface[] {
  const { search, collections, sharing } = catalog;
  const known = new Set(entries.map((entry) => entry.id));
  const own = (ids: Iterable<string>) => new Set([...ids].filter((id) => known.has(id)));
  const each = async (test: (entry: MatrixEntry) => Promise<boolean>, among: (entry: MatrixEntry) => boolean = () => true): Promise<Set<string>> => {
    const asked = entries.filter(among);
    const found = new Set<string>();
    for (let start = 0; start < asked.length; start += atOnce) await Promise.all(asked.slice(start, start + atOnce).map(async (entry) => (await test(entry)) && found.add(entry.id)));
    return found;
  };
  const derived = (entry: MatrixEntry) => entry.derived;

  return [
    { name: "details in bulk", shows: "same", listVisible: async (actor) => own((await catalog.entries.getMany(actor, [...known])).flatMap((entry) => entry?.id ?? [])) },
    { name: "detail by code", shows: "same", perEntry: true, listVisible: (actor) => each(async (entry) => (await catalog.entries.find(actor, entry.code)) !== undefined) },
    {
      name: "list of entries",
      shows: "same",
      async listVisible(actor) {
        const found: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await unlessHidden(catalog.entries.list(actor, {}, { first: 30, ...(after === undefined ? {} : { after }) }));
          if (page === undefined) break;
          found.push(...page.rows.map((entry) => entry.id));
          if (!page.hasNextPage) break;
          after = page.cursors.at(-1);
        }
        return own(found);
      },
    },
    { name: "export", shows: "same", listVisible: async (actor) => own((JSON.parse(await exportText(catalog, actor, { format: "json" })) as { entries: { id: string }[] }).entries.map((entry) => entry.id)) },
    {
      name: "import that names it",
      shows: "no more",
      // A whole import each: proved for one caller of each decision.
      perEntry: true,
      async listVisible(actor) {
        const named = entries.map(({ id, code, mark, organisationId }) => ({ id, code, resourceId: "", organisation: organisationId === entries[0]!.organisationId ? "杭州市民政局" : "杭州市统计局", content: contentOf(mark, "unconditional", true, []) }));
        const job = await unlessHidden(catalog.imports.run(actor, { file: { name: "named.json", bytes: Buffer.from(JSON.stringify({ entries: named })) }, dryRun: true }));
        const found: string[] = [];
        if (job !== undefined) for await (const row of catalog.imports.allRows(actor, job.id)) if (entries.some((entry) => entry.id === row.entryId || entry.code === row.entryCode || row.issues.some((issue) => issue.message.includes(entry.code) || issue.zh.includes(entry.code)))) found.push(entries[row.position - 1]!.id);
        return own(found);
      },
    },
    { name: "history", shows: "no more", perEntry: true, listVisible: (actor) => each(async (entry) => (await unlessHidden(catalog.entries.history(actor, entry.id))) !== undefined) },
    {
      name: "search",
      shows: "same",
      async listVisible(actor) {
        const found: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await search.search(actor, { text: "", first: 25, ...(after === undefined ? {} : { after }) });
          found.push(...page.hits.map((hit) => hit.entry.id));
          if (!page.hasNextPage) break;
          after = page.hits.at(-1)!.cursor;
        }
        return own(found);
      },
    },
    { name: "search by its own words", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => (await search.search(actor, { text: entry.mark, first: 10 })).hits.some((hit) => hit.entry.id === entry.id), derived) },
    { name: "entries of the index by id", shows: "same", listVisible: async (actor) => own((await search.find(actor, [...known])).flatMap((entry) => entry?.id ?? [])) },
    { name: "suggestions", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => (await search.suggest(actor, entry.mark, 20)).length > 0, derived) },
    { name: "related entries", shows: "same", among: derived, listVisible: async (actor) => new Set((await search.related(actor, root.id, 50)).map(({ entry }) => entry.id).filter((id) => entries.some((one) => one.id === id && one.derived))) },
    { name: "related entries from itself", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => (await unlessHidden(search.related(actor, entry.id, 5))) !== undefined, derived) },
    { name: "lineage downstream", shows: "same", among: derived, listVisible: async (actor) => own((await search.lineage(actor, root.id, "downstream", patient)).nodes.map(({ entry }) => entry.id)) },
    { name: "lineage upstream from itself", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => (await unlessHidden(search.lineage(actor, entry.id, "upstream", patient))) !== undefined, derived) },
    { name: "impact of itself", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => (await unlessHidden(search.impact(actor, entry.id))) !== undefined, derived) },
    { name: "path to it", shows: "same", perEntry: true, among: derived, listVisible: (actor) => each(async (entry) => ((await unlessHidden(search.path(actor, root.id, entry.id, patient)))?.steps.length ?? 0) > 0, derived) },
    { name: "collectors of an item", shows: "no more", listVisible: async (actor) => own((await unlessHidden(collections.collectors(actor, "name:共有指标项")))?.map((collector) => collector.entryId) ?? []) },
    { name: "items collected elsewhere", shows: "no more", perEntry: true, listVisible: (actor) => each(async (entry) => (await unlessHidden(collections.duplicates(actor, entry.id))) !== undefined) },
    { name: "asking for it", shows: "no more", perEntry: true, among: published, listVisible: (actor) => each(async (entry) => (await unlessHidden(sharing.requests.check(actor, { entryId: entry.id }))) !== undefined, published) },
    {
      name: "subscription to catalog changes",
      shows: "same",
      async listVisible(actor) {
        const head = await kernel.database.read((reader) => kernel.eventLog.head(reader));
        const stop = new AbortController();
        const found = new Set<string>();
        // The last event is of a published open entry (see the test): everybody sees it and it ends the reading.
        for await (const change of search.changes.follow(actor, { after: 0, signal: stop.signal })) {
          found.add(change.entryId);
          if (change.position >= head) break;
        }
        stop.abort();
        return own(found);
      },
    },
  ];
}

const countBy = (visible: readonly Entry[], key: (entry: Entry) => string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const entry of visible) counts[key(entry)] = (counts[key(entry)] ?? 0) + 1;
  return counts;
};

export function countSurfaces({ catalog, root, entries }: MatrixCity): CountSurface[] {
  const { search } = catalog;
  const exportedRows = async (actor: Actor, options: Omit<ExportOptions, "format">) => (await exportText(catalog, actor, { format: "csv", ...options })).trimEnd().split("\r\n").length - 1;
  const department = entries[0]!.organisationId;
  const facet = (name: "state" | "sharingType" | "open" | "organisation", key: (entry: Entry) => string): CountSurface => ({
    name: `facet ${name}`,
    async count(actor) {
      const { facets } = await search.search(actor, { text: "", first: 1, facets: [name] });
      return Object.fromEntries(facets.find((each) => each.facet === name)!.values.map(({ value, count }) => [value, count]));
    },
    expected: (visible) => countBy(visible, key),
  });
  return [
    facet("state", (entry) => entry.state),
    facet("sharingType", (entry) => entry.content.sharingType),
    facet("open", (entry) => String(entry.content.open)),
    facet("organisation", (entry) => entry.organisationId),
    { name: "rows of an export", count: async (actor) => ({ rows: await exportedRows(actor, {}) }), expected: (visible) => ({ rows: visible.length }) },
    { name: "rows of a department's export", count: async (actor) => ({ rows: await exportedRows(actor, { organisation: department, states: ["published", "draft"] }) }), expected: (visible) => ({ rows: visible.filter((entry) => entry.organisationId === department && ["published", "draft"].includes(entry.state)).length }) },
    { name: "total of a search", count: async (actor) => ({ total: (await search.search(actor, { text: "", first: 1 })).total }), expected: (visible) => ({ total: visible.length }) },
    { name: "total of a search for words", count: async (actor) => ({ total: (await search.search(actor, { text: "登记信息", first: 1 })).total }), expected: (visible) => ({ total: visible.length }) },
    {
      name: "impact",
      count: async (actor) => ({ entries: (await search.impact(actor, root.id, patient)).entries }),
      expected: (visible) => ({ entries: visible.filter((entry) => entry.content.derivedFrom?.includes(root.code)).length }),
    },
    {
      name: "entries that share an item",
      async count(actor) {
        const { items } = await search.sharedItems(actor, { text: "共有指标项", minimumOrganisations: 1, first: 10 });
        return { entries: items.find((item) => item.name === "共有指标项")?.entries ?? 0 };
      },
      expected: (visible) => ({ entries: visible.length }),
    },
  ];
}
