import type { Access, Actor, Reader } from "#platform";
import type { RelatedEntry, SharedItems, SharedItemsRequest } from "../catalog-index.ts";
import { examinedItems, mostRelatedCandidates, mostSharedKeys, rankRelated, rankSharedItems, rareItemUses, relationWeights, type Kinship } from "../kinship.ts";
import type { GenerationTables } from "./generations.ts";
import { createSqlParts, seesEntry } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";

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
       select b.document_id, sum(1 / ln(2.0 + t.uses)) as weight, (array_agg(t.key order by t.uses, t.key))[1:${mostSharedKeys}] as keys
       from root join ${tables.documentTerm} a using (document_id) join ${tables.term} t using (term_id) join ${tables.documentTerm} b using (term_id)
       where t.kind in ('item', 'element') and not a.bound and t.uses between 2 and ${rareItemUses} and b.document_id <> root.document_id
       group by b.document_id order by weight desc, b.document_id limit ${mostRelatedCandidates}
     ),
     found as (
       select document_id, case kind when 'related' then 'declared' else 'lineage' end as kind, case kind when 'related' then ${relationWeights.declared} else ${relationWeights.lineage} end::float8 as weight, null::text[] as keys from declared
       union all select document_id, 'shares-items', weight, keys from shared
     )
     select true as root, null as kind, null::float8 as weight, null as keys, null as detail from root
     union all
     select false, f.kind, f.weight::float8, f.keys, d.detail from found f join ${tables.document} d using (document_id) where d.document_id not in (select document_id from root) and ${sees("d")}`,
    parts.values,
  );
  if (!rows.some((row) => row.root)) return undefined;
  return rankRelated(rows.flatMap((row): Kinship[] => (row.root ? [] : [{ entry: entryOf(row.detail!), kind: row.kind!, weight: row.weight!, keys: row.keys ?? [] }])), first);
}

export async function sharedItems(reader: Reader, access: Access, tables: GenerationTables, viewer: Actor, request: SharedItemsRequest): Promise<SharedItems> {
  const parts = createSqlParts();
  const examined = examinedItems(request.first);
  const conditions = ["t.kind in ('item', 'element')", `t.uses >= ${parts.bind(request.minimumOrganisations)}`];
  if (request.terms.key !== "") conditions.push(`strpos(t.name_key, ${parts.bind(request.terms.key)}) > 0`);
  const sees = seesEntry(access, viewer, parts, "d");
  for (const organisationId of request.organisationIds) {
    conditions.push(`t.term_id in (select dt.term_id from ${tables.document} d join ${tables.documentTerm} dt using (document_id) where d.organisation_id = ${parts.bind(organisationId)} and not dt.bound and ${sees})`);
  }
  const { rows } = await reader.query<{ key: string; organisation_id: string | null; entries: number; first_entry_id: string | null }>(
    `with candidates as materialized (select t.term_id, t.key from ${tables.term} t where ${conditions.join(" and ")} order by t.uses desc, t.key limit ${examined + 1})
     select c.key, d.organisation_id, count(d.document_id) as entries, min(d.entry_id collate "C") as first_entry_id
     from candidates c left join (${tables.documentTerm} dt join ${tables.document} d on d.document_id = dt.document_id and not dt.bound and ${sees}) on dt.term_id = c.term_id group by c.key, d.organisation_id`,
    parts.values,
  );
  const candidates = new Set(rows.map((row) => row.key)).size;
  const collectors = rows.flatMap((row) => (row.organisation_id === null ? [] : [{ key: row.key, organisationId: row.organisation_id, entries: row.entries, firstEntryId: row.first_entry_id! }]));
  const items = await rankSharedItems(collectors, request.minimumOrganisations, request.first, async (entryIds) => {
    const details = await reader.query<{ entry_id: string; detail: StoredEntry }>(`select entry_id, detail from ${tables.document} where entry_id = any($1)`, [entryIds]);
    return new Map(details.rows.map((row) => [row.entry_id, entryOf(row.detail)]));
  });
  return { items, truncated: candidates > examined };
}
