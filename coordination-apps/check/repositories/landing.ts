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

/** Feeds that a grant no longer covers: their rows may not be used any more, even if the table still stands. */
const endedStates = new Set(["revoking", "revoked", "expired", "stopped"]);

interface FeedRow {
  grant_id: string;
  schema_name: string;
  table_name: string;
  generation: number;
  applied_sequence: number;
  state: string;
  updated_at: Date;
}

export async function readLanding(reader: Reader, binding: InputBinding): Promise<LandingState> {
  const unavailable = (message: string, zh: string): LandingState => ({ unavailable: { message, zh } });
  const { rows: present } = await reader.query<{ feed: string | null }>("select to_regclass('exchange_target.feed') as feed");
  if (present[0]!.feed === null) return unavailable("no feed has been delivered to this database yet", "本库尚未收到任何数据流");
  const { rows } = await reader.query<FeedRow & Record<string, unknown>>("select grant_id, schema_name, table_name, generation, coalesce(applied_sequence, 0) as applied_sequence, state, updated_at from exchange_target.feed where feed_id = $1", [binding.feedId]);
  const feed = rows[0];
  if (!feed) return unavailable(`feed ${binding.feedId} has not delivered anything yet`, `数据流 ${binding.feedId} 尚未送达`);
  if (feed.schema_name !== binding.schema || feed.table_name !== binding.table || feed.grant_id !== binding.grantId) return unavailable(`feed ${binding.feedId} is applied to ${feed.schema_name}.${feed.table_name} under grant ${feed.grant_id}, not as it was attached`, `数据流 ${binding.feedId} 的落地表或授权与挂接时不一致`);
  if (endedStates.has(feed.state)) return unavailable(`feed ${binding.feedId} has ended (${feed.state}): the grant no longer covers its rows`, `数据流 ${binding.feedId} 已停止（${feed.state}），授权不再有效`);

  const columns = await readColumns(reader, binding.schema, binding.table);
  if (!columns) return unavailable(`table ${binding.schema}.${binding.table} is not there yet`, `落地表 ${binding.schema}.${binding.table} 尚不存在`);
  const deleted = await readColumns(reader, binding.schema, `${binding.table}__deleted`);
  return {
    table: {
      ...binding,
      oid: columns.oid,
      sql: `${quoteIdentifier(binding.schema)}.${quoteIdentifier(binding.table)}`,
      deletedSql: deleted ? `${quoteIdentifier(binding.schema)}.${quoteIdentifier(`${binding.table}__deleted`)}` : undefined,
      columns: columns.types,
      keyColumns: columns.keys,
      generation: feed.generation,
      appliedSequence: feed.applied_sequence,
      updatedAt: feed.updated_at,
    },
  };
}

async function readColumns(reader: Reader, schema: string, table: string): Promise<{ oid: number; types: Map<string, string>; keys: string[] } | undefined> {
  const { rows } = await reader.query<{ oid: number; name: string; type: string; key: boolean }>(
    `select c.oid::bigint as oid, a.attname as name, format_type(a.atttypid, null) as type,
            coalesce(a.attnum = any((select i.indkey::smallint[] from pg_index i where i.indrelid = c.oid and i.indisprimary)::smallint[]), false) as key
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
     order by a.attnum`,
    [schema, table],
  );
  if (rows.length === 0) return undefined;
  return { oid: rows[0]!.oid, types: new Map(rows.map((row) => [row.name, row.type])), keys: rows.filter((row) => row.key).map((row) => row.name) };
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
