import type { Access, Actor, Reader } from "#platform";
import type { SuggestRequest, Suggestion } from "../catalog-index.ts";
import { itemKey, keywordKey } from "../project-entry.ts";
import { pinyinMark } from "../text/tokeniser.ts";
import type { GenerationTables } from "./generations.ts";
import { beginsWith, createSqlParts, seesEntry, tsqueryOf } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "./stored-entry.ts";

/** Examined before sorting and before asking what is visible: bounds a one-letter beginning. */
const mostCandidates = 500;
const mostTerms = 100;

export async function suggestEntries(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, request: SuggestRequest): Promise<Suggestion[]> {
  const { key } = request.terms;
  const parts = createSqlParts();
  const sees = seesEntry(access, viewer, parts, "d");
  const begins = parts.bind(beginsWith(key));
  const keySql = parts.bind(key);
  const select = `select d.entry_id, d.title_key, d.pinyin_key, d.detail ->> 'title' as title, d.authority + d.use + d.completeness / 100.0 as weight from ${tables.document} d where ${sees} and`;
  const branches = [`(${select} d.title_key like ${begins} limit ${mostCandidates})`];
  const latin = /^[a-z]+$/.test(key);
  if (latin) branches.push(`(${select} d.pinyin_key like ${begins} limit ${mostCandidates})`);
  if (!latin && [...key].length >= 2) branches.push(`(${select} d.tokens @@ ${parts.bind(tsqueryOf(request.terms.terms))}::tsquery and strpos(d.title_key, ${keySql}) > 0 limit ${mostCandidates})`);
  // Three letters and more: fewer would walk through a large part of all pinyin.
  if (latin && key.length >= 3) branches.push(`(${select} d.tokens @@ ${parts.bind(`'${pinyinMark}${key}':*`)}::tsquery and strpos(d.pinyin_key, ${keySql}) > 0 limit ${mostCandidates})`);
  if (latin && key.length >= 2 && key.length <= 12) branches.push(`(${select} d.tokens @@ ${parts.bind(`'^${key}':*`)}::tsquery and strpos(d.initials_key, ${keySql}) > 0 limit ${mostCandidates})`);
  const { rows } = await reader.query<{ entry_id: string; title: string }>(
    `select entry_id, title from (select distinct on (entry_id) * from (${branches.join(" union all ")}) found order by entry_id) one
     order by starts_with(title_key, ${keySql}) or starts_with(pinyin_key, ${keySql}) desc, weight desc, entry_id limit ${parts.bind(request.first)}`,
    parts.values,
  );
  return rows.map((row) => ({ kind: "entry", text: row.title, entryId: row.entry_id }));
}

/** Keywords, items and organisations; each with the text as an entry that the viewer sees has it. */
export async function suggestTerms(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, request: SuggestRequest): Promise<Suggestion[]> {
  const { key } = request.terms;
  const parts = createSqlParts();
  const sees = seesEntry(access, viewer, parts, "d");
  const kinds = ["keyword", "item", "organisation"] as const;
  const conditions = kinds.map((kind) => `key like ${parts.bind(beginsWith(`${kind}:${key}`))}`);
  if (/^[a-z0-9]+$/.test(key)) {
    const begins = parts.bind(beginsWith(key));
    conditions.push(`pinyin_key like ${begins}`, `initials_key like ${begins}`);
  }
  const { rows } = await reader.query<{ kind: (typeof kinds)[number]; key: string; detail: StoredEntry }>(
    `select t.kind, t.key, seen.detail
     from (select * from ${tables.term} where kind in ('keyword', 'item', 'organisation') and uses > 0 and (${conditions.join(" or ")}) order by uses desc, key limit ${mostTerms}) t
     cross join lateral (select d.detail from ${tables.documentTerm} dt join ${tables.document} d using (document_id) where dt.term_id = t.term_id and ${sees} limit 1) seen
     order by t.uses desc, t.key`,
    parts.values,
  );
  const seen = new Set<string>();
  const suggestions: Suggestion[] = [];
  for (const row of rows) {
    const suggestion = toSuggestion(row.kind, row.key, entryOf(row.detail));
    if (suggestion === undefined || seen.has(`${suggestion.kind} ${suggestion.text}`)) continue;
    seen.add(`${suggestion.kind} ${suggestion.text}`);
    suggestions.push(suggestion);
  }
  return suggestions;
}

function toSuggestion(kind: "keyword" | "item" | "organisation", key: string, entry: ReturnType<typeof entryOf>): Suggestion | undefined {
  if (kind === "organisation") return { kind, text: entry.organisationName, organisationId: entry.organisationId };
  if (kind === "keyword") {
    const word = entry.keywords.find((candidate) => keywordKey(candidate) === key);
    return word === undefined ? undefined : { kind, text: word };
  }
  const item = entry.items.find((candidate) => itemKey(candidate.name) === key);
  return item && { kind, text: item.name, itemKey: key };
}
