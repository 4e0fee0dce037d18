import type { ImportJob, ImportRowReport, IssueCount } from "./report.ts";
import { adviceFor } from "./advice.ts";
import { csvLine } from "./export/csv-text.ts";

const severityNames = { error: { en: "error", zh: "错误" }, warning: { en: "warning", zh: "提醒" }, note: { en: "note", zh: "说明" } } as const;
export const outcomeNames = { created: { en: "created", zh: "新增" }, updated: { en: "updated", zh: "更新" }, unchanged: { en: "unchanged", zh: "未变" }, skipped: { en: "skipped", zh: "跳过" }, rejected: { en: "rejected", zh: "未通过" } } as const;

const headings = {
  error: { en: "Rows that were not imported, and why", zh: "未通过的原因" },
  warning: { en: "Imported, to be looked at before submission", zh: "已导入,提交前需核对" },
  note: { en: "How values were understood", zh: "取值归并说明" },
} as const;

const mostLines = { error: 20, warning: 15, note: 12 } as const;

function issueLines({ column, path, count, message, zh, values, rows, severity }: IssueCount, language: "en" | "zh"): string[] {
  const place = column ?? (path === "/" ? (language === "zh" ? "整行" : "row") : path);
  const text = language === "zh" ? zh : message;
  const quoted = values.map(({ value, count: times }) => `${language === "zh" ? "“" : '"'}${value}${language === "zh" ? "”" : '"'}${values.length > 1 || times !== count ? `×${times}` : ""}`);
  const shown = severity === "note" ? quoted.slice(0, 4) : quoted.slice(0, 5);
  // Of many values the words of the first would mislead: what each became stands in the row report.
  const general = severity === "note" && values.length > 1 ? (language === "zh" ? "没有完全对应的取值,归入最接近的一项" : "no exact counterpart; taken as the nearest") : text;
  const where = severity === "note" ? "" : language === "zh" ? `(行 ${rows.slice(0, 5).join("、")}${count > 5 ? " 等" : ""})` : ` (rows ${rows.slice(0, 5).join(", ")}${count > 5 ? " …" : ""})`;
  return [`  ${String(count).padStart(6)}  ${place}: ${general}${shown.length === 0 ? "" : `${language === "zh" ? ":" : ": "}${shown.join(language === "zh" ? "、" : ", ")}${quoted.length > shown.length ? " …" : ""}`}${where}`];
}

/** The report as people read it: the outcome first, then what to do, then why. */
export function describeImport(job: ImportJob, language: "en" | "zh"): string {
  const zh = language === "zh";
  const { summary, counts } = job;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const lines: string[] = [];
  const { file, mapping } = summary;
  lines.push(zh ? `${file.name}:${total} 条目录,按“${mapping.title.zh}”读取${file.encoding === undefined ? "" : `(${file.encoding})`}` : `${file.name}: ${total} entries, read as ${mapping.title.en}${file.encoding === undefined ? "" : ` (${file.encoding})`}`);
  lines.push(`  ${(Object.keys(outcomeNames) as (keyof typeof outcomeNames)[]).map((outcome) => `${outcomeNames[outcome][language]} ${counts[outcome]}`).join(zh ? ",": ", ")}${job.dryRun ? (zh ? "(试运行,未写入目录)" : " (dry run: nothing was written to the catalog)") : job.imported ? "" : zh ? "(未写入目录)" : " (nothing was written)"}`);
  // Of an export of ours the columns are known; of anything else they are the first thing to look at.
  for (const table of job.mapping.startsWith("zhengtong") ? [] : summary.tables) {
    const name = table.sheet === undefined ? "" : zh ? `工作表“${table.sheet}”:` : `sheet "${table.sheet}": `;
    lines.push(zh ? `  ${name}识别的列:${table.matched.join("、")}` : `  ${name}columns used: ${table.matched.join(", ")}`);
    if (table.unused.length > 0) lines.push(zh ? `  未使用的列:${table.unused.map((each) => `${each.column}(${each.zh})`).join("、")}` : `  columns not used: ${table.unused.map((each) => `${each.column} (${each.en})`).join(", ")}`);
    if (table.missing.length > 0) lines.push(zh ? `  文件中没有的列:${table.missing.join("、")}` : `  columns that the file lacks: ${table.missing.join(", ")}`);
  }
  if (summary.skippedSheets.length > 0) lines.push(zh ? `  未识别的工作表(未导入):${summary.skippedSheets.join("、")}` : `  sheets not recognised (not imported): ${summary.skippedSheets.join(", ")}`);
  if (summary.itemRows + summary.remarkRows > 0) lines.push(zh ? `  另有信息项行 ${summary.itemRows} 行、备注行 ${summary.remarkRows} 行` : `  besides, ${summary.itemRows} rows of items and ${summary.remarkRows} rows of remarks`);
  const { organisations } = summary;
  lines.push(zh ? `  提供方:已登记 ${organisations.found} 个${organisations.created.length === 0 ? "" : `,新建 ${organisations.created.length} 个(${organisations.created.slice(0, 5).join("、")}${organisations.created.length > 5 ? " 等" : ""})`}${organisations.unknown.length === 0 ? "" : `,未登记 ${organisations.unknown.length} 个`}` : `  providers: ${organisations.found} registered${organisations.created.length === 0 ? "" : `, ${organisations.created.length} created (${organisations.created.slice(0, 5).join(", ")}${organisations.created.length > 5 ? " …" : ""})`}${organisations.unknown.length === 0 ? "" : `, ${organisations.unknown.length} not registered`}`);
  for (const unknown of organisations.unknown.slice(0, 10)) lines.push(zh ? `    未登记:${unknown.name}(${unknown.rows} 行)${unknown.suggestion === undefined ? "" : `,是否为“${unknown.suggestion}”?`}` : `    not registered: ${unknown.name} (${unknown.rows} rows)${unknown.suggestion === undefined ? "" : `; is it "${unknown.suggestion}"?`}`);
  if (summary.suggestions.length > 0) {
    lines.push(zh ? "建议" : "What to do");
    for (const suggestion of summary.suggestions) lines.push(`  → ${suggestion[zh ? "zh" : "message"]}`);
  }
  for (const severity of ["error", "warning", "note"] as const) {
    const found = summary.issues.filter((issue) => issue.severity === severity);
    if (found.length === 0) continue;
    lines.push(headings[severity][language]);
    for (const issue of found.slice(0, mostLines[severity])) lines.push(...issueLines(issue, language));
    const more = found.length - mostLines[severity];
    if (more > 0) lines.push(zh ? `          另有 ${more} 类,见逐行报告` : `          and ${more} more kinds: see the row report`);
  }
  if (summary.rules.length > 0) {
    lines.push(zh ? "按规则推定(来源未直接给出)" : "Rules that were applied where the source does not say");
    for (const rule of summary.rules) lines.push(`  ${String(rule.count).padStart(6)}  ${zh ? rule.zh : rule.message}`);
  }
  const { missingFromFile } = summary;
  if (missingFromFile.count > 0) lines.push(zh ? `本目录中有 ${missingFromFile.count} 个来自同一来源的条目不在本次文件中(未作处理):${missingFromFile.sample.slice(0, 5).map((entry) => `${entry.code} ${entry.title}`).join("、")}` : `${missingFromFile.count} entries of the same source are no longer in the file (nothing was done about them): ${missingFromFile.sample.slice(0, 5).map((entry) => `${entry.code} ${entry.title}`).join(", ")}`);
  return lines.join("\n");
}

const reportColumns = ["文件", "工作表", "行号", "结果", "名称", "提供方", "信息资源代码", "级别", "列", "字段", "问题代码", "说明", "下一步", "原值", "finding", "next step"];

export const reportCsvHeader = (): string => `\ufeff${csvLine(reportColumns)}`;

/** A row of the report for a spreadsheet: one line for each finding, or one that says there is none. */
export function reportCsvLines(fileName: string, row: ImportRowReport): string {
  const head = [fileName, row.sheet ?? "", String(row.row), outcomeNames[row.outcome].zh, row.title, row.provider ?? "", row.entryCode ?? ""];
  if (row.issues.length === 0) return csvLine([...head, ...Array.from({ length: reportColumns.length - head.length }, () => "")]);
  return row.issues.map((issue) => {
    const advice = adviceFor(issue);
    return csvLine([...head, severityNames[issue.severity].zh, issue.column ?? "", issue.path, issue.code, issue.zh, advice?.zh ?? "", issue.value ?? "", issue.message, advice?.en ?? ""]);
  }).join("");
}
