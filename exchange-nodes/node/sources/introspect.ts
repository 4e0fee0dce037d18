import { InputError, quoteIdentifier, type Reader } from "#platform";

/** A relation of a source as capture needs it. */
export interface RelationSchema {
  /** `schema.table`, or the name of a query. */
  relation: string;
  kind: "table" | "view" | "materialized-view" | "query" | "file";
  columns: RelationColumn[];
  primaryKey: string[];
  /** Column sets that are unique and not null, the primary key first. */
  uniqueKeys: string[][];
  /** Columns that a delete in the replication log carries; undefined: none. */
  identityColumns?: string[];
  estimatedRows?: number;
  comment?: string;
}

export interface RelationColumn {
  name: string;
  /** As PostgreSQL writes it: `character varying(20)`. */
  type: string;
  /** Name of the base type: `varchar`, `numeric`, `timestamptz`. */
  baseType: string;
  /** Characters of char and varchar, total digits of numeric; undefined: no limit. */
  length?: number;
  scale?: number;
  nullable: boolean;
  comment?: string;
}

interface ClassRow {
  oid: string;
  schema: string;
  name: string;
  relkind: string;
  identity: string;
  estimate: number;
  comment: string | null;
}

interface IndexRow {
  oid: string;
  is_primary: boolean;
  is_identity: boolean;
  whole: boolean;
  columns: string[];
  not_null: boolean;
}

interface ColumnRow {
  oid: string;
  name: string;
  type: string;
  base_type: string;
  typmod: number;
  nullable: boolean;
  comment: string | null;
}

function columnOf(row: Omit<ColumnRow, "oid">): RelationColumn {
  const limit =
    row.typmod < 4 ? {} : row.base_type === "varchar" || row.base_type === "bpchar" ? { length: row.typmod - 4 } : row.base_type === "numeric" ? { length: ((row.typmod - 4) >> 16) & 0xffff, scale: (row.typmod - 4) & 0x7ff } : {};
  return { name: row.name, type: row.type, baseType: row.base_type, ...limit, nullable: row.nullable, ...(row.comment === null ? {} : { comment: row.comment }) };
}

/** `schema.table` → its two names; the schema is `public` where none is given. */
export function relationNames(relation: string): { schema: string; table: string } {
  const dot = relation.indexOf(".");
  return dot < 0 ? { schema: "public", table: relation } : { schema: relation.slice(0, dot), table: relation.slice(dot + 1) };
}

export function quoteRelation(relation: string): string {
  const { schema, table } = relationNames(relation);
  return `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

const relationKinds: Record<string, RelationSchema["kind"]> = { r: "table", p: "table", f: "table", v: "view", m: "materialized-view" };

const columnsQuery = `
select a.attrelid::text as oid, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       coalesce(base.typname, t.typname)::text as base_type,
       case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as typmod,
       not (a.attnotnull or t.typnotnull) as nullable, col_description(a.attrelid, a.attnum) as comment
from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_type base on t.typtype = 'd' and base.oid = t.typbasetype
where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped order by a.attrelid, a.attnum`;

const indexesQuery = `
select i.indrelid::text as oid, i.indisprimary as is_primary, i.indisreplident as is_identity, i.indimmediate and i.indpred is null and i.indexprs is null as whole,
       array(select a.attname::text from unnest(i.indkey) with ordinality as k(attnum, n) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum where k.n <= i.indnkeyatts order by k.n) as columns,
       not exists (select 1 from unnest(i.indkey) as k(attnum) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum where not a.attnotnull) as not_null
from pg_index i where i.indrelid = any($1::oid[]) and i.indisunique and i.indisvalid order by i.indisprimary desc, i.indexrelid`;

const classes = `select c.oid::text as oid, n.nspname as schema, c.relname as name, c.relkind, c.relreplident as identity, c.reltuples::float8 as estimate, obj_description(c.oid, 'pg_class') as comment
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r','p','f','v','m') and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`;

/**
 * A relation's columns, keys and what its log carries; undefined when there is none of that name or the account may
 * not read it.
 */
export async function findRelation(reader: Reader, relation: string): Promise<RelationSchema | undefined> {
  const { schema, table } = relationNames(relation);
  const { rows } = await reader.query<ClassRow & Record<string, unknown>>(`${classes} and n.nspname = $1 and c.relname = $2`, [schema, table]);
  return (await describeRelations(reader, rows))[0];
}

/** Every table and view that the account may read, for the node's report to the centre. */
export async function listRelations(reader: Reader, limit = 2_000): Promise<RelationSchema[]> {
  const { rows } = await reader.query<ClassRow & Record<string, unknown>>(
    `${classes} and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%' order by n.nspname || '.' || c.relname limit $1`,
    [limit],
  );
  return describeRelations(reader, rows);
}

/** Two questions for any number of relations: a source may have hundreds, and each node asks every half minute. */
async function describeRelations(reader: Reader, found: readonly ClassRow[]): Promise<RelationSchema[]> {
  if (found.length === 0) return [];
  const oids = found.map(({ oid }) => oid);
  const columnsOf = groupByRelation((await reader.query<ColumnRow & Record<string, unknown>>(columnsQuery, [oids])).rows);
  const indexesOf = groupByRelation((await reader.query<IndexRow & Record<string, unknown>>(indexesQuery, [oids])).rows);
  return found.map((row) => relationOf(row, (columnsOf.get(row.oid) ?? []).map(columnOf), indexesOf.get(row.oid) ?? []));
}

function groupByRelation<Row extends { oid: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.oid);
    if (group) group.push(row);
    else groups.set(row.oid, [row]);
  }
  return groups;
}

function relationOf(row: ClassRow, columns: RelationColumn[], indexes: readonly IndexRow[]): RelationSchema {
  const usable = indexes.filter((index) => index.whole && index.not_null);
  const primaryKey = indexes.find((index) => index.is_primary)?.columns ?? [];
  const identity = row.identity === "f" ? columns.map((column) => column.name) : row.identity === "i" ? indexes.find((index) => index.is_identity)?.columns : row.identity === "d" && primaryKey.length > 0 ? primaryKey : undefined;
  return {
    relation: `${row.schema}.${row.name}`,
    kind: relationKinds[row.relkind]!,
    columns,
    primaryKey,
    uniqueKeys: usable.map((index) => index.columns),
    ...(identity === undefined ? {} : { identityColumns: identity }),
    ...(row.estimate >= 0 ? { estimatedRows: row.estimate } : {}),
    ...(row.comment === null ? {} : { comment: row.comment }),
  };
}

/** Columns of a query that a node operator wrote. */
export async function describeQuery(reader: Reader, name: string, query: string): Promise<RelationSchema> {
  if (/;\s*\S/.test(query)) throw new InputError(`The query of ${name} is more than one statement`, { zh: `${name} 的查询包含多条语句`, code: "source.query" });
  const result = await reader.client.query(`select * from (${query.replace(/;\s*$/, "")}) q limit 0`);
  const types = await reader.query<{ oid: string; base_type: string }>("select t.oid::text as oid, coalesce(b.typname, t.typname)::text as base_type from pg_type t left join pg_type b on t.typtype = 'd' and b.oid = t.typbasetype where t.oid = any($1::oid[])", [result.fields.map((field) => field.dataTypeID)]);
  const nameOf = new Map(types.rows.map((type) => [type.oid, type.base_type]));
  const columns = result.fields.map((field) => {
    const baseType = nameOf.get(String(field.dataTypeID)) ?? "text";
    return columnOf({ name: field.name, type: baseType, base_type: baseType, typmod: field.dataTypeModifier, nullable: true, comment: null });
  });
  return { relation: name, kind: "query", columns, primaryKey: [], uniqueKeys: [] };
}
