export { accessRules, centerMigrations, cityMigrations, createCenterServices, startCenter } from "./compose/center.ts";
export type { CenterServices, CreateCenterServicesOptions, RunningCenter, StartCenterOptions } from "./compose/center.ts";
export { createDepartmentNode } from "./compose/node.ts";
export type { DepartmentNodeOptions } from "./compose/node.ts";
export { reconcileFeed } from "./compose/reconcile.ts";
export type { FeedReconciliation } from "./compose/reconcile.ts";
export { verifyEverything } from "./commands/verify-audit.ts";
export type { AuditReport } from "./commands/verify-audit.ts";
export { createKernel, createStandardsValidator } from "./compose/kernel.ts";
