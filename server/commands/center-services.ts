import { createLog } from "#platform";
import { createCenterServices, type CenterServices } from "../compose/center.ts";
import { catalogIndexOptions } from "../compose/catalog-index.ts";
import { feedLogOptions } from "../compose/feed-log.ts";
import { loadCenterConfig } from "../settings.ts";

/** For commands that work on a centre's databases and end: opens them, gives them to `work`, and closes them whatever happens. */
export async function withCenterServices<T>(options: { config?: string }, work: (services: CenterServices) => Promise<T>): Promise<T> {
  const config = loadCenterConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const services = await createCenterServices({
    databaseUrl: config.databaseUrl,
    cityDatabaseUrl: config.cityDatabaseUrl,
    log: createLog({ level: config.logLevel, pretty: process.stderr.isTTY }),
    maxConnections: config.maxConnections,
    identifierLetter: config.identifierLetter,
    signatureSuite: config.signatureSuite,
    ...(config.userDictionary === undefined ? {} : { userDictionary: config.userDictionary }),
    ...feedLogOptions(config),
    ...catalogIndexOptions(config),
  });
  try {
    return await work(services);
  } finally {
    await services.close();
  }
}
