import { createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSequentialIds, createSilentLog, createValidator, platformMigrations, quoteIdentifier, type Kernel, type ManualClock } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { baseDatabasesAccessRules } from "../access-rules.ts";
import { baseDatabasesMigrations } from "../migrations.ts";

/** For tests: a city database with the record store's schema, and landing tables filled as a subscriber fills them. */
export interface CityFixture {
  db: TestDatabase;
  kernel: Kernel;
  clock: ManualClock;
  /** Makes an empty landing table with its feed; `columns` is SQL, the key columns come first. */
  land(table: string, columns: string, keyColumns: readonly string[]): Promise<LandingFixture>;
  drop(): Promise<void>;
}

export interface LandingFixture {
  feedId: string;
  schema: string;
  table: string;
  /** Applies one batch. */
  apply(rows: readonly Record<string, unknown>[], deletedKeys?: readonly Record<string, unknown>[]): Promise<void>;
  /** Swaps in a whole new table of the next generation. */
  refresh(rows: readonly Record<string, unknown>[]): Promise<void>;
  /** One statement on the landing table, `insert into … select …`, as one batch: for large amounts. */
  fill(sql: string): Promise<void>;
}

export async function createCity(): Promise<CityFixture> {
  const db = await createTestDatabase([platformMigrations, baseDatabasesMigrations]);
  const clock = createManualClock("2008-11-20T08:00:00Z");
  const log = createSilentLog();
  const newId = createSequentialIds();
  const kernel: Kernel = { database: db.database, clock, newId, log, access: await createAccess(baseDatabasesAccessRules), audit: createAuditLog({ clock }), eventLog: createEventLog({ clock, newId }), notifier: createNotifier({ database: db.database, log }), validator: createValidator({ schemas: [] }), metrics: createMetrics() };
  await db.database.withTransaction(async (tx) => {
    await tx.query("create schema exchange_target");
    await tx.query("create schema landing");
    await tx.query("create table exchange_target.feed (feed_id text primary key, grant_id text, schema_name text, table_name text, generation integer, applied_sequence bigint, state text, updated_at timestamptz)");
  });

  return {
    db,
    kernel,
    clock,
    async land(table, columns, keyColumns) {
      const feedId = `feed_${table}`;
      const sql = `landing.${quoteIdentifier(table)}`;
      const deleted = `landing.${quoteIdentifier(`${table}__deleted`)}`;
      const keys = keyColumns.map(quoteIdentifier).join(", ");
      const make = (name: string) => `create table ${name} (${columns}, zt_lsn bigint not null default 0, zt_index integer not null default 0, zt_sequence bigint not null default 0, primary key (${keys}))`;
      await db.database.withTransaction(async (tx) => {
        await tx.query(make(sql));
        await tx.query(`create index on ${sql} (zt_sequence)`);
        await tx.query(`create table ${deleted} as select ${keys}, zt_sequence from ${sql} with no data`);
        await tx.query("insert into exchange_target.feed values ($1, $2, 'landing', $3, 1, 0, 'active', $4)", [feedId, `grant_${table}`, table, clock.now()]);
      });
      let sequence = 0;
      const insert = (rows: readonly Record<string, unknown>[], target: string) => {
        const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
        const list = names.map(quoteIdentifier).join(", ");
        return { text: `insert into ${target} (${list}, zt_sequence) select ${list}, $2 from jsonb_populate_recordset(null::${target}, $1) on conflict (${keys}) do update set ${[...names, "zt_sequence"].map((name) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`).join(", ")}`, json: JSON.stringify(rows) };
      };
      return {
        feedId,
        schema: "landing",
        table,
        async apply(rows, deletedKeys = []) {
          sequence += 1;
          await db.database.withTransaction(async (tx) => {
            if (rows.length > 0) {
              const statement = insert(rows, sql);
              await tx.query(statement.text, [statement.json, sequence]);
            }
            for (const key of deletedKeys) {
              const where = keyColumns.map((column, index) => `${quoteIdentifier(column)} = $${index + 1}`).join(" and ");
              const values = keyColumns.map((column) => key[column]);
              const gone = await tx.query(`delete from ${sql} where ${where}`, values);
              if (gone.rowCount > 0) await tx.query(`insert into ${deleted} values (${keyColumns.map((_, index) => `$${index + 1}`).join(", ")}, $${keyColumns.length + 1})`, [...values, sequence]);
            }
            await tx.query("update exchange_target.feed set applied_sequence = $2 where feed_id = $1", [feedId, sequence]);
            await tx.query("select pg_notify('zt_landing', $1)", [feedId]);
          });
        },
        async refresh(rows) {
          sequence += 1;
          await db.database.withTransaction(async (tx) => {
            const beside = `landing.${quoteIdentifier(`${table}__next`)}`;
            await tx.query(make(beside));
            await tx.query(`create index on ${beside} (zt_sequence)`);
            if (rows.length > 0) {
              const statement = insert(rows, beside);
              await tx.query(statement.text, [statement.json, sequence]);
            }
            await tx.query(`drop table ${sql}`);
            await tx.query(`alter table ${beside} rename to ${quoteIdentifier(table)}`);
            await tx.query(`truncate ${deleted}`);
            await tx.query("update exchange_target.feed set applied_sequence = $2, generation = generation + 1 where feed_id = $1", [feedId, sequence]);
            await tx.query("select pg_notify('zt_landing', $1)", [feedId]);
          });
        },
        async fill(statement) {
          sequence += 1;
          await db.database.withTransaction(async (tx) => {
            await tx.query(statement);
            await tx.query(`update ${sql} set zt_sequence = $1 where zt_sequence = 0`, [sequence]);
            await tx.query("update exchange_target.feed set applied_sequence = $2 where feed_id = $1", [feedId, sequence]);
          });
        },
      };
    },
    drop: () => db.drop(),
  };
}
