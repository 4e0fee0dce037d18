import type { BilingualText } from "../model/definition.ts";
import { localDay } from "../model/period.ts";
import type { CheckReport } from "./report.ts";

export type ReportLanguage = "zh" | "en";

/** Chinese characters take two columns of a terminal or a fixed-pitch printer. */
const width = (text: string) => [...text].reduce((total, character) => total + (/[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(character) ? 2 : 1), 0);
const pad = (text: string, columns: number) => text + " ".repeat(Math.max(1, columns - width(text)));
const padStart = (text: string, columns: number) => " ".repeat(Math.max(0, columns - width(text))) + text;
const yuan = (text: string) => text.replace(/\B(?=(\d{3})+(?!\d)(?=\.|$))/g, ",").replace(/(\.\d*),/g, "$1");

const words = {
  month: { zh: "比对月份", message: "Month" },
  version: { zh: "方案版本", message: "definition version" },
  comparedAt: { zh: "比对时间", message: "compared at" },
  printedAt: { zh: "出表时间", message: "printed at" },
  notCompared: { zh: "本月尚未比对。", message: "This month has not been compared yet." },
  compared: { zh: "比对人次", message: "Claims compared" },
  cases: { zh: "比中人次（立案）", message: "Claims with hits (cases)" },
  hits: { zh: "比中证据（条）", message: "Evidence rows" },
  confirmed: { zh: "已确认", message: "Confirmed" },
  dismissed: { zh: "已排除", message: "Dismissed" },
  underAppeal: { zh: "申诉中", message: "Under appeal" },
  overturned: { zh: "经申诉撤销", message: "Overturned on appeal" },
  pending: { zh: "待核实", message: "To verify" },
  overdue: { zh: "其中逾期", message: "of these overdue" },
  deadlineUnknown: { zh: "其中期限待定（缺节假日通知）", message: "of these without a date (holiday notice missing)" },
  withoutEvidence: { zh: "其中证据已全部撤回", message: "of these with all evidence withdrawn" },
  moneyKept: { zh: "节约资金（元）", message: "Money kept (yuan)" },
  moneyPending: { zh: "待核实涉及（元）", message: "At stake in cases to verify (yuan)" },
  byRule: { zh: "一、按规则", message: "1. By rule" },
  byDepartment: { zh: "二、按提供部门", message: "2. By department that supplied the evidence" },
  notRun: { zh: "三、未执行的规则", message: "3. Rules that did not run" },
  none: { zh: "无，全部规则均已执行。", message: "None: every rule ran." },
  freshness: { zh: "四、证据时效", message: "4. How fresh the evidence was" },
  notes: { zh: "五、说明", message: "5. Notes" },
  rule: { zh: "规则", message: "Rule" },
  rows: { zh: "证据", message: "Rows" },
  claims: { zh: "人次", message: "Claims" },
  withdrawn: { zh: "已撤回", message: "Gone" },
  nameDiffers: { zh: "姓名不同", message: "Name differs" },
  basis: { zh: "依据", message: "Legal basis" },
  clue: { zh: "仅线索", message: "clue only" },
  feed: { zh: "数据", message: "Data" },
  batch: { zh: "批次", message: "Batch" },
  appliedAt: { zh: "落地时间", message: "Applied at" },
  hours: { zh: "比对时已过（小时）", message: "Hours old when compared" },
  notAttached: { zh: "未挂接", message: "not attached" },
  multiple: { zh: "一人可因多条证据比中，故证据条数不小于人次。", message: "One claim may be hit by several evidence rows, so rows are not fewer than claims." },
} as const satisfies Record<string, BilingualText>;

const instant = (iso: string) => `${localDay(new Date(iso))} ${new Date(new Date(iso).getTime() + 8 * 3_600_000).toISOString().slice(11, 16)}`;

/** The monthly report as plain text for print and terminal. Times are China Standard Time. */
export function printReport(report: CheckReport, language: ReportLanguage): string {
  const say = (text: BilingualText) => (language === "zh" ? text.zh : text.message);
  const w = (name: keyof typeof words) => say(words[name]);
  const { cases } = report;
  const lines: string[] = [];
  lines.push(`${say(report.title)}  ${w("month")} ${report.period.slice(0, 4)}-${report.period.slice(4)}`);
  lines.push([`${w("version")} ${report.definitionVersion}`, ...(report.comparedAt === undefined ? [] : [`${w("comparedAt")} ${instant(report.comparedAt)}`]), `${w("printedAt")} ${instant(report.generatedAt)}`].join("  "));
  lines.push("");
  if (report.comparedAt === undefined) lines.push(w("notCompared"), "");
  const column = language === "zh" ? 32 : 50;
  const figure = (name: keyof typeof words, value: number | string, indent = "") => lines.push(`${indent}${pad(w(name), column - indent.length)}${padStart(String(value), 14)}`);
  figure("compared", report.compared);
  figure("cases", cases.cases);
  figure("hits", report.hits);
  figure("confirmed", cases.confirmed, "  ");
  figure("dismissed", cases.dismissed, "  ");
  if (cases.underAppeal > 0) figure("underAppeal", cases.underAppeal, "  ");
  if (cases.overturned > 0) figure("overturned", cases.overturned, "  ");
  figure("pending", cases.pending, "  ");
  if (cases.overdue > 0) figure("overdue", cases.overdue, "    ");
  if (cases.deadlineUnknown > 0) figure("deadlineUnknown", cases.deadlineUnknown, "    ");
  if (cases.withoutEvidence > 0) figure("withoutEvidence", cases.withoutEvidence, "    ");
  figure("moneyKept", yuan(cases.moneyKept));
  if (cases.pending > 0) figure("moneyPending", yuan(cases.moneyPending));

  const ruleColumn = language === "zh" ? 36 : 54;
  lines.push("", w("byRule"), `  ${pad(w("rule"), ruleColumn)}${padStart(w("rows"), 7)}${padStart(w("claims"), 8)}${padStart(w("withdrawn"), 8)}${padStart(w("nameDiffers"), 14)}  ${w("basis")}`);
  for (const rule of report.rules.filter((one) => one.ran || one.hits > 0)) {
    lines.push(`  ${pad(say(rule.title), ruleColumn)}${padStart(String(rule.hits), 7)}${padStart(String(rule.claims), 8)}${padStart(String(rule.withdrawn), 8)}${padStart(String(rule.nameDiffers), 14)}  ${rule.legalBasis.replace("中华人民共和国", "")}${rule.severity === "clue" ? ` (${w("clue")})` : ""}`);
  }
  lines.push("", w("byDepartment"));
  for (const one of report.departments) lines.push(`  ${pad(say(one.department), column)}${padStart(String(one.hits), 7)}`);
  lines.push("", w("notRun"));
  const notRun = report.rules.filter((rule) => !rule.ran);
  if (report.comparedAt !== undefined && notRun.length === 0) lines.push(`  ${w("none")}`);
  else for (const rule of notRun) lines.push(`  ${say(rule.title)} — ${rule.reason ? say(rule.reason) : w("notCompared")}`);
  lines.push("", w("freshness"), `  ${pad(w("feed"), ruleColumn)}${padStart(w("batch"), 8)}  ${pad(w("appliedAt"), 18)}${padStart(w("hours"), 12)}`);
  for (const feed of report.feeds) {
    const state = feed.comparedSequence !== undefined ? `${padStart(String(feed.comparedSequence), 8)}  ${pad(instant(feed.comparedUpdatedAt!), 18)}${padStart(String(feed.hoursOldAtComparison ?? ""), 12)}` : `  ${feed.unavailable ? say(feed.unavailable) : w("notAttached")}`;
    lines.push(`  ${pad(`${say(feed.title)}`, ruleColumn)}${state}`);
  }
  lines.push("", w("notes"), `  ${say(report.whatIsAHit)}`, `  ${w("multiple")}`, `  ${say(report.moneyFormula)}`, "");
  return lines.join("\n");
}
