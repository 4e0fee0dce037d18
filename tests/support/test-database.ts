import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { createDatabase, createSilentLog, migrate, quoteIdentifier, readMigrations, type Database, type MigrationSet } from "#platform";

export interface TestDatabase {
  database: Database;
  url: string;
  name: string;
  /** Ends every connection and drops the database. */
  drop(): Promise<void>;
}

function urlOf(databaseName: string): string {
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${databaseName}`;
  return url.toString();
}

/** The server's maintenance database: for tests that create roles, slots or databases of their own. */
export function testServerUrl(): string {
  return inject("postgresUrl");
}

async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: testServerUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * A database of one's own. With migration sets it is cloned from a template that is migrated once per content of
 * those sets and shared by all test files; without, it is empty.
 */
export async function createTestDatabase(sets: MigrationSet[] = []): Promise<TestDatabase> {
  const template = sets.length === 0 ? undefined : await ensureTemplate(sets);
  const name = `zt_test_${randomBytes(6).toString("hex")}`;
  await onServer((client) => client.query(`create database ${quoteIdentifier(name)}${template ? ` template ${quoteIdentifier(template)}` : ""}`));
  const url = urlOf(name);
  const database = createDatabase({ url, log: createSilentLog() });
  return {
    database,
    url,
    name,
    async drop() {
      await database.close();
      await onServer((client) => client.query(`drop database if exists ${quoteIdentifier(name)} with (force)`));
    },
  };
}

const templates = new Map<string, Promise<string>>();

function ensureTemplate(sets: MigrationSet[]): Promise<string> {
  const content = sets.map((set) => [set.schema, ...readMigrations(set).map((migration) => migration.checksum)].join(" ")).join("\n");
  const name = `zt_template_${createHash("sha256").update(content).digest("hex").slice(0, 16)}`;
  let made = templates.get(name);
  if (!made) {
    made = makeTemplate(name, sets);
    templates.set(name, made);
  }
  return made;
}

/** Test files run in several processes: an advisory lock lets one make the template, under a name that appears when it is whole. */
async function makeTemplate(name: string, sets: MigrationSet[]): Promise<string> {
  return onServer(async (client) => {
    await client.query("select pg_advisory_lock(7305099)");
    const found = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (found.rowCount) return name;
    const partial = `${name}_partial`;
    await client.query(`drop database if exists ${quoteIdentifier(partial)} with (force)`);
    await client.query(`create database ${quoteIdentifier(partial)}`);
    const database = createDatabase({ url: urlOf(partial), log: createSilentLog() });
    await migrate(database, sets);
    await database.close();
    await client.query(`alter database ${quoteIdentifier(partial)} rename to ${quoteIdentifier(name)}`);
    return name;
  });
}
