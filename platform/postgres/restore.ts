import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { from as copyFrom } from "pg-copy-streams";
import { ConflictError, InputError, type Issue } from "../errors/errors.ts";
import { describeUrl, quoteIdentifier, type Database, type Reader, type Transaction } from "./database.ts";
import type { DatabaseDump, DumpedTable } from "./dump.ts";
import { migrate, readMigrations, type MigrationSet } from "./migrations.ts";

const qualified = ({ schema, name }: { schema: string; name: string }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** Every file of a dump that is missing, cut short or changed. */
export async function checkDump(dump: DatabaseDump, directory: string): Promise<Issue[]> {
  const issues: Issue[] = [];
  for (const { data } of dump.tables) {
    if (data === undefined) continue;
    const path = join(directory, data.file);
    try {
      const { size } = await stat(path);
      const hash = createHash("sha256");
      if (size === data.bytes) for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
      if (size !== data.bytes || hash.digest("hex") !== data.sha256) issues.push({ path, code: "backup.file-changed", message: size === data.bytes ? "is not what was written: its SHA-256 differs" : `has ${size} bytes, not ${data.bytes}`, zh: "文件与备份清单不符" });
    } catch (cause) {
      issues.push({ path, code: "backup.file-missing", message: `cannot be read: ${(cause as Error).message}`, zh: "文件无法读取" });
    }
  }
  return issues;
}

/**
 * A dump is restored by the software that has exactly its migrations: what stands in its rows may mean something else
 * to another one.
 *
 * @throws ConflictError naming what differs.
 */
export function assertSameMigrations(what: string, dump: DatabaseDump, sets: MigrationSet[]): void {
  const mine = new Map<string, string>(sets.flatMap((set) => readMigrations(set).map((migration) => [`${set.schema}/${migration.number}-${migration.name}`, migration.checksum] as const)));
  const theirs = new Map(dump.migrations.map(({ schema, number, name, checksum }) => [`${schema}/${number}-${name}`, checksum]));
  const issues: Issue[] = [];
  for (const [name, checksum] of theirs) if (mine.get(name) !== checksum) issues.push({ path: name, code: "backup.migration", message: mine.has(name) ? "is another text here" : "is in the backup and not known here", zh: mine.has(name) ? "内容不同" : "仅备份中存在" });
  for (const name of mine.keys()) if (!theirs.has(name)) issues.push({ path: name, code: "backup.migration", message: "is known here and not in the backup", zh: "仅当前版本存在" });
  if (issues.length === 0) return;
  throw new ConflictError(`The backup of ${what} has other schema versions than this software`, { zh: `备份(${what})的数据库结构版本与当前软件不一致`, code: "backup.schema-version", nextStep: "Restore with the version that made the backup (see its manifest), then start the newer one: it migrates. 请用生成该备份的软件版本恢复,再升级。", issues });
}

const hasTables = async (reader: Reader): Promise<boolean> =>
  (await reader.query(`select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
    and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e') limit 1`)).rowCount > 0;

/**
 * Whether `database` may take the backup: `empty` (or begun and broken off) yes, `done` when it has it already.
 *
 * @throws ConflictError when there is anything else in it: nothing is ever restored over what is there.
 */
export async function restoreStateOf(database: Database, backupId: string): Promise<"empty" | "done"> {
  const state = await database.read(async (reader) => {
    if (!(await hasTables(reader))) return "empty";
    const { rows } = await reader.query<{ there: boolean }>("select to_regclass('zhengtong_meta.restore') is not null as there");
    if (!rows[0]!.there) return "taken";
    const found = await reader.query<{ backup_id: string; finished: boolean }>("select backup_id, finished from zhengtong_meta.restore");
    if (found.rows.some(({ finished }) => finished)) return found.rows.some((row) => row.backup_id === backupId) ? "done" : "taken";
    return "empty";
  });
  if (state === "taken") throw new ConflictError(`The database ${describeUrl(database.url)} is not empty`, { zh: `数据库 ${describeUrl(database.url)} 不是空库,拒绝恢复`, code: "restore.not-empty", nextStep: "Create a new database and give its address: nothing is ever restored over what is there. 请新建空数据库。" });
  return state;
}

export interface RestoreDatabaseOptions {
  /** Empty: `restoreStateOf`. */
  database: Database;
  /** Of the backup; kept in the database. */
  backupId: string;
  /** The same as the dump's: `assertSameMigrations`. */
  sets: MigrationSet[];
  dump: DatabaseDump;
  /** Its files, checked: `checkDump`. */
  directory: string;
  onTable?: (progress: { done: number; total: number; table: string; rows: number }) => void;
  /** Changes what was restored before anybody sees it. */
  beforeCommit?: (tx: Transaction) => Promise<void>;
}

/** All of it in one transaction, or nothing: broken off, it is begun again. */
export async function restoreDatabase({ database, backupId, sets, dump, directory, onTable, beforeCommit }: RestoreDatabaseOptions): Promise<{ rows: number }> {
  await database.withTransaction(async (tx) => {
    await tx.query("create schema if not exists zhengtong_meta; create table if not exists zhengtong_meta.restore (backup_id text primary key, finished boolean not null)");
    await tx.query("insert into zhengtong_meta.restore (backup_id, finished) values ($1, false) on conflict do nothing", [backupId]);
  });
  await migrate(database, sets);
  let rows = 0;
  await database.withTransaction(
    async (tx) => {
      await tx.query("set local statement_timeout = 0; set local datestyle = 'ISO, MDY'; set local intervalstyle = 'postgres'; set local timezone = 'UTC'");
      for (const schema of new Set(dump.tables.map((table) => table.schema))) await tx.query(`create schema if not exists ${quoteIdentifier(schema)}`);
      const made = await makeMissingTables(tx, dump.tables);
      // Rows come in the order of tables, not of their references; all of them are checked when the keys are put back.
      const keys = await dropForeignKeys(tx);
      const total = dump.tables.filter(({ data }) => data !== undefined).length;
      let done = 0;
      for (const table of dump.tables) {
        if (table.data === undefined) continue;
        await copyIn(tx, table, directory);
        rows += table.data.rows;
        onTable?.({ done: (done += 1), total, table: `${table.schema}.${table.name}`, rows: table.data.rows });
      }
      for (const table of made) await finishTable(tx, table);
      for (const { schema, name, value, called } of dump.sequences) await tx.query("select setval(format('%I.%I', $1::text, $2::text)::regclass, $3::bigint, $4) where to_regclass(format('%I.%I', $1::text, $2::text)) is not null", [schema, name, value, called]);
      for (const { relation, name, definition } of keys) await tx.query(`alter table ${relation} add constraint ${quoteIdentifier(name)} ${definition}`);
      await beforeCommit?.(tx);
      await tx.query("update zhengtong_meta.restore set finished = true where backup_id = $1", [backupId]);
    },
    { retries: 0 },
  );
  await database.read((reader) => reader.query("analyze"));
  return { rows };
}

async function makeMissingTables(tx: Transaction, tables: readonly DumpedTable[]): Promise<DumpedTable[]> {
  const made: DumpedTable[] = [];
  for (const table of tables) {
    const { rows } = await tx.query<{ there: boolean }>("select to_regclass(format('%I.%I', $1::text, $2::text)) is not null as there", [table.schema, table.name]);
    if (rows[0]!.there) continue;
    const columns = table.definition.columns.map((column) => {
      const value = column.generated !== undefined ? ` generated always as (${column.generated}) stored` : column.identity !== undefined ? ` generated ${column.identity} as identity` : column.default !== undefined ? ` default ${column.default}` : "";
      return `${quoteIdentifier(column.name)} ${column.type}${value}${column.notNull ? " not null" : ""}`;
    });
    await tx.query(`create table ${qualified(table)} (${columns.join(", ")})${table.definition.options.length > 0 ? ` with (${table.definition.options.join(", ")})` : ""}`);
    made.push(table);
  }
  return made;
}

/** Once the rows are there: an index built at once is several times cheaper than one row by row. */
async function finishTable(tx: Transaction, { schema, name, definition }: DumpedTable): Promise<void> {
  for (const constraint of definition.constraints) await tx.query(`alter table ${qualified({ schema, name })} add constraint ${quoteIdentifier(constraint.name)} ${constraint.definition}`);
  for (const index of definition.indexes) await tx.query(index);
}

async function dropForeignKeys(tx: Transaction): Promise<{ relation: string; name: string; definition: string }[]> {
  const { rows } = await tx.query<{ relation: string; name: string; definition: string }>("select conrelid::regclass::text as relation, conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where contype = 'f' order by 1, 2");
  for (const { relation, name } of rows) await tx.query(`alter table ${relation} drop constraint ${quoteIdentifier(name)}`);
  return rows;
}

async function copyIn(tx: Transaction, table: DumpedTable, directory: string): Promise<void> {
  const { file, columns, rows } = table.data!;
  // Append-only tables take their old rows, which are no new events.
  await tx.query(`alter table ${qualified(table)} disable trigger user`);
  // What a migration writes is in the dump, as it was at last.
  await tx.query(`delete from ${qualified(table)}`);
  const target = tx.client.query(copyFrom(`copy ${qualified(table)} (${columns.map(quoteIdentifier).join(", ")}) from stdin`));
  await pipeline(createReadStream(join(directory, file)), createGunzip(), target);
  await tx.query(`alter table ${qualified(table)} enable trigger user`);
  if (target.rowCount !== rows) throw new InputError(`${file} holds ${target.rowCount} rows, not ${rows}`, { zh: `${file} 的行数与清单不符`, code: "backup.rows" });
}
