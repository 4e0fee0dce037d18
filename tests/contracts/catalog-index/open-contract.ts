import { createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSequentialIds, createSilentLog, createValidator, platformMigrations, type Kernel, type ManualClock } from "#platform";
import { catalogAccessRules, catalogMigrations, createCatalogSearch, createCatalogTokeniser, type CatalogIndex, type CatalogSearch } from "#catalog";
import { createTestDatabase, type TestDatabase } from "#test-support";

/** The adapter under test. Records are always in PostgreSQL, so it is given the kernel of the records. */
export interface CatalogIndexUnderTest {
  index: CatalogIndex;
  /** Releases what belongs to it; the records' database is not its. */
  close(): Promise<void>;
}
export type OpenCatalogIndex = (kernel: Kernel) => Promise<CatalogIndexUnderTest>;

export interface ContractSetting {
  db: TestDatabase;
  kernel: Kernel;
  clock: ManualClock;
  index: CatalogIndex;
  search: CatalogSearch;
  close(): Promise<void>;
}

let tokeniser: ReturnType<typeof createCatalogTokeniser> | undefined;

/** A catalog's records in a database of their own, and the adapter over them. */
export async function openContract(open: OpenCatalogIndex): Promise<ContractSetting> {
  const db = await createTestDatabase([platformMigrations, catalogMigrations]);
  const clock = createManualClock("2026-03-01T00:00:00Z");
  const log = createSilentLog();
  const newId = createSequentialIds();
  const kernel: Kernel = {
    database: db.database,
    clock,
    newId,
    log,
    access: await createAccess(catalogAccessRules),
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId }),
    notifier: createNotifier({ database: db.database, log }),
    validator: createValidator({ schemas: [] }),
    metrics: createMetrics(),
  };
  const adapter = await open(kernel);
  tokeniser ??= createCatalogTokeniser();
  const search = createCatalogSearch({ kernel, index: adapter.index, tokeniser });
  return {
    db,
    kernel,
    clock,
    index: adapter.index,
    search,
    async close() {
      await search.stop();
      await adapter.close();
      await db.drop();
    },
  };
}
