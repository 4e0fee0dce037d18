export { coordinationAppsMigrations } from "./migrations.ts";
export { coordinationAppsAccessRules } from "./access-rules.ts";
export { createCoordinationApps } from "./coordination-apps.ts";
export type { CoordinationApps, CreateCoordinationAppsOptions } from "./coordination-apps.ts";
export { addCoordinationAppsTypes } from "./graphql/add-types.ts";

export type { ComparisonSymbol, Condition, Operand, ValueType } from "./check/model/expression.ts";
export { assertDefinition, checkDefinition } from "./check/model/definition.ts";
export type { CheckDefinition, CheckRule, EvidenceRole, LegalBasis, Severity, SubjectList } from "./check/model/definition.ts";
export type { AttachInput, CheckService, RunBatchInput } from "./check/services/check-service.ts";
export type { CompareProgress, RuleOutcome } from "./check/services/comparison.ts";
export type { CheckRun, RunInput } from "./check/repositories/runs.ts";
export type { CheckReport, CheckReportService, ReportFeed, ReportRule } from "./check/services/report.ts";
export { printReport } from "./check/services/report-text.ts";
export type { ReportLanguage } from "./check/services/report-text.ts";

export type { CaseOutcome, CheckApp, OutcomeStanding } from "./case/model/app.ts";
export { appealOutcomes, caseActions, caseStates, caseTransitions, hearings } from "./case/model/case.ts";
export type { CaseAction, CaseEvidence, CaseState, CaseStep, CheckCase, Deadline, Hearing } from "./case/model/case.ts";
export type { WorkingDayCalendar } from "./case/model/deadline.ts";
export { mostCasesPerCall, mostCasesPerPage } from "./case/services/case-service.ts";
export type { CaseDetail, CaseService, ConfirmInput, DismissInput, ManyOutcome } from "./case/services/case-service.ts";
export type { CaseFilter, CasePage } from "./case/repositories/cases.ts";

export { unemploymentApp } from "./unemployment/app.ts";
export { unemploymentCheck } from "./unemployment/definition.ts";
