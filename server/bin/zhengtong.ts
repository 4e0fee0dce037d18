import { Command, InvalidArgumentError, Option } from "commander";
import { describeError, isRefusal } from "#platform";
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
  .description("build a sample city on the embedded engines, do the whole main job, show what was found, and stay up")
  .option("--once", "end after the account")
  .addOption(jsonOption)
  .option("--seed <number>", "which city; 2008 plants the pilot's figures", wholeNumber(0, 4_294_967_295), 2008)
  .option("--people <number>", "size of the population", wholeNumber(500, 10_000_000), 60_000)
  .option("--data-dir <folder>", "where everything is kept; default .zhengtong/demo-<seed>-<people>")
  .option("--port <number>", "port of the centre; default 8700, or a free one with --once", wholeNumber(0, 65_535))
  .option("--log-level <level>", "least level that is logged", "warn")
  .action(async (options: { once?: boolean; json?: boolean; seed: number; people: number; dataDir?: string; port?: number; logLevel: string }) => {
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
  .command("reindex")
  .description("rebuild the catalog index from the records while the old one serves, then switch")
  .addOption(configOption)
  .action(async (options: { config?: string }) => (await import("../commands/reindex.ts")).runReindex(options));

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
