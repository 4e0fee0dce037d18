import type { BaseStatistics } from "#base-databases";
import { printReport } from "#coordination-apps";
import type { CenterServices } from "../compose/center.ts";
import type { SampleDepartment } from "../sample-city/city-definition.ts";
import type { Account } from "./account.ts";
import type { Delivery } from "./connect-nodes.ts";
import type { ReconciliationOutcome } from "./reconcile-flows.ts";
import type { CheckFindings } from "./use-data.ts";

/** The one JSON object of `demo --json`. */
export interface DemoResult {
  engines: CenterServices["engines"];
  city: { departments: number; entries: number; items: number };
  exchange: { feeds: number; rowsSent: number; rowsApplied: number; parked: number; differences: number };
  bases: { population: { golden: number; contradictions: number }; legalEntities: { golden: number; contradictions: number } };
  check: { claims: number; planted: number; hits: number; missing: number; extra: number; confirmed: number };
  durationsMs: Record<string, number>;
}

export interface ResultParts {
  engines: CenterServices["engines"];
  departments: readonly SampleDepartment[];
  registered: number;
  items: number;
  delivery: Delivery;
  reconciliation: ReconciliationOutcome;
  bases: readonly BaseStatistics[];
  check: CheckFindings;
  durationsMs: Record<string, number>;
}

export function resultOf({ engines, departments, registered, items, delivery, reconciliation, bases, check, durationsMs }: ResultParts): DemoResult {
  const figures = (name: BaseStatistics["base"]) => {
    const base = bases.find((candidate) => candidate.base === name);
    return { golden: base?.golden ?? 0, contradictions: base?.contradictions.open ?? 0 };
  };
  return {
    engines,
    city: { departments: departments.length, entries: registered, items },
    exchange: { feeds: delivery.feeds, rowsSent: delivery.rowsSent, rowsApplied: delivery.rowsApplied, parked: delivery.parked, differences: reconciliation.differences },
    bases: { population: figures("population"), legalEntities: figures("legal-entity") },
    check: { claims: check.claims, planted: check.planted, hits: check.hits, missing: check.missing.length, extra: check.extra.length, confirmed: check.confirmed },
    durationsMs,
  };
}

export function printFindings(account: Account, { json, check, bases, contradictions }: { json: DemoResult; check: CheckFindings; bases: readonly BaseStatistics[]; contradictions: { names: number; capitals: number } }): void {
  const number = (value: number) => value.toLocaleString("en");
  account.line();
  account.line("查到的与埋下的 What was found, and what was planted");
  account.table([
    ["", "埋下 planted", "查到 found"],
    ["失业保险比中 hits of the check", number(json.check.planted), `${number(json.check.hits)}(漏 missing ${json.check.missing},多 extra ${json.check.extra})`],
    ["核实属实 true on inspection", "", number(json.check.confirmed)],
    ["人口库矛盾 contradictions, population", number(contradictions.names), number(json.bases.population.contradictions)],
    ["法人库矛盾 contradictions, legal entities", number(contradictions.capitals), number(json.bases.legalEntities.contradictions)],
    ["源与目标差异 differences of source and target", "0", number(json.exchange.differences)],
  ]);
  account.line();
  for (const base of bases) account.line(`${base.title.zh} ${base.title.en}: ${number(base.golden)} 条主记录,${number(base.fromSeveralSources)} 条来自多个部门`);
  account.line();
  for (const line of printReport(check.report, "zh").split("\n")) account.line(`   ${line}`);
  account.line();
  for (const claimNo of check.missing.slice(0, 10)) account.line(`   漏查 missing ${claimNo}`);
  for (const claimNo of check.extra.slice(0, 10)) account.line(`   多查 extra ${claimNo}`);
}
