import { createAccess, createAuditLog, createDatabase, createEventLog, createMetrics, createNotifier, createValidator, newId, systemClock, type Kernel, type Log } from "#platform";
import { schemas, type JsonSchema } from "#standards";
import { createExchangeCenter, exchangeAccessRules, type ExchangeCenter } from "#exchange-nodes";
import { createTableCatalog } from "./table-catalog.ts";

export interface TableExchange {
  exchange: ExchangeCenter;
  kernel: Kernel;
  close(): Promise<void>;
}

/** The exchange's services on a centre's database with a table catalog; whoever also starts it is a centre. */
export async function openTableExchange({ databaseUrl, log }: { databaseUrl: string; log: Log }): Promise<TableExchange> {
  const database = createDatabase({ url: databaseUrl, log, maxConnections: 16, applicationName: "zhengtong-center" });
  const notifier = createNotifier({ database, log });
  await notifier.start();
  const kernel: Kernel = {
    database,
    clock: systemClock,
    newId,
    log,
    access: await createAccess(exchangeAccessRules),
    audit: createAuditLog({ clock: systemClock }),
    eventLog: createEventLog({ clock: systemClock, newId }),
    notifier,
    validator: createValidator({ schemas: Object.values(schemas) as JsonSchema[] }),
    metrics: createMetrics(),
  };
  const exchange = await createExchangeCenter({ kernel, catalog: createTableCatalog(database) });
  return {
    exchange,
    kernel,
    async close() {
      await notifier.stop();
      await database.close();
    },
  };
}
