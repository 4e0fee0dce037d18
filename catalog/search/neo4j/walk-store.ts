import type { Access, Actor } from "#platform";
import type { PathRelation, WalkBounds } from "../catalog-index.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { DeadlineReached, edgesPerHop, firmestKinds, hubUses, type Edge, type WalkGrant, type WalkStore } from "../walk.ts";
import { CypherTimeout, type Neo4jConnection } from "./connection.ts";
import type { SlotNames } from "./schema.ts";
import { createCypherParts, seesEntry, seesGrant } from "./visibility.ts";

export interface OpenNeo4jWalkOptions {
  connection: Neo4jConnection;
  access: Access;
  target: SlotNames;
  viewer: Actor;
  bounds: WalkBounds;
  /** Milliseconds that only rise. */
  monotonicMs(): number;
}

/** A hop's relations by the way they are walked; `(f)` stands in the frontier, `(d)` is what it arrives at. */
const patterns: Record<PathRelation["kind"], { pattern: string; since: string; element: string; where?: string }> = {
  "derived-from": { pattern: "(f)-[r:DERIVED_FROM]->(d)", since: "r.since", element: "null" },
  "source-of": { pattern: "(f)<-[r:DERIVED_FROM]-(d)", since: "r.since", element: "null" },
  related: { pattern: "(f)-[r:RELATED_TO]-(d)", since: "r.since", element: "null" },
  "shares-element": { pattern: "(f)-[:HAS_TERM]->(t)<-[:HAS_TERM]-(d)", since: "null", element: "t.key", where: `t.kind = 'element' AND t.uses <= ${hubUses}` },
};

/** Every hop is a transaction of its own, with what is left of the walk's time as its limit on the server. */
export function openNeo4jWalk({ connection, access, target: { entry, grant }, viewer, bounds, monotonicMs }: OpenNeo4jWalkOptions): WalkStore {
  const end = monotonicMs() + bounds.deadlineMs;
  return {
    async findRoots(ids) {
      const parts = createCypherParts();
      const sees = seesEntry(access, viewer, parts, "d");
      const rows = await connection.read((cypher) => cypher<{ id: string }>(`UNWIND ${parts.bind(ids)} AS id MATCH (d:${entry} {id: id}) WHERE ${sees} RETURN DISTINCT d.id AS id`, parts.parameters));
      return new Map(rows.map(({ id }) => [id, id]));
    },
    async edgesFrom(nodes, kinds) {
      const timeoutMs = Math.floor(end - monotonicMs());
      if (timeoutMs <= 0) throw new DeadlineReached();
      const parts = createCypherParts();
      const sees = seesEntry(access, viewer, parts, "d");
      const frontier = parts.bind(nodes);
      // Each branch is bounded by itself, so that no relation is followed that could not be answered.
      const branches = firmestKinds.filter((kind) => kinds.includes(kind)).map((kind) => {
        const { pattern, since, element, where } = patterns[kind];
        return `UNWIND ${frontier} AS id MATCH (f:${entry} {id: id}) MATCH ${pattern} WHERE ${where === undefined ? "" : `${where} AND `}d <> f AND ${sees} RETURN ${firmestKinds.indexOf(kind)} AS kind, f.id AS from, d.id AS to, ${since} AS since, ${element} AS element LIMIT ${edgesPerHop}`;
      });
      try {
        const rows = await connection.read(
          (cypher) => cypher<{ kind: number; from: string; to: string; since: number | null; element: string | null }>(`CALL () { ${branches.join(" UNION ALL ")} } RETURN kind, from, to, since, element ORDER BY kind, from, to LIMIT ${edgesPerHop}`, parts.parameters),
          { timeoutMs },
        );
        return rows.map(({ kind, since, ...row }): Edge => ({ ...row, kind: firmestKinds[kind]!, since: since === null ? null : new Date(since) }));
      } catch (error) {
        throw error instanceof CypherTimeout ? new DeadlineReached() : error;
      }
    },
    async entriesOf(nodes) {
      const rows = await connection.read((cypher) => cypher<{ id: string; detail: string }>(`UNWIND $nodes AS id MATCH (d:${entry} {id: id}) RETURN d.id AS id, d.detail AS detail`, { nodes }));
      return new Map(rows.map((row) => [row.id, entryOf(JSON.parse(row.detail) as StoredEntry)]));
    },
    async grantsOn(nodes) {
      const parts = createCypherParts();
      const sees = seesGrant(access, viewer, parts, "g");
      const rows = await connection.read((cypher) =>
        cypher<Omit<WalkGrant, "since"> & { since: number }>(
          `UNWIND ${parts.bind(nodes)} AS id MATCH (d:${entry} {id: id})<-[:ON]-(g:${grant}) WHERE ${sees} RETURN d.id AS node, g.grantId AS grantId, g.consumerOrganisationId AS consumerOrganisationId, g.legalBasis AS legalBasis, g.since AS since ORDER BY grantId`,
          parts.parameters,
        ),
      );
      return rows.map((row) => ({ ...row, since: new Date(row.since) }));
    },
    async countOrganisations(nodes) {
      const rows = await connection.read((cypher) => cypher<{ organisations: number }>(`UNWIND $nodes AS id MATCH (d:${entry} {id: id}) RETURN count(DISTINCT d.organisationId) AS organisations`, { nodes }));
      return rows[0]!.organisations;
    },
  };
}
