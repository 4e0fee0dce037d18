import { InputError, type ZhengtongSchemaBuilder } from "#platform";
import { facetNames, searchSorts, walkDirections, type EntryPath, type FacetName, type Impact, type IndexFilters, type Lineage, type PathRelation, type RelatedEntry, type ScorePart, type SharedItem, type SharedItems, type Suggestion, type TruncatedBy } from "../search/catalog-index.ts";
import type { CatalogChange } from "../search/catalog-changes.ts";
import type { CatalogSearch } from "../search/catalog-search.ts";
import type { IndexedEntry, IndexedItem } from "../search/index-document.ts";
import type { Facet, FacetValue, Highlight, IndexStatus, SearchHit, SearchPage } from "../search/search-service.ts";
import type { TextSegment } from "../search/text/highlights.ts";
import type { CatalogCoreTypes } from "./core-types.ts";
import { enumValues } from "./sharing/values.ts";

export interface SearchGraphqlOptions {
  search: CatalogSearch;
  /** Types of the catalog's core that search refers to. */
  core: Pick<CatalogCoreTypes, "enums" | "Entry" | "Organisation">;
}

/** `themeClass` → `THEME_CLASS`. */
const facetEnumValues = Object.fromEntries(facetNames.map((name) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(), { value: name }])) as Record<string, { value: FacetName }>;

/** What one entry of a page costs beside its fields; an index question costs as much as a page of lists. */
const indexQuestion = 20;
/** What comes with the answer anyway and is short: pieces of text, parts of a score. */
const shortList = { field: 1, multiplier: 2 };

/** Search, suggestions, related entries, lineage, impact, shared items, paths, the index's state, and what changes. */
export function addSearchTypes(builder: ZhengtongSchemaBuilder, { search, core }: SearchGraphqlOptions): void {
  const types = addSearchObjects(builder, search, core);
  addSearchQuery(builder, search, types);
  addGraphQueries(builder, search, types);

  builder.subscriptionFields((t) => ({
    catalogChanged: t.field({
      type: types.Change,
      description: "What happens to entries that the caller may see, at least once each; resumable after a position.",
      args: { after: t.arg.float({ required: false, description: "Position of the last change that was received; absent: from now on." }) },
      subscribe: (_root, { after }, { actor }) => search.changes.follow(actor, after === null || after === undefined ? {} : { after }),
      resolve: (change) => change,
    }),
  }));
}

type SearchTypes = ReturnType<typeof addSearchObjects>;

function addSearchObjects(builder: ZhengtongSchemaBuilder, search: CatalogSearch, { enums, Entry, Organisation }: SearchGraphqlOptions["core"]) {
  const FacetNameEnum = builder.enumType("SearchFacetName", { values: facetEnumValues });
  const Sort = builder.enumType("SearchSort", { description: "TITLE orders as pinyin does; the others put the highest or newest first.", values: enumValues(searchSorts) });
  const Part = builder.enumType("SearchScorePart", { values: enumValues(["text", "phrase", "authority", "completeness", "use", "recency"] as const satisfies readonly ScorePart[]) });
  const HighlightField = builder.enumType("SearchHighlightField", { values: enumValues(["title", "abstract", "keyword", "item", "organisation"] as const satisfies readonly Highlight["field"][]) });
  const SuggestionKindEnum = builder.enumType("SuggestionKind", { values: enumValues(["entry", "organisation", "keyword", "item"] as const satisfies readonly Suggestion["kind"][]) });
  const Direction = builder.enumType("LineageDirection", { description: "UPSTREAM: what an entry is made from; DOWNSTREAM: what is made from it.", values: enumValues(walkDirections) });
  const Truncated = builder.enumType("WalkTruncatedBy", { values: enumValues(["hops", "nodes", "deadline"] as const satisfies readonly TruncatedBy[]) });
  const Reason = builder.enumType("RelatedEntryReason", { values: enumValues(["declared", "lineage", "shares-items"] as const satisfies readonly RelatedEntry["reasons"][number]["kind"][]) });
  const Via = builder.enumType("EntryPathRelation", { values: enumValues(["derived-from", "source-of", "related", "shares-element"] as const satisfies readonly PathRelation["kind"][]) });

  const Item = builder.objectRef<IndexedItem>("EntrySummaryItem").implement({
    fields: (t) => ({ name: t.exposeString("name"), field: t.exposeString("field"), dataElement: t.exposeString("dataElement", { nullable: true, description: "Bound, or of the element's name." }), sensitivity: t.field({ type: enums.Sensitivity, nullable: true, resolve: (item) => item.sensitivity }) }),
  });
  const Summary = builder.objectRef<IndexedEntry>("EntrySummary").implement({
    description: "An entry as the index shows it, without a look at the records.",
    fields: (t) => ({
      id: t.exposeID("id"),
      entry: t.field({ type: Entry, nullable: true, description: "The whole entry; nothing where it was hidden or removed a moment ago.", resolve: (entry) => entry.id }),
      code: t.exposeString("code"),
      resourceId: t.exposeString("resourceId"),
      title: t.exposeString("title"),
      abstract: t.exposeString("abstract"),
      keywords: t.exposeStringList("keywords"),
      organisationId: t.exposeID("organisationId"),
      organisationName: t.exposeString("organisationName"),
      organisation: t.field({ type: Organisation, nullable: true, resolve: (entry) => entry.organisationId }),
      regionCode: t.exposeString("regionCode", { nullable: true }),
      state: t.field({ type: enums.EntryState, resolve: (entry) => entry.state }),
      version: t.exposeString("version"),
      sharingType: t.field({ type: enums.SharingType, resolve: (entry) => entry.sharingType }),
      open: t.exposeBoolean("open"),
      themeCodes: t.exposeStringList("themeCodes"),
      guideCategory: t.exposeString("guideCategory", { nullable: true }),
      updateCycle: t.field({ type: enums.UpdateCycle, resolve: (entry) => entry.updateCycle }),
      formatClass: t.field({ type: enums.FormatClass, resolve: (entry) => entry.formatClass }),
      sensitivity: t.field({ type: enums.Sensitivity, resolve: (entry) => entry.sensitivity }),
      completeness: t.exposeInt("completeness"),
      items: t.field({ type: [Item], resolve: (entry) => entry.items }),
      itemCount: t.int({ resolve: (entry) => entry.items.length }),
      views: t.exposeInt("views"),
      grantCount: t.exposeInt("grants"),
      updatedAt: t.field({ type: "DateTime", resolve: (entry) => entry.updatedAt }),
      publishedAt: t.field({ type: "DateTime", nullable: true, resolve: (entry) => entry.publishedAt }),
    }),
  });

  const ScorePartRef = builder.objectRef<SearchHit["score"]["parts"][number]>("SearchScoreShare").implement({
    fields: (t) => ({ part: t.field({ type: Part, resolve: (share) => share.part }), value: t.exposeFloat("value"), weight: t.exposeFloat("weight") }),
  });
  const Segment = builder.objectRef<TextSegment>("TextSegment").implement({ fields: (t) => ({ text: t.exposeString("text"), hit: t.exposeBoolean("hit") }) });
  const HighlightRef = builder.objectRef<Highlight>("SearchHighlight").implement({
    description: "Where the words were found, as plain pieces of text: never markup.",
    fields: (t) => ({ field: t.field({ type: HighlightField, resolve: (highlight) => highlight.field }), segments: t.field({ type: [Segment], complexity: shortList, resolve: (highlight) => highlight.segments }) }),
  });
  const Hit = builder.objectRef<SearchHit>("SearchHit").implement({
    fields: (t) => ({
      entry: t.field({ type: Summary, resolve: (hit) => hit.entry }),
      score: t.float({ description: "0 to 1.", resolve: (hit) => hit.score.value }),
      explanation: t.field({ type: [ScorePartRef], complexity: shortList, description: "The score is the sum of value × weight.", resolve: (hit) => hit.score.parts }),
      highlights: t.field({ type: [HighlightRef], complexity: shortList, resolve: (hit) => hit.highlights }),
    }),
  });
  const FacetValueRef = builder.objectRef<FacetValue>("SearchFacetValue").implement({
    fields: (t) => ({ value: t.exposeString("value"), zh: t.string({ nullable: true, resolve: (value) => value.label?.zh }), en: t.string({ nullable: true, resolve: (value) => value.label?.en }), count: t.exposeInt("count"), selected: t.exposeBoolean("selected") }),
  });
  const FacetRef = builder.objectRef<Facet>("SearchFacet").implement({
    description: "Counts of the hits by value. The facet's own filter is left out, so that other values can be chosen beside.",
    fields: (t) => ({ name: t.field({ type: FacetNameEnum, resolve: (facet) => facet.facet }), values: t.field({ type: [FacetValueRef], complexity: { field: 1, multiplier: 3 }, resolve: (facet) => facet.values }) }),
  });

  const Change = builder.objectRef<CatalogChange>("CatalogChange").implement({
    fields: (t) => ({
      position: t.exposeFloat("position"),
      kind: t.exposeString("kind", { description: "`entry.published`, `entry.suspended`, …" }),
      entryId: t.exposeID("entryId"),
      version: t.exposeString("version", { nullable: true }),
      state: t.exposeString("state", { nullable: true }),
      at: t.field({ type: "DateTime", resolve: (change) => change.at }),
      entry: t.field({ type: Summary, nullable: true, description: "As the index has it, which may be a moment behind.", resolve: async (change, _args, { actor }) => (await search.find(actor, [change.entryId]))[0] }),
    }),
  });
  return { enums, FacetNameEnum, Sort, SuggestionKindEnum, Direction, Truncated, Reason, Via, Summary, Hit, FacetRef, Change };
}

function addSearchQuery(builder: ZhengtongSchemaBuilder, search: CatalogSearch, { enums, FacetNameEnum, Sort, Hit, FacetRef }: SearchTypes): void {
  const Filter = builder.inputType("SearchFilter", {
    description: "Values of one member are alternatives; members must all fit.",
    fields: (t) => ({
      organisationIds: t.idList({ required: false }),
      regionCodes: t.stringList({ required: false }),
      themeClasses: t.stringList({ required: false, description: "First two characters of a theme code." }),
      themeCodes: t.stringList({ required: false }),
      guideCategories: t.stringList({ required: false }),
      sharingTypes: t.field({ type: [enums.SharingType], required: false }),
      updateCycles: t.field({ type: [enums.UpdateCycle], required: false }),
      formatClasses: t.field({ type: [enums.FormatClass], required: false }),
      sensitivities: t.field({ type: [enums.Sensitivity], required: false }),
      states: t.field({ type: [enums.EntryState], required: false }),
      open: t.boolean({ required: false }),
      minimumCompleteness: t.int({ required: false }),
      updatedSince: t.field({ type: "DateTime", required: false }),
      itemKey: t.string({ required: false, description: "Entries that collect this item: `itemKey` of a suggestion or `key` of a collected item." }),
    }),
  });
  type FilterInput = typeof Filter.$inferInput;

  const toFilters = (filter: FilterInput | null | undefined): IndexFilters => {
    if (!filter) return { values: {} };
    const values: Partial<Record<FacetName, readonly string[]>> = {};
    const put = (facet: FacetName, wanted: readonly (string | number)[] | null | undefined) => {
      if (wanted && wanted.length > 0) values[facet] = wanted.map(String);
    };
    put("organisation", filter.organisationIds);
    put("region", filter.regionCodes);
    put("themeClass", filter.themeClasses);
    put("theme", filter.themeCodes);
    put("guideCategory", filter.guideCategories);
    put("sharingType", filter.sharingTypes);
    put("updateCycle", filter.updateCycles);
    put("formatClass", filter.formatClasses);
    put("sensitivity", filter.sensitivities);
    put("state", filter.states);
    put("open", filter.open === null || filter.open === undefined ? undefined : [String(filter.open)]);
    return {
      values,
      ...(filter.minimumCompleteness === null || filter.minimumCompleteness === undefined ? {} : { minimumCompleteness: filter.minimumCompleteness }),
      ...(filter.updatedSince === null || filter.updatedSince === undefined ? {} : { updatedSince: filter.updatedSince }),
      ...(filter.itemKey === null || filter.itemKey === undefined ? {} : { itemKey: filter.itemKey }),
    };
  };

  builder.queryFields((t) => ({
    searchEntries: t.connection(
      {
        type: Hit,
        description: "Entries that the caller may see, by words, pinyin, initials or codes; without a text, all of them. At most 100 a page, forward only; a cursor belongs to one text, filter and order.",
        args: {
          text: t.arg.string({ defaultValue: "", description: "At most 200 characters." }),
          filter: t.arg({ type: Filter, required: false }),
          sort: t.arg({ type: Sort, required: false }),
          facets: t.arg({ type: [FacetNameEnum], required: false, description: "Which facets to count; they cost time and are left out by default." }),
        },
        complexity: ({ first, facets }) => ({ field: indexQuestion + 5 * (facets?.length ?? 0), multiplier: Math.max(1, Math.ceil((first ?? 20) / 10)) }),
        resolve: async (_root, { text, filter, sort, facets, first, after, last, before }, { actor }) => {
          if (last !== null && last !== undefined) throw backwards();
          if (before !== null && before !== undefined) throw backwards();
          const page = await search.search(actor, { text, filters: toFilters(filter), first: first ?? 20, ...(sort ? { sort } : {}), ...(after ? { after } : {}), ...(facets ? { facets: [...new Set(facets)] } : {}) });
          return { ...connectionOf(page, after), page };
        },
      },
      {
        fields: (connection) => ({
          totalCount: connection.int({ resolve: (parent) => (parent as unknown as { page: SearchPage }).page.total }),
          relaxed: connection.boolean({ description: "No entry has all the words; these have some of them.", resolve: (parent) => (parent as unknown as { page: SearchPage }).page.relaxed }),
          facets: connection.field({ type: [FacetRef], complexity: { field: 1, multiplier: 1 }, description: "Those asked for by the argument `facets`.", resolve: (parent) => (parent as unknown as { page: SearchPage }).page.facets }),
        }),
      },
    ),
  }));
}

const backwards = () => new InputError("Search pages go forward only: use first and after", { zh: "检索结果只能向后翻页,请使用 first 与 after", code: "search.backwards" });

function connectionOf(page: SearchPage, after: string | null | undefined) {
  const cursors = page.hits.map((hit) => hit.cursor);
  return {
    edges: page.hits.map((node, at) => ({ node, cursor: cursors[at]! })),
    pageInfo: { hasNextPage: page.hasNextPage, hasPreviousPage: after !== null && after !== undefined, startCursor: cursors[0] ?? null, endCursor: cursors.at(-1) ?? null },
  };
}

function addGraphQueries(builder: ZhengtongSchemaBuilder, search: CatalogSearch, { Direction, Truncated, Reason, Via, Summary, SuggestionKindEnum }: SearchTypes): void {
  const SuggestionRef = builder.objectRef<Suggestion>("SearchSuggestion").implement({
    fields: (t) => ({
      kind: t.field({ type: SuggestionKindEnum, resolve: (suggestion) => suggestion.kind }),
      text: t.exposeString("text"),
      entryId: t.exposeID("entryId", { nullable: true }),
      organisationId: t.exposeID("organisationId", { nullable: true }),
      itemKey: t.exposeString("itemKey", { nullable: true, description: "For the filter `itemKey`." }),
    }),
  });
  const ReasonRef = builder.objectRef<RelatedEntry["reasons"][number]>("RelatedEntryGround").implement({
    fields: (t) => ({ kind: t.field({ type: Reason, resolve: (reason) => reason.kind }), items: t.exposeStringList("items", { description: "Names of shared items, the rarest first." }) }),
  });
  const Related = builder.objectRef<RelatedEntry>("RelatedEntry").implement({ fields: (t) => ({ entry: t.field({ type: Summary, resolve: (related) => related.entry }), score: t.exposeFloat("score"), reasons: t.field({ type: [ReasonRef], resolve: (related) => related.reasons }) }) });

  const LineageGrant = builder.objectRef<Lineage["relations"][number]["grants"][number]>("LineageGrant").implement({
    description: "A grant under which the derived entry's department receives the source.",
    fields: (t) => ({ grantId: t.exposeID("grantId"), legalBasis: t.exposeString("legalBasis"), since: t.field({ type: "DateTime", resolve: (grant) => grant.since }) }),
  });
  const LineageRelationRef = builder.objectRef<Lineage["relations"][number]>("LineageRelation").implement({
    fields: (t) => ({ fromEntryId: t.exposeID("fromEntryId", { description: "The derived entry." }), toEntryId: t.exposeID("toEntryId", { description: "What it is made from." }), since: t.field({ type: "DateTime", resolve: (relation) => relation.since }), grants: t.field({ type: [LineageGrant], resolve: (relation) => relation.grants }) }),
  });
  const LineageNode = builder.objectRef<Lineage["nodes"][number]>("LineageNode").implement({ fields: (t) => ({ entry: t.field({ type: Summary, resolve: (node) => node.entry }), distance: t.exposeInt("distance") }) });
  const LineageRef = builder.objectRef<Lineage>("Lineage").implement({
    fields: (t) => ({
      root: t.field({ type: Summary, resolve: (lineage) => lineage.root }),
      nodes: t.field({ type: [LineageNode], resolve: (lineage) => lineage.nodes }),
      relations: t.field({ type: [LineageRelationRef], resolve: (lineage) => lineage.relations }),
      truncated: t.exposeBoolean("truncated", { description: "There is or may be more than is shown." }),
      truncatedBy: t.field({ type: Truncated, nullable: true, resolve: (lineage) => lineage.truncatedBy }),
    }),
  });
  const ImpactDistance = builder.objectRef<Impact["byDistance"][number]>("ImpactDistance").implement({ fields: (t) => ({ distance: t.exposeInt("distance"), entries: t.exposeInt("entries") }) });
  const Consumer = builder.objectRef<{ id: string; name: string }>("ImpactedDepartment").implement({ fields: (t) => ({ id: t.exposeID("id"), name: t.exposeString("name") }) });
  const ImpactRef = builder.objectRef<Impact>("Impact").implement({
    description: "What hangs on an entry, counted without listing.",
    fields: (t) => ({
      entries: t.exposeInt("entries"),
      byDistance: t.field({ type: [ImpactDistance], resolve: (impact) => impact.byDistance }),
      organisations: t.exposeInt("organisations", { description: "Departments whose entries are made from it." }),
      consumers: t.field({ type: [Consumer], description: "Departments with a grant on it or on something made from it, of the grants that the caller may see.", resolve: async (impact) => named(search, impact.consumerOrganisationIds) }),
      truncated: t.exposeBoolean("truncated"),
      truncatedBy: t.field({ type: Truncated, nullable: true, resolve: (impact) => impact.truncatedBy }),
    }),
  });

  const Collector = builder.objectRef<SharedItem["organisations"][number] & { name: string }>("CollectedItemDepartment").implement({ fields: (t) => ({ organisationId: t.exposeID("organisationId"), name: t.exposeString("name"), entries: t.exposeInt("entries") }) });
  const SharedItemRef = builder.objectRef<SharedItem>("CollectedItem").implement({
    description: "A data item that several departments collect.",
    fields: (t) => ({
      key: t.exposeString("key", { description: "For the filter `itemKey` of searchEntries." }),
      name: t.exposeString("name"),
      dataElement: t.exposeString("dataElement", { nullable: true }),
      entries: t.exposeInt("entries"),
      collectors: t.field({
        type: [Collector],
        resolve: async (item) => {
          const names = await search.organisationNames(item.organisations.map((organisation) => organisation.organisationId));
          return item.organisations.map((organisation) => ({ ...organisation, name: names.get(organisation.organisationId) ?? "" }));
        },
      }),
    }),
  });
  const SharedItemsRef = builder.objectRef<SharedItems>("CollectedItems").implement({
    fields: (t) => ({ items: t.field({ type: [SharedItemRef], resolve: (shared) => shared.items }), truncated: t.exposeBoolean("truncated", { description: "More items may qualify than were examined." }) }),
  });

  const PathStep = builder.objectRef<EntryPath["steps"][number]>("EntryPathStep").implement({
    fields: (t) => ({
      entry: t.field({ type: Summary, resolve: (step) => step.entry }),
      via: t.field({ type: Via, nullable: true, description: "How it is reached from the step before.", resolve: (step) => step.via?.kind }),
      dataElement: t.string({ nullable: true, resolve: (step) => step.via?.dataElement }),
      since: t.field({ type: "DateTime", nullable: true, resolve: (step) => step.via?.since }),
    }),
  });
  const PathRef = builder.objectRef<EntryPath>("EntryPath").implement({
    fields: (t) => ({ steps: t.field({ type: [PathStep], description: "From start to end; empty when none was found.", resolve: (path) => path.steps }), truncated: t.exposeBoolean("truncated"), truncatedBy: t.field({ type: Truncated, nullable: true, resolve: (path) => path.truncatedBy }) }),
  });

  const Parked = builder.objectRef<IndexStatus["parked"][number]>("ParkedIndexDocument").implement({
    fields: (t) => ({ entryId: t.exposeID("entryId"), reason: t.exposeString("reason"), attempts: t.exposeInt("attempts"), parkedAt: t.field({ type: "DateTime", resolve: (parked) => parked.parkedAt }) }),
  });
  const Status = builder.objectRef<IndexStatus>("CatalogIndexStatus").implement({
    fields: (t) => ({
      generation: t.int({ nullable: true, description: "Empty before the first build.", resolve: (status) => status.serving?.generation }),
      documents: t.int({ nullable: true, resolve: (status) => status.serving?.documents }),
      position: t.float({ nullable: true, resolve: (status) => status.serving?.position }),
      lag: t.exposeInt("lag", { description: "Events not yet taken in." }),
      outdated: t.exposeBoolean("outdated", { description: "The dictionary or the rules of tokens changed since it was built: rebuild it." }),
      parkedCount: t.int({ resolve: (status) => status.serving?.parked ?? 0 }),
      parked: t.field({ type: [Parked], description: "Entries that could not be indexed, the newest 100, with the reason.", resolve: (status) => status.parked }),
    }),
  });

  const Bounds = builder.inputType("WalkBounds", {
    description: "Where a walk ends; the answer says when it did.",
    fields: (t) => ({ hops: t.int({ required: false, description: "1–10; default 4." }), nodes: t.int({ required: false, description: "1–2,000; default 500." }), deadlineMs: t.int({ required: false, description: "1–5,000; default 2,000." }) }),
  });
  const toBounds = (bounds: typeof Bounds.$inferInput | null | undefined) => Object.fromEntries(Object.entries(bounds ?? {}).filter(([, value]) => value !== null && value !== undefined)) as { hops?: number; nodes?: number; deadlineMs?: number };

  builder.queryFields((t) => ({
    searchSuggestions: t.field({
      type: [SuggestionRef],
      description: "For what has been typed so far, in characters, pinyin or initials.",
      args: { text: t.arg.string(), first: t.arg.int({ defaultValue: 10 }) },
      complexity: { field: indexQuestion },
      resolve: (_root, { text, first }, { actor }) => search.suggest(actor, text, first),
    }),
    relatedEntries: t.field({ type: [Related], args: { entryId: t.arg.id(), first: t.arg.int({ defaultValue: 10 }) }, complexity: { field: indexQuestion }, resolve: (_root, { entryId, first }, { actor }) => search.related(actor, entryId, first) }),
    lineage: t.field({
      type: LineageRef,
      args: { entryId: t.arg.id(), direction: t.arg({ type: Direction }), bounds: t.arg({ type: Bounds, required: false }) },
      complexity: { field: 2 * indexQuestion, multiplier: 5 },
      resolve: (_root, { entryId, direction, bounds }, { actor }) => search.lineage(actor, entryId, direction, toBounds(bounds)),
    }),
    impact: t.field({ type: ImpactRef, args: { entryId: t.arg.id(), bounds: t.arg({ type: Bounds, required: false }) }, complexity: { field: 2 * indexQuestion }, resolve: (_root, { entryId, bounds }, { actor }) => search.impact(actor, entryId, toBounds(bounds)) }),
    entryPath: t.field({
      type: PathRef,
      description: "A shortest connection between two entries: made from, declared as related, or sharing a data element that few have.",
      args: { fromEntryId: t.arg.id(), toEntryId: t.arg.id(), bounds: t.arg({ type: Bounds, required: false }) },
      complexity: { field: 2 * indexQuestion },
      resolve: (_root, { fromEntryId, toEntryId, bounds }, { actor }) => search.path(actor, fromEntryId, toEntryId, toBounds(bounds)),
    }),
    collectedItems: t.field({
      type: SharedItemsRef,
      description: "Data items that several departments collect: candidates for one source of each.",
      args: { organisationIds: t.arg.idList({ required: false, description: "Only items that all of these collect." }), minimumOrganisations: t.arg.int({ defaultValue: 2 }), text: t.arg.string({ defaultValue: "", description: "Part of the item's name." }), first: t.arg.int({ defaultValue: 20 }) },
      complexity: { field: 2 * indexQuestion, multiplier: 2 },
      resolve: (_root, { organisationIds, minimumOrganisations, text, first }, { actor }) => search.sharedItems(actor, { organisationIds: organisationIds?.map(String) ?? [], minimumOrganisations, text, first }),
    }),
    catalogIndexStatus: t.field({ type: Status, resolve: (_root, _args, { actor }) => search.status(actor) }),
  }));
}

async function named(search: CatalogSearch, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  const names = await search.organisationNames(ids);
  return ids.map((id) => ({ id, name: names.get(id) ?? "" }));
}
