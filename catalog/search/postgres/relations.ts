import type { Access, Actor, Reader } from "#platform";
import type { RelatedEntry, SharedItem, SharedItems, SharedItemsRequest } from "../catalog-index.ts";
import { elementKey, itemKey } from "../project-entry.ts";
import type { GenerationTables } from "./generations.ts";
import { createSqlParts, seesEntry } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "./stored-entry.ts";

/** An item that more entries have (姓名) says nothing about their kinship. */
const rareItemUses = 500;
const mostRelatedCandidates = 300;

/** Declared relations and lineage weigh more than any shared items; a shared item weighs more the rarer it is. */
export async function relatedEntries(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, entryId: string, first: number): Promise<RelatedEntry[] | undefined> {
  const parts = createSqlParts();
  const sees = (alias: string) => seesEntry(access, viewer, parts, alias);
  const root = `select d.document_id, d.code, d.resource_id from ${tables.document} d where d.entry_id = ${parts.bind(entryId)} and ${sees("d")}`;
  const { rows } = await reader.query<{ root: boolean; kind: RelatedEntry["reasons"][number]["kind"] | null; weight: number; keys: string[] | null; detail: StoredEntry | null }>(
    `with root as materialized (${root}),
     declared as (
       select d.document_id, r.kind from root join ${tables.relation} r using (document_id) join ${tables.document} d on d.code = r.to_code
       union select d.document_id, r.kind from root join ${tables.relation} r using (document_id) join ${tables.document} d on d.resource_id = r.to_code
       union select r.document_id, r.kind from root join ${tables.relation} r on r.to_code in (root.code, root.resource_id)
     ),
     shared as (
       select b.document_id, sum(1 / ln(2.0 + t.uses)) as weight, (array_agg(t.key order by t.uses, t.key))[1:8] as keys
       from root join ${tables.documentTerm} a using (document_id) join ${tables.term} t using (term_id) join ${tables.documentTerm} b using (term_id)
       where t.kind in ('item', 'element') and not a.bound and t.uses between 2 and ${rareItemUses} and b.document_id <> root.document_id
       group by b.document_id order by weight desc, b.document_id limit ${mostRelatedCandidates}
     ),
     found as (
       select document_id, case kind when 'related' then 'declared' else 'lineage' end as kind, case kind when 'related' then 3.0 else 2.0 end as weight, null::text[] as keys from declared
       union all select document_id, 'shares-items', weight, keys from shared
     )
     select true as root, null as kind, null::float8 as weight, null as keys, null as detail from root
     union all
     select false, f.kind, f.weight::float8, f.keys, d.detail from found f join ${tables.document} d using (document_id) where d.document_id not in (select document_id from root) and ${sees("d")}`,
    parts.values,
  );
  if (!rows.some((row) => row.root)) return undefined;
  const byId = new Map<string, RelatedEntry>();
  for (const row of rows) {
    if (row.root) continue;
    const entry = entryOf(row.detail!);
    const related = byId.get(entry.id) ?? { entry, score: 0, reasons: [] };
    byId.set(entry.id, related);
    related.score = Math.round((related.score + row.weight) * 1e6) / 1e6;
    related.reasons.push({ kind: row.kind!, items: (row.keys ?? []).flatMap((key) => entry.items.find((item) => itemKey(item.name) === key || (item.dataElement !== undefined && elementKey(item.dataElement) === key))?.name ?? []) });
  }
  return [...byId.values()].sort((a, b) => b.score - a.score || (a.entry.id < b.entry.id ? -1 : 1)).slice(0, first);
}

/** Items examined, the most used first, per item asked for. */
const examinedPerItem = 3;

export async function sharedItems(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, request: SharedItemsRequest): Promise<SharedItems> {
  const parts = createSqlParts();
  const examined = Math.max(50, request.first * examinedPerItem);
  const conditions = ["t.kind in ('item', 'element')", `t.uses >= ${parts.bind(request.minimumOrganisations)}`];
  if (request.terms.key !== "") conditions.push(`strpos(t.name_key, ${parts.bind(request.terms.key)}) > 0`);
  const sees = seesEntry(access, viewer, parts, "d");
  for (const organisationId of request.organisationIds) {
    conditions.push(`t.term_id in (select dt.term_id from ${tables.document} d join ${tables.documentTerm} dt using (document_id) where d.organisation_id = ${parts.bind(organisationId)} and not dt.bound and ${sees})`);
  }
  const { rows } = await reader.query<{ key: string; organisation_id: string | null; entries: number; any_document: string | null }>(
    `with candidates as materialized (select t.term_id, t.key from ${tables.term} t where ${conditions.join(" and ")} order by t.uses desc, t.key limit ${examined + 1})
     select c.key, d.organisation_id, count(d.document_id) as entries, min(d.document_id)::text as any_document
     from candidates c left join (${tables.documentTerm} dt join ${tables.document} d on d.document_id = dt.document_id and not dt.bound and ${sees}) on dt.term_id = c.term_id group by c.key, d.organisation_id`,
    parts.values,
  );
  const candidates = new Set(rows.map((row) => row.key)).size;
  const byKey = new Map<string, SharedItem & { document: string }>();
  for (const row of rows) {
    if (row.organisation_id === null) continue;
    const item = byKey.get(row.key) ?? { key: row.key, name: "", organisations: [], entries: 0, document: row.any_document! };
    byKey.set(row.key, item);
    item.organisations.push({ organisationId: row.organisation_id, entries: row.entries });
    item.entries += row.entries;
  }
  const found = [...byKey.values()]
    .filter((item) => item.organisations.length >= request.minimumOrganisations)
    .sort((a, b) => b.organisations.length - a.organisations.length || b.entries - a.entries || (a.key < b.key ? -1 : 1))
    .slice(0, request.first);
  const details = await reader.query<{ document_id: string; detail: StoredEntry }>(`select document_id::text, detail from ${tables.document} where document_id = any($1::bigint[])`, [found.map((item) => item.document)]);
  const byDocument = new Map(details.rows.map((row) => [row.document_id, row.detail]));
  const items = found.map(({ document, ...item }): SharedItem => {
    const source = byDocument.get(document)?.items.find((candidate) => itemKey(candidate.name) === item.key || (candidate.dataElement !== undefined && elementKey(candidate.dataElement) === item.key));
    item.organisations.sort((a, b) => b.entries - a.entries || (a.organisationId < b.organisationId ? -1 : 1));
    return { ...item, name: source?.name ?? item.key.slice(item.key.indexOf(":") + 1), ...(source?.dataElement === undefined ? {} : { dataElement: source.dataElement }) };
  });
  return { items, truncated: candidates > examined };
}
