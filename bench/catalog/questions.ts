import { facetNames, type FacetName } from "#catalog";
import { generateQueries } from "./generate-entries.ts";

export const allFacets: readonly FacetName[] = facetNames;

export const pageDocument = "query ($text: String!) { searchEntries(text: $text, first: 20) { totalCount edges { cursor node { score entry { id code title abstract organisationName sharingType updateCycle open completeness updatedAt } } } pageInfo { hasNextPage endCursor } } }";
/** As the search page of the interface asks: hits with highlights and every facet. */
export const facetDocument = `query ($text: String!) { searchEntries(text: $text, first: 20, facets: [${facetNames.map((name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join(", ")}]) { totalCount relaxed facets { name values { value zh count selected } } edges { cursor node { score entry { id code title organisationName sharingType updateCycle open completeness updatedAt } highlights { field segments { text hit } } } } pageInfo { hasNextPage endCursor } } }`;

/** Candidates; the benchmark keeps those with 50 to 2,000 hits, the range of the figures in performance.md. */
export const candidates: readonly string[] = generateQueries(400);
/** Words that a large part of the catalog has, and browsing without a text. */
export const broadQueries = ["信息", "公民身份号码", "统计", ""] as const;
