import { readFileSync } from "node:fs";
import { Agent, fetch } from "undici";
import { createDatabase, createSilentLog, describeError, describeUrl, migrationState, systemClock, type MigrationSet } from "#platform";
import { nodeMigrations } from "#exchange-nodes";
import { createWorkingCalendar } from "#standards";
import { centerMigrations, cityMigrations } from "../compose/center.ts";
import type { Finding } from "./doctor-finding.ts";
import { checkKafka } from "./doctor-kafka.ts";
import { checkNeo4j } from "./doctor-neo4j.ts";
import { loadCenterConfig, loadNodeConfig } from "../settings.ts";

const oldestPostgres = 150_000;
const skewWarningMs = 2_000;

async function checkDatabase(name: string, url: string, sets: MigrationSet[]): Promise<Finding[]> {
  const what = `${name} (${describeUrl(url)})`;
  const database = createDatabase({ url, log: createSilentLog(), maxConnections: 1, connectTimeoutMs: 5_000 });
  try {
    const asked = systemClock.now().getTime();
    const { rows } = await database.read((reader) => reader.query<{ version: number; text: string; at: Date; encoding: string; can_create: boolean; size: number }>("select current_setting('server_version_num')::int as version, current_setting('server_version') as text, clock_timestamp() as at, current_setting('server_encoding') as encoding, has_database_privilege(current_database(), 'create') as can_create, pg_database_size(current_database()) as size"));
    const row = rows[0]!;
    const skewMs = Math.abs(row.at.getTime() - (asked + systemClock.now().getTime()) / 2);
    const state = await migrationState(database, sets);
    return [
      row.version >= oldestPostgres ? { what, state: "good", found: `PostgreSQL ${row.text}, ${Math.round(row.size / 1_048_576)} MB` } : { what, state: "bad", found: `PostgreSQL ${row.text}`, todo: "Version 15 is the oldest that is supported: move to a newer server." },
      row.encoding === "UTF8" ? { what: `${name}: encoding`, state: "good", found: "UTF8" } : { what: `${name}: encoding`, state: "bad", found: row.encoding, todo: "Create the database with encoding UTF8." },
      row.can_create ? { what: `${name}: rights`, state: "good", found: "may create schemas" } : { what: `${name}: rights`, state: "bad", found: "may not create schemas", todo: "grant create on database … to this user." },
      skewMs < skewWarningMs ? { what: `${name}: clock`, state: "good", found: `${Math.round(skewMs)} ms apart` } : { what: `${name}: clock`, state: "warning", found: `${Math.round(skewMs)} ms apart from this machine`, todo: "Set both clocks (NTP): deadlines and signatures depend on them." },
      state.unknown.length > 0
        ? { what: `${name}: schema`, state: "bad", found: `migrated by newer software: ${state.unknown.join(", ")}`, todo: "Start the newer version." }
        : state.pending.length > 0
          ? { what: `${name}: schema`, state: "warning", found: `${state.pending.length} migrations wait: ${state.pending.join(", ")}`, todo: "They are applied at the next start." }
          : { what: `${name}: schema`, state: "good", found: "up to date" },
    ];
  } catch (error) {
    return [{ what, state: "bad", found: describeError(error), todo: "Check that the server runs, that the URL, user and password are right, and that the database exists." }];
  } finally {
    await database.close();
  }
}

function checkCalendar(): Finding {
  const { years } = createWorkingCalendar();
  const next = systemClock.now().getUTCFullYear() + 1;
  const last = years.at(-1)!;
  return last >= next
    ? { what: "working-day calendar", state: "good", found: `notices up to ${last}` }
    : { what: "working-day calendar", state: "warning", found: `notices up to ${last}; deadlines that reach ${next} are shown as not computable`, todo: `Import the State Council's notice for ${next} when it is published.` };
}

async function checkCenterReachable(centerUrl: string, caFile: string | undefined): Promise<Finding> {
  try {
    const url = new URL(centerUrl);
    const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
    if (url.protocol !== "https:" && !isLoopback) return { what: `centre ${centerUrl}`, state: "bad", found: "is not https", todo: "Use https://; plain http is for loopback only." };
    const dispatcher = new Agent({ connect: caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") } });
    // Whether it is ready a balancer tells to nobody outside.
    const answer = await fetch(new URL("/healthz", url), { dispatcher, signal: AbortSignal.timeout(5_000) });
    return answer.ok ? { what: `centre ${centerUrl}`, state: "good", found: "answers" } : { what: `centre ${centerUrl}`, state: "warning", found: `answers ${answer.status}: ${(await answer.text()).slice(0, 200)}`, todo: "Look at the centre's log." };
  } catch (error) {
    return { what: `centre ${centerUrl}`, state: "bad", found: describeError(error), todo: "Check the address, the network and the certificate authority (ZHENGTONG_CA_FILE)." };
  }
}

export async function runDoctor(options: { config?: string; node?: boolean }): Promise<void> {
  const source = { environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) };
  const major = Number(process.versions.node.split(".")[0]);
  const findings: Finding[] = [major >= 20 ? { what: "Node.js", state: "good", found: process.versions.node } : { what: "Node.js", state: "bad", found: process.versions.node, todo: "Install Node.js 20.19 or newer." }];
  if (options.node) {
    const config = loadNodeConfig(source);
    findings.push(...(await checkDatabase("node database", config.databaseUrl, [nodeMigrations])), await checkCenterReachable(config.centerUrl, config.caFile));
  } else {
    const config = loadCenterConfig(source);
    findings.push(...(await checkDatabase("centre database", config.databaseUrl, centerMigrations)), ...(await checkDatabase("city database", config.cityDatabaseUrl, cityMigrations)), checkCalendar(), ...(await checkNeo4j(config)), ...(await checkKafka(config)));
    if (config.databaseUrl === config.cityDatabaseUrl) findings.push({ what: "databases", state: "bad", found: "centre and city are the same database", todo: "Give each its own: their event logs and audit chains must not mix." });
  }
  const marks = { good: "✓", warning: "!", bad: "✗" };
  for (const finding of findings) process.stdout.write(`${marks[finding.state]} ${finding.what}: ${finding.found}\n${finding.todo === undefined ? "" : `    → ${finding.todo}\n`}`);
  const bad = findings.filter((finding) => finding.state === "bad").length;
  process.stdout.write(bad === 0 ? "Everything that is needed is there.\n" : `${bad} thing${bad === 1 ? "" : "s"} to mend.\n`);
  if (bad > 0) process.exitCode = 1;
}
