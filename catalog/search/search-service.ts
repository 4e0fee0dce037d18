import { InputError, NotFoundError, type Actor, type Kernel } from "#platform";
import { facetNames, searchSorts, type CatalogIndex, type EntryPath, type FacetName, type Impact, type IndexFilters, type IndexHit, type IndexSearchResult, type Lineage, type ParkedDocument, type RelatedEntry, type SearchSort, type SharedItems, type Suggestion, type WalkBounds, type WalkDirection } from "./catalog-index.ts";
import { readOrganisationNames } from "./entry-records.ts";
import type { IndexedEntry } from "./index-document.ts";
import { facetLabel, type FacetLabel } from "./labels.ts";
import { decodeSearchCursor, encodeSearchCursor, searchFingerprint, type SearchCursor } from "./search-cursor.ts";
import { comparisonKey } from "./text/normalise.ts";
import { hasHit, highlight, highlightSnippet, type TextSegment } from "./text/highlights.ts";
import { longestQuery, parseQuery, type QueryTerm } from "./text/query-terms.ts";
import type { Tokeniser } from "./text/tokeniser.ts";

export interface SearchRequest {
  /** Words, pinyin, initials, codes; empty: everything. At most 200 characters. */
  text: string;
  filters?: IndexFilters;
  /** Default: relevance. */
  sort?: SearchSort;
  /** 1–100. */
  first: number;
  after?: string;
  facets?: readonly FacetName[];
}

export interface SearchPage {
  hits: SearchHit[];
  hasNextPage: boolean;
  total: number;
  facets: Facet[];
  /** No entry has all the words; these have the rarer of them. */
  relaxed: boolean;
}

export interface SearchHit extends IndexHit {
  cursor: string;
  highlights: Highlight[];
}

/** Where the text was found; the title always, the others when something was found in them. */
export interface Highlight {
  field: "title" | "abstract" | "keyword" | "item" | "organisation";
  segments: TextSegment[];
}

export interface Facet {
  facet: FacetName;
  values: FacetValue[];
}
export interface FacetValue {
  value: string;
  label?: FacetLabel;
  count: number;
  selected: boolean;
}

export interface IndexStatus {
  /** Absent before the first rebuild. */
  serving?: { generation: number; documents: number; parked: number; position: number };
  /** Events not yet taken in. */
  lag: number;
  /** The dictionary or the rules of tokens changed since it was built: rebuild. */
  outdated: boolean;
  parked: ParkedDocument[];
}

export interface SearchService {
  search(actor: Actor, request: SearchRequest): Promise<SearchPage>;
  /** For what somebody has typed so far: entries, organisations, keywords and items that begin so. */
  suggest(actor: Actor, text: string, first: number): Promise<Suggestion[]>;
  related(actor: Actor, entryId: string, first: number): Promise<RelatedEntry[]>;
  lineage(actor: Actor, entryId: string, direction: WalkDirection, bounds?: Partial<WalkBounds>): Promise<Lineage>;
  impact(actor: Actor, entryId: string, bounds?: Partial<WalkBounds>): Promise<Impact>;
  path(actor: Actor, fromEntryId: string, toEntryId: string, bounds?: Partial<WalkBounds>): Promise<EntryPath>;
  sharedItems(actor: Actor, request: { organisationIds?: readonly string[]; minimumOrganisations?: number; text?: string; first: number }): Promise<SharedItems>;
  /** In the order of ids; undefined for what the actor may not see. */
  find(actor: Actor, entryIds: readonly string[]): Promise<(IndexedEntry | undefined)[]>;
  status(actor: Actor): Promise<IndexStatus>;
  organisationNames(ids: readonly string[]): Promise<Map<string, string>>;
}

export interface CreateSearchServiceOptions {
  kernel: Kernel;
  index: CatalogIndex;
  tokeniser: Tokeniser;
}

export const walkLimits = { hops: 10, nodes: 2_000, deadlineMs: 5_000 } as const satisfies WalkBounds;
const defaultBounds: WalkBounds = { hops: 4, nodes: 500, deadlineMs: 2_000 };
const mostValuesPerFilter = 100;
const snippetLength = 120;
const mostHighlightedItems = 5;

export function createSearchService({ kernel, index, tokeniser }: CreateSearchServiceOptions): SearchService {
  const { access, database, eventLog, clock } = kernel;
  const seconds = kernel.metrics.histogram("catalog_search_seconds", "Time of a catalog search, index and highlights");
  const names = new Map<string, string>();

  async function organisationNames(ids: readonly string[]): Promise<Map<string, string>> {
    const unknown = ids.filter((id) => !names.has(id));
    if (unknown.length > 0) for (const [id, name] of await database.read((reader) => readOrganisationNames(reader, unknown))) names.set(id, name);
    return names;
  }

  async function search(actor: Actor, request: SearchRequest): Promise<SearchPage> {
    access.assertAnyScope(actor, "entry", "see");
    checkSearch(request);
    const { text, filters = { values: {} }, sort = "relevance", first, facets = [] } = request;
    let terms = parseQuery(tokeniser, text);
    const fingerprint = searchFingerprint([terms.key, ...terms.terms.map((term) => term.text)], filters, sort);
    // Something was typed, but nothing in it can be searched for ("?!"): then nothing is found, not everything.
    if (terms.terms.length === 0 && text.trim() !== "") return { hits: [], hasNextPage: false, total: 0, facets: [], relaxed: false };
    const start: SearchCursor | undefined = request.after === undefined ? undefined : decodeSearchCursor(request.after, fingerprint);
    const today = start?.today ?? Math.floor(clock.now().getTime() / 86_400_000);
    let relaxed = start?.relaxed ?? false;
    if (relaxed) terms = parseQuery(tokeniser, text, "split");
    let required: readonly number[] = start?.required.filter((at) => at < terms.terms.length) ?? terms.terms.map((_, at) => at);
    const ask = () => index.search(actor, { terms, required, filters, sort, first, facets, today, ...(start === undefined ? {} : { after: start.position }) });
    const end = seconds.startTimer();
    let result: IndexSearchResult = await ask();
    const parts = result.total === 0 && start === undefined ? parseQuery(tokeniser, text, "split") : terms;
    if (result.total === 0 && start === undefined && parts.terms.length > 1) {
      terms = parts;
      relaxed = true;
      required = await relax(terms.terms.length, async (some) => (await index.search(actor, { terms, required: some, filters, sort, first: 1, facets: [], today })).total);
      result = await ask();
    }
    const page: SearchPage = {
      hits: result.hits.map((hit) => ({
        ...hit,
        cursor: encodeSearchCursor(fingerprint, { today, required, relaxed, position: hit.position }),
        // Worked out when they are looked at: 0.2 ms a hit that a list without them need not pay.
        get highlights() {
          return highlightsOf(hit.entry, terms.terms);
        },
      })),
      hasNextPage: result.hasNextPage,
      total: result.total,
      facets: await labelled(result, filters),
      relaxed,
    };
    end();
    return page;
  }

  function highlightsOf(entry: IndexedEntry, terms: readonly QueryTerm[]): Highlight[] {
    if (terms.length === 0) return [];
    const found: Highlight[] = [{ field: "title", segments: highlight(tokeniser, entry.title, terms) }];
    const add = (field: Highlight["field"], segments: TextSegment[]) => {
      if (hasHit(segments)) found.push({ field, segments });
    };
    add("abstract", highlightSnippet(tokeniser, entry.abstract, terms, snippetLength));
    for (const keyword of entry.keywords) add("keyword", highlight(tokeniser, keyword, terms));
    add("organisation", highlight(tokeniser, entry.organisationName, terms));
    let items = 0;
    for (const item of entry.items) {
      if (items >= mostHighlightedItems) break;
      const segments = highlight(tokeniser, item.name, terms);
      if (hasHit(segments)) items += 1;
      add("item", segments);
    }
    return found;
  }

  /** With names, and with the values that were chosen even where nothing has them any more. */
  async function labelled(result: IndexSearchResult, filters: IndexFilters): Promise<Facet[]> {
    const facets: Facet[] = result.facets.map(({ facet, values }) => {
      const selected = new Set(filters.values[facet]);
      const present = new Set(values.map(({ value }) => value));
      return {
        facet,
        values: [...values, ...[...selected].filter((value) => !present.has(value)).map((value) => ({ value, count: 0 }))].map(({ value, count }) => {
          const label = facetLabel(facet, value);
          return { value, count, selected: selected.has(value), ...(label === undefined ? {} : { label }) };
        }),
      };
    });
    const organisations = facets.find(({ facet }) => facet === "organisation");
    if (organisations) {
      // A chosen id without hits is named only if it was named by the caller's own hits before: an id tells nothing.
      const counted = organisations.values.filter(({ count }) => count > 0);
      const known = await organisationNames(counted.map(({ value }) => value));
      for (const value of counted) {
        const name = known.get(value.value);
        if (name !== undefined) value.label = { zh: name, en: name };
      }
    }
    return facets;
  }

  function boundsOf(given: Partial<WalkBounds> = {}): WalkBounds {
    const bounds = { ...defaultBounds, ...given };
    for (const name of ["hops", "nodes", "deadlineMs"] as const) {
      if (!Number.isInteger(bounds[name]) || bounds[name] < 1 || bounds[name] > walkLimits[name]) throw new InputError(`${name} must be 1 to ${walkLimits[name]}, not ${bounds[name]}`, { zh: `${name} 应在 1 到 ${walkLimits[name]} 之间`, code: "walk.bounds" });
    }
    return bounds;
  }

  function found<T>(value: T | undefined, entryIds: readonly string[]): T {
    if (value !== undefined) return value;
    throw new NotFoundError(`No entry ${entryIds.join(" or ")} that you may see`, { zh: "对象不存在或无权查看", code: "entry.not-found" });
  }

  return {
    search,
    async suggest(actor, text, first) {
      access.assertAnyScope(actor, "entry", "see");
      checkCount("first", first, 50);
      checkText(text);
      const terms = parseQuery(tokeniser, text);
      return terms.key === "" ? [] : index.suggest(actor, { terms, first });
    },
    async related(actor, entryId, first) {
      access.assertAnyScope(actor, "entry", "see");
      checkCount("first", first, 50);
      return found(await index.related(actor, entryId, first), [entryId]);
    },
    async lineage(actor, entryId, direction, bounds) {
      access.assertAnyScope(actor, "entry", "see");
      return found(await index.lineage(actor, entryId, direction, boundsOf(bounds)), [entryId]);
    },
    async impact(actor, entryId, bounds) {
      access.assertAnyScope(actor, "entry", "see");
      return found(await index.impact(actor, entryId, boundsOf(bounds)), [entryId]);
    },
    async path(actor, fromEntryId, toEntryId, bounds) {
      access.assertAnyScope(actor, "entry", "see");
      return found(await index.path(actor, fromEntryId, toEntryId, boundsOf(bounds)), [fromEntryId, toEntryId]);
    },
    async sharedItems(actor, { organisationIds = [], minimumOrganisations = 2, text = "", first }) {
      access.assertAnyScope(actor, "entry", "see");
      checkCount("first", first, 100);
      checkCount("minimumOrganisations", minimumOrganisations, 1_000);
      if (organisationIds.length > 10) throw new InputError("At most 10 departments can be compared", { zh: "最多比较 10 个部门", code: "shared-items.organisations" });
      checkText(text);
      // Item keys keep no spaces or punctuation, so the text is compared the same way.
      return index.sharedItems(actor, { organisationIds, minimumOrganisations, terms: { key: comparisonKey(text), terms: [] }, first });
    },
    async find(actor, entryIds) {
      access.assertAnyScope(actor, "entry", "see");
      return index.find(actor, entryIds);
    },
    async status(actor) {
      access.assert(actor, "catalog-index", "see", {});
      const head = await database.read((reader) => eventLog.head(reader));
      const serving = await index.serving();
      if (serving === undefined) return { lag: head, outdated: true, parked: [] };
      const { documents, parked } = await index.statistics(serving.number);
      return { serving: { generation: serving.number, position: serving.position, documents, parked }, lag: Math.max(0, head - serving.position), outdated: serving.tokeniser !== tokeniser.version, parked: await index.parked(100) };
    },
    organisationNames,
  };
}

/**
 * Which terms to insist on when nothing has all of them: those that occur at all, without the most frequent ones until
 * something is found. 殡葬服务 gives what is about 殡葬, not everything with 服务.
 */
async function relax(terms: number, count: (required: readonly number[]) => Promise<number>): Promise<readonly number[]> {
  const counted: { at: number; hits: number }[] = [];
  for (let at = 0; at < terms; at += 1) counted.push({ at, hits: await count([at]) });
  const left = counted.filter(({ hits }) => hits > 0).sort((a, b) => a.hits - b.hits || a.at - b.at);
  while (left.length > 1 && (await count(left.map(({ at }) => at))) === 0) left.pop();
  return left.length === 0 ? counted.map(({ at }) => at) : left.map(({ at }) => at).sort((a, b) => a - b);
}

function checkText(text: string): void {
  if (text.length > longestQuery) throw new InputError(`The text has ${text.length} characters; at most ${longestQuery} are searched for`, { zh: `检索词不能超过 ${longestQuery} 个字`, code: "search.text-too-long" });
}

function checkCount(name: string, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 1 || count > most) throw new InputError(`${name} must be 1 to ${most}, not ${count}`, { zh: `${name} 应在 1 到 ${most} 之间`, code: "search.count" });
}

function checkSearch({ text, filters, sort, first, facets }: SearchRequest): void {
  checkText(text);
  checkCount("first", first, 100);
  if (sort !== undefined && !searchSorts.includes(sort)) throw new InputError(`There is no order ${sort}; there are ${searchSorts.join(", ")}`, { zh: "排序方式无效", code: "search.sort" });
  for (const facet of [...(facets ?? []), ...Object.keys(filters?.values ?? {})]) if (!facetNames.includes(facet as FacetName)) throw new InputError(`There is no facet ${facet}; there are ${facetNames.join(", ")}`, { zh: "分面无效", code: "search.facet" });
  for (const [facet, values] of Object.entries(filters?.values ?? {})) if (values.length > mostValuesPerFilter) throw new InputError(`At most ${mostValuesPerFilter} values of ${facet} can be chosen`, { zh: `每个分面最多选择 ${mostValuesPerFilter} 个值`, code: "search.filter-values" });
}
