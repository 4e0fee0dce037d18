import { systemActor } from "#platform";
import type { BaseStatistics } from "#base-databases";
import { unemploymentCheck, type CheckCase, type CheckReport, type ManyOutcome } from "#coordination-apps";
import type { CenterServices } from "../compose/center.ts";
import type { PlantedHit } from "../sample-city/planting.ts";
import type { Cast } from "./cast.ts";
import type { DeliveredFlow } from "./connect-nodes.ts";
import type { Step } from "./account.ts";

const platform = systemActor("sample-city");

/** Tells the bases and the check which landing table plays which part. Attaching the same again changes nothing. */
export async function attachData({ bases, apps }: CenterServices, cast: Cast, delivered: readonly DeliveredFlow[]): Promise<void> {
  for (const { flow, feed, grant, target } of delivered) {
    const place = { feedId: feed.id, schema: target.schema, table: target.table, organisationId: grant.providerOrganisationId, grantId: grant.id };
    if (flow.consumer === "population" || flow.consumer === "legal-entity") {
      await bases.attachSource(cast.office.reviewer, { base: flow.consumer, role: flow.entry, ...place, entryId: grant.entryId, maskedFields: Object.keys(grant.masks ?? {}) });
    } else if (flow.consumer === "unemployment") {
      const role = unemploymentCheck.subject.entry === flow.entry ? unemploymentCheck.subject.role : unemploymentCheck.evidence.find((evidence) => evidence.entry === flow.entry)?.role;
      if (role === undefined) throw new Error(`The check has no part for ${flow.entry}`);
      await apps.check.attachInput(platform, { definition: unemploymentCheck.name, role, ...place });
    }
  }
}

export async function fillBases({ bases }: CenterServices, cast: Cast, step: Step): Promise<BaseStatistics[]> {
  const { corrections } = await bases.process(cast.office.reviewer, ({ base, phase, role, done }) => step.progress(done, undefined, `${base} ${phase} ${role ?? ""}`));
  const statistics = await bases.statistics(cast.office.reviewer);
  const records = statistics.map((base) => `${base.title.zh} ${base.golden.toLocaleString("en")} 条`).join(",");
  step.done(`${records};向部门发出校核申请 ${corrections.raised} 件`);
  return statistics;
}

export interface CheckFindings {
  claims: number;
  planted: number;
  hits: number;
  missing: string[];
  extra: string[];
  confirmed: number;
  dismissed: number;
  report: CheckReport;
}

/** All cases of a month, as the benefit department sees them. */
async function casesOf({ apps }: CenterServices, cast: Cast, month: string): Promise<CheckCase[]> {
  const found: CheckCase[] = [];
  for (let after: string | undefined; ; ) {
    const page = await apps.cases.list(cast.caseOfficers[0], { definition: unemploymentCheck.name, period: month }, { limit: 200, ...(after === undefined ? {} : { after }) });
    found.push(...page);
    const last = page.at(-1);
    if (page.length < 200 || !last) return found;
    after = last.number;
  }
}

const pageOf = <T>(items: readonly T[], size: number): T[][] => Array.from({ length: Math.ceil(items.length / size) }, (_, page) => items.slice(page * size, (page + 1) * size));

/**
 * Runs the month's comparison and has the sample officer inspect every case: those that the inspection bears out are
 * confirmed, the rest dismissed with what was found. The officer knows the truth from `planted`; the check does not.
 */
export async function runCheck(services: CenterServices, cast: Cast, month: string, planted: readonly PlantedHit[], step: Step): Promise<CheckFindings> {
  const { apps } = services;
  const officer = cast.caseOfficers[0];
  const run = await apps.check.runBatch(officer, { definition: unemploymentCheck.name, month });
  const cases = await casesOf(services, cast, month);
  const truth = new Map(planted.map((hit) => [hit.claimNo, hit]));
  const found = new Set(cases.map((each) => each.claimKey));

  const opened = cases.filter((each) => each.state === "opened");
  let done = 0;
  const settle = ({ done: settled, refused }: ManyOutcome) => {
    if (refused[0]) throw new Error(`A sample case was refused: ${refused[0].refusal.message}`);
    step.progress((done += settled.length), opened.length * 2);
  };
  for (const page of pageOf(opened, 200)) settle(await apps.cases.notifyMany(officer, page.map((each) => ({ caseId: each.id, channel: "电话" }))));
  for (const page of pageOf(cases.filter((each) => each.state === "opened" || each.state === "notified"), 200)) {
    const trueOnes = page.filter((each) => truth.get(each.claimKey)?.true);
    const others = page.filter((each) => !truth.get(each.claimKey)?.true);
    if (trueOnes.length > 0) settle(await apps.cases.confirmMany(officer, trueOnes.map((each) => ({ caseId: each.id, reason: truth.get(each.claimKey)!.explanation, hearing: "accepted" as const }))));
    if (others.length > 0) settle(await apps.cases.dismissMany(officer, others.map((each) => ({ caseId: each.id, kind: "source-error", reason: truth.get(each.claimKey)?.explanation ?? "经核实,与本人情况不符" }))));
  }
  const report = await apps.reports.report(officer, { definition: unemploymentCheck.name, month });
  const after = await casesOf(services, cast, month);
  const outcomeCount = (outcome: "confirmed" | "dismissed") => after.filter((each) => each.outcome === outcome).length;
  return {
    claims: run.compared,
    planted: planted.length,
    hits: found.size,
    missing: planted.filter((hit) => !found.has(hit.claimNo)).map((hit) => hit.claimNo),
    extra: [...found].filter((claimNo) => !truth.has(claimNo)),
    confirmed: outcomeCount("confirmed"),
    dismissed: outcomeCount("dismissed"),
    report,
  };
}
