import pg from "pg";
import { ConflictError, UnavailableError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";

/**
 * The only door to PostgreSQL. Services open transactions with `withTransaction`; repository functions take the
 * `Transaction` (or, for reading, the `Reader`) as their first argument and hold no pool: neither type is
 * satisfied by a pool, so a write cannot slip out of the transaction it belongs to.
 */
export interface Statement {
  text: string;
  values?: readonly unknown[];
  /** Prepared under this name and reused on the connection. */
  name?: string;
}

export interface QueryRows<Row> {
  rows: Row[];
  /** Rows returned or changed. */
  rowCount: number;
}

declare const readerBrand: unique symbol;
declare const transactionBrand: unique symbol;

export interface Reader {
  readonly [readerBrand]: true;
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(text: string | Statement, values?: readonly unknown[]): Promise<QueryRows<Row>>;
  /** The underlying client, for COPY, cursors and LISTEN only. */
  readonly client: pg.ClientBase;
}

export interface Transaction extends Reader {
  readonly [transactionBrand]: true;
  /** Runs after the commit has succeeded; never instead of an outbox row, only to wake somebody earlier. */
  afterCommit(run: () => void): void;
}

export interface TransactionOptions {
  isolation?: "read committed" | "repeatable read" | "serializable";
  readOnly?: boolean;
  /** How often a serialisation failure or deadlock is tried again. Default 3. */
  retries?: number;
}

export interface Database {
  withTransaction<T>(run: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** One connection, each statement on its own: for reads that need no common snapshot. */
  read<T>(run: (reader: Reader) => Promise<T>): Promise<T>;
  /** A connection of one's own outside the pool, to LISTEN or to hold a lock; the caller ends it. */
  connect(): Promise<pg.Client>;
  readonly url: string;
  /** Connections in use, waiting and idle. */
  load(): { total: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface CreateDatabaseOptions {
  url: string;
  log: Log;
  /** Most connections at once. Default 10. */
  maxConnections?: number;
  applicationName?: string;
  /** A statement that runs longer is cancelled. Default none. */
  statementTimeoutMs?: number;
  /** How long a caller waits for a free or new connection. Default 10 s. */
  connectTimeoutMs?: number;
}

const INT8 = 20;
const DATE = 1082;
const types = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    // bigint as number: positions and counts stay far below 2^53 (a WAL location reaches it after 9 PB).
    if (oid === INT8 && format !== "binary") return Number;
    // A calendar date is text: turning it into an instant would add a time zone that it does not have.
    if (oid === DATE && format !== "binary") return (text: string) => text;
    return pg.types.getTypeParser(oid, format as "text");
  },
};

/** Where a URL points, without user and password: for messages and logs. */
export function describeUrl(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.host}${parsed.pathname}`;
  } catch {
    return "(unreadable URL)";
  }
}

const connectionCodes = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE", "ETIMEDOUT", "57P01", "57P02", "57P03", "08000", "08003", "08006", "53300"]);

/** Whether a failure means that the server is away (and the same call may succeed later). */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code;
  if (code !== undefined) return connectionCodes.has(code);
  return /Cannot use a pool after calling end|Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/.test(error.message);
}

/** Turns driver errors into refusals where the meaning is certain; leaves the rest as they are. */
export function translatePostgresError(error: unknown, url: string): unknown {
  if (isConnectionFailure(error)) {
    return new UnavailableError(`PostgreSQL at ${describeUrl(url)} does not answer`, { zh: `数据库 ${describeUrl(url)} 无法连接`, code: "postgres.unavailable", nextStep: "Check that the server runs and that the URL is right; the call can be repeated.", cause: error });
  }
  if ((error as { code?: string } | undefined)?.code === "53100") {
    return new UnavailableError(`PostgreSQL at ${describeUrl(url)} has no disk space left`, { zh: `数据库 ${describeUrl(url)} 磁盘已满`, code: "postgres.disk-full", nextStep: "Free space on its data directory; nothing was written.", cause: error });
  }
  return error;
}

/** `23505`: a unique constraint was hit; `constraint` tells which. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const failure = error as { code?: string; constraint?: string } | undefined;
  return failure?.code === "23505" && (constraint === undefined || failure.constraint === constraint);
}

const retryable = new Set(["40001", "40P01"]);

export function createDatabase(options: CreateDatabaseOptions): Database {
  const { url, log } = options;
  const clientConfig: pg.ClientConfig = {
    connectionString: url,
    application_name: options.applicationName ?? "zhengtong",
    types,
    ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
  };
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  const pool = new pg.Pool({ ...clientConfig, max: options.maxConnections ?? 10, connectionTimeoutMillis: connectTimeoutMs, idleTimeoutMillis: 30_000, allowExitOnIdle: true });
  // An idle connection that breaks is replaced at the next call; without a listener it would end the process.
  pool.on("error", (error) => log.warn({ database: describeUrl(url), error: error.message }, "idle PostgreSQL connection lost"));

  const translate = (error: unknown) => translatePostgresError(error, url);

  async function withClient<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (error) {
      throw translate(error);
    }
    let broken: Error | undefined;
    const onError = (error: Error) => void (broken = error);
    client.on("error", onError);
    try {
      return await run(client);
    } catch (error) {
      if (isConnectionFailure(error)) broken = error as Error;
      throw translate(error);
    } finally {
      client.off("error", onError);
      client.release(broken);
    }
  }

  function readerOf(client: pg.ClientBase): Reader {
    return {
      client,
      async query(text: string | Statement, values?: readonly unknown[]) {
        const result = typeof text === "string" ? await client.query(text, values as unknown[]) : await client.query({ text: text.text, values: text.values as unknown[], ...(text.name === undefined ? {} : { name: text.name }) });
        return { rows: result.rows, rowCount: result.rowCount ?? 0 };
      },
    } as Reader;
  }

  async function attempt<T>(run: (tx: Transaction) => Promise<T>, begin: string): Promise<T> {
    return withClient(async (client) => {
      const after: (() => void)[] = [];
      const tx = Object.assign(readerOf(client), { afterCommit: (then: () => void) => void after.push(then) }) as Transaction;
      await client.query(begin);
      let result: T;
      try {
        result = await run(tx);
        const end = await client.query("commit");
        // A transaction that failed inside answers COMMIT with ROLLBACK: never report that as success.
        if (end.command !== "COMMIT") throw new ConflictError("The transaction was rolled back by PostgreSQL", { code: "postgres.rolled-back" });
      } catch (error) {
        await client.query("rollback").catch((rollbackError: Error) => log.debug({ error: rollbackError.message }, "rollback failed"));
        throw error;
      }
      for (const then of after) then();
      return result;
    });
  }

  return {
    url,
    async withTransaction(run, transactionOptions = {}) {
      const begin = `begin isolation level ${transactionOptions.isolation ?? "read committed"}${transactionOptions.readOnly ? " read only" : ""}`;
      const retries = transactionOptions.retries ?? 3;
      for (let attemptNumber = 0; ; attemptNumber += 1) {
        try {
          return await attempt(run, begin);
        } catch (error) {
          const code = (error as { code?: string }).code;
          if (attemptNumber >= retries || code === undefined || !retryable.has(code)) throw error;
          log.debug({ code, attempt: attemptNumber + 1 }, "transaction tried again");
        }
      }
    },
    read: (run) => withClient((client) => run(readerOf(client))),
    async connect() {
      const client = new pg.Client({ ...clientConfig, connectionTimeoutMillis: connectTimeoutMs, keepAlive: true });
      try {
        await client.connect();
        return client;
      } catch (error) {
        throw translate(error);
      }
    },
    load: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}

/** An SQL identifier, quoted. The only way a name may enter SQL text; values never do. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
