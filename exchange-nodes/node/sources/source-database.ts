import { pipeline } from "node:stream/promises";
import { Writable } from "node:stream";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { createDatabase, describeUrl, isConnectionFailure, UnavailableError, type Database, type Log, type Reader } from "#platform";

/**
 * Settings of every session on a source: they make PostgreSQL print canonical text (docs/architecture.md, section 6),
 * in SQL and in the replication stream alike. The zone is fixed at UTC+8 because moments are exchanged in Beijing time
 * and Asia/Shanghai had summer time until 1991.
 */
export const sourceSettings: readonly (readonly [string, string])[] = [
  ["datestyle", "ISO,YMD"],
  ["timezone", "<+08>-08"],
  ["intervalstyle", "iso_8601"],
  ["extra_float_digits", "1"],
  ["bytea_output", "hex"],
];

const settingsText = sourceSettings.map(([name, value]) => `-c ${name}=${value}`).join(" ");

/** Sessions that read cannot write: the department's own database is never written. */
const readOnlyText = `${settingsText} -c default_transaction_read_only=on`;

function withOptions(url: string, options: string): string {
  const parsed = new URL(url);
  const given = parsed.searchParams.get("options");
  parsed.searchParams.set("options", given ? `${given} ${options}` : options);
  return parsed.toString();
}

/** Read-only pool on a department's database. */
export function openSourceDatabase(options: { url: string; log: Log; maxConnections?: number }): Database {
  return createDatabase({ url: withOptions(options.url, readOnlyText), log: options.log, maxConnections: options.maxConnections ?? 4, applicationName: "zhengtong-node" });
}

/** The same settings for reading our own front-end tables, with writing allowed. */
export function openFrontDatabase(options: { url: string; log: Log; maxConnections?: number }): Database {
  return createDatabase({ url: withOptions(options.url, settingsText), log: options.log, maxConnections: options.maxConnections ?? 6, applicationName: "zhengtong-node" });
}

/** A connection of one's own that may create a publication or a slot; the caller ends it. */
export async function connectToSource(url: string, replication: boolean): Promise<pg.Client> {
  const config: pg.ClientConfig & { replication?: string } = { connectionString: withOptions(url, settingsText), application_name: "zhengtong-node", connectionTimeoutMillis: 10_000, keepAlive: true, ...(replication ? { replication: "database" } : {}) };
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    if (!isConnectionFailure(cause)) throw cause;
    throw new UnavailableError(`The source database ${describeUrl(url)} does not answer`, { zh: `来源数据库 ${describeUrl(url)} 无法连接`, code: "source.unavailable", nextStep: "Check the address, the network and the account in the node's configuration; capture goes on by itself.", cause });
  }
}

/** The bytes of `copy (query) to stdout`, and how many rows they are. */
export async function copyOut(reader: Reader, query: string): Promise<{ bytes: Buffer; rows: number }> {
  const stream = reader.client.query(copyTo(`copy (${query}) to stdout`));
  const pieces: Buffer[] = [];
  await pipeline(
    stream,
    new Writable({
      highWaterMark: 4 * 1024 * 1024,
      write(piece: Buffer, _encoding, done) {
        pieces.push(piece);
        done();
      },
    }),
  );
  return { bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), rows: stream.rowCount };
}

/** Values as SQL literals, quoted by the server: COPY takes no parameters. */
export async function literals(reader: Reader, values: readonly (string | readonly string[])[]): Promise<string[]> {
  if (values.length === 0) return [];
  const expressions = values.map((value, index) => `quote_literal($${index + 1}::${typeof value === "string" ? "text" : "text[]::text"})`);
  const result = await reader.query<Record<string, string>>(`select ${expressions.map((expression, index) => `${expression} as v${index}`).join(", ")}`, values);
  return values.map((_, index) => result.rows[0]![`v${index}`]!);
}

/** Puts literals in the place of `$1`, `$2`, …; the text's own quoted identifiers and literals are left alone. */
export function inlineLiterals(text: string, quoted: readonly string[]): string {
  return text.replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)/g, (whole, number: string | undefined) => (number === undefined ? whole : quoted[Number(number) - 1]!));
}
