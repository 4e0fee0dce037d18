import { createAccess, createAuditLog, createEventLog, createManualClock, createMetrics, createNotifier, createSequentialIds, createSilentLog, createValidator, platformMigrations, systemActor, type Actor, type Kernel, type ManualClock } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { coordinationAppsAccessRules } from "../access-rules.ts";
import type { WorkingDayCalendar } from "../case/model/deadline.ts";
import { createCoordinationApps, type CoordinationApps } from "../coordination-apps.ts";
import { coordinationAppsMigrations } from "../migrations.ts";
import { unemploymentCheck } from "../unemployment/definition.ts";
import { createLandingFeeds, departmentIdOf, entryOf, feedIdOf, tableOf, type LandingFeeds } from "./landing-feeds.ts";

export interface CheckHarness {
  db: TestDatabase;
  kernel: Kernel;
  clock: ManualClock;
  apps: CoordinationApps;
  feeds: LandingFeeds;
  /** Attaches every role whose feed exists. */
  attach(without?: readonly string[]): Promise<void>;
  /** Every recorded hit as one comparable line: `claim rule evidenceKey state`. */
  hits(): Promise<string[]>;
  /** Empties everything but the migrations. */
  reset(): Promise<void>;
  /** Forgets hits, cases, runs and positions; inputs and landing tables stay. */
  forget(): Promise<void>;
  end(): Promise<void>;
}

export const system = systemActor("test");
export const benefitDepartment = "org_laodong";
export const officer: Actor = { id: "user_officer", kind: "user", organisationId: benefitDepartment, roles: ["case-officer"], name: "王经办" };
export const secondOfficer: Actor = { ...officer, id: "user_second", name: "李复核" };
export const strangeOfficer: Actor = { ...officer, id: "user_strange", organisationId: "org_minzheng" };
export const auditor: Actor = { id: "user_auditor", kind: "user", organisationId: "org_jiancha", roles: ["auditor"] };

/** Weekends are off, every other day is worked; nothing is known beyond 2026. */
export const plainCalendar: WorkingDayCalendar = {
  day: (date) => (date >= "2027-01-01" ? undefined : { working: ![0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay()) }),
};

export async function createCheckHarness(start = "2026-06-15T02:00:00Z"): Promise<CheckHarness> {
  const db = await createTestDatabase([platformMigrations, coordinationAppsMigrations]);
  const clock = createManualClock(start);
  const newId = createSequentialIds();
  const log = createSilentLog();
  const kernel: Kernel = {
    database: db.database,
    clock,
    newId,
    log,
    access: await createAccess(coordinationAppsAccessRules),
    audit: createAuditLog({ clock }),
    eventLog: createEventLog({ clock, newId }),
    notifier: createNotifier({ database: db.database, log }),
    validator: createValidator({ schemas: [] }),
    metrics: createMetrics(),
  };
  const apps = createCoordinationApps({ kernel, calendar: plainCalendar, continuousIntervalMs: 60_000 });
  const feeds = createLandingFeeds(db.database, () => clock.now());
  return {
    db,
    kernel,
    clock,
    apps,
    feeds,
    async attach(without = []) {
      for (const role of feeds.roles) {
        if (without.includes(role)) continue;
        await apps.check.attachInput(system, { definition: unemploymentCheck.name, role, feedId: feedIdOf(role), grantId: `grant_${role}`, organisationId: departmentIdOf(entryOf(role)), schema: "landing", table: tableOf(role) });
      }
    },
    async hits() {
      const { rows } = await db.database.read((reader) => reader.query<{ line: string }>("select claim_key || ' ' || rule_id || ' ' || evidence_key || case when withdrawn_at is null then '' else ' withdrawn' end as line from apps.check_hit order by 1"));
      return rows.map((row) => row.line);
    },
    async reset() {
      await db.database.withTransaction(async (tx) => {
        await tx.query("drop schema if exists landing cascade");
        await tx.query("drop schema if exists exchange_target cascade");
        await tx.query("truncate apps.check_definition, apps.check_input, apps.check_position, apps.check_run, apps.check_hit, apps.case_counter, apps.check_case, apps.case_step, apps.unemployment_outcome");
      });
    },
    forget: () => db.database.withTransaction(async (tx) => void (await tx.query("truncate apps.check_position, apps.check_run, apps.check_hit, apps.case_counter, apps.check_case, apps.case_step, apps.unemployment_outcome"))),
    end: () => db.drop(),
  };
}
