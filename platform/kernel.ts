import type { Access } from "./access/access.ts";
import type { AuditLog } from "./audit/audit.ts";
import type { Clock } from "./clock/clock.ts";
import type { NewId } from "./clock/ids.ts";
import type { EventLog } from "./event-log/event-log.ts";
import type { Log } from "./log/log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Database } from "./postgres/database.ts";
import type { Notifier } from "./postgres/notifier.ts";
import type { Validator } from "./validation/validator.ts";

/** What every domain folder is built on: one kernel per database, made by the composition root. */
export interface Kernel {
  database: Database;
  clock: Clock;
  newId: NewId;
  log: Log;
  access: Access;
  audit: AuditLog;
  eventLog: EventLog;
  notifier: Notifier;
  validator: Validator;
  metrics: Metrics;
}
