import type { Access, Actor, Database, Transaction } from "#platform";
import type { EntryPath, Impact, Lineage, LineageRelation, PathRelation, TruncatedBy, WalkBounds, WalkDirection } from "../catalog-index.ts";
import type { IndexedEntry } from "../index-document.ts";
import type { GenerationTables } from "./generations.ts";
import { createSqlParts, seesEntry, seesGrant } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "./stored-entry.ts";

/**
 * Walks over relations, breadth first and one statement per hop. The access condition stands on every entry that a hop
 * arrives at, so what the viewer may not see is neither shown nor walked through. Hops, nodes and time are bounded.
 */
export interface WalkTools {
  database: Database;
  access: Access;
  /** Milliseconds that only rise. */
  monotonicMs(): number;
}

interface Edge {
  /** Where the walk stood, and where it arrived. */
  from: string;
  to: string;
  kind: PathRelation["kind"];
  since: Date | null;
  element: string | null;
}

/** A data element that more entries have joins nothing: everything would be next to everything. */
const hubUses = 50;
const edgesPerHop = 20_000;
// Of two shortest paths the one over the firmer relation is shown.
const firmest = "array_position(array['derived-from', 'source-of', 'related', 'shares-element'], kind)";

interface Walk {
  tx: Transaction;
  tables: GenerationTables;
  access: Access;
  viewer: Actor;
  /** Undefined once the time is over. */
  remainingMs(): number;
}

class DeadlineReached extends Error {}

/** A statement under what is left of the time; PostgreSQL's own cancellation counts as the deadline. */
async function timed<T>(walk: Walk, run: () => Promise<T>): Promise<T> {
  const left = Math.floor(walk.remainingMs());
  if (left <= 0) throw new DeadlineReached();
  await walk.tx.query("select set_config('statement_timeout', $1, true)", [String(left)]);
  await walk.tx.query("savepoint hop");
  try {
    const result = await run();
    await walk.tx.query("release savepoint hop");
    return result;
  } catch (error) {
    if ((error as { code?: string }).code !== "57014") throw error;
    await walk.tx.query("rollback to savepoint hop");
    throw new DeadlineReached();
  }
}

function openWalk<T>(tools: WalkTools, tables: GenerationTables, viewer: Actor, bounds: WalkBounds, run: (walk: Walk) => Promise<T>): Promise<T> {
  const end = tools.monotonicMs() + bounds.deadlineMs;
  return tools.database.withTransaction((tx) => run({ tx, tables, access: tools.access, viewer, remainingMs: () => end - tools.monotonicMs() }), { isolation: "repeatable read", readOnly: true });
}

/** Restores the time limit for the few reads that turn found ids into an answer. */
const withoutLimit = (walk: Walk) => walk.tx.query("select set_config('statement_timeout', '0', true)");

async function findRoots(walk: Walk, entryIds: readonly string[]): Promise<Map<string, string>> {
  const parts = createSqlParts();
  const { rows } = await walk.tx.query<{ entry_id: string; id: string }>(`select d.entry_id, d.document_id::text as id from ${walk.tables.document} d where d.entry_id = any(${parts.bind(entryIds)}) and ${seesEntry(walk.access, walk.viewer, parts, "d")}`, parts.values);
  return new Map(rows.map((row) => [row.entry_id, row.id]));
}

async function edgesFrom(walk: Walk, frontier: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Edge[]> {
  const { document, relation, term, documentTerm } = walk.tables;
  const parts = createSqlParts();
  const from = `any(${parts.bind(frontier)}::bigint[])`;
  const sees = seesEntry(walk.access, walk.viewer, parts, "t");
  const branches: string[] = [];
  const outward = (kind: PathRelation["kind"], stored: string) => {
    for (const code of ["code", "resource_id"]) {
      branches.push(`select r.document_id as a, t.document_id as b, '${kind}' as kind, r.since, null as element from ${relation} r join ${document} t on t.${code} = r.to_code where r.document_id = ${from} and r.kind = '${stored}' and ${sees}`);
    }
  };
  const inward = (kind: PathRelation["kind"], stored: string) => {
    for (const code of ["code", "resource_id"]) {
      branches.push(`select f.document_id, t.document_id, '${kind}', r.since, null from ${document} f join ${relation} r on r.to_code = f.${code} join ${document} t on t.document_id = r.document_id where f.document_id = ${from} and r.kind = '${stored}' and ${sees}`);
    }
  };
  if (kinds.includes("derived-from")) outward("derived-from", "derived-from");
  if (kinds.includes("source-of")) inward("source-of", "derived-from");
  if (kinds.includes("related")) {
    outward("related", "related");
    inward("related", "related");
  }
  if (kinds.includes("shares-element")) {
    branches.push(
      `select x.document_id, t.document_id, 'shares-element', null, e.key from ${documentTerm} x join ${term} e using (term_id) join ${documentTerm} y using (term_id) join ${document} t on t.document_id = y.document_id
       where x.document_id = ${from} and e.kind = 'element' and e.uses <= ${hubUses} and y.document_id <> x.document_id and ${sees}`,
    );
  }
  const { rows } = await timed(walk, () => walk.tx.query<{ a: string; b: string; kind: Edge["kind"]; since: Date | null; element: string | null }>(`select a::text, b::text, kind, since, element from (${branches.join(" union all ")}) e (a, b, kind, since, element) where a <> b order by ${firmest}, a, b limit ${edgesPerHop}`, parts.values));
  return rows.map((row) => ({ from: row.a, to: row.b, kind: row.kind, since: row.since, element: row.element }));
}

interface Reached {
  distances: Map<string, number>;
  edges: Edge[];
  truncatedBy?: TruncatedBy;
}

async function reach(walk: Walk, root: string, direction: WalkDirection, bounds: WalkBounds): Promise<Reached> {
  const kinds: PathRelation["kind"][] = [direction === "upstream" ? "derived-from" : "source-of"];
  const reached: Reached = { distances: new Map([[root, 0]]), edges: [] };
  let frontier = [root];
  try {
    for (let hop = 1; frontier.length > 0; hop += 1) {
      const edges = await edgesFrom(walk, frontier, kinds);
      const next: string[] = [];
      for (const edge of edges) {
        if (!reached.distances.has(edge.to)) {
          // One hop more than asked for is looked at, only to know whether there is more.
          if (hop > bounds.hops) return { ...reached, truncatedBy: "hops" };
          if (reached.distances.size - 1 >= bounds.nodes) {
            reached.truncatedBy = "nodes";
            continue;
          }
          reached.distances.set(edge.to, hop);
          next.push(edge.to);
        }
        reached.edges.push(edge);
      }
      if (edges.length === edgesPerHop) reached.truncatedBy = "nodes";
      if (reached.truncatedBy !== undefined || hop > bounds.hops) return reached;
      frontier = next;
    }
  } catch (error) {
    if (!(error instanceof DeadlineReached)) throw error;
    reached.truncatedBy = "deadline";
  }
  return reached;
}

const truncation = (by: TruncatedBy | undefined) => (by === undefined ? { truncated: false } : { truncated: true, truncatedBy: by });

async function entriesOf(walk: Walk, ids: Iterable<string>): Promise<Map<string, IndexedEntry>> {
  await withoutLimit(walk);
  const { rows } = await walk.tx.query<{ id: string; detail: StoredEntry }>(`select document_id::text as id, detail from ${walk.tables.document} where document_id = any($1::bigint[])`, [[...ids]]);
  return new Map(rows.map((row) => [row.id, entryOf(row.detail)]));
}

export function walkLineage(tools: WalkTools, tables: GenerationTables, viewer: Actor, entryId: string, direction: WalkDirection, bounds: WalkBounds): Promise<Lineage | undefined> {
  return openWalk(tools, tables, viewer, bounds, async (walk) => {
    const root = (await findRoots(walk, [entryId])).get(entryId);
    if (root === undefined) return undefined;
    const reached = await reach(walk, root, direction, bounds);
    const entries = await entriesOf(walk, reached.distances.keys());
    const relations = new Map<string, LineageRelation & { source: string; derivedOrganisation: string }>();
    for (const edge of reached.edges) {
      const [derived, source] = direction === "upstream" ? [edge.from, edge.to] : [edge.to, edge.from];
      const derivedEntry = entries.get(derived);
      const sourceEntry = entries.get(source);
      if (derivedEntry && sourceEntry) relations.set(`${derived} ${source}`, { fromEntryId: derivedEntry.id, toEntryId: sourceEntry.id, since: edge.since!, grants: [], source, derivedOrganisation: derivedEntry.organisationId });
    }
    await addGrants(walk, [...relations.values()]);
    const nodes = [...reached.distances].filter(([id]) => id !== root).map(([id, distance]) => ({ entry: entries.get(id)!, distance }));
    nodes.sort((a, b) => a.distance - b.distance || (a.entry.id < b.entry.id ? -1 : 1));
    return { root: entries.get(root)!, nodes, relations: [...relations.values()].map(({ source: _source, derivedOrganisation: _organisation, ...relation }) => relation), ...truncation(reached.truncatedBy) };
  });
}

/** The legal ground of each relation: grants on the source for the derived entry's department. */
async function addGrants(walk: Walk, relations: readonly (LineageRelation & { source: string; derivedOrganisation: string })[]): Promise<void> {
  const parts = createSqlParts();
  const { rows } = await walk.tx.query<{ grant_id: string; document_id: string; consumer: string; legal_basis: string; since: Date }>(
    `select g.grant_id, g.document_id::text, g.consumer_organisation_id as consumer, g.legal_basis, g.since from ${walk.tables.grant} g where g.document_id = any(${parts.bind([...new Set(relations.map((relation) => relation.source))])}::bigint[]) and ${seesGrant(walk.access, walk.viewer, parts, "g")} order by g.grant_id`,
    parts.values,
  );
  for (const relation of relations) for (const row of rows) if (row.document_id === relation.source && row.consumer === relation.derivedOrganisation) relation.grants.push({ grantId: row.grant_id, legalBasis: row.legal_basis, since: row.since });
}

export function countImpact(tools: WalkTools, tables: GenerationTables, viewer: Actor, entryId: string, bounds: WalkBounds): Promise<Impact | undefined> {
  return openWalk(tools, tables, viewer, bounds, async (walk) => {
    const root = (await findRoots(walk, [entryId])).get(entryId);
    if (root === undefined) return undefined;
    const { distances, truncatedBy } = await reach(walk, root, "downstream", bounds);
    await withoutLimit(walk);
    const all = [...distances.keys()];
    const { rows } = await walk.tx.query<{ organisations: number }>(`select count(distinct organisation_id) as organisations from ${tables.document} where document_id = any($1::bigint[])`, [all.filter((id) => id !== root)]);
    const parts = createSqlParts();
    const consumers = await walk.tx.query<{ id: string }>(`select distinct g.consumer_organisation_id as id from ${tables.grant} g where g.document_id = any(${parts.bind(all)}::bigint[]) and ${seesGrant(walk.access, viewer, parts, "g")} order by 1`, parts.values);
    const byDistance = new Map<number, number>();
    for (const [id, distance] of distances) if (id !== root) byDistance.set(distance, (byDistance.get(distance) ?? 0) + 1);
    return {
      entries: distances.size - 1,
      byDistance: [...byDistance].map(([distance, entries]) => ({ distance, entries })).sort((a, b) => a.distance - b.distance),
      organisations: rows[0]!.organisations,
      consumerOrganisationIds: consumers.rows.map((row) => row.id),
      ...truncation(truncatedBy),
    };
  });
}

const pathKinds: PathRelation["kind"][] = ["derived-from", "source-of", "related", "shares-element"];
const opposite: Record<PathRelation["kind"], PathRelation["kind"]> = { "derived-from": "source-of", "source-of": "derived-from", related: "related", "shares-element": "shares-element" };

interface Side {
  /** How each entry was reached: the edge from the side's own end; the end itself has none. */
  edges: Map<string, Edge | undefined>;
  frontier: string[];
  hops: number;
}

/** From both ends at once, always the side with fewer entries to look at: a shortest path. */
export function findPath(tools: WalkTools, tables: GenerationTables, viewer: Actor, fromEntryId: string, toEntryId: string, bounds: WalkBounds): Promise<EntryPath | undefined> {
  return openWalk(tools, tables, viewer, bounds, async (walk) => {
    const roots = await findRoots(walk, [fromEntryId, toEntryId]);
    const [start, end] = [roots.get(fromEntryId), roots.get(toEntryId)];
    if (start === undefined || end === undefined) return undefined;
    const left: Side = { edges: new Map([[start, undefined]]), frontier: [start], hops: 0 };
    const right: Side = { edges: new Map([[end, undefined]]), frontier: [end], hops: 0 };
    let meeting = start === end ? start : undefined;
    let truncatedBy: TruncatedBy | undefined;
    try {
      while (meeting === undefined && left.frontier.length > 0 && right.frontier.length > 0) {
        if (left.hops + right.hops >= bounds.hops) {
          truncatedBy = "hops";
          break;
        }
        if (left.edges.size + right.edges.size > bounds.nodes) {
          truncatedBy = "nodes";
          break;
        }
        const [side, other] = left.frontier.length <= right.frontier.length ? [left, right] : [right, left];
        const edges = await edgesFrom(walk, side.frontier, pathKinds);
        side.frontier = [];
        side.hops += 1;
        for (const edge of edges) {
          if (side.edges.has(edge.to)) continue;
          side.edges.set(edge.to, edge);
          side.frontier.push(edge.to);
          if (meeting === undefined && other.edges.has(edge.to)) meeting = edge.to;
        }
        if (meeting === undefined && edges.length === edgesPerHop) truncatedBy = "nodes";
      }
    } catch (error) {
      if (!(error instanceof DeadlineReached)) throw error;
      truncatedBy = "deadline";
    }
    if (meeting === undefined) return { steps: [], ...truncation(truncatedBy) };
    const steps: { id: string; edge?: Edge }[] = [];
    for (let id: string | undefined = meeting; id !== undefined; ) {
      const edge: Edge | undefined = left.edges.get(id);
      steps.unshift({ id, ...(edge === undefined ? {} : { edge }) });
      id = edge?.from;
    }
    for (let edge = right.edges.get(meeting); edge !== undefined; edge = right.edges.get(edge.from)) steps.push({ id: edge.from, edge: { ...edge, from: edge.to, to: edge.from, kind: opposite[edge.kind] } });
    const entries = await entriesOf(walk, steps.map((step) => step.id));
    return { steps: steps.map(({ id, edge }) => ({ entry: entries.get(id)!, ...(edge === undefined ? {} : { via: viaOf(edge) }) })), truncated: false };
  });
}

function viaOf(edge: Edge): PathRelation {
  return { kind: edge.kind, ...(edge.since === null ? {} : { since: edge.since }), ...(edge.element === null ? {} : { dataElement: edge.element.slice("element:".length) }) };
}
