import { quoteIdentifier, type Transaction } from "./database.ts";

/** Any number: names the advisory lock under which one transaction at a time makes a schema in a database. */
const schemaLock = 7_305_002;

/**
 * Makes a schema unless it is there. PostgreSQL's own `if not exists` looks and then writes: of two transactions that
 * make the same schema, the second fails on the catalog's unique index, which a caller would take for refused rows.
 */
export async function ensureSchema(tx: Transaction, schema: string): Promise<void> {
  const { rowCount } = await tx.query("select 1 from pg_catalog.pg_namespace where nspname = $1", [schema]);
  if (rowCount !== 0) return;
  await tx.query("select pg_advisory_xact_lock($1)", [schemaLock]);
  await tx.query(`create schema if not exists ${quoteIdentifier(schema)}`);
}
