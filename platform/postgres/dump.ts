import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { eachAtOnce } from "../loops/each-at-once.ts";
import { quoteIdentifier, type Database } from "./database.ts";

/**
 * A database's contents as of one instant, as COPY text in compressed files: what `pg_dump --data-only` would give,
 * without a client program of the server's version. Schemas are made again by migrations; tables that no migration
 * makes (those that feeds are applied to) are described in the dump and made from that.
 */
export interface DatabaseDump {
  /** As the server names it, e.g. `18.4`. */
  serverVersion: string;
  migrations: { schema: string; number: number; name: string; checksum: string }[];
  tables: DumpedTable[];
  sequences: { schema: string; name: string; value: string; called: boolean }[];
}

export interface DumpedTable {
  schema: string;
  name: string;
  definition: TableDefinition;
  /** Absent when only the table, and none of its rows, is in the dump. */
  data?: { file: string; columns: string[]; rows: number; bytes: number; sha256: string };
}

export interface TableDefinition {
  columns: { name: string; type: string; notNull: boolean; default?: string; identity?: "always" | "by default"; generated?: string }[];
  /** Storage parameters, `name=value`. */
  options: string[];
  /** But foreign keys: those are the migrations'. */
  constraints: { name: string; definition: string }[];
  /** But those that a constraint makes. */
  indexes: string[];
}

/** What a dump holds of a table: its rows, only the table, or nothing. */
export type DumpPart = "rows" | "table" | "nothing";

/** Everything read through it is as of one instant. */
export interface DatabaseSnapshot {
  readonly id: string;
  readonly database: Database;
  readonly client: pg.Client;
  close(): Promise<void>;
}

/** Takes the snapshot; vacuum keeps what it can still see, so it is closed as soon as it may be. */
export async function openSnapshot(database: Database): Promise<DatabaseSnapshot> {
  const client = await database.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
    return { id: rows[0]!.id, database, client, close: () => client.end() };
  } catch (error) {
    await client.end();
    throw error;
  }
}

const definitionsSql = `
select n.nspname as schema, c.relname as name, coalesce(c.reloptions, '{}') as options,
  (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end, 'generated', case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end,
      'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end)) order by a.attnum)
   from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  coalesce((select jsonb_agg(jsonb_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid)) order by k.contype <> 'p', k.conname) from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'c', 'x')), '[]') as constraints,
  coalesce((select jsonb_agg(pg_get_indexdef(i.indexrelid) order by i.indexrelid) from pg_index i where i.indrelid = c.oid and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid)), '[]') as indexes
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema', 'zhengtong_meta') and n.nspname not like 'pg\\_%'
  and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
order by 1, 2`;

const sequencesSql = `
select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema', 'zhengtong_meta') and n.nspname not like 'pg\\_%' order by 1, 2`;

export interface DumpDatabaseOptions {
  snapshot: DatabaseSnapshot;
  /** Made; files are named in the dump relative to it. */
  directory: string;
  partOf(schema: string, table: string): DumpPart;
  /** Tables read at once, each by a connection of its own. Default 2. */
  connections?: number;
  onTable?: (progress: { done: number; total: number; table: string; rows: number }) => void;
}

export async function dumpDatabase({ snapshot, directory, partOf, connections = 2, onTable }: DumpDatabaseOptions): Promise<DatabaseDump> {
  await mkdir(directory, { recursive: true });
  const { client } = snapshot;
  const { rows: versions } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  const { rows: migrations } = await client.query<DatabaseDump["migrations"][number]>("select schema_name as schema, number, name, checksum from zhengtong_meta.migration order by schema_name, number");
  const { rows: found } = await client.query<TableDefinition & { schema: string; name: string }>(definitionsSql);
  const tables = found.flatMap(({ schema, name, ...definition }): DumpedTable[] => (partOf(schema, name) === "nothing" ? [] : [{ schema, name, definition }]));

  // The longest first, so that the lanes end together.
  const sizes = new Map((await client.query<{ name: string; size: number }>("select c.oid::regclass::text as name, pg_table_size(c.oid) as size from pg_class c where c.relkind = 'r'")).rows.map(({ name, size }) => [name, size]));
  const sizeOf = ({ schema, name }: DumpedTable) => sizes.get(`${schema}.${name}`) ?? 0;
  const withRows = tables.filter(({ schema, name }) => partOf(schema, name) === "rows").toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const readers: pg.Client[] = [];
  let done = 0;
  try {
    for (let count = 0; count < Math.min(connections, withRows.length); count += 1) {
      const reader = await snapshot.database.connect();
      readers.push(reader);
      await reader.query("begin isolation level repeatable read read only");
      // A snapshot's name is made by the server: digits, letters and dashes.
      await reader.query(`set transaction snapshot '${snapshot.id.replaceAll("'", "''")}'`);
    }
    await eachAtOnce(withRows, readers.length, async (table) => {
      const reader = readers.pop()!;
      try {
        table.data = await copyOut(reader, table, directory);
      } finally {
        readers.push(reader);
      }
      onTable?.({ done: (done += 1), total: withRows.length, table: `${table.schema}.${table.name}`, rows: table.data.rows });
    });
  } finally {
    for (const reader of readers) await reader.end();
  }

  // No snapshot holds for sequences: read last, they are never behind the rows.
  const sequences: DatabaseDump["sequences"] = [];
  for (const { schema, name } of (await client.query<{ schema: string; name: string }>(sequencesSql)).rows) {
    const { rows } = await client.query<{ value: string; called: boolean }>(`select last_value::text as value, is_called as called from ${quoteIdentifier(schema)}.${quoteIdentifier(name)}`);
    sequences.push({ schema, name, ...rows[0]! });
  }
  return { serverVersion: versions[0]!.version, migrations, tables, sequences };
}

async function copyOut(client: pg.Client, { schema, name, definition }: DumpedTable, directory: string): Promise<NonNullable<DumpedTable["data"]>> {
  // What a statement prints must not depend on the session or the server's settings.
  await client.query("set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; set local timezone = 'UTC'; set local extra_float_digits = 3; set local bytea_output = 'hex'; set local statement_timeout = 0");
  const columns = definition.columns.filter(({ generated }) => generated === undefined).map((column) => column.name);
  const file = `${schema}.${name}.copy.gz`.replaceAll(/[^\p{L}\p{N}._-]/gu, (character) => `%${character.codePointAt(0)!.toString(16)}`);
  const rows = client.query(copyTo(`copy ${quoteIdentifier(schema)}.${quoteIdentifier(name)} (${columns.map(quoteIdentifier).join(", ")}) to stdout`));
  const hash = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      next(null, chunk);
    },
  });
  await pipeline(rows, createGzip({ level: 1 }), counted, createWriteStream(join(directory, file), { mode: 0o600, flush: true }));
  return { file, columns, rows: rows.rowCount, bytes, sha256: hash.digest("hex") };
}
