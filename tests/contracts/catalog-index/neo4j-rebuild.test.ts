import { describe } from "vitest";
import { describeRebuildContract } from "./rebuild-contract.ts";
import { neo4jUrl, openNeo4j } from "./open-neo4j.ts";

describe.skipIf(neo4jUrl === undefined)("on a real Neo4j", () => describeRebuildContract("Neo4j", openNeo4j));
