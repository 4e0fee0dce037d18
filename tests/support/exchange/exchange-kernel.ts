import { createAccess, createAuditLog, createDatabase, createEventLog, createMetrics, createNotifier, createValidator, newId, systemClock, type Kernel, type Log } from "#platform";
import { schemas, type JsonSchema } from "#standards";
import { createExchangeCenter, createKafkaFeedLog, exchangeAccessRules, type ExchangeCenter, type KafkaFeedLogSettings } from "#exchange-nodes";
import { createTableCatalog } from "./table-catalog.ts";

export interface TableExchange {
  exchange: ExchangeCenter;
  kernel: Kernel;
  close(): Promise<void>;
}

/** The exchange's services on a centre's database with a table catalog; whoever also starts it is a centre. */
export async function openTableExchange({ databaseUrl, log, kafka }: { databaseUrl: string; log: Log; kafka?: KafkaFeedLogSettings }): Promise<TableExchange> {
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
  const feedLog = kafka && (await createKafkaFeedLog({ ...kafka, database, notifier, clock: systemClock, log, metrics: kernel.metrics }));
  const exchange = await createExchangeCenter({ kernel, catalog: createTableCatalog(database), ...(feedLog === undefined ? {} : { feedLog }) });
  return {
    exchange,
    kernel,
    async close() {
      await feedLog?.stop();
      await notifier.stop();
      await database.close();
    },
  };
}
