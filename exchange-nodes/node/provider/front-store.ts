import { createHash } from "node:crypto";
import { ensureSchema, quoteIdentifier, type Reader, type Transaction } from "#platform";
import { keyBucketSql, rowChecksumSql } from "../../protocol/checksum.ts";
import type { RelationColumn, RelationSchema } from "../sources/introspect.ts";

/**
 * A table of the front-end database (schema `front`): the node's own copy of the bound columns of one relation, with
 * a position for every version of a row that rises without gaps in commit order, and deleted rows kept as tombstones.
 * Whoever reads rows after a position misses nothing and never sees one appear behind it.
 */
export interface FrontTable {
  sourceName: string;
  /** Relation and key: feeds with different keys over one relation have tables of their own. */
  id: string;
  tableName: string;
  mode: FrontMode;
  columns: RelationColumn[];
  keyColumns: string[];
  phase: "snapshot" | "live";
  snapshotKey?: string[];
  watermark?: string;
  journalPosition: number;
  trimmedPosition: number;
  sweptAt?: Date;
}

export type FrontMode = "slot" | "poll" | "compare" | "file";

interface FrontRow extends Record<string, unknown> {
  source_name: string;
  relation: string;
  table_name: string;
  mode: FrontMode;
  columns: RelationColumn[];
  key_columns: string[];
  phase: FrontTable["phase"];
  snapshot_key: string[] | null;
  watermark: string | null;
  journal_position: number;
  trimmed_position: number;
  swept_at: Date | null;
}

const tableOf = (row: FrontRow): FrontTable => ({
  sourceName: row.source_name,
  id: row.relation,
  tableName: row.table_name,
  mode: row.mode,
  columns: row.columns,
  keyColumns: row.key_columns,
  phase: row.phase,
  ...(row.snapshot_key === null ? {} : { snapshotKey: row.snapshot_key }),
  ...(row.watermark === null ? {} : { watermark: row.watermark }),
  journalPosition: row.journal_position,
  trimmedPosition: row.trimmed_position,
  ...(row.swept_at === null ? {} : { sweptAt: row.swept_at }),
});

export const frontId = (relation: string, keyColumns: readonly string[]): string => `${relation} (${keyColumns.join(", ")})`;

/** Types whose values are copied as they are; all others arrive as their text. */
const copiedTypes = new Set(["int2", "int4", "int8", "numeric", "float4", "float8", "date", "timestamp", "timestamptz", "bool", "text", "varchar"]);

/** A column as it stands in the front-end table: limits are the department's business, so that a widened column fits. */
export function frontColumn(column: RelationColumn): RelationColumn {
  const baseType = copiedTypes.has(column.baseType) ? column.baseType : "text";
  return { ...column, baseType, type: baseType };
}

/** Unlimited character columns are text; everything else keeps its type. */
const sqlType = (column: RelationColumn): string => (column.baseType === "varchar" ? "text" : column.baseType);

/** What COPY selects from the source for a front-end column. */
export const sourceExpression = (column: RelationColumn): string => (copiedTypes.has(column.baseType) ? quoteIdentifier(column.name) : `${quoteIdentifier(column.name)}::text`);

/** Digest of a row and of its key, computed where the rows are; see `rowChecksumSql`. */
export const rowDigestSql = (columns: readonly string[]): string => rowChecksumSql(columns.map((column) => `${quoteIdentifier(column)}::text`));
export const keyDigestSql = (keyColumns: readonly string[]): string => keyBucketSql(keyColumns.map((column) => `${quoteIdentifier(column)}::text`), 2 ** 28);

export const frontRelation = (table: Pick<FrontTable, "tableName">): string => `front.${quoteIdentifier(table.tableName)}`;
/** Only what is there now, as feeds read it. */
export const presentRows = (table: Pick<FrontTable, "tableName">): string => `(select * from ${frontRelation(table)} where not zt_deleted) as present_rows`;

/** The relation that feeds see: the department's columns, keys and kind, under the front-end table's name. */
export function frontSchema(table: Pick<FrontTable, "tableName">, source: RelationSchema): RelationSchema {
  return { ...source, relation: `front.${table.tableName}`, columns: source.columns.map((column) => (copiedTypes.has(column.baseType) ? column : { ...column, type: "text", baseType: "text" })) };
}

function tableNameOf(sourceName: string, id: string): string {
  const digest = createHash("sha256").update(`${sourceName}\n${id}`).digest("hex").slice(0, 10);
  return `${id.replace(/ \(.*$/, "").replaceAll(/[^a-z0-9_]+/g, "_").slice(0, 40)}_${digest}`;
}

export async function findFrontTable(reader: Reader, sourceName: string, id: string, lock = false): Promise<FrontTable | undefined> {
  const { rows } = await reader.query<FrontRow>(`select * from node.front_table where source_name = $1 and relation = $2${lock ? " for update" : ""}`, [sourceName, id]);
  return rows[0] && tableOf(rows[0]);
}

export async function listFrontTables(reader: Reader, sourceName: string): Promise<FrontTable[]> {
  return (await reader.query<FrontRow>("select * from node.front_table where source_name = $1 order by relation", [sourceName])).rows.map(tableOf);
}

export interface EnsureFrontTable {
  sourceName: string;
  relation: string;
  columns: readonly RelationColumn[];
  keyColumns: readonly string[];
  mode: FrontMode;
  at: Date;
}

/**
 * Finds the table or makes it. Added columns are added (the next comparison fills them); a column of another type
 * makes the whole table begin again, behind a position that no feed has passed.
 */
export async function ensureFrontTable(tx: Transaction, wanted: EnsureFrontTable): Promise<FrontTable> {
  const id = frontId(wanted.relation, wanted.keyColumns);
  const columns = wanted.columns.map(frontColumn);
  const known = await findFrontTable(tx, wanted.sourceName, id, true);
  const retyped = known?.columns.some((column) => columns.some((other) => other.name === column.name && other.baseType !== column.baseType)) ?? false;
  const tableName = known?.tableName ?? tableNameOf(wanted.sourceName, id);
  const all = [...columns, ...(known?.columns ?? []).filter((column) => !columns.some((other) => other.name === column.name))];
  await ensureSchema(tx, "front");
  if (retyped) await tx.query(`drop table front.${quoteIdentifier(tableName)}`);
  const definitions = columns.map((column) => `${quoteIdentifier(column.name)} ${sqlType(column)}`);
  await tx.query(`create table if not exists front.${quoteIdentifier(tableName)} (${definitions.join(", ")}, zt_hash bigint, zt_key integer not null, zt_deleted boolean not null default false, zt_position bigint not null, primary key (${wanted.keyColumns.map(quoteIdentifier).join(", ")}))`);
  for (const definition of definitions) await tx.query(`alter table front.${quoteIdentifier(tableName)} add column if not exists ${definition}`);
  await tx.query(`create unique index if not exists ${quoteIdentifier(`${tableName}_journal`)} on front.${quoteIdentifier(tableName)} (zt_position)`);
  const widened = known !== undefined && columns.some((column) => !known.columns.some((other) => other.name === column.name));
  const { rows } = await tx.query<FrontRow>(
    `insert into node.front_table (source_name, relation, table_name, mode, columns, key_columns, phase, updated_at) values ($1, $2, $3, $4, $5, $6, 'snapshot', $7)
     on conflict (source_name, relation) do update set mode = excluded.mode, columns = excluded.columns, updated_at = excluded.updated_at,
       phase = case when $8 then 'snapshot' else node.front_table.phase end, snapshot_key = case when $8 then null else node.front_table.snapshot_key end,
       swept_at = case when $8 or $9 then null else node.front_table.swept_at end, watermark = case when $8 then null else node.front_table.watermark end,
       journal_position = node.front_table.journal_position + case when $8 then 1 else 0 end,
       trimmed_position = case when $8 then node.front_table.journal_position + 1 else node.front_table.trimmed_position end
     returning *`,
    [wanted.sourceName, id, tableName, wanted.mode, JSON.stringify(retyped ? columns : all), wanted.keyColumns, wanted.at, retyped, widened],
  );
  return tableOf(rows[0]!);
}

/** Nobody reads it any more. */
export async function dropFrontTable(tx: Transaction, table: FrontTable): Promise<void> {
  await tx.query(`drop table if exists ${frontRelation(table)}`);
  await tx.query("delete from node.front_table where source_name = $1 and relation = $2", [table.sourceName, table.id]);
}

/** A table for rows on their way into the front-end table; gone with the transaction. */
export async function createStaging(tx: Transaction, table: FrontTable, columns: readonly RelationColumn[]): Promise<void> {
  await tx.query("drop table if exists front_staging");
  await tx.query(`create temporary table front_staging (${columns.map((column) => `${quoteIdentifier(column.name)} ${sqlType(frontColumn(column))}`).join(", ")}, zt_hash bigint, zt_key integer) on commit drop`);
}

export interface MergeResult {
  changed: number;
  deleted: number;
}

export interface MergeOptions {
  columns: readonly RelationColumn[];
  /** Which rows are gone when they are not in the staging table. `buckets`: of those key buckets. */
  gone: "none" | "all" | { buckets: number; numbers: readonly number[] };
  at: Date;
  progress?: { snapshotKey?: readonly string[]; phase?: FrontTable["phase"]; watermark?: string; swept?: boolean };
}

/** Takes the staging table over: rows that are new or differ get the next positions, rows that are gone become tombstones. */
export async function mergeStaging(tx: Transaction, table: FrontTable, options: MergeOptions): Promise<MergeResult> {
  const { columns, gone, progress = {} } = options;
  const relation = frontRelation(table);
  const names = columns.map((column) => quoteIdentifier(column.name));
  const keys = table.keyColumns.map(quoteIdentifier);
  const same = keys.map((key) => `f.${key} = s.${key}`).join(" and ");
  // The lock makes positions visible in their order.
  const locked = await findFrontTable(tx, table.sourceName, table.id, true);
  if (locked === undefined) return { changed: 0, deleted: 0 };
  const base = locked.journalPosition;
  await tx.query("analyze front_staging");
  const { rowCount: changed } = await tx.query(
    `insert into ${relation} (${names.join(", ")}, zt_hash, zt_key, zt_deleted, zt_position)
     select ${names.map((name) => `s.${name}`).join(", ")}, s.zt_hash, s.zt_key, false, $1 + row_number() over ()
     from front_staging s left join ${relation} f on ${same} where f.zt_position is null or f.zt_deleted or f.zt_hash is distinct from s.zt_hash
     on conflict (${keys.join(", ")}) do update set ${[...names, "zt_hash", "zt_key", "zt_deleted", "zt_position"].map((name) => `${name} = excluded.${name}`).join(", ")}`,
    [base],
  );
  let deleted = 0;
  if (gone !== "none") {
    const where = gone === "all" ? "" : "and f.zt_key % $2::integer = any($3::integer[])";
    ({ rowCount: deleted } = await tx.query(
      `update ${relation} t set zt_deleted = true, zt_position = $1 + d.n
       from (select f.ctid as place, row_number() over () as n from ${relation} f where not f.zt_deleted ${where} and not exists (select 1 from front_staging s where ${same})) d
       where t.ctid = d.place`,
      [base + changed, ...(gone === "all" ? [] : [gone.buckets, gone.numbers])],
    ));
  }
  await tx.query(
    `update node.front_table set journal_position = $3, snapshot_key = coalesce($4, snapshot_key), phase = coalesce($5, phase), watermark = coalesce($6, watermark),
       swept_at = case when $7 then $8 else swept_at end, updated_at = $8 where source_name = $1 and relation = $2`,
    [table.sourceName, table.id, base + changed + deleted, progress.snapshotKey ?? null, progress.phase ?? null, progress.watermark ?? null, progress.swept ?? false, options.at],
  );
  return { changed, deleted };
}

/** Removes tombstones that every feed over the table has read. */
export async function trimTombstones(tx: Transaction, table: FrontTable, at: Date): Promise<void> {
  const locked = await findFrontTable(tx, table.sourceName, table.id, true);
  if (locked === undefined) return;
  const { rows } = await tx.query<{ oldest: number | null }>("select min(position_lsn) as oldest from node.feed where relation = $1 and source_name = $2 and state <> 'stopped' and phase <> 'ended' and refresh_begun", [`front.${table.tableName}`, table.sourceName]);
  const until = rows[0]!.oldest ?? locked.journalPosition;
  const { rowCount } = await tx.query(`delete from ${frontRelation(table)} where zt_deleted and zt_position <= $1`, [until]);
  if (rowCount > 0) await tx.query("update node.front_table set trimmed_position = greatest(trimmed_position, $3), updated_at = $4 where source_name = $1 and relation = $2", [table.sourceName, table.id, until, at]);
}
