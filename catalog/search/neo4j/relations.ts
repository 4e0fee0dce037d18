import type { Access, Actor } from "#platform";
import type { RelatedEntry, SharedItems, SharedItemsRequest } from "../catalog-index.ts";
import { examinedItems, mostRelatedCandidates, mostSharedKeys, rankRelated, rankSharedItems, rareItemUses, relationWeights, type Kinship } from "../kinship.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import type { RunCypher } from "./connection.ts";
import type { SlotNames } from "./schema.ts";
import { createCypherParts, seesEntry } from "./visibility.ts";

const itemKinds = ["item", "element"];

export async function relatedEntries(cypher: RunCypher, access: Access, { entry }: SlotNames, viewer: Actor, entryId: string, first: number): Promise<RelatedEntry[] | undefined> {
  const parts = createCypherParts();
  const { bind, parameters } = parts;
  const sees = (alias: string) => seesEntry(access, viewer, parts, alias);
  const root = `MATCH (root:${entry} {id: ${bind(entryId)}}) WHERE ${sees("root")}`;
  const there = await cypher(`${root} RETURN root.id`, parameters);
  if (there.length === 0) return undefined;
  const rows = await cypher<{ kind: Kinship["kind"]; weight: number; keys: string[]; detail: string }>(
    `${root}
     CALL (root) {
       MATCH (root)-[r:DERIVED_FROM|RELATED_TO]-(d) WHERE d <> root WITH DISTINCT d, type(r) AS type
       RETURN d, CASE type WHEN 'RELATED_TO' THEN 'declared' ELSE 'lineage' END AS kind, CASE type WHEN 'RELATED_TO' THEN ${relationWeights.declared}.0 ELSE ${relationWeights.lineage}.0 END AS weight, [] AS keys
       UNION ALL
       MATCH (root)-[:HAS_TERM]->(t) WHERE t.kind IN ${bind(itemKinds)} AND 2 <= t.uses <= ${rareItemUses}
       WITH root, t ORDER BY t.uses, t.key
       MATCH (t)<-[:HAS_TERM|BOUND_TERM]-(d) WHERE d <> root
       WITH d, sum(1 / log(2.0 + t.uses)) AS weight, collect(t.key)[0..${mostSharedKeys}] AS keys ORDER BY weight DESC, d.id LIMIT ${mostRelatedCandidates}
       RETURN d, 'shares-items' AS kind, weight, keys
     }
     WITH d, kind, weight, keys WHERE ${sees("d")} RETURN kind, weight, keys, d.detail AS detail`,
    parameters,
  );
  return rankRelated(rows.map((row): Kinship => ({ ...row, entry: entryOf(JSON.parse(row.detail) as StoredEntry) })), first);
}

export async function sharedItems(cypher: RunCypher, access: Access, { entry, term }: SlotNames, viewer: Actor, request: SharedItemsRequest): Promise<SharedItems> {
  const parts = createCypherParts();
  const { bind, parameters } = parts;
  const sees = seesEntry(access, viewer, parts, "d");
  const examined = examinedItems(request.first);
  const conditions = [`t.uses >= ${bind(BigInt(request.minimumOrganisations))}`, `t.kind IN ${bind(itemKinds)}`];
  if (request.terms.key !== "") conditions.push(`t.nameKey CONTAINS ${bind(request.terms.key)}`);
  for (const organisationId of request.organisationIds) conditions.push(`EXISTS { MATCH (t)<-[:HAS_TERM]-(d:${entry}) WHERE d.organisationId = ${bind(organisationId)} AND ${sees} }`);
  const rows = await cypher<{ key: string; organisationId: string | null; entries: number; firstEntryId: string | null }>(
    `MATCH (t:${term}) WHERE ${conditions.join(" AND ")} WITH t ORDER BY t.uses DESC, t.key LIMIT ${bind(BigInt(examined + 1))}
     OPTIONAL MATCH (t)<-[:HAS_TERM]-(d:${entry}) WHERE ${sees}
     RETURN t.key AS key, d.organisationId AS organisationId, count(d) AS entries, min(d.id) AS firstEntryId`,
    parameters,
  );
  const candidates = new Set(rows.map((row) => row.key)).size;
  const collectors = rows.flatMap(({ key, organisationId, entries, firstEntryId }) => (organisationId === null ? [] : [{ key, organisationId, entries, firstEntryId: firstEntryId! }]));
  const items = await rankSharedItems(collectors, request.minimumOrganisations, request.first, async (ids) => {
    const details = await cypher<{ id: string; detail: string }>(`UNWIND $ids AS id MATCH (d:${entry} {id: id}) RETURN d.id AS id, d.detail AS detail`, { ids });
    return new Map(details.map((row) => [row.id, entryOf(JSON.parse(row.detail) as StoredEntry)]));
  });
  return { items, truncated: candidates > examined };
}
