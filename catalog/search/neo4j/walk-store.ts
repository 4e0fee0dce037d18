import type { Access, Actor } from "#platform";
import type { PathRelation, WalkBounds } from "../catalog-index.ts";
import type { IndexedEntry } from "../index-document.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";
import { DeadlineReached, edgesPerHop, firmestKinds, hubUses, type Edge, type WalkGrant, type WalkStore } from "../walk.ts";
import { isCypherTimeout, type Neo4jConnection, type RunCypher } from "./connection.ts";
import type { SlotNames } from "./schema.ts";
import { createCypherParts, seesEntry, seesGrant } from "./visibility.ts";

export interface Neo4jWalkOptions<After> {
  connection: Neo4jConnection;
  access: Access;
  target: SlotNames;
  viewer: Actor;
  bounds: WalkBounds;
  /** Milliseconds that only rise. */
  monotonicMs(): number;
  /** Sent with the last questions and answered after them. */
  lookAfterwards(cypher: RunCypher): Promise<After>;
}

/**
 * Hops after the first that are asked in one statement, as long as no hop arrives at more nodes than these. The first is
 * asked alone, so that a walk whose time is over has something to show; and of more than two a statement takes the server
 * longer to plan, the first time, than it saves.
 */
const hopsAtOnce = 2;
const nodesAhead = 500;

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
export function runNeo4jWalk<T, After>({ connection, access, target: { entry, grant }, viewer, bounds, monotonicMs, lookAfterwards }: Neo4jWalkOptions<After>, run: (store: WalkStore) => Promise<T>): Promise<{ value: T; after: After }> {
  const end = monotonicMs() + bounds.deadlineMs;
  const remainingMs = () => end - monotonicMs();
  return new Promise((resolve, reject) => {
    const walking = connection.read(
      async (cypher) => {
        let over = false;
        let looked: { after: After } | undefined;
        const outsideLimit = async <Answer>(ask: (cypher: RunCypher) => Promise<Answer>) => {
          if (!over && remainingMs() >= bounds.deadlineMs / 2) {
            try {
              return await ask(cypher);
            } catch (error) {
              // The server has ended the transaction, or the time ran out meanwhile.
              if (!over && remainingMs() > 0 && !isCypherTimeout(error)) throw error;
            }
          }
          return connection.read(ask);
        };
        const finish = <Answer>(ask: (cypher: RunCypher) => Promise<Answer>) =>
          outsideLimit(async (run) => {
            const [answer, after] = await Promise.all([ask(run), lookAfterwards(run)]);
            looked = { after };
            return answer;
          });
        const value = await run(createStore({ cypher, outsideLimit, finish, access, entry, grant, viewer, hops: bounds.hops, remainingMs, onTimeout: () => void (over = true) }));
        // The answer does not wait for the transaction to end, which a hop that was given up may hold for a while.
        resolve({ value, after: (looked ?? { after: await outsideLimit(lookAfterwards) }).after });
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

type AskOutside = <Answer>(ask: (cypher: RunCypher) => Promise<Answer>) => Promise<Answer>;

interface StoreParts {
  cypher: RunCypher;
  /** Outside the time limit. */
  outsideLimit: AskOutside;
  /** Likewise, and the last that is asked. */
  finish: AskOutside;
  access: Access;
  entry: string;
  grant: string;
  viewer: Actor;
  hops: number;
  remainingMs(): number;
  onTimeout(): void;
}

function createStore({ cypher, outsideLimit, finish, access, entry, grant, viewer, hops, remainingMs, onTimeout }: StoreParts): WalkStore {
  // All relations of a node, of the kinds of this walk, that were asked ahead of it.
  const known = new Map<string, Edge[]>();
  let hopsAsked = 0;
  let begun: Promise<unknown> = Promise.resolve();

  /** Lineage and impact, which follow one kind of relation between two entries. */
  const asksAhead = (kinds: readonly PathRelation["kind"][]) => kinds.length === 1 && patterns[kinds[0]!].element === "null";

  /** Relations from these nodes, and in the same statement the next hops'. */
  async function askEdges(nodes: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Edge[]> {
    if (remainingMs() <= 0) {
      onTimeout();
      throw new DeadlineReached();
    }
    const depth = !asksAhead(kinds) || hopsAsked === 0 || nodes.length > nodesAhead ? 1 : Math.max(1, Math.min(hopsAtOnce, hops + 1 - hopsAsked));
    hopsAsked += depth;
    try {
      const levels = await withinTime(depth > 1 ? askHops(nodes, kinds[0]!, depth) : askHop(nodes, kinds).then((edges) => [edges]), remainingMs());
      let frontier: readonly string[] = nodes;
      for (const edges of levels) {
        if (frontier.length > nodesAhead || edges.length >= edgesPerHop) break;
        for (const node of frontier) known.set(node, []);
        for (const edge of edges) known.get(edge.from)!.push(edge);
        frontier = [...new Set(edges.map((edge) => edge.to))];
      }
      return levels[0]!;
    } catch (error) {
      if (!(error instanceof DeadlineReached) && !isCypherTimeout(error)) throw error;
      onTimeout();
      throw new DeadlineReached();
    }
  }

  /** A statement for each kind, all sent at once: small plans, which lineage and paths share. */
  async function askHop(nodes: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Edge[]> {
    const parts = createCypherParts();
    const sees = seesEntry(access, viewer, parts, "d");
    const frontier = parts.bind(nodes);
    const asked = firmestKinds.filter((kind) => kinds.includes(kind)).map(async (kind) => {
      const { pattern, since, element, where } = patterns[kind];
      const rows = await cypher<{ from: string; to: string; since: number | null; element: string | null }>(
        `UNWIND ${frontier} AS id MATCH (f:${entry} {id: id}) MATCH ${pattern} WHERE ${where === undefined ? "" : `${where} AND `}d <> f AND ${sees} RETURN id AS from, d.id AS to, ${since} AS since, ${element} AS element ORDER BY from, to LIMIT ${edgesPerHop}`,
        parts.parameters,
      );
      return rows.map((row): Edge => ({ ...row, kind, since: row.since === null ? null : new Date(row.since) }));
    });
    return (await Promise.all(asked)).flat().slice(0, edgesPerHop);
  }

  /** Several hops; where one arrives at too many nodes, the next are empty. */
  async function askHops(nodes: readonly string[], kind: PathRelation["kind"], depth: number): Promise<Edge[][]> {
    const parts = createCypherParts();
    const sees = seesEntry(access, viewer, parts, "d");
    const { pattern } = patterns[kind];
    const hop = (at: number) =>
      `CALL (n${at}) { UNWIND n${at} AS f MATCH ${pattern} WHERE d <> f AND ${sees} WITH f, r, d ORDER BY f.id, d.id LIMIT ${edgesPerHop} WITH collect([f.id, d.id, r.since]) AS edges, collect(DISTINCT d) AS reached RETURN edges AS e${at}, CASE WHEN size(reached) > ${nodesAhead} THEN [] ELSE reached END AS n${at + 1} }`;
    const all = Array.from({ length: depth }, (_, at) => at);
    const rows = await cypher<{ levels: [from: string, to: string, since: number][][] }>(
      `UNWIND ${parts.bind(nodes)} AS id MATCH (n:${entry} {id: id}) WITH collect(DISTINCT n) AS n0 ${all.map(hop).join(" ")} RETURN [${all.map((at) => `e${at}`).join(", ")}] AS levels`,
      parts.parameters,
    );
    return rows[0]!.levels.map((edges) => edges.map(([from, to, since]): Edge => ({ from, to, kind, since: new Date(since), element: null })));
  }

  /** Of nodes that are known, in the order that one question for all of them gives. */
  function knownEdges(nodes: readonly string[], kinds: readonly PathRelation["kind"][]): Edge[] {
    const edges = nodes.toSorted().flatMap((node) => known.get(node)!);
    return firmestKinds.filter((kind) => kinds.includes(kind)).flatMap((kind) => edges.filter((edge) => edge.kind === kind)).slice(0, edgesPerHop);
  }

  const detailsOf = async (run: RunCypher, nodes: readonly string[]): Promise<Map<string, IndexedEntry>> => {
    const rows = await run<{ id: string; detail: string }>(`UNWIND $nodes AS id MATCH (d:${entry} {id: id}) RETURN d.id AS id, d.detail AS detail`, { nodes });
    return new Map(rows.map((row) => [row.id, entryOf(JSON.parse(row.detail) as StoredEntry)]));
  };
  const grantsOn = async (run: RunCypher, nodes: readonly string[]): Promise<WalkGrant[]> => {
    const parts = createCypherParts();
    const sees = seesGrant(access, viewer, parts, "g");
    const rows = await run<Omit<WalkGrant, "since"> & { since: number }>(
      `UNWIND ${parts.bind(nodes)} AS id MATCH (d:${entry} {id: id})<-[:ON]-(g:${grant}) WHERE ${sees} RETURN d.id AS node, g.grantId AS grantId, g.consumerOrganisationId AS consumerOrganisationId, g.legalBasis AS legalBasis, g.since AS since ORDER BY grantId`,
      parts.parameters,
    );
    return rows.map((row) => ({ ...row, since: new Date(row.since) }));
  };

  return {
    findRoots: (ids, kinds) =>
      outsideLimit(async (run) => {
        const parts = createCypherParts();
        const sees = seesEntry(access, viewer, parts, "d");
        const asked = run<{ id: string }>(`UNWIND ${parts.bind(ids)} AS id MATCH (d:${entry} {id: id}) WHERE ${sees} RETURN DISTINCT d.id AS id`, parts.parameters);
        // An entry is its own node here, so the first hop need not wait for the roots; of one that is not seen it is not used.
        if (asksAhead(kinds)) begun = askEdges(ids, kinds);
        // It is awaited with the first hop, if there is one.
        begun.catch(() => undefined);
        return new Map((await asked).map(({ id }) => [id, id]));
      }),
    async edgesFrom(nodes, kinds) {
      await begun;
      if (!nodes.every((node) => known.has(node))) {
        const edges = await askEdges(nodes, kinds);
        if (!nodes.every((node) => known.has(node))) return edges;
      }
      return knownEdges(nodes, kinds);
    },
    entriesOf: (nodes) => finish((run) => detailsOf(run, nodes)),
    lineageOf: (nodes, sources) =>
      finish(async (run) => {
        const [entries, grants] = await Promise.all([detailsOf(run, nodes), grantsOn(run, sources)]);
        return { entries, grants };
      }),
    impactOf: (root, nodes) =>
      finish(async (run) => {
        const parts = createCypherParts();
        const sees = seesGrant(access, viewer, parts, "g");
        const rows = await run<{ organisations: number; consumerOrganisationIds: string[] }>(
          `UNWIND ${parts.bind([root, ...nodes])} AS id MATCH (d:${entry} {id: id}) OPTIONAL MATCH (d)<-[:ON]-(g:${grant}) WHERE ${sees}
           RETURN count(DISTINCT CASE WHEN id <> ${parts.bind(root)} THEN d.organisationId END) AS organisations, collect(DISTINCT g.consumerOrganisationId) AS consumerOrganisationIds`,
          parts.parameters,
        );
        return rows[0]!;
      }),
  };
}
