import { resolve } from "node:path";
import { createLog, createReleasers, InputError, startEmbeddedPostgres, systemClock, type Log } from "#platform";
import { catalogIndexOptions } from "../compose/catalog-index.ts";
import { startCenter, type CreateCenterServicesOptions } from "../compose/center.ts";
import { feedLogOptions } from "../compose/feed-log.ts";
import { verifyEverything } from "../commands/verify-audit.ts";
import { untilSignal } from "../commands/run-until-signal.ts";
import { monthOf, yyyymm } from "../sample-city/calendar-months.ts";
import { loadEngineConfig } from "../settings.ts";
import { loadSampleCity } from "../sample-city/city-definition.ts";
import { createSourceDatabases } from "../sample-city/source-databases.ts";
import { createSampleRows } from "../sample-city/source-rows.ts";
import { createAccount, type Account, type Step } from "./account.ts";
import { assembleCast } from "./cast.ts";
import { awaitDelivery, bindEntries, collectFeeds, connectNodes, routeApplications } from "./connect-nodes.ts";
import { openDataDirectory, writeJson, type CityFacts, type DemoEngines } from "./data-directory.ts";
import { printFindings, resultOf, type DemoResult } from "./demo-result.ts";
import { publishOutcome } from "./publish-outcome.ts";
import { reconcileFlows } from "./reconcile-flows.ts";
import { registerEntries } from "./register-entries.ts";
import { requestGrants } from "./request-grants.ts";
import { attachData, fillBases, runCheck } from "./use-data.ts";

export interface DemoOptions {
  once?: boolean;
  json?: boolean;
  seed: number;
  people: number;
  dataDir?: string;
  port?: number;
  logLevel: string;
  engines: DemoEngines;
  config?: string;
}

const localDay = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Shanghai", year: "numeric", month: "2-digit", day: "2-digit" });

/** The servers come from the settings; names on them are this city's own. */
function productionEngines(options: DemoOptions, { id }: Pick<CityFacts, "id">): Pick<CreateCenterServicesOptions, "neo4j" | "kafka"> {
  if (options.engines === "embedded") return {};
  const config = loadEngineConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const { neo4j, kafka } = { ...catalogIndexOptions({ ...config, catalogIndex: "neo4j" }), ...feedLogOptions({ ...config, feedLog: "kafka" }) };
  return { neo4j: { ...neo4j!, prefix: `Demo${id}` }, kafka: { ...kafka!, topics: { ...kafka!.topics, prefix: `${kafka!.topics?.prefix ?? "zhengtong"}-demo-${id}` } } };
}

/**
 * The whole main job on one machine. Every step looks at what is there and does what is missing, so that a run that
 * was stopped anywhere goes on where it stood, and one that was complete only looks.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const log = createLog({ level: options.logLevel, name: "demo", pretty: process.stderr.isTTY });
  const releasers = createReleasers(log);
  const signal = untilSignal(log);
  try {
    const work = buildCity(options, log, releasers);
    const ended = await Promise.race([work.then((result) => ({ result })), signal.then(() => undefined)]);
    if (!ended) {
      process.stderr.write("\nStopped. The same command goes on from here. 已停止,再次运行同一命令即可继续。\n");
      process.exitCode = 130;
      // What still runs fails as its connections close: that is the stop that was asked for.
      work.catch((error: Error) => log.debug({ error: error.message }, "work ended by the stop"));
      return;
    }
    if (options.json) process.stdout.write(`${JSON.stringify(ended.result.json)}\n`);
    if (options.once) return;
    printWhereToLook(ended.result);
    await signal;
  } finally {
    await releasers.releaseAll();
  }
}

interface BuiltCity {
  json: DemoResult;
  account: Account;
  centerUrl: string;
  sourceUrl: string;
  cityUrl: string;
  credentialsFile: string;
  plantedFile: string;
}

async function buildCity(options: DemoOptions, log: Log, releasers: ReturnType<typeof createReleasers>): Promise<BuiltCity> {
  const folder = resolve(options.dataDir ?? `.zhengtong/demo-${options.seed}-${options.people}${options.engines === "production" ? "-production" : ""}`);
  const directory = openDataDirectory({ directory: folder, seed: options.seed, people: options.people, engines: options.engines, today: localDay.format(systemClock.now()) });
  releasers.add("data directory", () => directory.release());
  const { facts } = directory;
  const engines = productionEngines(options, facts);
  const account = createAccount({ stream: process.stderr, elapsed: () => performance.now() });
  const durationsMs: Record<string, number> = {};

  async function step<T>(key: string, title: string, run: (step: Step) => Promise<T>, summary?: (result: T) => string): Promise<T> {
    const started = performance.now();
    const shown = account.step(title);
    const result = await run(shown);
    durationsMs[key] = Math.round(performance.now() - started);
    if (summary) shown.done(summary(result));
    return result;
  }

  account.line(`政通 Zhengtong · 样例城市 sample city · ${folder}`);
  const server = await step("engines", "启动数据库 start PostgreSQL", () => startEmbeddedPostgres({ directory: directory.path("postgres"), log }), (running) => `PostgreSQL 18, 127.0.0.1:${running.port}`);
  releasers.add("postgres", () => server.stop());

  const departments = loadSampleCity();
  const rows = createSampleRows({ seed: facts.seed, people: facts.people, asOf: facts.asOf });
  writeJson(directory.path("planted.json"), { plan: { claims: rows.claims.length, hits: rows.planted.length, trueHits: rows.planted.filter((hit) => hit.true).length, contradictions: rows.contradictions }, hits: rows.planted });
  await step(
    "sources",
    "各部门业务库 the departments' own databases",
    async (shown) => {
      let done = 0;
      return createSourceDatabases({ server, departments, tables: rows.tables, seed: facts.seed, asOf: facts.asOf, dropDirectory: directory.path("drops"), readerPassword: facts.readerPassword, log, onProgress: ({ department }) => shown.progress((done += 1), departments.length, department) });
    },
    ({ rows: written }) => (written === 0 ? "已在 already there" : `${departments.length} 个数据库,写入 ${written.toLocaleString("en")} 行`),
  );

  await server.ensureDatabase("center");
  await server.ensureDatabase("city");
  const center = await step("center", "启动中心 start the centre", () => startCenter({ ...engines, databaseUrl: server.url("center"), cityDatabaseUrl: server.url("city"), log, host: "127.0.0.1", port: options.port ?? (options.once ? 0 : 8_700), explorer: true, requestsPerMinute: 60_000, continuous: !options.once }), ({ url, engines: { index, log: feedLog } }) => `${url} (index ${index}, log ${feedLog})`);
  releasers.add("center", () => center.stop());

  const cast = await step("people", "机构与人员 organisations and people", (shown) => assembleCast({ catalog: center.catalog, departments, directory, step: shown }), (people) => `${people.departments.size} 个部门,人人以自己的密码登录`);
  const registered = await step("catalog", "编目、审批、发布 list, approve, publish", (shown) => registerEntries({ catalog: center.catalog, cast, departments, step: shown }), (entries) => `${entries.size} 条目录`);
  await step("index", "目录检索 index and search", async () => {
    await center.catalog.search.bringUpToDate();
    return center.catalog.search.search(cast.office.operator, { text: "shiye", first: 3 });
  }, (page) => `“shiye”(失业)检索到 ${page.total} 条:${page.hits.map((hit) => hit.entry.title).join("、")}`);
  const { nodes, nodeIds } = await step("nodes", "前置节点注册 enrol exchange nodes", (shown) => connectNodes({ services: center, centerUrl: center.url, server, cast, departments, directory, log, step: shown }), (connected) => `${connected.nodes.size} 个节点,密钥自持`);
  for (const [key, node] of nodes) releasers.add(`node ${key}`, () => node.stop());
  await step("bindings", "挂接 bind entries to their tables", (shown) => bindEntries({ services: center, cast, registered, nodeIds, step: shown }), () => `${registered.size} 条目录挂接到真实的表`);
  await routeApplications({ services: center, cast, nodeIds });
  const granted = await step("grants", "申请、审核、授权 request, review, grant", (shown) => requestGrants({ catalog: center.catalog, cast, registered, asOf: facts.asOf, step: shown }), (grants) => `${grants.length} 项授权`);
  const delivered = await collectFeeds({ services: center, cast, granted });
  const delivery = await step("exchange", "数据交换 move the data", (shown) => awaitDelivery({ services: center, server, cast, delivered, log, step: shown }), (done) => `${done.feeds} 条数据流,送达 ${done.rowsApplied.toLocaleString("en")} 行,暂存 ${done.parked} 行`);
  const reconciliation = await step("reconciliation", "对账 reconcile source and target", (shown) => reconcileFlows({ services: center, cast, delivered, step: shown }), (outcome) => `${outcome.feeds} 条数据流逐桶比对,差异 ${outcome.differences}`);

  await attachData(center, cast, delivered);
  const bases = await step("bases", "人口库、法人库 fill the bases", (shown) => fillBases(center, cast, shown));
  const month = yyyymm(monthOf(facts.asOf) - 1);
  const check = await step("check", "失业保险协查 run the check", (shown) => runCheck(center, cast, month, rows.planted, shown), (found) => `比对 ${found.claims.toLocaleString("en")} 笔,比中 ${found.hits},确认 ${found.confirmed},排除 ${found.dismissed}`);
  const outcome = await step("outcome", "结果回流 return the outcome", (shown) => publishOutcome({ services: center, server, cast, nodeIds, asOf: facts.asOf, log, step: shown }), (done) => `${done.rows} 条结果回到市劳动和社会保障局`);
  const audit = await step("audit", "验证审计链与批次证据 verify audit and evidence", async (shown) => {
    await center.exchange.evidence.stamp();
    return verifyEverything(center, (text) => shown.progress(0, undefined, text));
  }, (report) => (report.intact ? `完整:${report.chains.center.records + report.chains.city.records} 条审计记录,${report.feeds.length} 条数据流` : "不完整"));
  if (!audit.intact) throw new InputError("The audit chain or the evidence of a feed is broken", { zh: "审计链或批次证据不完整", nextStep: "Run `npm run zhengtong -- verify-audit` for the place." });

  const json = resultOf({ engines: center.engines, departments, registered: registered.size + outcome.entries, items: departments.flatMap((department) => department.entries).reduce((sum, entry) => sum + (entry.content.items?.length ?? 0), 0) + outcome.items, delivery, reconciliation, bases, check, durationsMs });
  printFindings(account, { json, check, bases, contradictions: rows.contradictions });
  return { json, account, centerUrl: center.url, sourceUrl: server.url("source_gongan"), cityUrl: server.url("city"), credentialsFile: directory.path("credentials.json"), plantedFile: directory.path("planted.json") };
}

function printWhereToLook({ account, centerUrl, sourceUrl, cityUrl, credentialsFile, plantedFile }: BuiltCity): void {
  account.line();
  account.line("在这里看 Where to look");
  account.table([
    ["GraphQL", `${centerUrl}/graphql`],
    ["登录 log in", `mutation { login(username: "city.reviewer", password: "…") … },密码见 passwords in ${credentialsFile}`],
    ["公安局业务库 police database", `psql "${sourceUrl}"`],
    ["基础库和协查 bases and check", `psql "${cityUrl}"`],
    ["埋下的情况 what was planted", plantedFile],
    ["健康、指标 health, metrics", `${centerUrl}/readyz  ${centerUrl}/metrics`],
  ]);
  account.line();
  account.line("Ctrl-C 停止 stops it; the same command goes on from here.");
}
