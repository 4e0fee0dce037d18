import { randomBytes } from "node:crypto";
import { createNeo4jCatalogIndex, type Neo4jCatalogIndex } from "#catalog";
import type { Kernel } from "#platform";
import { engineUrl, neo4jConnection } from "#test-support";
import type { OpenCatalogIndex } from "./open-contract.ts";

/** The run's Neo4j; undefined where none can be had. */
export const neo4jUrl = await engineUrl("neo4j");

/** An index under a prefix of its own: test files share one server, of which Community has one database. */
export function openNeo4jIndex({ access, clock, log }: Kernel, url: string, prefix = `Test${randomBytes(5).toString("hex")}`): Neo4jCatalogIndex & { prefix: string } {
  return { ...createNeo4jCatalogIndex({ ...neo4jConnection(url), database: "neo4j", prefix, access, clock, log, monotonicMs: () => performance.now() }), prefix };
}

export const openNeo4j: OpenCatalogIndex = async (kernel) => {
  const index = openNeo4jIndex(kernel, neo4jUrl!);
  return {
    index,
    async close() {
      await index.removeAll();
      await index.close();
    },
  };
};
