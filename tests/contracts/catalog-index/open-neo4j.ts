import { randomBytes } from "node:crypto";
import { createNeo4jCatalogIndex, type Neo4jCatalogIndex } from "#catalog";
import type { Kernel } from "#platform";
import { engineUrl, neo4jConnection } from "#test-support";
import { emptyGraph, namesOf } from "../../../catalog/search/neo4j/schema.ts";
import type { OpenCatalogIndex } from "./open-contract.ts";

/** The run's Neo4j; undefined where none can be had. */
export const neo4jUrl = await engineUrl("neo4j");

/** An index under a prefix of its own: test files share one server, of which Community has one database. */
export function openNeo4jIndex({ access, clock, log }: Kernel, url: string, prefix = `Test${randomBytes(5).toString("hex")}`): Neo4jCatalogIndex & { prefix: string } {
  return { ...createNeo4jCatalogIndex({ ...neo4jConnection(url), database: "neo4j", prefix, access, clock, log, monotonicMs: () => performance.now() }), prefix };
}

/**
 * Prefixes that this worker's earlier files have left empty. With one of them the schema is there and Neo4j knows the
 * plans already, which is most of what a small test costs it. On somebody else's server nothing is left behind.
 */
const emptied: string[] = [];
const isOwnServer = process.env.ZHENGTONG_TEST_NEO4J_URL === undefined;

export const openNeo4j: OpenCatalogIndex = async (kernel) => {
  const index = openNeo4jIndex(kernel, neo4jUrl!, emptied.pop());
  return {
    index,
    async close() {
      if (isOwnServer) {
        await emptyGraph(index.connection, namesOf(index.prefix));
        emptied.push(index.prefix);
      } else await index.removeAll();
      await index.close();
    },
  };
};
