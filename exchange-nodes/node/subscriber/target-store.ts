import { canonicalJson, ensureSchema, quoteIdentifier, type Database, type Reader, type Transaction } from "#platform";
import { genesisHash, type FeedHead } from "../../protocol/envelope.ts";
import { applySettings, boundedName, createBuildSql, createDeletedSql, keyList, stageColumns, tableNames, typedColumn, type TableNames, type TableShape } from "./target-table.ts";

/**
 * What a target database holds about the feeds applied to it (schema `exchange_target`): positions stand beside the
 * rows, so that both move in one transaction.
 */
export const landingChannel = "zt_landing";

const schemaLock = 7_305_020;

const schemaSql = `
create schema if not exists exchange_target;
create table if not exists exchange_target.feed (
  feed_id text primary key,
  grant_id text not null,
  schema_name text not null,
  table_name text not null,
  -- Of the table that readers see; 0 before the first load is complete.
  generation integer not null,
  -- Everything up to here is applied.
  applied_sequence bigint not null,
  -- loading, current, refreshing, awaiting-refresh, stopped
  state text not null,
  updated_at timestamptz not null,
  shape jsonb,
  -- The generation that is being built beside: { generation, shape }.
  refresh jsonb
);
create table if not exists exchange_target.position (
  feed_id text not null,
  partition integer not null,
  sequence bigint not null,
  hash text not null,
  primary key (feed_id, partition)
);
create table if not exists exchange_target.loaded_chunk (
  feed_id text not null,
  sequence bigint not null,
  primary key (feed_id, sequence)
)`;

export type TargetState = "loading" | "current" | "refreshing" | "awaiting-refresh" | "stopped";

export interface RefreshState {
  generation: number;
  shape: TableShape;
}

export interface TargetFeed {
  feedId: string;
  generation: number;
  appliedSequence: number;
  state: TargetState;
  shape?: TableShape;
  refresh?: RefreshState;
  /** By partition. */
  positions: FeedHead[];
  /** Chunks beyond the positions that are in the table being built. */
  loaded: Set<number>;
  updatedAt: Date;
  /** Keys of deleted rows are kept: changes have to be compared with them. */
  remembersDeletes: boolean;
}

export async function ensureTargetSchema(database: Database): Promise<void> {
  await database.withTransaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock($1)", [schemaLock]);
    const { rows } = await tx.query<{ there: boolean }>("select to_regclass('exchange_target.loaded_chunk') is not null as there");
    if (!rows[0]!.there) await tx.query(schemaSql);
  });
}

interface FeedRow extends Record<string, unknown> {
  generation: number;
  applied_sequence: number;
  state: TargetState;
  shape: TableShape | null;
  refresh: RefreshState | null;
  updated_at: Date;
}

export async function findTargetFeed(reader: Reader, feedId: string): Promise<TargetFeed | undefined> {
  const { rows } = await reader.query<FeedRow>("select generation, applied_sequence, state, shape, refresh, updated_at from exchange_target.feed where feed_id = $1", [feedId]);
  const row = rows[0];
  if (!row) return undefined;
  const positions = (await reader.query<{ sequence: number; hash: string }>("select sequence, hash from exchange_target.position where feed_id = $1 order by partition", [feedId])).rows;
  const loaded = (await reader.query<{ sequence: number }>("select sequence from exchange_target.loaded_chunk where feed_id = $1", [feedId])).rows;
  return {
    feedId,
    generation: row.generation,
    appliedSequence: row.applied_sequence,
    state: row.state,
    positions,
    loaded: new Set(loaded.map(({ sequence }) => sequence)),
    updatedAt: row.updated_at,
    remembersDeletes: true,
    ...(row.shape === null ? {} : { shape: row.shape }),
    ...(row.refresh === null ? {} : { refresh: row.refresh }),
  };
}

export async function insertTargetFeed(tx: Transaction, feed: { feedId: string; grantId: string; schema: string; table: string; partitions: number; at: Date }): Promise<void> {
  await tx.query("insert into exchange_target.feed (feed_id, grant_id, schema_name, table_name, generation, applied_sequence, state, updated_at) values ($1, $2, $3, $4, 0, 0, 'loading', $5)", [feed.feedId, feed.grantId, feed.schema, feed.table, feed.at]);
  await writePartitions(tx, feed.feedId, feed.partitions, { sequence: 0, hash: genesisHash });
}

/** All partitions stand at one place. */
export async function writePartitions(tx: Transaction, feedId: string, partitions: number, head: FeedHead): Promise<void> {
  await tx.query("delete from exchange_target.position where feed_id = $1 and partition >= $2", [feedId, partitions]);
  await tx.query("insert into exchange_target.position (feed_id, partition, sequence, hash) select $1, n, $3, $4 from generate_series(0, $2 - 1) as n on conflict (feed_id, partition) do update set sequence = excluded.sequence, hash = excluded.hash", [feedId, partitions, head.sequence, head.hash]);
}

const settingsSql = applySettings.map(([name, value]) => `set_config('${name}', '${value}', true)`).join(", ");

/**
 * Locks positions for the transaction and gives the sequences they stand at: whoever else applies this feed (a node
 * that was thought dead) waits here, and then sees that the work is done.
 */
export async function lockPositions(tx: Transaction, feedId: string, partitions: readonly number[]): Promise<number[]> {
  const { rows } = await tx.query<{ sequence: number }>({ name: "zt_lock_positions", text: `select p.sequence, ${settingsSql} from (select sequence from exchange_target.position where feed_id = $1 and partition = any($2) order by partition for update) as p`, values: [feedId, partitions] });
  return rows.map(({ sequence }) => sequence);
}

export async function movePositions(tx: Transaction, feedId: string, partitions: readonly number[], head: FeedHead): Promise<void> {
  await tx.query({ name: "zt_move_positions", text: "update exchange_target.position set sequence = $3, hash = $4 where feed_id = $1 and partition = any($2) and sequence < $3", values: [feedId, partitions, head.sequence, head.hash] });
}

/** Brings `applied_sequence` to the lowest position and wakes whoever reads the landing tables. */
export async function advanceApplied(reader: Reader, feedId: string, at: Date): Promise<void> {
  await reader.query({
    name: "zt_advance_applied",
    text: `with moved as (update exchange_target.feed f set applied_sequence = p.sequence, updated_at = $2 from (select min(sequence) as sequence from exchange_target.position where feed_id = $1) p where f.feed_id = $1 and f.applied_sequence < p.sequence returning f.feed_id)
           select pg_notify('${landingChannel}', feed_id) from moved`,
    values: [feedId, at],
  });
}

export async function writeTargetState(tx: Transaction, feedId: string, state: TargetState, at: Date): Promise<void> {
  await tx.query("update exchange_target.feed set state = $2, updated_at = $3 where feed_id = $1", [feedId, state, at]);
}

/** Begins to build a generation beside; one that was not finished is given up. */
export async function beginRefresh(tx: Transaction, feed: { feedId: string; names: TableNames; refresh: RefreshState; begin: { lsn: string; index: number; sequence: number }; at: Date }): Promise<void> {
  const { names, refresh } = feed;
  await ensureSchema(tx, names.schema);
  await tx.query(`drop table if exists ${names.build}`);
  await tx.query(`drop table if exists ${names.buildDeleted}`);
  await tx.query(`drop table if exists ${names.aside}`);
  await tx.query("delete from exchange_target.loaded_chunk where feed_id = $1", [feed.feedId]);
  await tx.query(createBuildSql(names, refresh.shape, feed.begin));
  await tx.query(createDeletedSql(names.buildDeleted, refresh.shape));
  await tx.query(`create table ${names.aside} (${stageColumns(refresh.shape)})`);
  await tx.query("update exchange_target.feed set refresh = $2, state = case when generation = 0 then 'loading' else 'refreshing' end, updated_at = $3 where feed_id = $1", [feed.feedId, JSON.stringify(refresh), feed.at]);
}

/** Chunks up to `sequence` need no record of their own any more. */
export async function forgetLoaded(tx: Transaction, feedId: string, sequence: number): Promise<void> {
  await tx.query("delete from exchange_target.loaded_chunk where feed_id = $1 and sequence <= $2", [feedId, sequence]);
}

export async function noteLoaded(tx: Transaction, feedId: string, sequences: readonly number[]): Promise<void> {
  await tx.query("insert into exchange_target.loaded_chunk (feed_id, sequence) select $1, unnest($2::bigint[])", [feedId, sequences]);
}

export interface SwapOptions {
  feedId: string;
  schema: string;
  table: string;
  refresh: RefreshState;
  at: Date;
}

/** Puts the table that was built in the place of the old one. Readers see the one or the other. */
export async function swapIn(tx: Transaction, { feedId, schema, table, refresh, at }: SwapOptions): Promise<void> {
  const names = tableNames(schema, table);
  const { rows } = await tx.query<{ there: boolean; used: boolean }>(
    `select to_regclass($1) is not null as there, exists (select from pg_depend d join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass where d.refclassid = 'pg_class'::regclass and d.refobjid = to_regclass($1) and r.ev_class <> to_regclass($1)) as used`,
    [names.table],
  );
  const { there, used } = rows[0]!;
  for (const column of ["zt_lsn", "zt_index", "zt_sequence"]) await tx.query(`alter table ${names.build} alter column ${column} drop default`);
  if (there && used) {
    // Views hang on the old table: its rows are exchanged instead, still in one transaction; new columns are added.
    for (const item of refresh.shape.items) await tx.query(`alter table ${names.table} add column if not exists ${typedColumn(item)}`);
    const columns = [...refresh.shape.items.map((item) => item.field), "zt_lsn", "zt_index", "zt_sequence"].map(quoteIdentifier).join(", ");
    await tx.query(`delete from ${names.table}`);
    await tx.query(`insert into ${names.table} (${columns}) select ${columns} from ${names.build}`);
    await tx.query(`drop table ${names.build}`);
  } else {
    if (there) {
      for (const statement of await grantsOf(tx, names.table, names.build)) await tx.query(statement);
      await tx.query(`drop table ${names.table}`);
    }
    await tx.query(`alter table ${names.build} rename to ${quoteIdentifier(table)}`);
    const { rows: indexes } = await tx.query<{ name: string }>("select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = to_regclass($1)", [names.table]);
    for (const { name } of indexes) if (name.includes(`__g${refresh.generation}_`)) await tx.query(`alter index ${quoteIdentifier(names.schema)}.${quoteIdentifier(name)} rename to ${quoteIdentifier(name.replace(`__g${refresh.generation}_`, "_"))}`);
  }
  await tx.query(`drop table if exists ${names.deleted}`);
  await tx.query(`alter table ${names.buildDeleted} rename to ${quoteIdentifier(boundedName(`${table}__deleted`))}`);
  await tx.query(`drop table if exists ${names.aside}`);
  await tx.query("delete from exchange_target.loaded_chunk where feed_id = $1", [feedId]);
  await tx.query("update exchange_target.feed set generation = $2, shape = $3, refresh = null, state = 'current', updated_at = $4 where feed_id = $1", [feedId, refresh.generation, canonicalJson(refresh.shape), at]);
}

async function grantsOf(tx: Transaction, from: string, to: string): Promise<string[]> {
  const { rows } = await tx.query<{ statement: string }>(
    `select format('grant %s on ${to.replaceAll("%", "%%").replaceAll("'", "''")} to %s%s', a.privilege_type, case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, case when a.is_grantable then ' with grant option' else '' end) as statement
     from pg_class c cross join lateral aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee where c.oid = to_regclass($1) and a.grantee <> c.relowner`,
    [from],
  );
  return rows.map(({ statement }) => statement);
}

/** Primary key and the indexes that readers need, on the table that was built; done before the swap, skipped where there. */
export function indexSql(options: { schema: string; table: string; refresh: RefreshState; trackChanges: boolean; indexes: readonly (readonly string[])[] }): { name: string; sql: string }[] {
  const { schema, table, refresh } = options;
  const names = tableNames(schema, table);
  const fields = new Set(refresh.shape.items.map((item) => item.field));
  const indexName = (suffix: string) => boundedName(`${table}__g${refresh.generation}_${suffix}`);
  const primary = indexName("pkey");
  const list = [{ name: primary, sql: `alter table ${names.build} add constraint ${quoteIdentifier(primary)} primary key (${keyList(refresh.shape)})` }];
  if (options.trackChanges) list.push({ name: indexName("sequence"), sql: `create index ${quoteIdentifier(indexName("sequence"))} on ${names.build} (zt_sequence)` });
  for (const columns of options.indexes) {
    if (columns.length === 0 || columns.some((column) => !fields.has(column))) continue;
    const name = indexName(`${columns.join("_").slice(0, 12)}_${list.length}`);
    list.push({ name, sql: `create index ${quoteIdentifier(name)} on ${names.build} (${columns.map(quoteIdentifier).join(", ")})` });
  }
  return list;
}
