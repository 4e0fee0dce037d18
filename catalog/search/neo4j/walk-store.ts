import type { Access, Actor } from "#platform";
import type { PathRelation, WalkBounds } from "../catalog-index.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { DeadlineReached, edgesPerHop, firmestKinds, hubUses, type Edge, type WalkGrant, type WalkStore } from "../walk.ts";
import { isCypherTimeout, type Neo4jConnection, type RunCypher } from "./connection.ts";
import type { SlotNames } from "./schema.ts";
import { createCypherParts, seesEntry, seesGrant } from "./visibility.ts";

export interface Neo4jWalkOptions {
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

/**
 * A walk in one transaction that ends when the time is over: here at once, on the server when its monitor next looks
 * (every two seconds by default). What turns the found nodes into an answer is outside the limit: where little of the
 * time is left, or none, it is asked in a transaction of its own.
 */
export function runNeo4jWalk<T>({ connection, access, target: { entry, grant }, viewer, bounds, monotonicMs }: Neo4jWalkOptions, run: (store: WalkStore, finish: RunCypher) => Promise<T>): Promise<T> {
  const end = monotonicMs() + bounds.deadlineMs;
  const remainingMs = () => end - monotonicMs();
  return new Promise<T>((resolve, reject) => {
    const walking = connection.read(
      async (cypher) => {
        let over = false;
        const finish: RunCypher = (text, parameters) => (over || remainingMs() < bounds.deadlineMs / 2 ? connection.read((other) => other(text, parameters)) : cypher(text, parameters));
        // The answer does not wait for the transaction to end, which a hop that was given up may hold for a while.
        resolve(await run(createStore({ cypher, finish, access, entry, grant, viewer, remainingMs, onTimeout: () => void (over = true) }), finish));
      },
      { timeoutMs: bounds.deadlineMs },
    );
    // After an answer this changes nothing.
    walking.catch(reject);
  });
}

/** Gives up when the time is over; what was asked goes on until the server ends it, and its failure is of no interest then. */
async function withinTime<T>(asked: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([asked, new Promise<never>((_resolve, reject) => (timer = setTimeout(() => reject(new DeadlineReached()), ms)))]);
  } finally {
    clearTimeout(timer);
  }
}

interface StoreParts {
  cypher: RunCypher;
  finish: RunCypher;
  access: Access;
  entry: string;
  grant: string;
  viewer: Actor;
  remainingMs(): number;
  onTimeout(): void;
}

function createStore({ cypher, finish, access, entry, grant, viewer, remainingMs, onTimeout }: StoreParts): WalkStore {
  return {
    async findRoots(ids) {
      const parts = createCypherParts();
      const sees = seesEntry(access, viewer, parts, "d");
      const rows = await finish<{ id: string }>(`UNWIND ${parts.bind(ids)} AS id MATCH (d:${entry} {id: id}) WHERE ${sees} RETURN DISTINCT d.id AS id`, parts.parameters);
      return new Map(rows.map(({ id }) => [id, id]));
    },
    async edgesFrom(nodes, kinds) {
      if (remainingMs() <= 0) {
        onTimeout();
        throw new DeadlineReached();
      }
      const parts = createCypherParts();
      const sees = seesEntry(access, viewer, parts, "d");
      const frontier = parts.bind(nodes);
      // A statement for each kind, all sent at once: small plans, which lineage and paths share.
      const asked = firmestKinds.filter((kind) => kinds.includes(kind)).map(async (kind) => {
        const { pattern, since, element, where } = patterns[kind];
        const rows = await cypher<{ from: string; to: string; since: number | null; element: string | null }>(
          `UNWIND ${frontier} AS id MATCH (f:${entry} {id: id}) MATCH ${pattern} WHERE ${where === undefined ? "" : `${where} AND `}d <> f AND ${sees} RETURN id AS from, d.id AS to, ${since} AS since, ${element} AS element ORDER BY from, to LIMIT ${edgesPerHop}`,
          parts.parameters,
        );
        return rows.map((row): Edge => ({ ...row, kind, since: row.since === null ? null : new Date(row.since) }));
      });
      try {
        return (await withinTime(Promise.all(asked), remainingMs())).flat().slice(0, edgesPerHop);
      } catch (error) {
        if (!(error instanceof DeadlineReached) && !isCypherTimeout(error)) throw error;
        onTimeout();
        throw new DeadlineReached();
      }
    },
    async entriesOf(nodes) {
      const rows = await finish<{ id: string; detail: string }>(`UNWIND $nodes AS id MATCH (d:${entry} {id: id}) RETURN d.id AS id, d.detail AS detail`, { nodes });
      return new Map(rows.map((row) => [row.id, entryOf(JSON.parse(row.detail) as StoredEntry)]));
    },
    async grantsOn(nodes) {
      const parts = createCypherParts();
      const sees = seesGrant(access, viewer, parts, "g");
      const rows = await finish<Omit<WalkGrant, "since"> & { since: number }>(
        `UNWIND ${parts.bind(nodes)} AS id MATCH (d:${entry} {id: id})<-[:ON]-(g:${grant}) WHERE ${sees} RETURN d.id AS node, g.grantId AS grantId, g.consumerOrganisationId AS consumerOrganisationId, g.legalBasis AS legalBasis, g.since AS since ORDER BY grantId`,
        parts.parameters,
      );
      return rows.map((row) => ({ ...row, since: new Date(row.since) }));
    },
    async countOrganisations(nodes) {
      const rows = await finish<{ organisations: number }>(`UNWIND $nodes AS id MATCH (d:${entry} {id: id}) RETURN count(DISTINCT d.organisationId) AS organisations`, { nodes });
      return rows[0]!.organisations;
    },
  };
}
