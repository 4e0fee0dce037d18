import { Command, InvalidArgumentError, Option } from "commander";
import { describeError, isRefusal } from "#platform";
import type { RunExportOptions } from "../commands/export.ts";
import type { RunImportOptions } from "../commands/import.ts";
import { packageVersion } from "../version.ts";

/**
 * The `zhengtong` command. Results go to standard output, progress and logs to standard error; the exit status is 0
 * when what was asked for was done, 1 when it was refused or failed, 2 when the call itself was wrong.
 */
function wholeNumber(least: number, most: number) {
  return (text: string) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed`);
    return value;
  };
}

const program = new Command("zhengtong")
  .description("政通 Zhengtong: government information-resource catalog and data exchange")
  .version(packageVersion)
  .showHelpAfterError("(zhengtong <command> --help shows what it takes)")
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const configOption = new Option("--config <file>", "YAML file with settings; the environment wins over it");
const jsonOption = new Option("--json", "one JSON object on standard output");

program
  .command("demo")
  .description("build a sample city, do the whole main job, show what was found, and stay up")
  .option("--once", "end after the account")
  .addOption(jsonOption)
  .option("--seed <number>", "which city; 2008 plants the pilot's figures", wholeNumber(0, 4_294_967_295), 2008)
  .option("--people <number>", "size of the population", wholeNumber(500, 10_000_000), 60_000)
  .option("--data-dir <folder>", "where everything is kept; default .zhengtong/demo-<seed>-<people>")
  .addOption(new Option("--engines <engines>", "production: the index in Neo4j and the feeds in Kafka, at ZHENGTONG_NEO4J_URL and ZHENGTONG_KAFKA_BROKERS").choices(["embedded", "production"]).default("embedded"))
  .addOption(configOption)
  .option("--port <number>", "port of the centre; default 8700, or a free one with --once", wholeNumber(0, 65_535))
  .option("--log-level <level>", "least level that is logged", "warn")
  .action(async (options: { once?: boolean; json?: boolean; seed: number; people: number; dataDir?: string; port?: number; logLevel: string; engines: "embedded" | "production"; config?: string }) => {
    const { runDemo } = await import("../demo/run-demo.ts");
    await runDemo(options);
  });

program
  .command("center")
  .description("run a centre process: GraphQL, exchange gateway, projections (several may run at once)")
  .addOption(configOption)
  .action(async (options: { config?: string }) => (await import("../commands/center.ts")).runCenter(options));

program
  .command("node")
  .description("run a department's exchange node")
  .addOption(configOption)
  .action(async (options: { config?: string }) => (await import("../commands/node.ts")).runNode(options));

program
  .command("bootstrap")
  .description("make the city data office and its first administrator, once; the password is asked for or taken from ZHENGTONG_PASSWORD\n创建主管部门及首个管理员,仅一次")
  .requiredOption("--office <name>", "the city data office, e.g. 市大数据局")
  .requiredOption("--region <code>", "of the city, GB/T 2260, e.g. 330100")
  .requiredOption("--user <name>", "the administrator's login")
  .option("--name <name>", "the administrator's own name")
  .addOption(configOption)
  .action(async (options) => (await import("../commands/install.ts")).runBootstrap(options));

program
  .command("enrol")
  .description("invite a department's exchange node: prints the code that works once, at its first start\n生成前置节点的一次性注册码")
  .argument("<name>", "of the node, as in its ZHENGTONG_NODE_NAME")
  .requiredOption("--organisation <name>", "the department: full or short name, social credit code or id")
  .option("--hours <number>", "how long the code may be used", wholeNumber(1, 720), 24)
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (name: string, options) => (await import("../commands/install.ts")).runEnrol(name, options));

const deskOptions = [
  new Option("--center <url>", "import to, or export from, this centre with somebody's rights; default: the database of the settings"),
  new Option("--user <name>", "who logs in there; the password is asked for or taken from ZHENGTONG_PASSWORD (default: the token in ZHENGTONG_TOKEN)"),
];
const collect = (text: string, before: string[] = []) => [...before, text];

program
  .command("import")
  .description("import catalog entries as drafts from CSV, XLSX, XLS or JSON, and say for each row what was done and why not\n从 CSV、XLSX、XLS、JSON 批量导入目录草稿,逐行说明结果和原因")
  .argument("[files...]", "each is imported as a whole or not at all")
  .option("--mapping <name|file.yaml>", "vocabulary of the file; default: recognised from its columns")
  .option("--mappings", "list the vocabularies that are known, and end")
  .option("--organisation <name>", "the provider of all rows, whatever they say: full or short name, social credit code or id")
  .option("--default <member=value>", "what a missing value is taken for, e.g. updateCycle=不定期; may be repeated", collect)
  .option("--create-organisations", "register providers that are not known")
  .option("--dry-run", "do everything but write to the catalog")
  .option("--strict", "import nothing when any row is rejected")
  .option("--report <file>", "write what became of each row to this .csv or .json file")
  .addOption(new Option("--language <language>", "of the summary; default: of the environment").choices(["en", "zh"]))
  .addOption(deskOptions[0]!)
  .addOption(deskOptions[1]!)
  .addOption(configOption)
  .addOption(jsonOption)
  .addHelpText("after", "\nExamples:\n  zhengtong import 目录.xlsx --dry-run --report 报告.csv\n  zhengtong import portal.json --default formats=xlsx --center https://zt.city.gov.cn --user zhang.san\n\nThe exit status is 0 also when rows were rejected (unless --strict): the report says which and why.\ndocs/import.md tells more.")
  .action(async (files: string[], options: RunImportOptions & { mappings?: boolean }, command: Command) => {
    const { listMappings, runImport } = await import("../commands/import.ts");
    if (options.mappings) return listMappings();
    if (files.length === 0) command.error("error: give at least one file");
    await runImport(files, options);
  });

program
  .command("export")
  .description("export the catalog entries that one may see; what is exported imports again as unchanged\n导出有权查看的目录条目,可原样重新导入")
  .option("--format <format>", "csv, xlsx (the table of the 2017 guide) or json; default: the ending of --out")
  .option("--out <file>", "where to; default: standard output")
  .option("--organisation <name>", "only this provider's")
  .option("--states <states>", "only in these states, with commas: draft, published …")
  .addOption(deskOptions[0]!)
  .addOption(deskOptions[1]!)
  .addOption(configOption)
  .action(async (options: RunExportOptions) => (await import("../commands/export.ts")).runExport(options));

program
  .command("reindex")
  .description("rebuild the catalog index from the records while the old one serves, then switch")
  .addOption(configOption)
  .action(async (options: { config?: string }) => (await import("../commands/reindex.ts")).runReindex(options));

const feeds = program.command("feeds").description("the log in which feeds wait for their subscribers");

feeds
  .command("move")
  .description("carry what waits in feeds between PostgreSQL and Kafka while they flow; may be broken off and begun again\n在 PostgreSQL 与 Kafka 之间迁移数据流日志,可中断后继续")
  .addOption(new Option("--to <store>", "where to").choices(["kafka", "postgres"]).makeOptionMandatory())
  .option("--feed <id>", "only this feed")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/feeds.ts")).runFeedsMove(options));

feeds
  .command("access")
  .description("show, give or take the rights on this installation's Kafka topics that a centre needs")
  .option("--allow <principal>", "give them, e.g. to User:center")
  .option("--revoke <principal>", "take them")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/feeds.ts")).runFeedsAccess(options));

program
  .command("backup")
  .description("write both databases of the centre, as of one instant each, to a new folder while everything runs\n在线备份中心的两个数据库")
  .requiredOption("--out <folder>", "new or empty; made whole or not at all")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/backup.ts")).runBackup(options));

program
  .command("restore")
  .description("restore a backup into two empty databases, rebuild the index, and verify the audit chains\n将备份恢复到两个空数据库,重建索引并验证审计链")
  .requiredOption("--from <folder>", "that backup --out has made")
  .option("--check", "only compare every file with the manifest")
  .option("--without-kafka", "Kafka's data is lost: subscribers that had not read what lay in it refresh")
  .option("--no-reindex", "leave the index to zhengtong reindex")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/backup.ts")).runRestore(options));

program
  .command("reconcile")
  .description("compare source and target of feeds by count and checksum, and repair differences")
  .option("--feed <id>", "only this feed")
  .option("--no-repair", "report differences only")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/reconcile.ts")).runReconcile(options));

program
  .command("verify-audit")
  .description("verify the audit chains and the evidence of every feed, and name the first broken link")
  .addOption(configOption)
  .addOption(jsonOption)
  .action(async (options) => (await import("../commands/verify-audit.ts")).runVerifyAudit(options));

program
  .command("doctor")
  .description("check configuration and what it needs, and say what to do")
  .option("--node", "check the settings of a node instead of a centre's")
  .addOption(configOption)
  .action(async (options) => (await import("../commands/doctor.ts")).runDoctor(options));

try {
  await program.parseAsync();
} catch (error) {
  if (isRefusal(error)) {
    process.stderr.write(`${error.message}\n${error.zh === error.message ? "" : `${error.zh}\n`}`);
    for (const issue of error.issues.slice(0, 50)) process.stderr.write(`  ${issue.path}: ${issue.message}\n`);
    if (error.nextStep) process.stderr.write(`→ ${error.nextStep}\n`);
  } else {
    process.stderr.write(`zhengtong failed: ${describeError(error)}\n${error instanceof Error ? (error.stack ?? "") : ""}\n`);
  }
  process.exitCode = 1;
}

// Everything is released by now, yet the process may stay: Node 20 sometimes counts a timer of its HTTP client that was
// cleared while being refreshed as alive (seen once in six demonstrations: no handle, no timer, a count of one).
const written = (stream: NodeJS.WriteStream) => new Promise<void>((done) => void stream.write("", () => done()));
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit();
