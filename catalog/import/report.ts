import type { AppliedRule, ImportIssue, ImportOutcome, RowRule, Severity } from "./model.ts";
import type { FileRecords } from "./mapping/read-records.ts";

export type OutcomeCounts = Record<ImportOutcome, number>;

/** One kind of finding, over all rows. */
export interface IssueCount {
  code: string;
  severity: Severity;
  path: string;
  column?: string;
  count: number;
  message: string;
  zh: string;
  /** The commonest values, with how often. */
  values: { value: string; count: number }[];
  /** The first rows that have it. */
  rows: number[];
}

export interface OrganisationFinding {
  name: string;
  rows: number;
  /** The nearest that is registered. */
  suggestion?: string;
}

export interface Suggestion {
  message: string;
  zh: string;
}

/** What stands above the rows: enough to judge an import without opening them. */
export interface ImportSummary {
  file: { name: string; kind: string; encoding?: string; delimiter?: string };
  mapping: { name: string; title: { en: string; zh: string } };
  /** Sheets or the one table: where the header was and which columns were used. */
  tables: FileRecords["tables"];
  skippedSheets: string[];
  rules: AppliedRule[];
  issues: IssueCount[];
  organisations: { found: number; created: string[]; unknown: OrganisationFinding[] };
  /** Rows beyond those that make entries: rows of items, and remarks below the table. */
  itemRows: number;
  remarkRows: number;
  /** Entries of the same source that the file no longer has. Nothing is done about them. */
  missingFromFile: { count: number; sample: { code: string; title: string }[] };
  suggestions: Suggestion[];
  durationMs: number;
}

export interface ImportRowReport {
  position: number;
  row: number;
  sheet?: string;
  outcome: ImportOutcome;
  title: string;
  provider?: string;
  organisationId?: string;
  entryId?: string;
  entryCode?: string;
  issues: ImportIssue[];
}

export interface ImportJob {
  id: string;
  fileName: string;
  fileDigest: string;
  fileBytes: number;
  mapping: string;
  dryRun: boolean;
  strict: boolean;
  /** Whether entries were written. */
  imported: boolean;
  counts: OutcomeCounts;
  summary: ImportSummary;
  createdAt: Date;
  createdBy: string;
  organisationId?: string;
}

const mostValues = 8;
const mostRows = 10;
/** Positions of items are one kind of place. */
const generalPath = (path: string): string => path.replaceAll(/\/\d+(?=\/|$)/g, "/*");

export function countIssues(rows: readonly ImportRowReport[]): IssueCount[] {
  const found = new Map<string, IssueCount & { byValue: Map<string, number> }>();
  for (const { issues, outcome } of rows) {
    for (const issue of issues) {
      // What should be looked at in a row that was kept out is told when it comes in.
      if (outcome === "rejected" && issue.severity !== "error") continue;
      const path = generalPath(issue.path);
      const key = [issue.severity, issue.code, path, issue.column ?? ""].join("\n");
      let one = found.get(key);
      if (one === undefined) found.set(key, (one = { code: issue.code, severity: issue.severity, path, count: 0, message: issue.message, zh: issue.zh, values: [], rows: [], byValue: new Map(), ...(issue.column === undefined ? {} : { column: issue.column }) }));
      one.count += 1;
      if (one.rows.length < mostRows) one.rows.push(issue.row);
      if (issue.value !== undefined) one.byValue.set(issue.value, (one.byValue.get(issue.value) ?? 0) + 1);
    }
  }
  const order: readonly Severity[] = ["error", "warning", "note"];
  return [...found.values()]
    .map(({ byValue, ...one }) => ({ ...one, values: [...byValue].sort((left, right) => right[1] - left[1]).slice(0, mostValues).map(([value, count]) => ({ value, count })) }))
    .sort((left, right) => order.indexOf(left.severity) - order.indexOf(right.severity) || right.count - left.count);
}

export function countRules(perRow: Iterable<readonly RowRule[]>): AppliedRule[] {
  const found = new Map<string, AppliedRule>();
  for (const rules of perRow) {
    for (const rule of rules) {
      const one = found.get(rule.code);
      if (one === undefined) found.set(rule.code, { ...rule, count: 1 });
      else one.count += 1;
    }
  }
  return [...found.values()].sort((left, right) => left.code.localeCompare(right.code));
}

export function countOutcomes(rows: readonly ImportRowReport[]): OutcomeCounts {
  const counts: OutcomeCounts = { created: 0, updated: 0, unchanged: 0, skipped: 0, rejected: 0 };
  for (const row of rows) counts[row.outcome] += 1;
  return counts;
}

/** What to do next, from what was found. */
export function suggest({ issues, organisations, strict, counts }: { issues: readonly IssueCount[]; organisations: ImportSummary["organisations"]; strict: boolean; counts: OutcomeCounts }): Suggestion[] {
  const suggestions: Suggestion[] = [];
  const total = (code: string, path?: string) => issues.filter((issue) => issue.code === code && (path === undefined || issue.path === path)).reduce((sum, issue) => sum + issue.count, 0);
  const add = (count: number, words: (counted: (one: string, many: string) => string) => Suggestion) => void (count > 0 && suggestions.push(words((one, many) => `${count} ${count === 1 ? one : many}`)));
  add(organisations.unknown.length, (n) => ({ message: `${n("provider is", "providers are")} not registered: register them, correct the names, or let them be created (--create-organisations).`, zh: `${organisations.unknown.length} 个提供方尚未登记:请先登记机构、更正名称,或使用 --create-organisations 新建。` }));
  add(total("organisation.not-allowed"), (n) => ({ message: `${n("row belongs", "rows belong")} to other departments: have them imported by those departments or by the city reviewer, or leave them out (export --organisation gives one department's entries).`, zh: `${total("organisation.not-allowed")} 行属于其他部门:请由该部门或市级审核人员导入,或从文件中去掉(导出时用 --organisation 只取本部门条目)。` }));
  add(total("value.missing", "/updateCycle"), (n) => ({ message: `${n("row has", "rows have")} no update cycle, which is mandatory: add it in the source, or give one for all such rows (--default updateCycle=不定期).`, zh: `${total("value.missing", "/updateCycle")} 行缺少必填的更新周期:请在来源中补填,或用 --default updateCycle=不定期 为这些行统一指定。` }));
  add(total("value.missing", "/format"), (n) => ({ message: `${n("row has", "rows have")} no format: add it, or give one for all such rows (--default formats=xlsx).`, zh: `${total("value.missing", "/format")} 行缺少信息资源格式:请补填,或用 --default formats=xlsx 统一指定。` }));
  add(total("value.missing", "/title"), (n) => ({ message: `${n("row has", "rows have")} no title: complete them at the source and import again.`, zh: `${total("value.missing", "/title")} 行没有名称:请在来源中补全后重新导入。` }));
  const unknown = issues.filter((issue) => issue.code === "value.unknown" && issue.severity === "error").reduce((sum, issue) => sum + issue.count, 0);
  add(unknown, (n) => ({ message: `${n("value is not understood and keeps its row", "values are not understood and keep their rows")} out: correct the file to one of the accepted values below.`, zh: `${unknown} 个取值无法识别,所在行未导入:请在文件中改为下列可填的值后重新导入。` }));
  add(total("row.shifted"), (n) => ({ message: `${n("row has", "rows have")} slipped columns: put them right in the file and import again; the others stay as they are.`, zh: `${total("row.shifted")} 行疑似错列:请在文件中更正后重新导入,其余行不受影响。` }));
  add(total("organisation.doubtful"), (n) => ({ message: `${n("entry was", "entries were")} given a provider whose name does not read like a body's: check it before submission.`, zh: `${total("organisation.doubtful")} 个条目的提供方不像机构名称:请核对提供方。` }));
  add(total("condition.only-word"), (n) => ({ message: `${n("entry is", "entries are")} shared under a condition that the source does not spell out: write scope and purpose before submission.`, zh: `${total("condition.only-word")} 个条目为有条件共享,但来源未写明条件:提交前请补写共享范围和用途。` }));
  const sameTitle = total("duplicate.title") + total("catalog.duplicate-title");
  add(sameTitle, (n) => ({ message: `${n("entry has", "entries have")} the title of another entry of the same provider: rename one of them before submission, titles are unique for a provider.`, zh: `${sameTitle} 个条目与同一提供方的其他条目同名:提交前请改名,名称在提供方内应唯一。` }));
  add(total("gap", "/abstract"), (n) => ({ message: `${n("entry has", "entries have")} no abstract: write one before submission.`, zh: `${total("gap", "/abstract")} 个条目没有摘要:提交前请补写。` }));
  add(total("gap", "/themeCodes"), (n) => ({ message: `${n("entry has", "entries have")} no theme: choose one before submission.`, zh: `${total("gap", "/themeCodes")} 个条目没有主题分类:提交前请选择。` }));
  if (strict && counts.rejected > 0) suggestions.push({ message: "Strict: because rows were rejected, nothing was imported. Correct them, or import without --strict.", zh: "严格模式:存在未通过的行,全部未导入。请更正后重试,或取消 --strict。" });
  return suggestions;
}
