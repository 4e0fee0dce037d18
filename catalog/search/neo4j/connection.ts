import { setTimeout as sleep } from "node:timers/promises";
import type { AuthToken, Driver, ManagedTransaction, Session } from "neo4j-driver";
import { describeError, UnavailableError } from "#platform";

/** The only door to Neo4j: managed transactions with routing and retry, autocommit statements for bulk work, one translation of failures. */
export interface Neo4jConnection {
  /** Tried again by the driver where the server says that it may succeed. `timeoutMs` ends it on the server. */
  read<T>(run: (cypher: RunCypher) => Promise<T>, options?: { timeoutMs?: number }): Promise<T>;
  write<T>(run: (cypher: RunCypher) => Promise<T>, options?: { timeoutMs?: number }): Promise<T>;
  /** A statement that commits in parts (`IN TRANSACTIONS`); it must be repeatable. */
  bulk(text: string, parameters?: CypherParameters): Promise<void>;
  /** Changes of the schema in one transaction, which costs hardly more than one of them alone; each says `IF [NOT] EXISTS`. */
  schema(statements: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Whole numbers go as bigint, everything else as it is; whole numbers come back as numbers. */
export type CypherParameters = Record<string, unknown>;
export type RunCypher = <Row extends object = Record<string, unknown>>(text: string, parameters?: CypherParameters) => Promise<Row[]>;

export interface OpenNeo4jOptions {
  /** `neo4j://` with routing, `bolt://` to one server; `+s` for TLS. */
  url: string;
  user: string;
  password: string;
  database: string;
  /** Most connections of this process. Default 50. */
  maxConnections?: number;
}

/** A question that takes longer is given up; walks have their own deadline. */
const readTimeoutMs = 30_000;
const writeTimeoutMs = 300_000;
/** How long the driver tries again by itself: short, because people wait; who applies events comes back anyway. */
const retryMs = 2_500;
const connectMs = 2_500;
const bulkAttempts = 5;

/** The transaction ran out of the time that it was given. */
export class CypherTimeout extends Error {}

export function openNeo4j({ url, user, password, database, maxConnections = 50 }: OpenNeo4jOptions): Neo4jConnection {
  let made: Promise<{ driver: Driver; session(mode: "READ" | "WRITE"): Session }> | undefined;

  // Who runs on PostgreSQL alone never loads the driver.
  const open = () =>
    (made ??= import("neo4j-driver").then(({ default: neo4j }) => {
      const auth: AuthToken = neo4j.auth.basic(user, password);
      const driver = neo4j.driver(url, auth, {
        disableLosslessIntegers: true,
        maxConnectionPoolSize: maxConnections,
        connectionTimeout: connectMs,
        connectionAcquisitionTimeout: 10_000,
        maxTransactionRetryTime: retryMs,
        fetchSize: -1,
        userAgent: "zhengtong",
        // Hints about statements are for who writes them.
        notificationFilter: { minimumSeverityLevel: "OFF" },
      });
      // Shared by all sessions: what this process has written, it reads, whichever member of a cluster answers.
      const bookmarkManager = neo4j.bookmarkManager();
      return { driver, session: (mode: "READ" | "WRITE") => driver.session({ database, bookmarkManager, defaultAccessMode: mode }) };
    }));

  async function withSession<T>(mode: "READ" | "WRITE", run: (session: Session) => Promise<T>): Promise<T> {
    const { session: openSession } = await open();
    const session = openSession(mode);
    try {
      return await run(session);
    } catch (error) {
      throw translate(error, url);
    } finally {
      await session.close().catch(() => undefined);
    }
  }

  /** Two processes that change the schema at once may end each other's turn: the driver leaves that to us here. */
  async function insist(work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (attempt >= bulkAttempts || !codeOf((error as Error).cause).startsWith("Neo.TransientError.Transaction")) throw error;
        await sleep(100 * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }

  return {
    read: (run, { timeoutMs = readTimeoutMs } = {}) => withSession("READ", (session) => session.executeRead((tx) => run(runIn(tx)), { timeout: timeoutMs })),
    write: (run, { timeoutMs = writeTimeoutMs } = {}) => withSession("WRITE", (session) => session.executeWrite((tx) => run(runIn(tx)), { timeout: timeoutMs })),
    bulk: (text, parameters = {}) => insist(() => withSession("WRITE", async (session) => void (await session.run(text, parameters)))),
    async schema(statements) {
      if (statements.length === 0) return;
      // All are sent at once; the server takes them one after the other.
      await insist(() => withSession("WRITE", (session) => session.executeWrite(async (tx) => void (await Promise.all(statements.map((statement) => tx.run(statement)))), { timeout: writeTimeoutMs })));
    },
    async close() {
      if (made === undefined) return;
      const { driver } = await made;
      made = undefined;
      await driver.close();
    },
  };
}

function runIn(tx: ManagedTransaction): RunCypher {
  return async <Row extends object>(text: string, parameters: CypherParameters = {}) => (await tx.run(text, parameters)).records.map((record) => record.toObject() as Row);
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? "");

/** The server is away, starting, changing leaders, or refuses us: the same call may succeed later. */
function isNeo4jUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ServiceUnavailable" || code === "SessionExpired" || code.startsWith("Neo.TransientError") || code.startsWith("Neo.ClientError.Security") || code.startsWith("Neo.ClientError.Cluster") || code === "Neo.ClientError.Database.DatabaseNotFound" || (error instanceof Error && /Connection acquisition timed out|Pool is closed|Could not perform discovery|Connection was closed by server/.test(error.message));
}

/** The server ended the transaction because its time was over. */
export const isCypherTimeout = (error: unknown): boolean => /TransactionTimedOut|Transaction\.Terminated/.test(codeOf(error));

/** What was to be made is there: a constraint says so. */
export const isAlreadyThere = (error: unknown): boolean => codeOf(error) === "Neo.ClientError.Schema.ConstraintValidationFailed";

function translate(error: unknown, url: string): unknown {
  const code = codeOf(error);
  if (isCypherTimeout(error)) return new CypherTimeout(describeError(error));
  if (!isNeo4jUnavailable(error)) return error;
  const nextStep = code.startsWith("Neo.ClientError.Security") ? "Check ZHENGTONG_NEO4J_USER and ZHENGTONG_NEO4J_PASSWORD, and that the password was changed after the first login." : "Check that Neo4j runs and that its address is right. Registration, sharing and exchange go on meanwhile; the index catches up by itself.";
  return indexUnavailable(`Neo4j at ${hostOf(url)} does not answer`, nextStep, error);
}

export function indexUnavailable(detail: string, nextStep: string, cause?: unknown): UnavailableError {
  return new UnavailableError(`The catalog index is unavailable: ${detail}`, { zh: "目录索引暂不可用,登记、共享与交换不受影响", code: "index.unavailable", nextStep, ...(cause === undefined ? {} : { cause }) });
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "(unreadable address)";
}
