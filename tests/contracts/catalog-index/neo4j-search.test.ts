import { describe } from "vitest";
import { describeSearchContract } from "./search-contract.ts";
import { neo4jUrl, openNeo4j } from "./open-neo4j.ts";

describe.skipIf(neo4jUrl === undefined)("on a real Neo4j", () => describeSearchContract("Neo4j", openNeo4j));
