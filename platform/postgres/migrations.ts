import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConflictError, InputError } from "../errors/errors.ts";
import type { Database } from "./database.ts";
import { quoteIdentifier } from "./database.ts";

/**
 * Numbered forward migrations: `migrations/0001-what.sql` in each folder that owns a PostgreSQL schema.
 * A migration whose first line is `-- breaking` makes older code refuse the database.
 */
export interface MigrationSet {
  /** The owner and the PostgreSQL schema: `catalog`, `exchange`, `node`, `base`, `apps`, `platform`. */
  schema: string;
  directory: string;
}

interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
  breaking: boolean;
}

export function readMigrations(set: MigrationSet): Migration[] {
  const files = readdirSync(set.directory).filter((file) => file.endsWith(".sql")).sort();
  return files.map((file, index) => {
    const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
    if (!match) throw new InputError(`Migration ${set.schema}/${file} is not named NNNN-what.sql`);
    if (Number(match[1]) !== index + 1) throw new InputError(`Migration ${set.schema}/${file} is out of order: number ${index + 1} expected`);
    const sql = readFileSync(join(set.directory, file), "utf8");
    return { number: index + 1, name: match[2]!, sql, checksum: createHash("sha256").update(sql).digest("hex"), breaking: sql.startsWith("-- breaking") };
  });
}

const ledger = `
create schema if not exists zhengtong_meta;
create table if not exists zhengtong_meta.migration (
  schema_name text not null,
  number integer not null,
  name text not null,
  checksum text not null,
  breaking boolean not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (schema_name, number)
)`;

/** Any number: names the advisory lock under which one process at a time migrates. */
const migrationLock = 7_305_001;

export interface MigrateResult {
  applied: { schema: string; number: number; name: string }[];
}

/**
 * Brings every schema of `sets` up to date, each migration in a transaction of its own. A changed file that was
 * already applied, or a database migrated beyond a breaking change that this code does not know, is refused.
 */
export async function migrate(database: Database, sets: MigrationSet[]): Promise<MigrateResult> {
  const applied: MigrateResult["applied"] = [];
  const client = await database.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    await client.query(ledger);
    for (const set of sets) {
      const known = readMigrations(set);
      const rows = (await client.query<{ number: number; name: string; checksum: string; breaking: boolean }>("select number, name, checksum, breaking from zhengtong_meta.migration where schema_name = $1 order by number", [set.schema])).rows;
      for (const row of rows) {
        const file = known[row.number - 1];
        if (file === undefined) {
          if (row.breaking) throw new ConflictError(`Schema ${set.schema} was migrated to ${row.number} (${row.name}) by newer software; this version cannot use it`, { zh: `数据库结构 ${set.schema} 已由更新版本升级,当前版本不能使用`, code: "migration.newer", nextStep: "Start the newer version." });
          continue;
        }
        if (file.checksum !== row.checksum) throw new ConflictError(`Migration ${set.schema}/${row.number}-${row.name} was changed after it was applied`, { zh: `已执行的升级脚本 ${set.schema}/${row.number}-${row.name} 被改动`, code: "migration.changed", nextStep: "Restore the file and add a new migration instead." });
      }
      for (const migration of known.slice(rows.length)) {
        await client.query("begin");
        try {
          await client.query(`create schema if not exists ${quoteIdentifier(set.schema)}`);
          await client.query(migration.sql);
          await client.query("insert into zhengtong_meta.migration (schema_name, number, name, checksum, breaking) values ($1, $2, $3, $4, $5)", [set.schema, migration.number, migration.name, migration.checksum, migration.breaking]);
          await client.query("commit");
        } catch (error) {
          await client.query("rollback");
          throw new Error(`Migration ${set.schema}/${migration.number}-${migration.name} failed and was rolled back`, { cause: error });
        }
        applied.push({ schema: set.schema, number: migration.number, name: migration.name });
      }
    }
  } finally {
    await client.end();
  }
  return { applied };
}

export interface MigrationState {
  /** `schema/number-name` not applied yet. */
  pending: string[];
  /** Applied by software that is newer than this. */
  unknown: string[];
  /** Those of them that this software cannot live with. */
  breaking: string[];
}

/** How a database stands to the migrations that this software has; changes nothing. */
export async function migrationState(database: Database, sets: MigrationSet[]): Promise<MigrationState> {
  const applied = await database.read(async (reader) => {
    const { rows } = await reader.query<{ there: boolean }>("select to_regclass('zhengtong_meta.migration') is not null as there");
    if (!rows[0]!.there) return [];
    return (await reader.query<{ schema_name: string; number: number; name: string; breaking: boolean }>("select schema_name, number, name, breaking from zhengtong_meta.migration")).rows;
  });
  const state: MigrationState = { pending: [], unknown: [], breaking: [] };
  for (const set of sets) {
    const known = readMigrations(set);
    const done = new Set(applied.filter((row) => row.schema_name === set.schema).map((row) => row.number));
    state.pending.push(...known.filter((migration) => !done.has(migration.number)).map((migration) => `${set.schema}/${migration.number}-${migration.name}`));
    for (const row of applied) {
      if (row.schema_name !== set.schema || row.number <= known.length) continue;
      const migration = `${row.schema_name}/${row.number}-${row.name}`;
      state.unknown.push(migration);
      if (row.breaking) state.breaking.push(migration);
    }
  }
  return state;
}
