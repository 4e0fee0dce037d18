import { probeNeo4j } from "#catalog";
import { describeError, systemClock } from "#platform";
import { neo4jSettingsOf } from "../compose/catalog-index.ts";
import type { CenterConfig } from "../settings.ts";
import type { Finding } from "./doctor-finding.ts";

const oldest = [5, 23] as const;
const skewWarningMs = 2_000;

/** Version, rights, what the index needs and its state; also before the switch, as soon as an address is given. */
export async function checkNeo4j(config: CenterConfig): Promise<Finding[]> {
  const settings = neo4jSettingsOf(config);
  if (!settings) return config.catalogIndex === "neo4j" ? [{ what: "catalog index", state: "bad", found: "Neo4j is chosen, but its address is not given", todo: "Set ZHENGTONG_NEO4J_URL and ZHENGTONG_NEO4J_PASSWORD." }] : [];
  const what = `Neo4j (${settings.url.replace(/\/\/[^@/]*@/, "//")})`;
  try {
    const { version, edition, analyser, failures, answerMs, skewMs, serving, pendingMigrations, newerMigrations } = await probeNeo4j(settings, systemClock);
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const old = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
    const chosen = config.catalogIndex === "neo4j" ? "" : "; the catalog index is PostgreSQL";
    return [
      old ? { what, state: "bad", found: `Neo4j ${version} ${edition}`, todo: `Version ${oldest.join(".")} is the oldest that is supported; 5.26 is the long-term line.` } : { what, state: "good", found: `Neo4j ${version} ${edition}, answers in ${Math.round(answerMs)} ms${chosen}` },
      analyser ? { what: "Neo4j: plugins", state: "good", found: "none needed; the whitespace analyser is there" } : { what: "Neo4j: plugins", state: "bad", found: "the full-text analyser `whitespace` is missing", todo: "It is part of every edition: look whether the installation is whole." },
      failures.length === 0 ? { what: "Neo4j: rights", state: "good", found: `may read, write and change the schema of database ${settings.database}` } : { what: "Neo4j: rights", state: "bad", found: failures.map(({ step, error }) => `cannot ${step}: ${error}`).join("; "), todo: "Give this user the role publisher and the right to manage indexes and constraints (Enterprise), or use a server of one's own (Community has no roles)." },
      skewMs < skewWarningMs ? { what: "Neo4j: clock", state: "good", found: `${Math.round(skewMs)} ms apart` } : { what: "Neo4j: clock", state: "warning", found: `${Math.round(skewMs)} ms apart from this machine`, todo: "Set both clocks (NTP)." },
      newerMigrations
        ? { what: "Neo4j: schema", state: "bad", found: "migrated by newer software", todo: "Start the newer version." }
        : pendingMigrations > 0
          ? { what: "Neo4j: schema", state: "warning", found: `${pendingMigrations} migrations wait`, todo: "They are applied at the next start with ZHENGTONG_CATALOG_INDEX=neo4j." }
          : { what: "Neo4j: schema", state: "good", found: "up to date" },
      serving === undefined ? { what: "Neo4j: index", state: config.catalogIndex === "neo4j" ? "warning" : "good", found: "not built yet", todo: "It is built when a centre starts with it; or run `zhengtong reindex`." } : { what: "Neo4j: index", state: "good", found: `generation ${serving.number}, ${serving.documents} entries, events up to ${serving.position}` },
    ];
  } catch (error) {
    return [{ what, state: "bad", found: describeError(error), todo: "Check that the server runs, that address, user, password and database are right, and that the first password was changed." }];
  }
}
