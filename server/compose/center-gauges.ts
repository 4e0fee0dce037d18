import { createLoop, describeError, systemActor, type Database, type Log, type Loop, type Metrics } from "#platform";
import type { Catalog } from "#catalog";

const actor = systemActor("metrics");

export interface CreateCenterGaugesOptions {
  catalog: Pick<Catalog, "search">;
  databases: Record<string, Pick<Database, "load">>;
  metrics: Metrics;
  log: Log;
}

/** How far the index is behind the records, and how this process's connections are used; looked at every 15 s. */
export function createCenterGauges({ catalog, databases, metrics, log }: CreateCenterGaugesOptions): Loop {
  const lag = metrics.gauge("catalog_index_lag_events", "Events that the catalog index has not taken in yet");
  const documents = metrics.gauge("catalog_index_documents", "Entries in the serving catalog index");
  const parked = metrics.gauge("catalog_index_parked", "Entries that could not be indexed and wait for somebody to look");
  const available = metrics.gauge("catalog_index_available", "1 while the catalog index answers, 0 while it does not");
  const connections = metrics.gauge("database_connections", "Connections of this process by database and use", ["database", "use"]);
  return createLoop({
    name: "center-gauges",
    intervalMs: 15_000,
    log,
    async run() {
      for (const [database, { load }] of Object.entries(databases)) {
        const { total, idle, waiting } = load();
        connections.set({ database, use: "busy" }, total - idle);
        connections.set({ database, use: "idle" }, idle);
        connections.set({ database, use: "awaited" }, waiting);
      }
      try {
        const status = await catalog.search.status(actor);
        available.set(1);
        lag.set(status.lag);
        documents.set(status.serving?.documents ?? 0);
        parked.set(status.serving?.parked ?? 0);
      } catch (error) {
        // Registration and exchange go on without it: this is where it is seen that it is away.
        available.set(0);
        log.debug({ error: describeError(error) }, "the catalog index does not answer");
      }
    },
  });
}
