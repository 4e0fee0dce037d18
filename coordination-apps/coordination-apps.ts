import { InputError, systemActor, type Kernel, type Loop } from "#platform";
import type { CheckApp } from "./case/model/app.ts";
import type { WorkingDayCalendar } from "./case/model/deadline.ts";
import { createCaseService, type CaseService } from "./case/services/case-service.ts";
import { assertDefinition, type CheckDefinition } from "./check/model/definition.ts";
import { createCheckService, type CheckService } from "./check/services/check-service.ts";
import { createContinuousCheck } from "./check/services/continuous.ts";
import { createCheckReportService, type CheckReportService } from "./check/services/report.ts";
import { unemploymentApp } from "./unemployment/app.ts";

export interface CoordinationApps {
  definitions: readonly CheckDefinition[];
  check: CheckService;
  cases: CaseService;
  reports: CheckReportService;
  /** Compares as evidence arrives; needs the kernel's notifier to run. */
  continuous: Loop;
  kernel: Kernel;
}

export interface CreateCoordinationAppsOptions {
  /** Of the `city` database. */
  kernel: Kernel;
  calendar: WorkingDayCalendar;
  apps?: readonly CheckApp[];
  continuousIntervalMs?: number;
}

/** Faulty definitions are refused here, before anything runs. */
export function createCoordinationApps({ kernel, calendar, apps = [unemploymentApp], continuousIntervalMs }: CreateCoordinationAppsOptions): CoordinationApps {
  const byName = new Map<string, CheckApp>();
  for (const app of apps) {
    assertDefinition(app.definition);
    if (byName.has(app.definition.name)) throw new InputError(`Check definition ${app.definition.name} is given twice`, { zh: "协查方案重复" });
    byName.set(app.definition.name, app);
  }
  const check = createCheckService({ kernel, calendar, apps: byName });
  const cases = createCaseService({ kernel, calendar, apps: byName });
  const loop = createContinuousCheck({ kernel, check, definitions: [...byName.keys()], ...(continuousIntervalMs === undefined ? {} : { intervalMs: continuousIntervalMs }) });
  // A holiday notice may have come with a new version of the software.
  const continuous: Loop = {
    ...loop,
    start() {
      loop.start();
      cases.tellPendingDeadlines(systemActor("deadlines")).catch((error: Error) => kernel.log.warn({ error: error.message }, "pending deadlines could not be computed"));
    },
  };
  return { definitions: [...byName.values()].map((app) => app.definition), check, cases, reports: createCheckReportService({ kernel, apps: byName }), continuous, kernel };
}
