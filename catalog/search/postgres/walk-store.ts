import type { Access, Actor, Database, Transaction } from "#platform";
import type { PathRelation, WalkBounds } from "../catalog-index.ts";
import { DeadlineReached, edgesPerHop, firmestKinds, hubUses, type Edge, type WalkGrant, type WalkStore } from "../walk.ts";
import type { GenerationTables } from "./generations.ts";
import { createSqlParts, seesEntry, seesGrant } from "./sql-parts.ts";
import { entryOf, type StoredEntry } from "../stored-entry.ts";

export interface WalkTools {
  database: Database;
  access: Access;
  /** Milliseconds that only rise. */
  monotonicMs(): number;
}

const firmest = `array_position(array[${firmestKinds.map((kind) => `'${kind}'`).join(", ")}], kind)`;

/** A walk in one snapshot, its hops under what is left of the time. */
export function openPostgresWalk<T>({ database, access, monotonicMs }: WalkTools, tables: GenerationTables, viewer: Actor, bounds: WalkBounds, run: (store: WalkStore) => Promise<T>): Promise<T> {
  const end = monotonicMs() + bounds.deadlineMs;
  return database.withTransaction((tx) => run(createStore({ tx, tables, access, viewer, remainingMs: () => end - monotonicMs() })), { isolation: "repeatable read", readOnly: true });
}

interface StoreParts {
  tx: Transaction;
  tables: GenerationTables;
  access: Access;
  viewer: Actor;
  remainingMs(): number;
}

function createStore({ tx, tables, access, viewer, remainingMs }: StoreParts): WalkStore {
  /** A statement under what is left of the time; PostgreSQL's own cancellation counts as the deadline. */
  async function timed<T>(run: () => Promise<T>): Promise<T> {
    const left = Math.floor(remainingMs());
    if (left <= 0) throw new DeadlineReached();
    await tx.query("select set_config('statement_timeout', $1, true)", [String(left)]);
    await tx.query("savepoint hop");
    try {
      const result = await run();
      await tx.query("release savepoint hop");
      return result;
    } catch (error) {
      if ((error as { code?: string }).code !== "57014") throw error;
      await tx.query("rollback to savepoint hop");
      throw new DeadlineReached();
    }
  }
  /** Restores the time limit for the few reads that turn found ids into an answer. */
  const withoutLimit = () => tx.query("select set_config('statement_timeout', '0', true)");

  return {
    async findRoots(entryIds) {
      const parts = createSqlParts();
      const { rows } = await tx.query<{ entry_id: string; id: string }>(`select d.entry_id, d.document_id::text as id from ${tables.document} d where d.entry_id = any(${parts.bind(entryIds)}) and ${seesEntry(access, viewer, parts, "d")}`, parts.values);
      return new Map(rows.map((row) => [row.entry_id, row.id]));
    },
    edgesFrom: (nodes, kinds) => timed(() => selectEdges(tx, tables, access, viewer, nodes, kinds)),
    entriesOf,
    lineageOf: async (nodes, sources) => ({ entries: await entriesOf(nodes), grants: await grantsOn(sources) }),
    async impactOf(root, nodes) {
      await withoutLimit();
      const { rows } = await tx.query<{ organisations: number }>(`select count(distinct organisation_id) as organisations from ${tables.document} where document_id = any($1::bigint[])`, [nodes]);
      const parts = createSqlParts();
      const consumers = await tx.query<{ consumer: string }>(
        `select distinct g.consumer_organisation_id as consumer from ${tables.grant} g where g.document_id = any(${parts.bind([root, ...nodes])}::bigint[]) and ${seesGrant(access, viewer, parts, "g")}`,
        parts.values,
      );
      return { organisations: rows[0]!.organisations, consumerOrganisationIds: consumers.rows.map(({ consumer }) => consumer) };
    },
  };

  async function entriesOf(nodes: readonly string[]) {
    await withoutLimit();
    const { rows } = await tx.query<{ id: string; detail: StoredEntry }>(`select document_id::text as id, detail from ${tables.document} where document_id = any($1::bigint[])`, [nodes]);
    return new Map(rows.map((row) => [row.id, entryOf(row.detail)]));
  }

  async function grantsOn(nodes: readonly string[]): Promise<WalkGrant[]> {
    await withoutLimit();
    const parts = createSqlParts();
    const { rows } = await tx.query<{ grant_id: string; node: string; consumer: string; legal_basis: string; since: Date }>(
      `select g.grant_id, g.document_id::text as node, g.consumer_organisation_id as consumer, g.legal_basis, g.since from ${tables.grant} g where g.document_id = any(${parts.bind(nodes)}::bigint[]) and ${seesGrant(access, viewer, parts, "g")} order by g.grant_id`,
      parts.values,
    );
    return rows.map((row) => ({ node: row.node, grantId: row.grant_id, consumerOrganisationId: row.consumer, legalBasis: row.legal_basis, since: row.since }));
  }
}

async function selectEdges(tx: Transaction, { document, relation, term, documentTerm }: GenerationTables, access: Access, viewer: Actor, nodes: readonly string[], kinds: readonly PathRelation["kind"][]): Promise<Edge[]> {
  const parts = createSqlParts();
  const from = `any(${parts.bind(nodes)}::bigint[])`;
  const sees = seesEntry(access, viewer, parts, "t");
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
  const { rows } = await tx.query<{ a: string; b: string; kind: Edge["kind"]; since: Date | null; element: string | null }>(`select a::text, b::text, kind, since, element from (${branches.join(" union all ")}) e (a, b, kind, since, element) where a <> b order by ${firmest}, a, b limit ${edgesPerHop}`, parts.values);
  return rows.map((row) => ({ from: row.a, to: row.b, kind: row.kind, since: row.since, element: row.element }));
}
