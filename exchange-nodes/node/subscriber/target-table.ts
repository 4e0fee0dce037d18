import { createHash } from "node:crypto";
import type { DataItem } from "#standards";
import { quoteIdentifier } from "#platform";
import { columnType } from "../../protocol/copy-text.ts";

/** The columns of a target table: what a generation's rows look like. */
export interface TableShape {
  /** Granted items in wire order: key fields first. */
  items: Pick<DataItem, "field" | "type" | "length" | "scale">[];
  keyFields: string[];
}

/** Names of a feed's tables in its target database, quoted and with their schema. */
export interface TableNames {
  schema: string;
  table: string;
  /** Keys of deleted rows, with the position of the deletion. */
  deleted: string;
  /** Built beside during a refresh. */
  build: string;
  /** Keys that changes deleted from it. */
  buildDeleted: string;
  /** Live changes that wait for the end of a refresh. */
  aside: string;
}

/** Identifiers have 63 bytes; what would be longer ends in a digest. */
export function boundedName(name: string): string {
  return Buffer.byteLength(name) <= 63 ? name : `${name.slice(0, 50)}_${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}

export function tableNames(schema: string, table: string): TableNames {
  const qualified = (suffix: string) => `${quoteIdentifier(schema)}.${quoteIdentifier(boundedName(`${table}${suffix}`))}`;
  return { schema, table: qualified(""), deleted: qualified("__deleted"), build: qualified("__build"), buildDeleted: qualified("__build_deleted"), aside: qualified("__aside") };
}

const fieldsOf = (shape: TableShape) => shape.items.map((item) => item.field);

export const columnList = (shape: TableShape): string => fieldsOf(shape).map(quoteIdentifier).join(", ");
export const keyList = (shape: TableShape): string => shape.keyFields.map(quoteIdentifier).join(", ");

export const typedColumn = (item: TableShape["items"][number]): string => `${quoteIdentifier(item.field)} ${columnType(item)}`;
const typedColumns = (shape: TableShape): string => shape.items.map(typedColumn).join(", ");

/**
 * Statistics are kept off small tables: of a table that was analysed while empty PostgreSQL believes that it stays so,
 * and then reads its whole index for each key (measured: 5,750 lookups in 178 s). Without statistics it assumes ten pages.
 */
export const smallTableRows = 10_000;
const storage = `with (autovacuum_analyze_threshold = ${smallTableRows}, autovacuum_vacuum_threshold = ${smallTableRows}, autovacuum_vacuum_insert_threshold = ${smallTableRows})`;

/** The table under construction: no index yet; every chunk row is a version of the position at which the refresh began. */
export function createBuildSql(names: TableNames, shape: TableShape, begin: { lsn: string; index: number; sequence: number }): string {
  const defaults = { lsn: BigInt(begin.lsn), index: Math.trunc(begin.index), sequence: Math.trunc(begin.sequence) };
  return `create table ${names.build} (${typedColumns(shape)}, zt_lsn bigint not null default ${defaults.lsn}, zt_index integer not null default ${defaults.index}, zt_sequence bigint not null default ${defaults.sequence}) ${storage}`;
}

/** Columns of staged change lines, in the order of `partitionLines`. */
export function stageColumns(shape: TableShape): string {
  return `zt_sequence bigint not null, zt_op text not null, zt_lsn bigint not null, zt_index integer not null, ${typedColumns(shape)}`;
}

export function createDeletedSql(table: string, shape: TableShape): string {
  const keys = shape.items.filter((item) => shape.keyFields.includes(item.field));
  return `create table ${table} (${keys.map((item) => `${quoteIdentifier(item.field)} ${columnType(item)} not null`).join(", ")}, zt_lsn bigint not null, zt_index integer not null, zt_sequence bigint not null, primary key (${keyList(shape)})) ${storage}`;
}

export interface ApplySqlOptions {
  names: TableNames;
  shape: TableShape;
  /** Where the rows go: the table itself, or the one that is being built. */
  into: "table" | "build";
  /** A relation with `stageColumns`: a staging table, or `lines` to take them from a parameter. */
  from: string | { linesParameter: number };
  /** Deletions are among the lines, or some are remembered: without either, half of the statement falls away. */
  deletes: boolean;
}

/**
 * One statement that brings staged changes into a table, whatever was applied before:
 * the newest version of each key is compared with the row that is there and with the deletion that is remembered; only
 * a newer one takes effect; a row that would not change is not written (no row version, no lock). The caller turns
 * hash and merge joins off, so that rows are found through the key's index and their ctid whatever the statistics say.
 * Everything is judged before the first row is written (the count in `added`): lookups do not meet what they lead to.
 * Answers with one row: `upserted`, `removed`.
 */
export function applySql({ names, shape, into: which, from, deletes }: ApplySqlOptions): string {
  const into = which === "table" ? names.table : names.build;
  const deleted = which === "table" ? names.deleted : names.buildDeleted;
  const fields = fieldsOf(shape);
  const others = fields.filter((field) => !shape.keyFields.includes(field));
  const q = quoteIdentifier;
  const sameKey = (a: string, b: string) => shape.keyFields.map((key) => `${a}.${q(key)} = ${b}.${q(key)}`).join(" and ");
  const list = (alias: string, names_: readonly string[]) => names_.map((field) => `${alias}.${q(field)}`).join(", ");
  const differs = others.length === 0 ? "false" : `(${list("t", others)}) is distinct from (${list("l", others)})`;
  // Any order of the keys will do, so the quickest: bytes.
  const ordered = shape.keyFields.map((key) => (columnType(shape.items.find((item) => item.field === key)!) === "text" ? `${q(key)} collate "C"` : q(key))).join(", ");
  const staged =
    typeof from === "string"
      ? `select * from ${from}`
      : `select c[1]::bigint as zt_sequence, c[2] as zt_op, c[3]::bigint as zt_lsn, c[4]::integer as zt_index, ${shape.items.map((item, index) => `c[${index + 5}]${columnType(item) === "text" ? "" : `::${columnType(item)}`} as ${q(item.field)}`).join(", ")}
         from (select string_to_array(line, e'\\t', '\\N') as c from string_to_table($${from.linesParameter}, e'\\n') as line where line <> '') as cut`;
  const parts = [
    `staged as (${staged})`,
    `latest as materialized (select distinct on (${ordered}) * from staged order by ${ordered}, zt_lsn desc, zt_index desc)`,
    `judged as materialized (
  select l.*, t.row_id, t.differs
  from latest l
  left join lateral (select t.ctid as row_id, t.zt_lsn, t.zt_index, ${differs} as differs from ${into} t where ${sameKey("t", "l")}) t on true
  ${deletes ? `left join lateral (select d.zt_lsn, d.zt_index from ${deleted} d where ${sameKey("d", "l")}) d on true` : ""}
  where (t.zt_lsn is null or (l.zt_lsn, l.zt_index) > (t.zt_lsn, t.zt_index))${deletes ? " and (d.zt_lsn is null or (l.zt_lsn, l.zt_index) > (d.zt_lsn, d.zt_index))" : ""}
)`,
    `changed as (update ${into} t set ${[...others, "zt_lsn", "zt_index", "zt_sequence"].map((field) => `${q(field)} = j.${q(field)}`).join(", ")} from judged j where t.ctid = j.row_id and j.zt_op = 'U' and j.differs returning 1)`,
    `added as (insert into ${into} (${columnList(shape)}, zt_lsn, zt_index, zt_sequence) select ${list("j", fields)}, j.zt_lsn, j.zt_index, j.zt_sequence from judged j where j.row_id is null and j.zt_op = 'U' and (select count(*) from judged) >= 0 returning 1)`,
  ];
  if (deletes) {
    parts.push(
      `removed as (delete from ${into} t using judged j where t.ctid = j.row_id and j.zt_op = 'D' returning 1)`,
      `risen as (delete from ${deleted} d using judged j where j.zt_op = 'U' and ${sameKey("d", "j")})`,
      `buried as (insert into ${deleted} as d (${keyList(shape)}, zt_lsn, zt_index, zt_sequence) select ${list("j", shape.keyFields)}, j.zt_lsn, j.zt_index, j.zt_sequence from judged j where j.zt_op = 'D'
  on conflict (${keyList(shape)}) do update set zt_lsn = excluded.zt_lsn, zt_index = excluded.zt_index, zt_sequence = excluded.zt_sequence)`,
    );
  }
  return `with ${parts.join(",\n")}
select (select count(*) from changed) + (select count(*) from added) as upserted, ${deletes ? "(select count(*) from removed)" : "0"} as removed`;
}

/** Plans that do not depend on statistics: found by key and by ctid, never by reading the whole table. */
export const applySettings: readonly [string, string][] = [
  ["enable_hashjoin", "off"],
  ["enable_mergejoin", "off"],
  ["enable_seqscan", "off"],
  ["enable_bitmapscan", "off"],
  ["jit", "off"],
  ["work_mem", "64MB"],
  ["datestyle", "ISO, YMD"],
];

/** Leaves the newest version of each key of the table that is being built. */
export function dedupeSql({ build }: TableNames, shape: TableShape): string {
  return `delete from ${build} using (select ctid as row_id, row_number() over (partition by ${keyList(shape)} order by zt_lsn desc, zt_index desc, ctid desc) as place from ${build}) as ranked where ${build}.ctid = ranked.row_id and ranked.place > 1`;
}
