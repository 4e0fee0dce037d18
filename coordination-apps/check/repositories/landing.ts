import { quoteIdentifier, type Reader } from "#platform";
import type { FieldDeclaration } from "../model/definition.ts";

/**
 * The check's only door to data: tables that exchange applies granted feeds to (docs/architecture.md, 5). A role's rows
 * come from the table of its feed, and only while `exchange_target.feed` vouches for that table.
 */
export interface LandingTable {
  feedId: string;
  grantId: string;
  organisationId: string;
  schema: string;
  table: string;
  /** pg_class.oid: another one after a full refresh. */
  oid: number;
  /** Quoted, with schema. */
  sql: string;
  /** Quoted, with schema; absent when the subscriber does not track deletes. */
  deletedSql: string | undefined;
  columns: ReadonlyMap<string, string>;
  keyColumns: string[];
  generation: number;
  /** Everything up to this batch sequence is applied. */
  appliedSequence: number;
  updatedAt: Date;
}

export interface InputBinding {
  feedId: string;
  grantId: string;
  organisationId: string;
  schema: string;
  table: string;
}

export type LandingState = { table: LandingTable } | { unavailable: { message: string; zh: string } };

/** A feed that was stopped because its grant ended: its rows may not be used any more, even if the table still stands. */
const endedStates = new Set(["stopped", "revoked", "expired"]);

interface FeedRow {
  feed_id: string;
  grant_id: string;
  schema_name: string;
  table_name: string;
  generation: number;
  applied_sequence: number;
  state: string;
  updated_at: Date;
}

/** What stands behind each binding now, in two queries for all of them. */
export async function readLandings(reader: Reader, bindings: readonly InputBinding[]): Promise<Map<InputBinding, LandingState>> {
  const { rows: present } = await reader.query<{ feed: string | null }>("select to_regclass('exchange_target.feed') as feed");
  const feeds = new Map<string, FeedRow>();
  if (present[0]!.feed !== null) {
    const { rows } = await reader.query<FeedRow & Record<string, unknown>>("select feed_id, grant_id, schema_name, table_name, generation, coalesce(applied_sequence, 0) as applied_sequence, state, updated_at from exchange_target.feed where feed_id = any($1)", [bindings.map((binding) => binding.feedId)]);
    for (const row of rows) feeds.set(row.feed_id, row);
  }
  const tables = await readTables(reader, bindings);
  return new Map(bindings.map((binding) => [binding, present[0]!.feed === null ? unavailable("no feed has been delivered to this database yet", "本库尚未收到任何数据流") : toState(binding, feeds.get(binding.feedId), tables)]));
}

const unavailable = (message: string, zh: string): LandingState => ({ unavailable: { message, zh } });

function toState(binding: InputBinding, feed: FeedRow | undefined, tables: ReadonlyMap<string, TableShape>): LandingState {
  if (!feed) return unavailable(`feed ${binding.feedId} has not delivered anything yet`, `数据流 ${binding.feedId} 尚未送达`);
  if (feed.schema_name !== binding.schema || feed.table_name !== binding.table || feed.grant_id !== binding.grantId) return unavailable(`feed ${binding.feedId} is applied to ${feed.schema_name}.${feed.table_name} under grant ${feed.grant_id}, not as it was attached`, `数据流 ${binding.feedId} 的落地表或授权与挂接时不一致`);
  if (endedStates.has(feed.state)) return unavailable(`feed ${binding.feedId} has ended (${feed.state}): the grant no longer covers its rows`, `数据流 ${binding.feedId} 已停止（${feed.state}），授权不再有效`);
  if (feed.generation === 0) return unavailable(`the first load of feed ${binding.feedId} is not complete yet`, `数据流 ${binding.feedId} 首次装载尚未完成`);
  const shape = tables.get(nameOf(binding.schema, binding.table));
  if (!shape) return unavailable(`table ${binding.schema}.${binding.table} is not there yet`, `落地表 ${binding.schema}.${binding.table} 尚不存在`);
  const sqlOf = (table: string) => `${quoteIdentifier(binding.schema)}.${quoteIdentifier(table)}`;
  return {
    table: {
      feedId: binding.feedId,
      grantId: binding.grantId,
      organisationId: binding.organisationId,
      schema: binding.schema,
      table: binding.table,
      oid: shape.oid,
      sql: sqlOf(binding.table),
      deletedSql: tables.has(nameOf(binding.schema, deletedTable(binding.table))) ? sqlOf(deletedTable(binding.table)) : undefined,
      columns: shape.types,
      keyColumns: shape.keys,
      generation: feed.generation,
      appliedSequence: feed.applied_sequence,
      updatedAt: feed.updated_at,
    },
  };
}

interface TableShape {
  oid: number;
  types: Map<string, string>;
  keys: string[];
}

const nameOf = (schema: string, table: string) => JSON.stringify([schema, table]);
const deletedTable = (table: string) => `${table}__deleted`;

async function readTables(reader: Reader, bindings: readonly InputBinding[]): Promise<Map<string, TableShape>> {
  const names = bindings.flatMap(({ schema, table }) => [{ schema, table }, { schema, table: deletedTable(table) }]);
  const { rows } = await reader.query<{ schema: string; table: string; oid: number; name: string; type: string; key: boolean }>(
    `select n.nspname as schema, c.relname as "table", c.oid::bigint as oid, a.attname as name, format_type(a.atttypid, null) as type, coalesce(a.attnum = any(i.indkey::smallint[]), false) as key
     from unnest($1::text[], $2::text[]) as wanted(schema, "table") join pg_namespace n on n.nspname = wanted.schema join pg_class c on c.relnamespace = n.oid and c.relname = wanted."table"
       join pg_attribute a on a.attrelid = c.oid left join pg_index i on i.indrelid = c.oid and i.indisprimary
     where c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
     order by c.oid, a.attnum`,
    [names.map((one) => one.schema), names.map((one) => one.table)],
  );
  const tables = new Map<string, TableShape>();
  for (const row of rows) {
    const name = nameOf(row.schema, row.table);
    const shape = tables.get(name) ?? { oid: row.oid, types: new Map<string, string>(), keys: [] };
    tables.set(name, shape);
    shape.types.set(row.name, row.type);
    if (row.key) shape.keys.push(row.name);
  }
  return tables;
}

const fits: Record<FieldDeclaration["type"], readonly string[]> = {
  text: ["text", "character varying", "character"],
  date: ["date", "timestamp without time zone"],
  number: ["numeric", "integer", "bigint", "smallint", "double precision", "real"],
  boolean: ["boolean"],
};

/** Which of the fields that are needed the table lacks, or has with another type. */
export function missingFields(table: LandingTable, declared: readonly FieldDeclaration[], needed: ReadonlySet<string>): string[] {
  return declared.filter(({ field, type }) => needed.has(field) && !fits[type].includes(table.columns.get(field) ?? "")).map(({ field }) => field);
}

/** A column as the declared type. Plain where nothing need be cast, so that indexes serve. */
export function columnSql(alias: string, field: string, declared: FieldDeclaration["type"], actual: string | undefined): string {
  const column = `${alias}.${quoteIdentifier(field)}`;
  if (declared === "date" && actual !== "date") return `${column}::date`;
  return column;
}

/** The evidence row's key as one text: a JSON array of its key values, in the order in which the role names them. */
export function keySql(alias: string, keyFields: readonly string[]): string {
  return `jsonb_build_array(${keyFields.map((field) => `${alias}.${quoteIdentifier(field)}`).join(", ")})::text`;
}

/** Finds an evidence row by a recorded key: `h.evidence_key` taken apart, each part as the column's type. */
export function keyMatchSql(alias: string, keyFields: readonly string[], columns: ReadonlyMap<string, string>, key: string): string {
  // `character` without a length would be read as one character.
  const typeOf = (field: string) => (columns.get(field) === "character" ? "bpchar" : (columns.get(field) ?? "text"));
  return keyFields.map((field, index) => `${alias}.${quoteIdentifier(field)} = (${key}::jsonb ->> ${index})::${typeOf(field)}`).join(" and ");
}

/**
 * Sees that claims find their evidence by an index and that the planner knows the table: without statistics it takes a
 * freshly copied table of 10M rows for a few hundred per person and reads it whole (1.1 s instead of 0.04 s).
 */
export async function prepareTable(reader: Reader, table: LandingTable, matchField: string): Promise<void> {
  const { rows } = await reader.query<{ found: boolean }>(
    "select exists (select 1 from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] where i.indrelid = $1::bigint::oid and a.attname = $2 and i.indisvalid) as found",
    [table.oid, matchField],
  );
  if (!rows[0]!.found) await reader.query(`create index on ${table.sql} (${quoteIdentifier(matchField)})`);
  await reader.query(`analyze ${table.sql}`);
}
