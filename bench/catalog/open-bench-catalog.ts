import { createAccess, createAuditLog, createDatabase, createEventLog, createMetrics, createNotifier, createSilentLog, createValidator, newId, systemClock, type Actor, type Kernel } from "#platform";
import { catalogAccessRules, createCatalog, type Catalog } from "#catalog";

/** A catalog over a database that is there, as a centre process has it. */
export async function openBenchCatalog(url: string): Promise<Catalog> {
  const log = createSilentLog();
  const database = createDatabase({ url, log, maxConnections: 10 });
  const kernel: Kernel = {
    database,
    clock: systemClock,
    newId,
    log,
    access: await createAccess(catalogAccessRules),
    audit: createAuditLog({ clock: systemClock }),
    eventLog: createEventLog({ clock: systemClock, newId }),
    notifier: createNotifier({ database, log }),
    validator: createValidator({ schemas: [] }),
    metrics: createMetrics(),
  };
  return createCatalog({ kernel });
}

/** An analyst of one department: sees what is published and not refused, so every question is filtered. */
export const benchActor: Actor = { id: "user_bench", kind: "user", organisationId: "organisation_003", organisationKind: "department", roles: ["analyst"] };
