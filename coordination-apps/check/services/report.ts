import { NotFoundError, type Actor, type Kernel } from "#platform";
import type { CheckApp } from "../../case/model/app.ts";
import { rolesOf, type BilingualText, type CheckDefinition } from "../model/definition.ts";
import { localDay, periodOf } from "../model/period.ts";
import { listInputs } from "../repositories/inputs.ts";
import { readCaseFigures, readRuleFigures, type CaseFigures } from "../repositories/report.ts";
import { findLastBatch, type RunInput } from "../repositories/runs.ts";
import { readInputStates, ruleObstacle } from "./comparison.ts";
import { benefitOrganisationOf } from "./check-service.ts";

export interface ReportRule {
  ruleId: string;
  title: BilingualText;
  kind: string;
  severity: "ground" | "clue";
  department: BilingualText;
  organisationId?: string;
  legalBasis: string;
  ran: boolean;
  /** Why it did not run. */
  reason?: BilingualText;
  hits: number;
  claims: number;
  withdrawn: number;
  nameDiffers: number;
}

export interface ReportDepartment {
  department: BilingualText;
  organisationId?: string;
  hits: number;
}

export interface ReportFeed {
  role: string;
  title: BilingualText;
  department: BilingualText;
  attached: boolean;
  feedId?: string;
  grantId?: string;
  /** The batch up to which the monthly comparison saw it. */
  comparedSequence?: number;
  /** When that batch was applied, ISO 8601. */
  comparedUpdatedAt?: string;
  /** Now. */
  appliedSequence?: number;
  updatedAt?: string;
  /** How many hours before the monthly comparison the last batch was applied. */
  hoursOldAtComparison?: number;
  unavailable?: BilingualText;
}

/** The month as it stands now: what was compared, and what has become of the cases since. */
export interface CheckReport {
  definition: string;
  definitionVersion: number;
  title: BilingualText;
  /** `YYYYMM`. */
  period: string;
  organisationId?: string;
  /** ISO 8601. */
  generatedAt: string;
  /** Absent until the month's comparison has run. */
  comparedAt?: string;
  compared: number;
  hits: number;
  cases: CaseFigures;
  rules: ReportRule[];
  departments: ReportDepartment[];
  feeds: ReportFeed[];
  rulesNotRun: string[];
  moneyFormula: BilingualText;
  whatIsAHit: BilingualText;
}

export interface CheckReportService {
  report(actor: Actor, input: { definition: string; month: string }): Promise<CheckReport>;
}

export const moneyFormula: BilingualText = {
  zh: "节约资金 = Σ 已确认（未撤销、未在申诉中）办件的月发放金额 × 剩余月数；剩余月数 = 领取截止月份 − 比对月份（不含比对当月，不为负）。已发放的月份不计入，是否追回由待遇发放部门依法决定。",
  message: "Money kept = sum over confirmed cases (not overturned, not under appeal) of monthly amount × remaining months; remaining months = month of the last day granted − month compared (that month itself not counted, never below zero). Months already paid are not counted; whether they are reclaimed, the benefit department decides by law.",
};

export function createCheckReportService({ kernel, apps }: { kernel: Kernel; apps: ReadonlyMap<string, CheckApp> }): CheckReportService {
  const { database, access, clock } = kernel;

  return {
    async report(actor, { definition: name, month }) {
      access.assertAnyScope(actor, "check", "see");
      const app = apps.get(name);
      if (!app) throw new NotFoundError(`No check is called ${name}`, { zh: `没有名为 ${name} 的协查方案`, code: "check.not-found" });
      const { definition } = app;
      const period = periodOf(month);
      const at = clock.now();
      return database.withTransaction(
        async (tx): Promise<CheckReport> => {
          const organisationId = benefitOrganisationOf(definition, await listInputs(tx, name));
          access.assert(actor, "check", "see", { id: name, organisationId: organisationId ?? "" } as { id: string });
          const run = await findLastBatch(tx, name, period.month);
          const states = await readInputStates(tx, definition);
          const figures = await readRuleFigures(tx, name, period.month);
          const rules = definition.rules.map((rule): ReportRule => {
            const own = figures.filter((row) => row.ruleId === rule.id);
            const sum = (member: "hits" | "claims" | "withdrawn" | "nameDiffers") => own.reduce((total, row) => total + row[member], 0);
            const outcome = run?.rules.find((row) => row.ruleId === rule.id);
            const reason = outcome ? outcome.reason : ruleObstacle(definition, rule, states);
            const input = states.get(rule.role)?.input;
            return {
              ruleId: rule.id,
              title: rule.title,
              kind: rule.kind,
              severity: rule.severity,
              department: departmentOf(definition, rule.role),
              legalBasis: `${rule.legalBasis.law}${rule.legalBasis.article}`,
              ran: outcome?.ran ?? false,
              hits: sum("hits"),
              claims: sum("claims"),
              withdrawn: sum("withdrawn"),
              nameDiffers: sum("nameDiffers"),
              ...(input ? { organisationId: input.organisationId } : {}),
              ...(reason ? { reason } : {}),
            };
          });
          return {
            definition: name,
            definitionVersion: run?.definitionVersion ?? definition.version,
            title: definition.title,
            period: period.month,
            generatedAt: at.toISOString(),
            compared: run?.compared ?? 0,
            hits: rules.reduce((total, rule) => total + rule.hits, 0),
            cases: await readCaseFigures(tx, name, period.month, localDay(at)),
            rules,
            departments: byDepartment(rules),
            feeds: rolesOf(definition).map((role) => feedOf(definition, role, states.get(role)!, run?.inputs.find((input) => input.role === role), run?.startedAt)),
            rulesNotRun: run ? rules.filter((rule) => !rule.ran).map((rule) => rule.ruleId) : [],
            moneyFormula,
            whatIsAHit: definition.hit.text,
            ...(organisationId === undefined ? {} : { organisationId }),
            ...(run ? { comparedAt: run.startedAt.toISOString() } : {}),
          };
        },
        { isolation: "repeatable read", readOnly: true },
      );
    },
  };
}

function describeRole(definition: CheckDefinition, role: string): { title: BilingualText; department: BilingualText } {
  return role === definition.subject.role ? definition.subject : definition.evidence.find((candidate) => candidate.role === role)!;
}

const departmentOf = (definition: CheckDefinition, role: string) => describeRole(definition, role).department;

function byDepartment(rules: readonly ReportRule[]): ReportDepartment[] {
  const found = new Map<string, ReportDepartment>();
  for (const rule of rules) {
    const one = found.get(rule.department.zh) ?? { department: rule.department, hits: 0, ...(rule.organisationId === undefined ? {} : { organisationId: rule.organisationId }) };
    one.hits += rule.hits;
    found.set(rule.department.zh, one);
  }
  return [...found.values()].sort((a, b) => b.hits - a.hits);
}

function feedOf(definition: CheckDefinition, role: string, state: { input?: { feedId: string; grantId: string }; table?: { appliedSequence: number; updatedAt: Date }; unavailable?: BilingualText }, compared: RunInput | undefined, comparedAt: Date | undefined): ReportFeed {
  const { title, department } = describeRole(definition, role);
  return {
    role,
    title,
    department,
    attached: state.input !== undefined,
    ...(state.input ? { feedId: state.input.feedId, grantId: state.input.grantId } : {}),
    ...(compared?.appliedSequence === undefined ? {} : { comparedSequence: compared.appliedSequence }),
    ...(compared?.updatedAt === undefined ? {} : { comparedUpdatedAt: compared.updatedAt }),
    ...(compared?.updatedAt === undefined || comparedAt === undefined ? {} : { hoursOldAtComparison: Math.round(((comparedAt.getTime() - new Date(compared.updatedAt).getTime()) / 3_600_000) * 10) / 10 }),
    ...(state.table ? { appliedSequence: state.table.appliedSequence, updatedAt: state.table.updatedAt.toISOString() } : {}),
    ...(state.unavailable ? { unavailable: state.unavailable } : {}),
  };
}
