import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DataItem, Grant } from "#standards";
import { createDatabase, migrate, platformMigrations, type Actor, type Database, type Log } from "#platform";
import { exchangeMigrations, type ExchangeEntry, type KafkaFeedLogSettings, type SourceConfig } from "#exchange-nodes";
import { openTableExchange, type TableExchange } from "./exchange-kernel.ts";
import type { ProcessReady, ProcessRole } from "./exchange-process.ts";
import { announceGrant, tableCatalogSql } from "./table-catalog.ts";

/**
 * A centre and two departments' nodes as processes of their own over real HTTP, and the centre's services for who
 * decides. For tests that kill processes and for measuring.
 */
export interface ExchangeCity extends TableExchange {
  office: Actor;
  center: CityProcess;
  provider: CityProcess;
  subscriber: CityProcess;
  centerUrl(): string;
  nodeId(name: "provider" | "subscriber"): string;
  announce(kind: string, grant: Grant): Promise<void>;
  /** Puts an entry over the bound table of the provider's source. */
  addEntry(entry: ExchangeEntry, relation: string): Promise<void>;
  end(): Promise<void>;
}

export interface CityProcess {
  /** Of the running process. */
  pid(): number;
  start(): Promise<void>;
  /** As a power cut would. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Peak resident memory so far, MiB; undefined where the system does not tell. */
  peakMemory(): number | undefined;
}

/** Where a node's process runs, when not beside the centre. */
export interface NodePlace {
  /** Goes before the process's own command line. */
  command: readonly [string, ...string[]];
  /** The centre's address from there. */
  centerHost: string;
}

export const cityOffice: Actor = { id: "user_city", kind: "user", organisationId: "org_city", organisationKind: "city-data-office", roles: ["administrator"] };

const script = fileURLToPath(new URL("exchange-process.ts", import.meta.url));

function createCityProcess(role: () => ProcessRole | Promise<ProcessRole>, onReady: (ready: ProcessReady) => void, place?: NodePlace): CityProcess {
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  return {
    pid: () => child!.pid!,
    async start() {
      const config = await role();
      const [program, ...before] = place === undefined ? [process.execPath] : [...place.command, process.execPath];
      const started = fork(script, [JSON.stringify(config)], { execPath: program!, execArgv: [...before, "--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
      child = started;
      gone = new Promise((done) => started.once("exit", () => done()));
      onReady(await new Promise<ProcessReady>((done, fail) => {
        started.once("message", (message) => done(message as ProcessReady));
        started.once("exit", (code, signal) => fail(new Error(`the ${config.role} ended before it was ready: ${code ?? signal}`)));
      }));
    },
    async kill() {
      child?.kill("SIGKILL");
      await gone;
    },
    signal: (name) => void child?.kill(name),
    peakMemory() {
      try {
        const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child!.pid}/status`, "utf8"));
        return line ? Number(line[1]) / 1024 : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

export interface StartExchangeCityOptions {
  /** Empty databases. */
  centerDatabaseUrl: string;
  providerDatabaseUrl: string;
  subscriberDatabaseUrl: string;
  sources: SourceConfig[];
  targets?: Record<string, string>;
  /** Nodes that run elsewhere; the centre then listens on every address. */
  places?: { provider?: NodePlace; subscriber?: NodePlace };
  /** Feeds wait in Kafka; default: in the centre's database. */
  kafka?: KafkaFeedLogSettings;
  log: Log;
  /** Of the processes. */
  logLevel?: string;
}

export async function startExchangeCity(options: StartExchangeCityOptions): Promise<ExchangeCity> {
  const { log, logLevel = "silent", places } = options;
  const kafka = options.kafka === undefined ? {} : { kafka: options.kafka };
  const setUp = createDatabase({ url: options.centerDatabaseUrl, log, maxConnections: 2 });
  await migrate(setUp, [platformMigrations, exchangeMigrations]);
  await setUp.withTransaction((tx) => tx.query(tableCatalogSql));
  await setUp.close();
  const table = await openTableExchange({ databaseUrl: options.centerDatabaseUrl, log, ...kafka });
  const { exchange, kernel } = table;

  let centerUrl = "";
  const center = createCityProcess(
    () => ({ role: "center", databaseUrl: options.centerDatabaseUrl, ...(places === undefined ? {} : { host: "0.0.0.0" }), port: centerUrl === "" ? 0 : Number(new URL(centerUrl).port), logLevel, ...kafka }),
    (ready) => void (centerUrl = (ready as { url: string }).url),
  );
  const nodeIds = new Map<string, string>();
  const urlFrom = (place: NodePlace | undefined) => (place === undefined ? centerUrl : `http://${place.centerHost}:${new URL(centerUrl).port}`);
  const node = (name: "provider" | "subscriber", organisationId: string, databaseUrl: string, sources: SourceConfig[], targets: Record<string, string>) =>
    createCityProcess(
      async () => {
        const enrolled = (await exchange.nodes.list(cityOffice, { limit: 50 })).some((one) => one.name === name && one.state === "enrolled");
        const code = enrolled ? undefined : (await exchange.nodes.createEnrolmentCode(cityOffice, { organisationId, name })).code;
        return { role: "node", name, centerUrl: urlFrom(places?.[name]), databaseUrl, sources, targets, logLevel, ...(code === undefined ? {} : { enrolmentCode: code }) };
      },
      (ready) => void nodeIds.set(name, (ready as { nodeId: string }).nodeId),
      places?.[name],
    );
  const provider = node("provider", "org_provider", options.providerDatabaseUrl, options.sources, {});
  const subscriber = node("subscriber", "org_consumer", options.subscriberDatabaseUrl, [], options.targets ?? {});
  await center.start();
  await Promise.all([provider.start(), subscriber.start()]);

  return {
    ...table,
    office: cityOffice,
    center,
    provider,
    subscriber,
    centerUrl: () => centerUrl,
    nodeId: (name) => nodeIds.get(name)!,
    announce: (kind, grant) => announceGrant(kernel, kind, grant),
    async addEntry(entry, relation) {
      await kernel.database.withTransaction((tx) => tx.query("insert into test_catalog.entry (id, document) values ($1, $2)", [entry.id, JSON.stringify(entry)]));
      const nodeId = nodeIds.get("provider")!;
      await until(`the source schema of ${relation}`, async () => (await exchange.nodes.sourceSchemas(cityOffice, nodeId)).length > 0);
      await exchange.bindings.bindEntry(cityOffice, { entryId: entry.id, nodeId, sourceName: options.sources[0]!.name, relation });
    },
    async end() {
      for (const one of [provider, subscriber, center]) await one.kill();
      await table.close();
    },
  };
}

export function newGrant(id: string, entry: ExchangeEntry, changes: Partial<Grant> = {}): Grant {
  return { id, version: 1, requestId: `request_${id}`, entryId: entry.id, entryVersion: "1.0", providerOrganisationId: "org_provider", consumerOrganisationId: "org_consumer", legalBasis: "条例第十二条", purpose: "核对", action: "subscribe", deliveryMode: "feed", fields: entry.items.map((item: DataItem) => item.field), keyFields: entry.items.filter((item) => item.key).map((item) => item.field), validFrom: "2020-01-01", validUntil: "2099-12-31", state: "active", issuedAt: "2026-01-01T00:00:00.000Z", ...changes };
}

/** Looks again until it holds, up to a deadline. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 120_000, everyMs = 100): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, everyMs));
  }
}

/** Gives back the slots of processes that were killed: a database with one cannot be dropped, and a killed node's walsender ends a moment later. */
export async function dropSlots(database: Database): Promise<void> {
  await until("the slots are dropped", () =>
    database.withTransaction(async (tx) => {
      await tx.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database() and not active");
      return (await tx.query("select from pg_replication_slots where database = current_database()")).rowCount === 0;
    }),
  );
}
