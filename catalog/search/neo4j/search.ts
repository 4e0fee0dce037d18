import type { Access, Actor } from "#platform";
import type { FacetCounts, FacetName, IndexHit, IndexSearchRequest, IndexSearchResult, ScorePart, SearchSort } from "../catalog-index.ts";
import { scoreUnit, scoreWeights } from "../ranking.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import type { RunCypher } from "./connection.ts";
import { facetKey } from "./documents.ts";
import type { GenerationNames } from "./generations.ts";
import { luceneQueryOf } from "./lucene.ts";
import type { IndexNames, SlotNames } from "./schema.ts";
import { scoreCypher, scoreValueCypher, type ScoreCypher } from "./score-cypher.ts";
import { createCypherParts, seesEntry, type CypherParts } from "./visibility.ts";

const scoreParts = Object.keys(scoreWeights) as ScorePart[];

export interface SearchStatements {
  /** Rows of one page, and one more. */
  page: { text: string; parameters: Record<string, unknown> };
  /** How many hits, by facet value where facets are asked for. */
  counts: { text: string; parameters: Record<string, unknown> };
  maskedFacets: Map<FacetName, number>;
}

/** Which numbers stand for which facet values. They never change within a generation, so what was read once is kept. */
export interface FacetNumbers {
  nameOf(cypher: RunCypher, generation: string, numbers: readonly number[]): Promise<ReadonlyMap<number, readonly [FacetName, string]>>;
  /** Of values that some entry has or had; others have none. */
  numbersOf(cypher: RunCypher, generation: string, keys: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export function createFacetNumbers(names: IndexNames): FacetNumbers {
  const byNumber = new Map<number, readonly [FacetName, string]>();
  const byKey = new Map<string, number>();
  let readFor: string | undefined;
  async function load(cypher: RunCypher, generation: string): Promise<void> {
    if (readFor !== generation) {
      byNumber.clear();
      byKey.clear();
      readFor = generation;
    }
    for (const { key, number } of await cypher<{ key: string; number: number }>(`MATCH (v:${names.facetValue}) RETURN v.key AS key, v.number AS number`)) {
      const end = key.indexOf("\n");
      byNumber.set(number, [key.slice(0, end) as FacetName, key.slice(end + 1)]);
      byKey.set(key, number);
    }
  }
  return {
    async nameOf(cypher, generation, numbers) {
      if (readFor !== generation || numbers.some((number) => !byNumber.has(number))) await load(cypher, generation);
      return byNumber;
    },
    async numbersOf(cypher, generation, keys) {
      if (readFor !== generation || keys.some((key) => !byKey.has(key))) await load(cypher, generation);
      return byKey;
    },
  };
}

export interface SearchEntriesOptions<After> {
  cypher: RunCypher;
  access: Access;
  facetNumbers: FacetNumbers;
  target: GenerationNames;
  viewer: Actor;
  /** Sent with the question and answered after it. */
  lookAfterwards(): Promise<After>;
}

export async function searchEntries<After>({ cypher, access, facetNumbers, target, viewer, lookAfterwards }: SearchEntriesOptions<After>, request: IndexSearchRequest): Promise<{ result: IndexSearchResult; after: After }> {
  const wanted = Object.entries(request.filters.values).flatMap(([facet, values]) => (values ?? []).map((value) => facetKey(facet as FacetName, value)));
  const numbers = wanted.length === 0 ? new Map<string, number>() : await facetNumbers.numbersOf(cypher, target.identity, wanted);
  const { page, counts, maskedFacets } = searchStatements(access, target, viewer, request, numbers);
  // All are sent at once; the server answers them one after the other in the same transaction.
  const [rows, groups, after] = await Promise.all([
    cypher<{ id: string; value: number | string; parts: number[]; detail: string }>(page.text, page.parameters),
    cypher<{ failed: number; facet: number; hits: number }>(counts.text, counts.parameters),
    lookAfterwards(),
  ]);
  const hits = rows.map((row): IndexHit => ({ entry: entryOf(JSON.parse(row.detail) as StoredEntry), position: { value: row.value, entryId: row.id }, score: scoreOf(row.parts) }));
  const found = { hits: hits.slice(0, request.first), hasNextPage: hits.length > request.first };
  if (request.facets.length === 0) return { result: { ...found, total: groups[0]?.hits ?? 0, facets: [] }, after };

  const names = await facetNumbers.nameOf(cypher, target.identity, groups.map(({ facet }) => facet));
  const byMask = new Map<number, Map<FacetName, Map<string, number>>>();
  for (const { failed, facet, hits: count } of groups) {
    const [name, value] = names.get(facet)!;
    const facets = byMask.get(failed) ?? new Map<FacetName, Map<string, number>>();
    byMask.set(failed, facets);
    const values = facets.get(name) ?? new Map<string, number>();
    facets.set(name, values);
    values.set(value, count);
  }
  const facets = request.facets.map((facet): FacetCounts => {
    const values = new Map(byMask.get(0)?.get(facet));
    const mask = maskedFacets.get(facet);
    if (mask !== undefined) for (const [value, count] of byMask.get(mask)?.get(facet) ?? []) values.set(value, (values.get(value) ?? 0) + count);
    return { facet, values: [...values].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)) };
  });
  // Every entry has exactly one department.
  const total = [...(byMask.get(0)?.get("organisation")?.values() ?? [])].reduce((sum, count) => sum + count, 0);
  return { result: { ...found, total, facets }, after };
}

/** Under which no facet counts a hit: the filter of a facet whose values are not asked for. */
const notCounted = 2 ** 20;

/** Exposed for the benchmark, which runs the same statements without the layers above them. */
export function searchStatements(access: Access, target: SlotNames, viewer: Actor, request: IndexSearchRequest, numbers: ReadonlyMap<string, number>): SearchStatements {
  const parts = createCypherParts();
  const { bind } = parts;
  const query = luceneQueryOf(request.required.map((at) => request.terms.terms[at]!));
  const where = [seesEntry(access, viewer, parts, "d")];
  addPlainFilters(request, parts, where, target);

  // A facet counts what its own filter would leave out: such hits are counted apart, under the bit of the one filter
  // they fail. Filters come as a list, so that one statement, planned once, serves every choice.
  const maskedFacets = new Map<FacetName, number>();
  const filters: { bit: bigint; numbers: bigint[] }[] = [];
  for (const [facet, wanted] of Object.entries(request.filters.values) as [FacetName, readonly string[] | undefined][]) {
    if (wanted === undefined || wanted.length === 0) continue;
    const bit = request.facets.includes(facet) ? 2 ** maskedFacets.size : notCounted;
    if (bit !== notCounted) maskedFacets.set(facet, bit);
    filters.push({ bit: BigInt(bit), numbers: wanted.flatMap((value) => numbers.get(facetKey(facet, value)) ?? []).map(BigInt) });
  }
  const found = query === undefined ? `MATCH (d:${target.entry})` : `CALL db.index.fulltext.queryNodes(${bind(target.fullText)}, ${bind(query)}) YIELD node AS d`;
  const failed = filters.length === 0 ? "0" : `reduce(bits = 0, filter IN ${bind(filters)} | bits + CASE WHEN any(one IN d.facets WHERE one IN filter.numbers) THEN 0 ELSE filter.bit END)`;
  const countsText = `${found} WITH d WHERE ${where.join(" AND ")} WITH d, ${failed} AS failed${filters.length === 0 ? "" : ` WHERE failed IN ${bind([0, ...maskedFacets.values()].map(BigInt))}`} `;
  const counts = {
    text: request.facets.length === 0 ? `${countsText} WITH failed WHERE failed = 0 RETURN 0 AS failed, 0 AS facet, count(*) AS hits` : `${countsText} UNWIND d.facets AS facet RETURN failed, facet, count(*) AS hits`,
    parameters: parts.parameters,
  };

  const score = scoreCypher(request, parts);
  const sort = sortCypher(request.sort, score);
  const pageWhere = [...where, ...(filters.length === 0 ? [] : [`${failed} = 0`])];
  const after = request.after === undefined ? "" : `WHERE ${afterCypher(request.sort, request.after.value, request.after.entryId, parts)}`;
  const page = {
    text: `${found} WITH d WHERE ${pageWhere.join(" AND ")} WITH d, ${sort.value} AS value ${after}
      ORDER BY value ${sort.direction}, d.id LIMIT ${bind(BigInt(request.first + 1))}
      RETURN d.id AS id, value, [${scoreParts.map((part) => score[part]).join(", ")}] AS parts, d.detail AS detail ORDER BY value ${sort.direction}, id`,
    parameters: parts.parameters,
  };
  return { page, counts, maskedFacets };
}

function addPlainFilters({ filters }: IndexSearchRequest, { bind }: CypherParts, where: string[], { term }: SlotNames): void {
  if (filters.minimumCompleteness !== undefined) where.push(`d.completeness >= ${bind(BigInt(filters.minimumCompleteness))}`);
  if (filters.updatedSince !== undefined) where.push(`d.updatedAt >= ${bind(BigInt(filters.updatedSince.getTime()))}`);
  if (filters.itemKey !== undefined) where.push(`EXISTS { (d)-[:HAS_TERM|BOUND_TERM]->(:${term} {key: ${bind(filters.itemKey)}}) }`);
}

function sortCypher(sort: SearchSort, score: ScoreCypher): { value: string; direction: "ASC" | "DESC" } {
  switch (sort) {
    case "relevance":
      return { value: scoreValueCypher(score), direction: "DESC" };
    case "updated":
      return { value: "d.updatedAt", direction: "DESC" };
    case "title":
      return { value: "d.pinyinKey", direction: "ASC" };
    case "completeness":
      return { value: "d.completeness", direction: "DESC" };
    case "use":
      return { value: `toInteger(round(d.use * ${scoreUnit}))`, direction: "DESC" };
  }
}

function afterCypher(sort: SearchSort, value: number | string, entryId: string, { bind }: CypherParts): string {
  const at = bind(typeof value === "number" ? BigInt(value) : value);
  return `(value ${sort === "title" ? ">" : "<"} ${at} OR (value = ${at} AND d.id > ${bind(entryId)}))`;
}

function scoreOf(values: readonly number[]): IndexHit["score"] {
  const found = scoreParts.map((part, at) => ({ part, value: values[at]!, weight: scoreWeights[part] }));
  return { value: Math.round(scoreUnit * found.reduce((sum, { value, weight }) => sum + value * weight, 0)) / scoreUnit, parts: found };
}
