import type { Access, Actor, Reader } from "#platform";
import type { FacetCounts, FacetName, IndexHit, IndexSearchRequest, IndexSearchResult, ScorePart, SearchSort } from "../catalog-index.ts";
import { scoreUnit, scoreWeights } from "../ranking.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import type { FacetValues } from "./facet-values.ts";
import { shortId, type GenerationTables } from "./generations.ts";
import { scoreSql, scoreValueSql, type ScoreSql } from "./score-sql.ts";
import { createSqlParts, seesEntry, tsqueryOf, type SqlParts } from "./sql-parts.ts";

/**
 * A page, its total and its facets in one statement, so that they agree with each other and the hits are found, ranked
 * and filtered once. The statement also says which generation serves: an answer of another is thrown away.
 */
export interface SearchOutcome {
  serving: number | undefined;
  result: IndexSearchResult;
}

interface SearchRow extends Record<string, unknown> {
  serving: number | null;
  failed: number | null;
  hits: number | null;
  codes: string | null;
  entry_id: string | null;
  sort_value: number | string | null;
  detail: StoredEntry | null;
  parts: number[] | null;
}

const facetColumns: Record<FacetName, { column: string; list: boolean }> = {
  organisation: { column: "d.organisation_id", list: false },
  region: { column: "d.region_code", list: false },
  themeClass: { column: "d.theme_classes", list: true },
  theme: { column: "d.theme_codes", list: true },
  guideCategory: { column: "d.guide_category", list: false },
  sharingType: { column: "d.sharing_type", list: false },
  updateCycle: { column: "d.update_cycle", list: false },
  formatClass: { column: "d.format_class", list: false },
  sensitivity: { column: "d.sensitivity", list: false },
  open: { column: "d.open::text", list: false },
  state: { column: "d.state", list: false },
};

const scoreParts = Object.keys(scoreWeights) as ScorePart[];

export async function searchDocuments(reader: Reader, access: Access, facetValues: FacetValues, tables: GenerationTables, viewer: Actor, request: IndexSearchRequest): Promise<SearchOutcome> {
  const { text, values, maskedFacets } = searchStatement(access, tables, viewer, request);
  const { rows } = await reader.query<SearchRow>(text, values);
  const serving = rows.find((row) => row.serving !== null)?.serving ?? undefined;

  const groups = rows.filter((row) => row.hits !== null);
  const hits = rows.filter((row) => row.entry_id !== null).map((row): IndexHit => ({ entry: entryOf(row.detail!), position: { value: row.sort_value!, entryId: row.entry_id! }, score: scoreOf(row.parts!) }));
  const facets: FacetCounts[] = [];
  if (request.facets.length > 0) {
    const decoded = new Map<number, Map<FacetName, Map<string, number>>>();
    for (const group of groups) decoded.set(group.failed!, await facetValues.decode(reader, group.codes ?? ""));
    for (const facet of request.facets) {
      const counts = new Map(decoded.get(0)?.get(facet));
      const mask = maskedFacets.get(facet);
      if (mask !== undefined) for (const [value, count] of decoded.get(mask)?.get(facet) ?? []) counts.set(value, (counts.get(value) ?? 0) + count);
      facets.push({ facet, values: [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)) });
    }
  }
  return {
    serving,
    result: { hits: hits.slice(0, request.first), hasNextPage: hits.length > request.first, total: groups.find((group) => group.failed === 0)?.hits ?? 0, facets },
  };
}

/** Exposed for the benchmark, which runs the same statement without the layers above it. */
export function searchStatement(access: Access, tables: GenerationTables, viewer: Actor, request: IndexSearchRequest): { text: string; values: unknown[]; maskedFacets: Map<FacetName, number> } {
  const parts = createSqlParts();
  const where = [seesEntry(access, viewer, parts, "d")];
  const query = tsqueryOf(request.required.map((at) => request.terms.terms[at]!));
  if (query !== undefined) where.push(`d.tokens @@ ${parts.bind(query)}::tsquery`);
  addPlainFilters(request, parts, where, tables);

  // A facet counts what its own filter would leave out: such hits are kept, marked with the bit of the one filter they fail.
  const masks: string[] = [];
  const maskedFacets = new Map<FacetName, number>();
  for (const [facet, wanted] of Object.entries(request.filters.values) as [FacetName, readonly string[] | undefined][]) {
    if (wanted === undefined || wanted.length === 0) continue;
    const { column, list } = facetColumns[facet];
    const fits = list ? `${column} && ${parts.bind(wanted)}::text[]` : `${column} = any(${parts.bind(wanted)}::text[])`;
    if (!request.facets.includes(facet)) where.push(fits);
    else {
      const bit = 2 ** masks.length;
      maskedFacets.set(facet, bit);
      masks.push(`case when ${fits} then 0 else ${bit} end`);
    }
  }

  const score = scoreSql(request, parts);
  const sort = sortSql(request.sort, score);
  const failed = masks.length === 0 ? "0" : masks.join(" + ");
  const after = request.after === undefined ? "" : afterSql(request.sort, request.after.value, request.after.entryId, parts);
  const codes = request.facets.length > 0;
  const text = `with hits as materialized (
      select d.document_id, d.entry_id, ${sort.value} as sort_value, ${failed} as failed${codes ? ", d.facet_codes" : ""} from ${tables.document} d where ${where.join(" and ")}
    ), page as (
      select document_id, sort_value, row_number() over (order by sort_value ${sort.direction}, entry_id) as place from hits where failed = 0${after} order by sort_value ${sort.direction}, entry_id limit ${parts.bind(request.first + 1)}
    )
    select (select number from catalog.index_generation where state = 'serving') as serving, null::integer as failed, null::bigint as hits, null::text as codes, null::text as entry_id, null::jsonb as sort_value, null::jsonb as detail, null::float8[] as parts, 0::bigint as place
    union all
    select null, failed, count(*), ${codes ? "string_agg(facet_codes, '')" : "null"}, null, null, null, null, 0 from hits where failed & (failed - 1) = 0 group by failed
    union all
    select null, null, null, null, d.entry_id, to_jsonb(page.sort_value), d.detail, array[${scoreParts.map((part) => score[part]).join(", ")}], page.place from page join ${tables.document} d using (document_id)
    order by place`;
  return { text, values: parts.values, maskedFacets };
}

function addPlainFilters({ filters }: IndexSearchRequest, { bind }: SqlParts, where: string[], tables: GenerationTables): void {
  if (filters.minimumCompleteness !== undefined) where.push(`d.completeness >= ${bind(filters.minimumCompleteness)}`);
  if (filters.updatedSince !== undefined) where.push(`d.updated_at >= ${bind(filters.updatedSince)}`);
  if (filters.itemKey !== undefined) where.push(`d.document_id in (select t.document_id from ${tables.documentTerm} t where t.term_id = ${bind(shortId(filters.itemKey))}::bigint)`);
}

function sortSql(sort: SearchSort, score: ScoreSql): { value: string; direction: "asc" | "desc" } {
  switch (sort) {
    case "relevance":
      return { value: scoreValueSql(score), direction: "desc" };
    case "updated":
      return { value: "(extract(epoch from d.updated_at) * 1000)::bigint", direction: "desc" };
    case "title":
      return { value: 'd.pinyin_key collate "C"', direction: "asc" };
    case "completeness":
      return { value: "d.completeness", direction: "desc" };
    case "use":
      return { value: "round((d.use * 1000000)::numeric)::integer", direction: "desc" };
  }
}

function afterSql(sort: SearchSort, value: number | string, entryId: string, { bind }: SqlParts): string {
  const type = sort === "title" ? "text" : "bigint";
  const at = `${bind(value)}::${type}`;
  return ` and (sort_value ${sort === "title" ? ">" : "<"} ${at} or (sort_value = ${at} and entry_id > ${bind(entryId)}))`;
}

function scoreOf(values: readonly number[]): IndexHit["score"] {
  const found = scoreParts.map((part, at) => ({ part, value: values[at]!, weight: scoreWeights[part] }));
  return { value: Math.round(scoreUnit * found.reduce((sum, { value, weight }) => sum + value * weight, 0)) / scoreUnit, parts: found };
}
