import type { EntryPath, Impact, Lineage, LineageRelation, PathRelation, TruncatedBy, WalkBounds, WalkDirection } from "./catalog-index.ts";
import type { DocumentGrant, IndexedEntry } from "./index-document.ts";

/**
 * Walks over relations, breadth first and one question per hop, the same for every engine. The engine puts the access
 * condition on every entry that a hop arrives at, so what the viewer may not see is neither shown nor walked through.
 * Hops, nodes and time are bounded.
 */
export interface WalkStore {
  /** Those of these entries that the viewer sees, each with the node where a walk begins; it goes on over these kinds, which a store may ask at the same time. */
  findRoots(entryIds: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Map<string, string>>;
  /** Relations from these nodes to entries that the viewer sees: the firmest kind first, then by nodes, at most `edgesPerHop`. */
  edgesFrom(nodes: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Edge[]>;
  /** Of nodes that a walk arrived at; outside the time limit, as what follows. */
  entriesOf(nodes: readonly string[]): Promise<Map<string, IndexedEntry>>;
  /** Entries of these nodes, and the grants on `sources` that the viewer sees, in the order of their ids. */
  lineageOf(nodes: readonly string[], sources: readonly string[]): Promise<{ entries: Map<string, IndexedEntry>; grants: WalkGrant[] }>;
  /** Departments of these nodes without the root's, and those with a grant on one of them or on the root, of the grants that the viewer sees. */
  impactOf(root: string, nodes: readonly string[]): Promise<{ organisations: number; consumerOrganisationIds: string[] }>;
}

export interface Edge {
  /** Where the walk stood, and where it arrived. */
  from: string;
  to: string;
  kind: PathRelation["kind"];
  since: Date | null;
  /** Key of the shared data element. */
  element: string | null;
}

export interface WalkGrant extends Pick<DocumentGrant, "grantId" | "consumerOrganisationId" | "legalBasis" | "since"> {
  node: string;
}

/** Thrown by a store when the time of a walk is over. */
export class DeadlineReached extends Error {}

/** A data element that more entries have joins nothing: everything would be next to everything. */
export const hubUses = 50;
export const edgesPerHop = 20_000;
/** Of two shortest paths the one over the firmer relation is shown. */
export const firmestKinds: readonly PathRelation["kind"][] = ["derived-from", "source-of", "related", "shares-element"];

interface Reached {
  distances: Map<string, number>;
  edges: Edge[];
  truncatedBy?: TruncatedBy;
}

const kindsOf = (direction: WalkDirection): PathRelation["kind"][] => [direction === "upstream" ? "derived-from" : "source-of"];

async function reach(store: WalkStore, root: string, direction: WalkDirection, bounds: WalkBounds): Promise<Reached> {
  const kinds = kindsOf(direction);
  const reached: Reached = { distances: new Map([[root, 0]]), edges: [] };
  let frontier = [root];
  try {
    for (let hop = 1; frontier.length > 0; hop += 1) {
      const edges = await store.edgesFrom(frontier, kinds);
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

export async function walkLineage(store: WalkStore, entryId: string, direction: WalkDirection, bounds: WalkBounds): Promise<Lineage | undefined> {
  const root = (await store.findRoots([entryId], kindsOf(direction))).get(entryId);
  if (root === undefined) return undefined;
  const reached = await reach(store, root, direction, bounds);
  const ends = reached.edges.map((edge) => ({ since: edge.since!, derived: direction === "upstream" ? edge.from : edge.to, source: direction === "upstream" ? edge.to : edge.from }));
  // The legal ground of each relation: grants on the source for the derived entry's department.
  const { entries, grants } = await store.lineageOf([...reached.distances.keys()], [...new Set(ends.map(({ source }) => source))]);
  const relations = new Map<string, LineageRelation>();
  for (const { derived, source, since } of ends) {
    const derivedEntry = entries.get(derived);
    const sourceEntry = entries.get(source);
    if (derivedEntry === undefined || sourceEntry === undefined) continue;
    const grounds = grants.filter(({ node, consumerOrganisationId }) => node === source && consumerOrganisationId === derivedEntry.organisationId);
    relations.set(`${derived} ${source}`, { fromEntryId: derivedEntry.id, toEntryId: sourceEntry.id, since, grants: grounds.map(({ grantId, legalBasis, since: granted }) => ({ grantId, legalBasis, since: granted })) });
  }
  const nodes = [...reached.distances].filter(([id]) => id !== root && entries.has(id)).map(([id, distance]) => ({ entry: entries.get(id)!, distance }));
  nodes.sort((a, b) => a.distance - b.distance || (a.entry.id < b.entry.id ? -1 : 1));
  return { root: entries.get(root)!, nodes, relations: [...relations.values()], ...truncation(reached.truncatedBy) };
}

export async function countImpact(store: WalkStore, entryId: string, bounds: WalkBounds): Promise<Impact | undefined> {
  const root = (await store.findRoots([entryId], kindsOf("downstream"))).get(entryId);
  if (root === undefined) return undefined;
  const { distances, truncatedBy } = await reach(store, root, "downstream", bounds);
  const { organisations, consumerOrganisationIds } = await store.impactOf(root, [...distances.keys()].filter((id) => id !== root));
  const byDistance = new Map<number, number>();
  for (const [id, distance] of distances) if (id !== root) byDistance.set(distance, (byDistance.get(distance) ?? 0) + 1);
  return {
    entries: distances.size - 1,
    byDistance: [...byDistance].map(([distance, entries]) => ({ distance, entries })).sort((a, b) => a.distance - b.distance),
    organisations,
    consumerOrganisationIds: consumerOrganisationIds.sort(),
    ...truncation(truncatedBy),
  };
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
export async function findPath(store: WalkStore, fromEntryId: string, toEntryId: string, bounds: WalkBounds): Promise<EntryPath | undefined> {
  const roots = await store.findRoots([fromEntryId, toEntryId], pathKinds);
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
      const edges = await store.edgesFrom(side.frontier, pathKinds);
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
  const entries = await store.entriesOf(steps.map((step) => step.id));
  return { steps: steps.map(({ id, edge }) => ({ entry: entries.get(id)!, ...(edge === undefined ? {} : { via: viaOf(edge) }) })), truncated: false };
}

function viaOf(edge: Edge): PathRelation {
  return { kind: edge.kind, ...(edge.since === null ? {} : { since: edge.since }), ...(edge.element === null ? {} : { dataElement: edge.element.slice("element:".length) }) };
}
