import type { Access, Actor, Reader } from "#platform";
import type { SuggestRequest, Suggestion } from "../catalog-index.ts";
import { initialsInside, mostSuggestedEntries, mostSuggestedTerms, pinyinInside, suggestedTermKinds, termSuggestions, type SuggestedTermKind } from "../suggestions.ts";
import { initialsMark, pinyinMark } from "../text/tokeniser.ts";
import type { GenerationTables } from "./generations.ts";
import { beginsWith, createSqlParts, seesEntry, tsqueryOf } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";

export async function suggestEntries(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, request: SuggestRequest): Promise<Suggestion[]> {
  const { key } = request.terms;
  const parts = createSqlParts();
  const sees = seesEntry(access, viewer, parts, "d");
  const begins = parts.bind(beginsWith(key));
  const keySql = parts.bind(key);
  const select = `select d.entry_id, d.title_key, d.pinyin_key, d.detail ->> 'title' as title, d.authority + d.use + d.completeness / 100.0 as weight from ${tables.document} d where ${sees} and`;
  const branches = [`(${select} d.title_key like ${begins} limit ${mostSuggestedEntries})`];
  const latin = /^[a-z]+$/.test(key);
  if (latin) branches.push(`(${select} d.pinyin_key like ${begins} limit ${mostSuggestedEntries})`);
  if (!latin && [...key].length >= 2) branches.push(`(${select} d.tokens @@ ${parts.bind(tsqueryOf(request.terms.terms))}::tsquery and strpos(d.title_key, ${keySql}) > 0 limit ${mostSuggestedEntries})`);
  if (pinyinInside(key)) branches.push(`(${select} d.tokens @@ ${parts.bind(`'${pinyinMark}${key}':*`)}::tsquery and strpos(d.pinyin_key, ${keySql}) > 0 limit ${mostSuggestedEntries})`);
  if (initialsInside(key)) branches.push(`(${select} d.tokens @@ ${parts.bind(`'${initialsMark}${key}':*`)}::tsquery and strpos(d.initials_key, ${keySql}) > 0 limit ${mostSuggestedEntries})`);
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
  const conditions = suggestedTermKinds.map((kind) => `key like ${parts.bind(beginsWith(`${kind}:${key}`))}`);
  if (/^[a-z0-9]+$/.test(key)) {
    const begins = parts.bind(beginsWith(key));
    conditions.push(`pinyin_key like ${begins}`, `initials_key like ${begins}`);
  }
  const { rows } = await reader.query<{ kind: SuggestedTermKind; key: string; detail: StoredEntry }>(
    `select t.kind, t.key, seen.detail
     from (select * from ${tables.term} where kind in ('keyword', 'item', 'organisation') and uses > 0 and (${conditions.join(" or ")}) order by uses desc, key limit ${mostSuggestedTerms}) t
     cross join lateral (select d.detail from ${tables.documentTerm} dt join ${tables.document} d using (document_id) where dt.term_id = t.term_id and ${sees} limit 1) seen
     order by t.uses desc, t.key`,
    parts.values,
  );
  return termSuggestions(rows.map(({ kind, key: term, detail }) => ({ kind, key: term, entry: entryOf(detail) })));
}
