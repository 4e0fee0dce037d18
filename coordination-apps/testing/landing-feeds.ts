import { quoteIdentifier, type Database } from "#platform";
import { claims, evidenceRoles } from "../unemployment/evidence-roles.ts";

/** For tests: applies batches to landing tables by the contract of docs/architecture.md, 5, without an exchange. */
export type LandingRow = Record<string, string | number | boolean | null>;

export interface LandingFeeds {
  /** Creates the tables of every role and announces the feeds; `without` leaves roles out. */
  create(options?: { without?: readonly string[]; withoutFields?: Record<string, readonly string[]> }): Promise<void>;
  /** One batch: rows by key, then deletes by key; moves the position and notifies. */
  apply(role: string, upserts: readonly LandingRow[], deletes?: readonly LandingRow[]): Promise<void>;
  /** A full refresh: another table under the same name, another generation. */
  refresh(role: string, rows: readonly LandingRow[]): Promise<void>;
  setState(role: string, state: string): Promise<void>;
  /** Empties every table, as the first batch of a new generation. */
  clear(): Promise<void>;
  roles: readonly string[];
}

const sqlTypes = { text: "text", date: "date", number: "numeric", boolean: "boolean" } as const;

export const feedIdOf = (role: string) => `feed_${role}`;
export const tableOf = (role: string) => role.replaceAll("-", "_");
export const departmentIdOf = (entry: string) => `org_${entry.split(".")[0]}`;

const tables = new Map<string, { keyFields: string[]; fields: { field: string; type: keyof typeof sqlTypes }[]; entry: string }>([
  [claims.role, { keyFields: [claims.keyField], fields: claims.fields, entry: claims.entry }],
  ...evidenceRoles.map((role) => [role.role, { keyFields: role.keyFields, fields: role.fields, entry: role.entry }] as const),
]);
export const entryOf = (role: string) => tables.get(role)!.entry;

export function createLandingFeeds(database: Database, clockNow: () => Date): LandingFeeds {
  const missing = new Map<string, readonly string[]>();
  const fieldsOf = (role: string) => tables.get(role)!.fields.filter(({ field }) => !missing.get(role)?.includes(field));
  const q = quoteIdentifier;

  async function createTable(run: (sql: string) => Promise<unknown>, role: string, name: string): Promise<void> {
    const { keyFields } = tables.get(role)!;
    const keys = keyFields.map(q).join(", ");
    await run(`create table landing.${q(name)} (${fieldsOf(role).map(({ field, type }) => `${q(field)} ${sqlTypes[type]}`).join(", ")}, zt_lsn bigint, zt_index integer, zt_sequence bigint, primary key (${keys}))`);
    await run(`create index on landing.${q(name)} (zt_sequence)`);
    await run(`create table landing.${q(`${name}__deleted`)} (${keyFields.map((field) => `${q(field)} text`).join(", ")}, zt_sequence bigint, primary key (${keys}))`);
  }

  async function insertRows(query: (sql: string, values: unknown[]) => Promise<unknown>, role: string, table: string, rows: readonly LandingRow[], sequence: number): Promise<void> {
    if (rows.length === 0) return;
    const { keyFields } = tables.get(role)!;
    const fields = fieldsOf(role);
    const columns = [...fields.map(({ field }) => field), "zt_lsn", "zt_index", "zt_sequence"];
    await query(
      `insert into landing.${q(table)} (${columns.map(q).join(", ")})
       select ${fields.map(({ field }) => `r.${q(field)}`).join(", ")}, $2, 0, $2 from jsonb_to_recordset($1) as r(${fields.map(({ field, type }) => `${q(field)} ${sqlTypes[type]}`).join(", ")})
       on conflict (${keyFields.map(q).join(", ")}) do update set ${columns.filter((column) => !keyFields.includes(column)).map((column) => `${q(column)} = excluded.${q(column)}`).join(", ")}`,
      [JSON.stringify(rows), sequence],
    );
  }

  return {
    roles: [...tables.keys()],
    async create({ without = [], withoutFields = {} } = {}) {
      for (const [role, fields] of Object.entries(withoutFields)) missing.set(role, fields);
      await database.withTransaction(async (tx) => {
        await tx.query("create schema if not exists landing");
        await tx.query("create schema if not exists exchange_target");
        await tx.query("create table if not exists exchange_target.feed (feed_id text primary key, grant_id text, schema_name text, table_name text, generation integer, applied_sequence bigint, state text, updated_at timestamptz)");
        for (const role of tables.keys()) {
          if (without.includes(role)) continue;
          await createTable((sql) => tx.query(sql), role, tableOf(role));
          await tx.query("insert into exchange_target.feed values ($1, $2, 'landing', $3, 1, 0, 'running', $4)", [feedIdOf(role), `grant_${role}`, tableOf(role), clockNow()]);
        }
      });
    },
    async apply(role, upserts, deletes = []) {
      const { keyFields } = tables.get(role)!;
      await database.withTransaction(async (tx) => {
        const { rows } = await tx.query<{ sequence: number }>("update exchange_target.feed set applied_sequence = applied_sequence + 1, updated_at = $2 where feed_id = $1 returning applied_sequence as sequence", [feedIdOf(role), clockNow()]);
        const sequence = rows[0]!.sequence;
        const table = tableOf(role);
        await insertRows((sql, values) => tx.query(sql, values), role, table, upserts, sequence);
        for (const row of deletes) {
          const keys = keyFields.map((field) => row[field]);
          const where = keyFields.map((field, index) => `${q(field)} = $${index + 1}`).join(" and ");
          await tx.query(`delete from landing.${q(table)} where ${where}`, keys);
          await tx.query(`insert into landing.${q(`${table}__deleted`)} values (${keyFields.map((_, index) => `$${index + 1}`).join(", ")}, $${keyFields.length + 1}) on conflict (${keyFields.map(q).join(", ")}) do update set zt_sequence = excluded.zt_sequence`, [...keys, sequence]);
        }
        await tx.query("select pg_notify('zt_landing', $1)", [feedIdOf(role)]);
      });
    },
    async refresh(role, rows) {
      await database.withTransaction(async (tx) => {
        const { rows: feed } = await tx.query<{ sequence: number }>("update exchange_target.feed set generation = generation + 1, applied_sequence = applied_sequence + 1, updated_at = $2 where feed_id = $1 returning applied_sequence as sequence", [feedIdOf(role), clockNow()]);
        const table = tableOf(role);
        await tx.query(`drop table landing.${q(table)}, landing.${q(`${table}__deleted`)}`);
        await createTable((sql) => tx.query(sql), role, table);
        await insertRows((sql, values) => tx.query(sql, values), role, table, rows, feed[0]!.sequence);
        await tx.query("select pg_notify('zt_landing', $1)", [feedIdOf(role)]);
      });
    },
    async clear() {
      await database.withTransaction(async (tx) => {
        await tx.query(`truncate ${[...tables.keys()].flatMap((role) => [tableOf(role), `${tableOf(role)}__deleted`]).map((table) => `landing.${q(table)}`).join(", ")}`);
        await tx.query("update exchange_target.feed set generation = generation + 1, applied_sequence = applied_sequence + 1, updated_at = $1", [clockNow()]);
      });
    },
    async setState(role, state) {
      await database.withTransaction((tx) => tx.query("update exchange_target.feed set state = $2 where feed_id = $1", [feedIdOf(role), state]));
    },
  };
}
