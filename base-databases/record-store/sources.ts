import type { Reader, Transaction } from "#platform";
import { ConflictError, quoteIdentifier } from "#platform";
import type { BaseDefinition, BaseName, BilingualTitle, SourceDefinition } from "./definition.ts";

/** A department's landing table that feeds a base, with how far it has been read. */
export interface AttachedSource {
  id: number;
  base: BaseName;
  role: string;
  unit: string;
  titleZh: string;
  titleEn: string;
  feedId: string;
  schema: string;
  table: string;
  organisationId: string;
  grantId: string;
  entryId: string;
  /** Columns that the grant masks: shown nowhere as facts, never merged. */
  maskedFields: string[];
  state: "attached" | "detached";
  /** Undefined: never read to the end. */
  generation?: number;
  lastSequence: number;
  scan?: { generation: number; sequence: number; cursor?: string[] };
  rowsRead: number;
  processedAt?: Date;
  /** Why it is not being read, in words for its operator. */
  problem?: BilingualTitle;
}

interface SourceRow extends Record<string, unknown> {
  id: number;
  base: BaseName;
  role: string;
  unit: string;
  title_zh: string;
  title_en: string;
  feed_id: string;
  schema_name: string;
  table_name: string;
  organisation_id: string;
  grant_id: string;
  entry_id: string;
  masked_fields: string[];
  state: "attached" | "detached";
  generation: number | null;
  last_sequence: number;
  scan_generation: number | null;
  scan_sequence: number | null;
  scan_cursor: string[] | null;
  rows_read: number;
  processed_at: Date | null;
  problem: BilingualTitle | null;
}

const toSource = (row: SourceRow): AttachedSource => ({
  id: row.id,
  base: row.base,
  role: row.role,
  unit: row.unit,
  titleZh: row.title_zh,
  titleEn: row.title_en,
  feedId: row.feed_id,
  schema: row.schema_name,
  table: row.table_name,
  organisationId: row.organisation_id,
  grantId: row.grant_id,
  entryId: row.entry_id,
  maskedFields: row.masked_fields,
  state: row.state,
  ...(row.generation === null ? {} : { generation: row.generation }),
  lastSequence: row.last_sequence,
  ...(row.scan_generation === null ? {} : { scan: { generation: row.scan_generation, sequence: row.scan_sequence ?? 0, ...(row.scan_cursor === null ? {} : { cursor: row.scan_cursor }) } }),
  rowsRead: row.rows_read,
  ...(row.processed_at === null ? {} : { processedAt: row.processed_at }),
  ...(row.problem === null ? {} : { problem: row.problem }),
});

export async function listSources(reader: Reader, filter: { base?: BaseName; state?: AttachedSource["state"] } = {}): Promise<AttachedSource[]> {
  const { rows } = await reader.query<SourceRow>("select * from base.source where ($1::text is null or base = $1) and ($2::text is null or state = $2) order by id", [filter.base ?? null, filter.state ?? null]);
  return rows.map(toSource);
}

/** Its position moves by one reader at a time. */
export async function lockSource(tx: Transaction, id: number): Promise<AttachedSource | undefined> {
  const { rows } = await tx.query<SourceRow>("select * from base.source where id = $1 for update", [id]);
  return rows[0] && toSource(rows[0]);
}

export interface AttachSourceInput {
  base: BaseName;
  /** Which of the definition's sources this is, such as `gongan.household`. */
  role: string;
  feedId: string;
  schema: string;
  table: string;
  /** The department that provides the rows. */
  organisationId: string;
  grantId: string;
  entryId: string;
  maskedFields?: readonly string[];
}

/** Attaches, or attaches again to another table or grant: then everything is read anew. */
export async function upsertSource(tx: Transaction, definition: SourceDefinition, input: AttachSourceInput, at: Date): Promise<void> {
  await tx.query(
    `insert into base.source (id, base, role, unit, title_zh, title_en, feed_id, schema_name, table_name, organisation_id, grant_id, entry_id, masked_fields, state, attached_at, last_sequence, rows_read)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'attached', $14, 0, 0)
     on conflict (id) do update set feed_id = excluded.feed_id, schema_name = excluded.schema_name, table_name = excluded.table_name, organisation_id = excluded.organisation_id, grant_id = excluded.grant_id,
       entry_id = excluded.entry_id, masked_fields = excluded.masked_fields, state = 'attached', attached_at = excluded.attached_at, generation = case when base.source.generation is null and base.source.scan_generation is null then null else -1 end, last_sequence = 0, scan_generation = null, scan_sequence = null, scan_cursor = null, problem = null`,
    [definition.id, input.base, definition.role, definition.unit, definition.title.zh, definition.title.en, input.feedId, input.schema, input.table, input.organisationId, input.grantId, input.entryId, [...(input.maskedFields ?? [])], at],
  );
}

export interface SourcePosition {
  generation?: number;
  lastSequence: number;
  scan?: AttachedSource["scan"];
  rows: number;
  problem?: BilingualTitle;
}

export async function saveSourcePosition(tx: Transaction, sourceId: number, position: SourcePosition, at: Date): Promise<void> {
  await tx.query("update base.source set generation = $2, last_sequence = $3, scan_generation = $4, scan_sequence = $5, scan_cursor = $6, rows_read = rows_read + $7, processed_at = $8, problem = $9 where id = $1", [sourceId, position.generation ?? null, position.lastSequence, position.scan?.generation ?? null, position.scan?.sequence ?? null, position.scan?.cursor ?? null, position.rows, at, position.problem === undefined ? null : JSON.stringify(position.problem)]);
}

/** Attached sources that have something to read, or whose state has to be looked at: an idle turn costs two queries. */
export async function listSourcesToRead(reader: Reader, base: BaseName): Promise<AttachedSource[]> {
  const sources = await listSources(reader, { base, state: "attached" });
  const known = await reader.query("select 1 where to_regclass('exchange_target.feed') is not null");
  if (known.rowCount === 0) return sources.filter((source) => source.problem === undefined);
  const { rows } = await reader.query<{ feed_id: string; generation: number; applied_sequence: number }>("select feed_id, generation, applied_sequence from exchange_target.feed where feed_id = any($1)", [sources.map((source) => source.feedId)]);
  const feeds = new Map(rows.map((row) => [row.feed_id, row]));
  return sources.filter((source) => {
    const feed = feeds.get(source.feedId);
    if (!feed) return source.problem === undefined;
    return source.problem !== undefined || source.generation !== feed.generation || source.lastSequence < feed.applied_sequence;
  });
}

/** What the subscriber says of a feed (docs/architecture.md 5). */
export interface LandingFeed {
  generation: number;
  appliedSequence: number;
}

export async function findLandingFeed(reader: Reader, feedId: string): Promise<LandingFeed | undefined> {
  const known = await reader.query("select 1 where to_regclass('exchange_target.feed') is not null");
  if (known.rowCount === 0) return undefined;
  const { rows } = await reader.query<{ generation: number; applied_sequence: number }>("select generation, applied_sequence from exchange_target.feed where feed_id = $1", [feedId]);
  const row = rows[0];
  return row && { generation: row.generation, appliedSequence: row.applied_sequence };
}

/** A landing table as it is now: its columns and primary key. */
export interface LandingTable {
  /** Quoted, with schema. */
  sql: string;
  deletedSql?: string;
  columns: ReadonlyMap<string, string>;
  keyColumns: readonly string[];
}

export async function findLandingTable(reader: Reader, source: Pick<AttachedSource, "schema" | "table">): Promise<LandingTable | undefined> {
  const sql = `${quoteIdentifier(source.schema)}.${quoteIdentifier(source.table)}`;
  const deleted = `${quoteIdentifier(source.schema)}.${quoteIdentifier(`${source.table}__deleted`)}`;
  const { rows } = await reader.query<{ name: string; type: string; key_position: number | null; has_deleted: boolean }>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, array_position(i.indkey::smallint[], a.attnum) as key_position, to_regclass($2) is not null as has_deleted
     from pg_catalog.pg_attribute a left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
     where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [sql, deleted],
  );
  if (rows.length === 0) return undefined;
  const keyColumns = rows.filter((row) => row.key_position !== null).sort((a, b) => a.key_position! - b.key_position!);
  if (keyColumns.length === 0) throw new ConflictError(`The landing table ${sql} has no primary key`, { zh: `落地表 ${sql} 没有主键`, code: "source.no-primary-key", nextStep: "A subscriber makes it with the grant's key fields: make the feed apply anew." });
  return { sql, columns: new Map(rows.map((row) => [row.name, row.type])), keyColumns: keyColumns.map((row) => row.name), ...(rows[0]!.has_deleted ? { deletedSql: deleted } : {}) };
}

/** Stands between the parts of a composite row key; no text from a feed contains it. */
export const rowKeySeparator = "\u001f";

/** The row's primary key as one text. */
export function rowKeySql(alias: string, table: Pick<LandingTable, "keyColumns">): string {
  const parts = table.keyColumns.map((column) => `${alias}.${quoteIdentifier(column)}::text`);
  return parts.length === 1 ? parts[0]! : `concat_ws(E'\\u001f', ${parts.join(", ")})`;
}

/** Finds the row of a row key by the primary key's index. */
export function rowKeyMatchSql(alias: string, table: LandingTable, rowKey: string): string {
  const cast = (column: string, part: string) => `${alias}.${quoteIdentifier(column)} = ${table.columns.get(column) === "text" ? part : `(${part})::${table.columns.get(column)!}`}`;
  if (table.keyColumns.length === 1) return cast(table.keyColumns[0]!, rowKey);
  return table.keyColumns.map((column, index) => cast(column, `split_part(${rowKey}, E'\\u001f', ${index + 1})`)).join(" and ");
}

/** Whether the row's primary key is the base's key itself: then no link is needed to find a person's row. */
export function isDirect(source: SourceDefinition, table: Pick<LandingTable, "keyColumns" | "columns">): boolean {
  return table.keyColumns.length === 1 && table.keyColumns[0] === source.keyColumn && table.columns.get(source.keyColumn) === "text";
}

export function sourceDefinition(definition: BaseDefinition, role: string): SourceDefinition | undefined {
  return definition.sources.find((source) => source.role === role);
}
