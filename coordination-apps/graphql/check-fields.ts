import { refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { CheckRun } from "../check/repositories/runs.ts";
import type { RuleOutcome } from "../check/services/comparison.ts";
import { printReport } from "../check/services/report-text.ts";
import type { CheckReport, ReportDepartment, ReportFeed, ReportRule } from "../check/services/report.ts";
import type { CaseFigures } from "../check/repositories/report.ts";
import type { CoordinationApps } from "../coordination-apps.ts";
import type { CaseTypes } from "./case-types.ts";
import { enumValues } from "./values.ts";

export function addCheckFields(builder: ZhengtongSchemaBuilder, { check, reports }: CoordinationApps, types: CaseTypes): void {
  const { Text } = types;
  const Language = builder.enumType("CheckReportLanguage", { values: { ZH: { value: "zh" as const }, EN: { value: "en" as const } } });
  const Figures = builder.objectRef<CaseFigures>("CheckCaseFigures").implement({
    fields: (t) => ({
      cases: t.exposeInt("cases", { description: "Claims with hits: each is one case." }),
      confirmed: t.exposeInt("confirmed", { description: "Not overturned, not under appeal." }),
      dismissed: t.exposeInt("dismissed"),
      underAppeal: t.exposeInt("underAppeal"),
      overturned: t.exposeInt("overturned"),
      pending: t.exposeInt("pending"),
      overdue: t.exposeInt("overdue"),
      deadlineUnknown: t.exposeInt("deadlineUnknown"),
      withoutEvidence: t.exposeInt("withoutEvidence"),
      moneyKept: t.exposeString("moneyKept", { description: "Yuan." }),
      moneyPending: t.exposeString("moneyPending", { description: "Yuan at stake in the pending ones." }),
    }),
  });
  const Rule = builder.objectRef<ReportRule>("CheckReportRule").implement({
    fields: (t) => ({
      ruleId: t.exposeString("ruleId"),
      title: t.field({ type: Text, resolve: (rule) => rule.title }),
      severity: t.field({ type: types.SeverityEnum, resolve: (rule) => rule.severity }),
      department: t.field({ type: Text, resolve: (rule) => rule.department }),
      legalBasis: t.exposeString("legalBasis"),
      ran: t.exposeBoolean("ran"),
      reason: t.field({ type: Text, nullable: true, description: "Why it did not run.", resolve: (rule) => rule.reason ?? null }),
      hits: t.exposeInt("hits"),
      claims: t.exposeInt("claims"),
      withdrawn: t.exposeInt("withdrawn"),
      nameDiffers: t.exposeInt("nameDiffers"),
    }),
  });
  const Department = builder.objectRef<ReportDepartment>("CheckReportDepartment").implement({ fields: (t) => ({ department: t.field({ type: Text, resolve: (one) => one.department }), organisationId: t.id({ nullable: true, resolve: (one) => one.organisationId ?? null }), hits: t.exposeInt("hits") }) });
  const Feed = builder.objectRef<ReportFeed>("CheckReportFeed").implement({
    fields: (t) => ({
      role: t.exposeString("role"),
      title: t.field({ type: Text, resolve: (feed) => feed.title }),
      department: t.field({ type: Text, resolve: (feed) => feed.department }),
      attached: t.exposeBoolean("attached"),
      feedId: t.id({ nullable: true, resolve: (feed) => feed.feedId ?? null }),
      grantId: t.id({ nullable: true, resolve: (feed) => feed.grantId ?? null }),
      comparedSequence: t.float({ nullable: true, resolve: (feed) => feed.comparedSequence ?? null }),
      comparedUpdatedAt: t.field({ type: "DateTime", nullable: true, resolve: (feed) => (feed.comparedUpdatedAt === undefined ? null : new Date(feed.comparedUpdatedAt)) }),
      hoursOldAtComparison: t.float({ nullable: true, resolve: (feed) => feed.hoursOldAtComparison ?? null }),
      unavailable: t.field({ type: Text, nullable: true, resolve: (feed) => feed.unavailable ?? null }),
    }),
  });
  const Report = builder.objectRef<CheckReport>("CheckReport").implement({
    description: "A month as it stands now: what was compared, and what has become of the cases since.",
    fields: (t) => ({
      definition: t.exposeString("definition"),
      definitionVersion: t.exposeInt("definitionVersion"),
      title: t.field({ type: Text, resolve: (report) => report.title }),
      period: t.exposeString("period"),
      generatedAt: t.field({ type: "DateTime", resolve: (report) => new Date(report.generatedAt) }),
      comparedAt: t.field({ type: "DateTime", nullable: true, resolve: (report) => (report.comparedAt === undefined ? null : new Date(report.comparedAt)) }),
      compared: t.exposeInt("compared"),
      hits: t.exposeInt("hits", { description: "Evidence rows; a claim may be hit by several." }),
      cases: t.field({ type: Figures, resolve: (report) => report.cases }),
      rules: t.field({ type: [Rule], resolve: (report) => report.rules }),
      departments: t.field({ type: [Department], resolve: (report) => report.departments }),
      feeds: t.field({ type: [Feed], resolve: (report) => report.feeds }),
      moneyFormula: t.field({ type: Text, resolve: (report) => report.moneyFormula }),
      text: t.string({ description: "For print.", args: { language: t.arg({ type: Language, defaultValue: "zh" }) }, resolve: (report, { language }) => printReport(report, language) }),
    }),
  });
  const RunRule = builder.objectRef<RuleOutcome>("CheckRunRule").implement({
    fields: (t) => ({ ruleId: t.exposeString("ruleId"), ran: t.exposeBoolean("ran"), reason: t.field({ type: Text, nullable: true, resolve: (rule) => rule.reason ?? null }), found: t.exposeInt("found"), added: t.exposeInt("added"), revised: t.exposeInt("revised"), withdrawn: t.exposeInt("withdrawn") }),
  });
  const Run = builder.objectRef<CheckRun>("CheckRun").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      definition: t.exposeString("definition"),
      definitionVersion: t.exposeInt("definitionVersion"),
      period: t.exposeString("period"),
      kind: t.field({ type: builder.enumType("CheckRunKind", { values: enumValues(["batch", "continuous"]) }), resolve: (run) => run.kind }),
      startedAt: t.field({ type: "DateTime", resolve: (run) => run.startedAt }),
      finishedAt: t.field({ type: "DateTime", resolve: (run) => run.finishedAt }),
      compared: t.exposeInt("compared"),
      claimsWithHits: t.exposeInt("claimsWithHits"),
      hitsFound: t.exposeInt("hitsFound"),
      hitsWithdrawn: t.exposeInt("hitsWithdrawn"),
      casesOpened: t.exposeInt("casesOpened"),
      rules: t.field({ type: [RunRule], resolve: (run) => run.rules }),
    }),
  });

  builder.queryFields((t) => ({
    checkReport: t.field({ type: Report, args: { definition: t.arg.string(), month: t.arg.string({ description: "YYYYMM" }) }, resolve: (_root, input, { actor }) => reports.report(actor, input) }),
    checkRuns: t.field({ type: [Run], args: { definition: t.arg.string(), limit: t.arg.int({ defaultValue: 20 }) }, resolve: (_root, { definition, limit }, { actor }) => check.listRuns(actor, definition, Math.max(1, limit)) }),
  }));
  builder.mutationFields((t) => ({
    runCheck: t.field({ type: Run, errors: refusals, description: "Compares every claim of a month; running it again changes nothing.", args: { definition: t.arg.string(), month: t.arg.string({ description: "YYYYMM" }) }, resolve: (_root, input, { actor }) => check.runBatch(actor, input) }),
  }));
}
