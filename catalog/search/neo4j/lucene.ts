import type { QueryTerm, TokenMatch } from "../text/query-terms.ts";

/** A token as the full-text query language reads it; our marks are its operators. */
export const lucene = (token: string): string => token.replaceAll(/[+\-&|!(){}[\]^"~*?:\\/]/g, "\\$&");

const matchText = ({ tokens, prefix }: TokenMatch) => `(${tokens.map((token) => `${lucene(token)}${prefix ? "*" : ""}`).join(" AND ")})`;
const termText = ({ anyOf }: QueryTerm) => `(${anyOf.map(matchText).join(" OR ")})`;

/** All of the terms as a full-text query; undefined when there are none. */
export function luceneQueryOf(terms: readonly QueryTerm[]): string | undefined {
  return terms.length === 0 ? undefined : terms.map(termText).join(" AND ");
}
