import { describeError, type Clock } from "#platform";
import { openNeo4j, type OpenNeo4jOptions } from "./connection.ts";
import { findGeneration } from "./generations.ts";
import { appliedMigrations, namesOf, newestMigration, slotNames } from "./schema.ts";

/** Where the index is and under which names. */
export interface Neo4jIndexSettings extends OpenNeo4jOptions {
  /** With what labels begin: keeps installations apart on one server, of which Community has one database. Default `Catalog`. */
  prefix?: string;
}

export interface Neo4jProbe {
  version: string;
  edition: string;
  /** Whether the full-text analyser that the index uses is there. */
  analyser: boolean;
  /** What the user may not do. */
  failures: { step: string; error: string }[];
  answerMs: number;
  /** How far the server's clock is from ours, give or take half an answer. */
  skewMs: number;
  serving?: { number: number; documents: number; position: number };
  pendingMigrations: number;
  newerMigrations: boolean;
}

/** Looks at a server and tries what the index needs of it, on a label of its own; throws where the server does not answer. */
export async function probeNeo4j({ prefix = "Catalog", ...server }: Neo4jIndexSettings, clock: Clock): Promise<Neo4jProbe> {
  const connection = openNeo4j({ ...server, maxConnections: 2 });
  const names = namesOf(prefix);
  try {
    const [component] = await connection.read((cypher) => cypher<{ version: string; edition: string }>("CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version, edition"));
    const start = performance.now();
    const asked = clock.now().getTime();
    const [there] = await connection.read((cypher) => cypher<{ now: number }>("RETURN datetime.realtime().epochMillis AS now"));
    const answerMs = performance.now() - start;
    const skewMs = Math.abs(there!.now - asked - answerMs / 2);
    const analysers = await connection.read((cypher) => cypher<{ analyzer: string }>("CALL db.index.fulltext.listAvailableAnalyzers() YIELD analyzer RETURN analyzer"));
    const failures: Neo4jProbe["failures"] = [];
    const label = `${prefix}Probe`;
    for (const [step, statements] of [
      ["change the schema", [`CREATE INDEX ${label}_id IF NOT EXISTS FOR (n:${label}) ON (n.id)`, `DROP INDEX ${label}_id IF EXISTS`]],
      ["write", [`CREATE (:${label} {id: 1})`, `MATCH (n:${label}) DELETE n`]],
    ] as const) {
      try {
        for (const statement of statements) await connection.bulk(statement);
      } catch (error) {
        failures.push({ step, error: describeError(error) });
      }
    }
    const applied = [...(await appliedMigrations(connection, names)).keys()];
    const serving = await connection.read((cypher) => findGeneration(cypher, names, "serving"));
    const documents = serving && (await connection.read((cypher) => cypher<{ documents: number }>(`RETURN COUNT { (:${slotNames(names, serving.slot).entry}) } AS documents`)))[0]!.documents;
    return {
      version: component?.version ?? "0",
      edition: component?.edition ?? "unknown",
      analyser: analysers.some(({ analyzer }) => analyzer === "whitespace"),
      failures,
      answerMs,
      skewMs,
      pendingMigrations: Array.from({ length: newestMigration() }, (_, at) => at + 1).filter((number) => !applied.includes(number)).length,
      newerMigrations: applied.some((number) => number > newestMigration()),
      ...(serving === undefined ? {} : { serving: { number: serving.number, documents: documents!, position: serving.position } }),
    };
  } finally {
    await connection.close();
  }
}
