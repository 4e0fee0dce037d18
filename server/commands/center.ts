import { createLog } from "#platform";
import { startCenter } from "../compose/center.ts";
import { catalogIndexOptions } from "../compose/catalog-index.ts";
import { feedLogOptions } from "../compose/feed-log.ts";
import { loadCenterConfig } from "../settings.ts";
import { untilSignal } from "./run-until-signal.ts";

export async function runCenter(options: { config?: string }): Promise<void> {
  const config = loadCenterConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const log = createLog({ level: config.logLevel, name: "center" });
  const stopped = untilSignal(log);
  const center = await startCenter({
    databaseUrl: config.databaseUrl,
    cityDatabaseUrl: config.cityDatabaseUrl,
    log,
    host: config.host,
    port: config.port,
    maxConnections: config.maxConnections,
    identifierLetter: config.identifierLetter,
    signatureSuite: config.signatureSuite,
    ...(config.userDictionary === undefined ? {} : { userDictionary: config.userDictionary }),
    ...feedLogOptions(config),
    ...catalogIndexOptions(config),
    requestsPerMinute: config.requestsPerMinute,
    bodyLimitBytes: config.bodyLimitBytes,
    explorer: config.explorer,
    ...(config.trustedProxies === undefined ? {} : { trustedProxies: config.trustedProxies.split(",").map((address) => address.trim()) }),
  });
  log.info({ url: center.url, graphql: `${center.url}/graphql` }, "centre is up");
  await stopped;
  await center.stop();
}
