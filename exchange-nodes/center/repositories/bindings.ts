import type { SourceKind } from "#standards";
import type { Reader, SqlCondition, Transaction } from "#platform";
import type { Binding, DriftFinding } from "../model/binding.ts";
import type { FeedTarget } from "../../protocol/assignments.ts";

interface BindingRow extends Record<string, unknown> {
  entry_id: string;
  organisation_id: string;
  node_id: string;
  source_name: string;
  kind: SourceKind;
  relation: string;
  columns: Record<string, string>;
  update_time_column: string | null;
  options: Record<string, unknown>;
  state: Binding["state"];
  drift: DriftFinding[];
  bound_by: string;
  bound_at: Date;
}

const columns = "entry_id, organisation_id, node_id, source_name, kind, relation, columns, update_time_column, options, state, drift, bound_by, bound_at";

const toBinding = (row: BindingRow): Binding => ({
  entryId: row.entry_id,
  organisationId: row.organisation_id,
  nodeId: row.node_id,
  sourceName: row.source_name,
  kind: row.kind,
  relation: row.relation,
  columns: row.columns,
  options: row.options,
  state: row.state,
  drift: row.drift,
  boundBy: row.bound_by,
  boundAt: row.bound_at,
  ...(row.update_time_column === null ? {} : { updateTimeColumn: row.update_time_column }),
});

export async function findBinding(reader: Reader, entryId: string): Promise<Binding | undefined> {
  const { rows } = await reader.query<BindingRow>(`select ${columns} from exchange.binding where entry_id = $1`, [entryId]);
  return rows[0] && toBinding(rows[0]);
}

export async function listBindings(reader: Reader, condition: SqlCondition, filter: { nodeId?: string; sourceName?: string; entryIds?: readonly string[]; drifted?: boolean; afterEntryId?: string; limit: number }): Promise<Binding[]> {
  const { rows } = await reader.query<BindingRow>(
    `select ${columns} from exchange.binding where ($1::text is null or node_id = $1) and ($2::text is null or source_name = $2) and ($3::text[] is null or entry_id = any($3)) and ($4::boolean is null or (state = 'drifted') = $4)
       and ($5::text is null or entry_id > $5) and ${condition.text} order by entry_id limit $6`,
    [filter.nodeId ?? null, filter.sourceName ?? null, filter.entryIds ?? null, filter.drifted ?? null, filter.afterEntryId ?? null, filter.limit, ...condition.values],
  );
  return rows.map(toBinding);
}

export async function writeBinding(tx: Transaction, binding: Binding): Promise<void> {
  await tx.query(
    `insert into exchange.binding (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict (entry_id) do update set organisation_id = excluded.organisation_id, node_id = excluded.node_id, source_name = excluded.source_name, kind = excluded.kind, relation = excluded.relation, columns = excluded.columns,
       update_time_column = excluded.update_time_column, options = excluded.options, state = excluded.state, drift = excluded.drift, bound_by = excluded.bound_by, bound_at = excluded.bound_at`,
    [binding.entryId, binding.organisationId, binding.nodeId, binding.sourceName, binding.kind, binding.relation, JSON.stringify(binding.columns), binding.updateTimeColumn ?? null, JSON.stringify(binding.options), binding.state, JSON.stringify(binding.drift), binding.boundBy, binding.boundAt],
  );
}

/** Where the grants of a consumer are delivered to. */
export interface Route {
  id: string;
  consumerOrganisationId: string;
  /** Only for grants of this application. */
  applicationId?: string;
  /** Only for this grant. */
  grantId?: string;
  nodeId: string;
  target: Omit<FeedTarget, "table"> & { table?: string };
}

interface RouteRow extends Record<string, unknown> {
  id: string;
  consumer_organisation_id: string;
  application_id: string | null;
  grant_id: string | null;
  node_id: string;
  target_name: string;
  schema_name: string;
  table_name: string | null;
  track_changes: boolean;
  indexes: string[][];
}

const toRoute = (row: RouteRow): Route => ({
  id: row.id,
  consumerOrganisationId: row.consumer_organisation_id,
  nodeId: row.node_id,
  target: { name: row.target_name, schema: row.schema_name, trackChanges: row.track_changes, indexes: row.indexes, ...(row.table_name === null ? {} : { table: row.table_name }) },
  ...(row.application_id === null ? {} : { applicationId: row.application_id }),
  ...(row.grant_id === null ? {} : { grantId: row.grant_id }),
});

/** The closest rule that fits: the grant's own, its application's, its department's. */
export async function findRoute(reader: Reader, grant: { id: string; consumerOrganisationId: string; applicationId?: string }): Promise<Route | undefined> {
  const { rows } = await reader.query<RouteRow>(
    `select * from exchange.route where grant_id = $1 or (grant_id is null and consumer_organisation_id = $2 and (application_id is null or application_id = $3))
     order by grant_id nulls last, application_id nulls last limit 1`,
    [grant.id, grant.consumerOrganisationId, grant.applicationId ?? null],
  );
  return rows[0] && toRoute(rows[0]);
}

export async function writeRoute(tx: Transaction, route: Route): Promise<void> {
  await tx.query("delete from exchange.route where case when $3::text is not null then grant_id = $3 else grant_id is null and consumer_organisation_id = $1 and application_id is not distinct from $2 end", [route.consumerOrganisationId, route.applicationId ?? null, route.grantId ?? null]);
  await tx.query("insert into exchange.route (id, consumer_organisation_id, application_id, grant_id, node_id, target_name, schema_name, table_name, track_changes, indexes) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", [
    route.id, route.consumerOrganisationId, route.applicationId ?? null, route.grantId ?? null, route.nodeId, route.target.name, route.target.schema, route.target.table ?? null, route.target.trackChanges, JSON.stringify(route.target.indexes ?? []),
  ]);
}

/** The department's subscribing node, when it has exactly one. */
export async function findOnlyNode(reader: Reader, organisationId: string): Promise<string | undefined> {
  const { rows } = await reader.query<{ id: string }>("select id from exchange.node where organisation_id = $1 and state = 'enrolled' and manifest -> 'capabilities' ? 'subscribe' order by enrolled_at, id limit 2", [organisationId]);
  return rows.length === 1 ? rows[0]!.id : undefined;
}
