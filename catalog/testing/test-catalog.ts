import { isIndustryCode, isSocialCreditCode, isThemeCode, schemas, type Role } from "#standards";
import { createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSilentLog, createValidator, newId, platformMigrations, systemActor, type Actor, type Clock, type Database, type Kernel, type ManualClock } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { catalogAccessRules } from "../access-rules.ts";
import { createCatalog, type Catalog, type CreateCatalogOptions } from "../catalog.ts";
import { catalogMigrations } from "../migrations.ts";
import type { Organisation } from "../model/types.ts";

/** The validator that the centre has: every schema, and the formats that standards checks. */
export function createTestValidator() {
  return createValidator({
    schemas: Object.values(schemas),
    formats: [
      { name: "theme-code", test: isThemeCode, message: "is not a theme code of GB/T 21063.4", zh: "不是主题分类代码" },
      { name: "industry-code", test: isIndustryCode, message: "is not a code of GB/T 4754", zh: "不是行业分类代码" },
      { name: "social-credit-code", test: isSocialCreditCode, message: "is not a valid unified social credit code", zh: "不是合法的统一社会信用代码" },
    ],
  });
}

/** A kernel on a real database, as the centre has it, with a clock that the test moves. */
export async function createTestKernel(database: Database, clock: Clock): Promise<Kernel> {
  const log = createSilentLog();
  return {
    database,
    clock,
    newId,
    log,
    access: await createAccess(catalogAccessRules),
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId }),
    notifier: createNotifier({ database, log }),
    validator: createTestValidator(),
    metrics: createMetrics(),
  };
}

export interface TestCatalog {
  catalog: Catalog;
  kernel: Kernel;
  clock: ManualClock;
  db: TestDatabase;
  /** The city data office, made first. */
  cityDataOffice: Organisation;
  /** Makes a department. */
  department(name: string): Promise<Organisation>;
  /** Somebody of a body with roles; no user behind it, which services do not ask for. */
  actor(organisation: Organisation, ...roles: Role[]): Actor;
  drop(): Promise<void>;
}

let people = 0;

export function actorOf(organisation: Organisation, roles: readonly Role[]): Actor {
  people += 1;
  return { id: `user_test_${people}`, kind: "user", organisationId: organisation.id, organisationKind: organisation.kind, roles, name: `somebody ${people}` };
}

/** A catalog on a database of its own with a city data office. */
export async function createTestCatalog(options: Omit<CreateCatalogOptions, "kernel"> & { start?: string } = {}): Promise<TestCatalog> {
  const db = await createTestDatabase([platformMigrations, catalogMigrations]);
  const clock = createManualClock(options.start ?? "2026-03-02T01:00:00.000Z");
  const kernel = await createTestKernel(db.database, clock);
  const catalog = createCatalog({ ...options, kernel });
  const cityDataOffice = await catalog.organisations.create(systemActor("test"), { name: "杭州市数据资源管理局", shortName: "市数据局", kind: "city-data-office", regionCode: "330100" });
  return {
    catalog,
    kernel,
    clock,
    db,
    cityDataOffice,
    department: (name) => catalog.organisations.create(systemActor("test"), { name, kind: "department", regionCode: "330100" }),
    actor: (organisation, ...roles) => actorOf(organisation, roles),
    drop: () => db.drop(),
  };
}
