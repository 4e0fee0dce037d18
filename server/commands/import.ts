import { createWriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { describeImport, describeMappings, readDefault, reportCsvHeader, reportCsvLines, type ImportJob, type ImportOptions, type ImportProgress } from "#catalog";
import { InputError, isRefusal, type Refusal } from "#platform";
import { withCatalogDesk, type CatalogDesk, type DeskImport, type DeskOptions } from "./catalog-desk.ts";

export interface RunImportOptions extends DeskOptions {
  mapping?: string;
  organisation?: string;
  default?: string[];
  createOrganisations?: boolean;
  dryRun?: boolean;
  strict?: boolean;
  report?: string;
  language?: "en" | "zh";
  json?: boolean;
}

/** Every file by itself, as a whole or not at all; a file that cannot be imported does not keep the next one out. */
export async function runImport(files: readonly string[], options: RunImportOptions): Promise<void> {
  const language = options.language ?? (/^zh/i.test(process.env.LC_ALL ?? process.env.LC_MESSAGES ?? process.env.LANG ?? "") ? "zh" : "en");
  const kind = options.report === undefined ? undefined : extname(options.report).toLowerCase();
  if (kind !== undefined && kind !== ".csv" && kind !== ".json") throw new InputError(`The report ${options.report} must end in .csv or .json`, { zh: "报告文件须以 .csv 或 .json 结尾" });
  const common = await readCommon(options);
  await withCatalogDesk(options, async (desk) => {
    const jobs: ImportJob[] = [];
    for (const path of files) {
      try {
        const job = await desk.run({ ...common, file: await readTable(path), onProgress: showProgress(path) });
        jobs.push(job);
        clearLine();
        if (!options.json) process.stdout.write(`${describeImport(job, language)}\n${language === "zh" ? `  任务 ${job.id}` : `  job ${job.id}`}\n`);
        if (!job.imported && !job.dryRun) process.exitCode = 1;
      } catch (error) {
        clearLine();
        if (!isRefusal(error) || files.length === 1) throw error;
        process.exitCode = 1;
        process.stderr.write(`${path}: ${describeRefusal(error)}`);
      }
    }
    if (options.report !== undefined) await writeReport(desk, jobs, options.report, kind === ".json");
    if (options.json) process.stdout.write(`${JSON.stringify(jobs)}\n`);
    else if (options.report !== undefined) process.stdout.write(language === "zh" ? `逐行报告:${options.report}\n` : `row by row: ${options.report}\n`);
    else if (jobs.some((job) => job.counts.rejected > 0)) process.stdout.write(language === "zh" ? "逐行报告可用 --report 文件.csv 取得\n" : "--report file.csv writes what became of each row\n");
  });
}

/** The vocabularies that come with the product, with the columns that they are recognised by. */
export function listMappings(): void {
  for (const { name, title, fields } of describeMappings()) process.stdout.write(`${name}  ${title.zh} ${title.en}\n${fields.map(({ target, columns }) => `    ${target}: ${columns.join(" | ")}\n`).join("")}`);
}

async function readCommon({ mapping, organisation, default: defaults, createOrganisations, dryRun, strict }: RunImportOptions): Promise<Omit<DeskImport, "file">> {
  const common: Omit<DeskImport, "file"> = {};
  if (mapping !== undefined) common.mapping = /\.ya?ml$/i.test(mapping) ? { yaml: await readText(mapping), file: basename(mapping) } : mapping;
  if (organisation !== undefined) common.organisation = organisation;
  if (defaults !== undefined && defaults.length > 0) common.defaults = Object.fromEntries(defaults.map(readDefault)) as NonNullable<ImportOptions["defaults"]>;
  if (createOrganisations !== undefined) common.createOrganisations = createOrganisations;
  if (dryRun !== undefined) common.dryRun = dryRun;
  if (strict !== undefined) common.strict = strict;
  return common;
}

const unreadable = (path: string, cause: unknown) => new InputError(`${path} cannot be read: ${(cause as Error).message}`, { zh: `无法读取文件 ${path}`, code: "file.unreadable", nextStep: "Check the path and the rights on it.", cause });

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readTable(path: string): Promise<DeskImport["file"]> {
  try {
    if ((await stat(path)).isDirectory()) throw new Error("it is a folder");
    return { name: basename(path), bytes: await readFile(path) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function describeRefusal(error: Refusal): string {
  return `${error.message}\n${error.zh === error.message ? "" : `${error.zh}\n`}${error.issues.slice(0, 50).map((issue) => `  ${issue.path}: ${issue.message}\n`).join("")}${error.nextStep === undefined ? "" : `→ ${error.nextStep}\n`}`;
}

const steps = { reading: "reading 读取", understanding: "understanding 解析", saving: "saving 写入", reporting: "reporting 生成报告" };
const clearLine = () => void (process.stderr.isTTY && process.stderr.write("\r\u001b[2K"));
const showProgress = (path: string) => ({ step, done, total }: ImportProgress) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[2K${basename(path)}: ${steps[step]} ${step === "reading" ? "" : `${done}/${total}`}`));

/** Written beside and renamed: a report that is there is whole. */
async function writeReport(desk: CatalogDesk, jobs: readonly ImportJob[], path: string, json: boolean): Promise<void> {
  const partial = `${path}.${process.pid}.part`;
  try {
    await pipeline(json ? reportJson(desk, jobs) : reportCsv(desk, jobs), createWriteStream(partial));
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    if (isRefusal(cause)) throw cause;
    throw new InputError(`The report ${path} cannot be written: ${(cause as Error).message}`, { zh: `无法写入报告 ${path}`, nextStep: "The import itself is done; its report stays in the catalog (importJob).", cause });
  }
}

async function* reportCsv(desk: CatalogDesk, jobs: readonly ImportJob[]): AsyncGenerator<string> {
  yield reportCsvHeader();
  for (const job of jobs) for await (const row of desk.rows(job.id)) yield reportCsvLines(job.fileName, row);
}

async function* reportJson(desk: CatalogDesk, jobs: readonly ImportJob[]): AsyncGenerator<string> {
  yield "[";
  for (const [index, job] of jobs.entries()) {
    yield `${index === 0 ? "" : ","}\n{"job":${JSON.stringify(job)},"rows":[`;
    let first = true;
    for await (const row of desk.rows(job.id)) {
      yield `${first ? "\n" : ",\n"}${JSON.stringify(row)}`;
      first = false;
    }
    yield "\n]}";
  }
  yield "\n]\n";
}
