import type { GraphQLSchema } from "graphql";
import { baseDatabasesAccessRules, baseDatabasesMigrations, createBaseDatabases, type BaseDatabases } from "#base-databases";
import { catalogAccessRules, catalogMigrations, createCatalog, createNeo4jCatalogIndex, type Catalog, type Neo4jIndexSettings } from "#catalog";
import { coordinationAppsAccessRules, coordinationAppsMigrations, createCoordinationApps, type CoordinationApps } from "#coordination-apps";
import { createExchangeCenter, createKafkaFeedLog, exchangeAccessRules, exchangeMigrations, registerExchangeRoutes, type ExchangeCenter, type KafkaFeedLog, type KafkaFeedLogSettings } from "#exchange-nodes";
import { ConflictError, createAccess, createDatabase, createMetrics, createReleasers, migrate, migrationState, platformMigrations, type AnyAccessRules, type Database, type Log, type Metrics, type MigrationSet, type SuiteName } from "#platform";
import { CalendarYearMissingError, createWorkingCalendar } from "#standards";
import { registerCatalogFiles } from "../http/catalog-files.ts";
import { registerGraphqlEndpoint, type Caller } from "../http/graphql-endpoint.ts";
import { createHttpServer } from "../http/http-server.ts";
import { createCenterGauges } from "./center-gauges.ts";
import { createKernel, createStandardsValidator, type RunningKernel } from "./kernel.ts";
import { createCorrectionDesk, createExchangeCatalog, createLifecycleAuthority } from "./ports.ts";
import { createCenterSchema } from "./schema.ts";

/**
 * A centre: catalog, sharing and exchange on one database, base databases and apps on the other, GraphQL and the
 * nodes' gateway on one HTTP port. Stateless between calls: any number may run on the same databases.
 */
export interface CenterServices {
  center: RunningKernel;
  city: RunningKernel;
  catalog: Catalog;
  exchange: ExchangeCenter;
  bases: BaseDatabases;
  apps: CoordinationApps;
  schema: GraphQLSchema;
  metrics: Metrics;
  /** On what the two ports with several adapters run here. */
  engines: { index: "postgres" | "neo4j"; log: "postgres" | "kafka" };
  /** The feed log, when it is on Kafka. */
  kafka?: KafkaFeedLog;
}

export interface RunningCenter extends CenterServices {
  url: string;
  stop(): Promise<void>;
}

export const centerMigrations: MigrationSet[] = [platformMigrations, catalogMigrations, exchangeMigrations];
export const cityMigrations: MigrationSet[] = [platformMigrations, baseDatabasesMigrations, coordinationAppsMigrations];
export const accessRules: readonly AnyAccessRules[] = [...catalogAccessRules, ...exchangeAccessRules, ...baseDatabasesAccessRules, ...coordinationAppsAccessRules];

export interface CreateCenterServicesOptions {
  databaseUrl: string;
  cityDatabaseUrl: string;
  log: Log;
  maxConnections?: number;
  identifierLetter?: string;
  signatureSuite?: SuiteName;
  /** File with words for the segmentation of Chinese, one a line. */
  userDictionary?: string;
  /** The catalog index is in Neo4j; default: in the centre's database. */
  neo4j?: Neo4jIndexSettings;
  /** Feeds' payloads lie in Kafka; default: in the centre's database. */
  kafka?: KafkaFeedLogSettings;
  /** Brings both databases up to date first. Default true. */
  migrate?: boolean;
  processMetrics?: boolean;
}

/** Everything but the port: what commands such as `import` and `verify-audit` work with. */
export async function createCenterServices(options: CreateCenterServicesOptions): Promise<CenterServices & { close(): Promise<void> }> {
  const { log } = options;
  const metrics = createMetrics({ processMetrics: options.processMetrics ?? false });
  if (options.migrate ?? true) {
    for (const [url, sets] of [[options.databaseUrl, centerMigrations], [options.cityDatabaseUrl, cityMigrations]] as const) {
      const database = createDatabase({ url, log, maxConnections: 2 });
      try {
        const { applied } = await migrate(database, sets);
        if (applied.length > 0) log.info({ migrations: applied.map((migration) => `${migration.schema}/${migration.number}-${migration.name}`) }, "database schema brought up to date");
      } finally {
        await database.close();
      }
    }
  }
  const validator = createStandardsValidator();
  const common = { log, metrics, validator, access: await createAccess(accessRules), ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }) };
  const center = createKernel({ ...common, url: options.databaseUrl });
  const city = createKernel({ ...common, url: options.cityDatabaseUrl });
  const index = options.neo4j && createNeo4jCatalogIndex({ ...options.neo4j, access: center.access, clock: center.clock, log, monotonicMs: () => performance.now() });
  const search = { ...(index === undefined ? {} : { index }), ...(options.userDictionary === undefined ? {} : { dictionaryPath: options.userDictionary }) };
  const catalog = createCatalog({ kernel: center, search, ...(options.identifierLetter === undefined ? {} : { area: { provinceCode: "33", areaLetter: options.identifierLetter } }) });
  const kafka = options.kafka && (await createKafkaFeedLog({ ...options.kafka, database: center.database, notifier: center.notifier, clock: center.clock, log, metrics }));
  const exchange = await createExchangeCenter({ kernel: center, catalog: createExchangeCatalog(catalog), ...(kafka === undefined ? {} : { feedLog: kafka }), ...(options.signatureSuite === undefined ? {} : { suite: options.signatureSuite }) });
  const bases = createBaseDatabases({ kernel: city, correctionDesk: createCorrectionDesk(catalog), lifecycleAuthority: createLifecycleAuthority(catalog) });
  const calendar = createWorkingCalendar();
  const apps = createCoordinationApps({
    kernel: city,
    calendar: {
      day(date) {
        try {
          return { working: calendar.isWorkingDay(date) };
        } catch (error) {
          if (error instanceof CalendarYearMissingError) return undefined;
          throw error;
        }
      },
    },
  });
  const services: CenterServices = { engines: { index: index === undefined ? "postgres" : "neo4j", log: kafka === undefined ? "postgres" : "kafka" }, center, city, catalog, exchange, bases, apps, metrics, schema: createCenterSchema({ catalog, exchange, bases, apps }), ...(kafka === undefined ? {} : { kafka }) };
  return {
    ...services,
    async close() {
      await index?.close();
      await kafka?.stop();
      await center.close();
      await city.close();
    },
  };
}

export interface StartCenterOptions extends CreateCenterServicesOptions {
  host: string;
  port: number;
  requestsPerMinute?: number;
  bodyLimitBytes?: number;
  explorer?: boolean;
  trustedProxies?: string[];
  /** Whether bases and check run by themselves as data arrives. Default true. */
  continuous?: boolean;
}

/** A newer centre has changed the schema in a way that this one cannot live with: no more calls, until it is replaced. */
async function assertNotOutgrown(database: Database, sets: MigrationSet[]): Promise<void> {
  const { breaking } = await migrationState(database, sets);
  if (breaking.length > 0) throw new ConflictError(`The database was migrated by newer software: ${breaking.join(", ")}`, { zh: "数据库已由更新版本升级,本进程须更换", code: "migration.newer", nextStep: "Stop this process and start the newer version." });
}

export async function startCenter(options: StartCenterOptions): Promise<RunningCenter> {
  const { log } = options;
  const releasers = createReleasers(log);
  try {
    const services = await createCenterServices({ ...options, processMetrics: true });
    releasers.add("databases", () => services.close());
    const { center, city, catalog, exchange, bases, apps, metrics, schema } = services;
    await center.start();
    await city.start();

    const trusted = options.trustedProxies === undefined ? {} : { trustedProxies: options.trustedProxies };
    const app = await createHttpServer({
      log,
      metrics,
      requestsPerMinute: options.requestsPerMinute ?? 1_200,
      bodyLimitBytes: options.bodyLimitBytes ?? 1_048_576,
      ...trusted,
      readiness: {
        "center database": () => assertNotOutgrown(center.database, centerMigrations),
        "city database": () => assertNotOutgrown(city.database, cityMigrations),
      },
    });
    registerExchangeRoutes(app, exchange);
    const actorOf = ({ token, sourceAddress, correlationId }: Caller) => catalog.authentication.authenticate(token === undefined ? {} : token.startsWith("zt_") ? { apiToken: token } : { sessionToken: token }, { sourceAddress, correlationId });
    const graphql = registerGraphqlEndpoint(app, { schema, log, metrics, explorer: options.explorer ?? false, actorOf, ...trusted });
    registerCatalogFiles(app, { catalog, actorOf });
    await app.listen({ host: options.host, port: options.port });
    releasers.add("http", () => app.close());
    releasers.add("graphql", () => graphql.stop());
    const address = app.server.address() as { port: number };

    await exchange.start();
    releasers.add("exchange", () => exchange.stop());
    catalog.sharing.start();
    releasers.add("sharing", () => catalog.sharing.stop());
    catalog.search.start();
    releasers.add("search", () => catalog.search.stop());
    const gauges = createCenterGauges({ catalog, databases: { center: center.database, city: city.database }, metrics, log });
    gauges.start();
    releasers.add("gauges", () => gauges.stop());
    if (options.continuous ?? true) {
      bases.loops.start();
      releasers.add("bases", () => bases.loops.stop());
      apps.continuous.start();
      releasers.add("check", () => apps.continuous.stop());
    }
    return { ...services, url: `http://${options.host}:${address.port}`, stop: () => releasers.releaseAll() };
  } catch (error) {
    await releasers.releaseAll();
    throw error;
  }
}
