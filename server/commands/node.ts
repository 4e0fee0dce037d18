import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { createLog, createLoop, InputError, type Issue, type Log, type Loop } from "#platform";
import type { ExchangeNodeProcess, SourceConfig } from "#exchange-nodes";
import { createDepartmentNode } from "../compose/node.ts";
import { loadNodeConfig } from "../settings.ts";
import { untilSignal } from "./run-until-signal.ts";

function readYaml(file: string, what: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new InputError(`The file of ${what} ${file} cannot be read: ${(cause as Error).message}`, { zh: `无法读取文件 ${file}`, nextStep: "Check the path and that it is YAML.", cause });
  }
}

const kinds = ["postgres-direct", "postgres-bridge", "file-drop"] as const;

/** Sources: a list of `{ name, kind, url | folder, description }`; everything that is wrong is named at once. */
export function readSources(file: string): SourceConfig[] {
  const value = readYaml(file, "sources");
  if (!Array.isArray(value)) throw new InputError(`${file} must hold a list of sources`, { zh: `${file} 应为数据源列表` });
  const issues: Issue[] = [];
  const issue = (path: string, message: string, zh: string) => issues.push({ path: `${file}${path}`, code: "source.config", message, zh });
  const names = new Set<string>();
  const sources = value.flatMap((entry: unknown, index): SourceConfig[] => {
    const source = (entry ?? {}) as Record<string, unknown>;
    const at = `[${index}]`;
    if (typeof source.name !== "string" || !/^[a-z][a-z0-9_-]{0,40}$/.test(source.name)) issue(`${at}.name`, "must be a short lower-case name", "应为小写字母开头的短名");
    else if (names.has(source.name)) issue(`${at}.name`, "is used twice", "名称重复");
    else names.add(source.name);
    const kind = kinds.find((known) => known === source.kind);
    if (!kind) issue(`${at}.kind`, `must be one of ${kinds.join(", ")}`, `应为 ${kinds.join("、")} 之一`);
    else if (kind === "file-drop" && typeof source.folder !== "string") issue(`${at}.folder`, "is required: the folder that files are dropped in", "须指定文件目录");
    else if (kind !== "file-drop" && (typeof source.url !== "string" || !URL.canParse(source.url))) issue(`${at}.url`, "must be a postgres:// URL", "应为 postgres:// 地址");
    if (issues.length > 0) return [];
    const common = { name: source.name as string, ...(typeof source.description === "string" ? { description: source.description } : {}) };
    return [kind === "file-drop" ? { ...common, kind, folder: source.folder as string } : { ...common, kind: kind!, url: source.url as string }];
  });
  if (issues.length > 0) throw new InputError(`${file} has ${issues.length} problem${issues.length === 1 ? "" : "s"}`, { zh: `${file} 有 ${issues.length} 处问题`, issues });
  return sources;
}

/** Targets: `name: postgres://…` lines. */
export function readTargets(file: string): Record<string, string> {
  const value = readYaml(file, "targets") ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw new InputError(`${file} must hold "name: postgres://…" lines`, { zh: `${file} 应为“名称: 地址”形式` });
  for (const [name, url] of Object.entries(value as Record<string, unknown>)) if (typeof url !== "string" || !URL.canParse(url)) throw new InputError(`${file}: ${name} is not a postgres:// URL`, { zh: `${file}:${name} 不是合法地址` });
  return value as Record<string, string>;
}

/** Its age tells a container's health check how long the node has been without the centre; what it holds, people how it stands. */
function createHealthFile({ file, node, log }: { file: string; node: ExchangeNodeProcess; log: Log }): Loop {
  return createLoop({
    name: "node-health-file",
    intervalMs: 5_000,
    log,
    async run() {
      const status = node.status();
      if (!status.connected) return;
      await writeFile(`${file}.new`, JSON.stringify(status));
      await rename(`${file}.new`, file);
    },
  });
}

export async function runNode(options: { config?: string }): Promise<void> {
  const config = loadNodeConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const log = createLog({ level: config.logLevel, name: "node" });
  const stopped = untilSignal(log);
  const node = createDepartmentNode({
    name: config.name,
    centerUrl: config.centerUrl,
    databaseUrl: config.databaseUrl,
    log,
    sources: config.sourcesFile === undefined ? [] : readSources(config.sourcesFile),
    targets: config.targetsFile === undefined ? {} : readTargets(config.targetsFile),
    suite: config.signatureSuite,
    ...(config.enrolmentCode === undefined ? {} : { enrolmentCode: config.enrolmentCode }),
    ...(config.caFile === undefined ? {} : { ca: readFileSync(config.caFile, "utf8") }),
  });
  await node.start();
  log.info({ nodeId: node.status().nodeId }, "node is up");
  const healthFile = config.healthFile === undefined ? undefined : createHealthFile({ file: config.healthFile, node, log });
  healthFile?.start();
  await stopped;
  await healthFile?.stop();
  await node.stop();
}
