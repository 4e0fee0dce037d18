import type { Access, Actor } from "#platform";
import type { SuggestRequest, Suggestion } from "../catalog-index.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { initialsInside, mostSuggestedEntries, mostSuggestedTerms, pinyinInside, suggestedTermKinds, termSuggestions, type SuggestedTermKind } from "../suggestions.ts";
import { initialsMark, pinyinMark } from "../text/tokeniser.ts";
import type { RunCypher } from "./connection.ts";
import { lucene, luceneQueryOf } from "./lucene.ts";
import type { SlotNames } from "./schema.ts";
import { createCypherParts, seesEntry } from "./visibility.ts";

export async function suggestEntries(cypher: RunCypher, access: Access, { entry, fullText }: SlotNames, viewer: Actor, { terms, first }: SuggestRequest): Promise<Suggestion[]> {
  const { key } = terms;
  const parts = createCypherParts();
  const { bind } = parts;
  const sees = seesEntry(access, viewer, parts, "d");
  const asked = bind(key);
  const limit = `WHERE ${sees} RETURN d LIMIT ${mostSuggestedEntries}`;
  const branches = [`MATCH (d:${entry}) WHERE d.titleKey STARTS WITH ${asked} WITH d ${limit}`];
  const inside = (query: string, property: string) => branches.push(`CALL db.index.fulltext.queryNodes(${bind(fullText)}, ${bind(query)}) YIELD node AS d WITH d WHERE d.${property} CONTAINS ${asked} WITH d ${limit}`);
  const latin = /^[a-z]+$/.test(key);
  if (latin) branches.push(`MATCH (d:${entry}) WHERE d.pinyinKey STARTS WITH ${asked} WITH d ${limit}`);
  const whole = luceneQueryOf(terms.terms);
  if (!latin && [...key].length >= 2 && whole !== undefined) inside(whole, "titleKey");
  if (pinyinInside(key)) inside(`${lucene(pinyinMark + key)}*`, "pinyinKey");
  if (initialsInside(key)) inside(`${lucene(initialsMark + key)}*`, "initialsKey");
  const rows = await cypher<{ id: string; detail: string }>(
    `CALL () { ${branches.join(" UNION ")} }
     WITH d, CASE WHEN d.titleKey STARTS WITH ${asked} OR d.pinyinKey STARTS WITH ${asked} THEN 0 ELSE 1 END AS inside, d.authority + d.use + d.completeness / 100.0 AS weight
     ORDER BY inside, weight DESC, d.id LIMIT ${bind(BigInt(first))} RETURN d.id AS id, d.detail AS detail ORDER BY inside, weight DESC, id`,
    parts.parameters,
  );
  return rows.map((row) => ({ kind: "entry", text: (JSON.parse(row.detail) as StoredEntry).title, entryId: row.id }));
}

/** Keywords, items and organisations; each with the text as an entry that the viewer sees has it. */
export async function suggestTerms(cypher: RunCypher, access: Access, { term }: SlotNames, viewer: Actor, { terms: { key } }: SuggestRequest): Promise<Suggestion[]> {
  const parts = createCypherParts();
  const { bind } = parts;
  const sees = seesEntry(access, viewer, parts, "d");
  const begins = suggestedTermKinds.map((kind) => `t.key STARTS WITH ${bind(`${kind}:${key}`)}`);
  if (/^[a-z0-9]+$/.test(key)) begins.push(`t.pinyinKey STARTS WITH ${bind(key)}`, `t.initialsKey STARTS WITH ${bind(key)}`);
  const kinds = bind(suggestedTermKinds);
  const rows = await cypher<{ kind: SuggestedTermKind; key: string; detail: string }>(
    `CALL () { ${begins.map((condition) => `MATCH (t:${term}) WHERE ${condition} RETURN t`).join(" UNION ")} }
     WITH t WHERE t.kind IN ${kinds} AND t.uses > 0 WITH t ORDER BY t.uses DESC, t.key LIMIT ${mostSuggestedTerms}
     CALL (t) { MATCH (d)-[:HAS_TERM|BOUND_TERM]->(t) WHERE ${sees} RETURN d.detail AS detail LIMIT 1 }
     RETURN t.kind AS kind, t.key AS key, detail ORDER BY t.uses DESC, t.key`,
    parts.parameters,
  );
  return termSuggestions(rows.map(({ kind, key: found, detail }) => ({ kind, key: found, entry: entryOf(JSON.parse(detail) as StoredEntry) })));
}
