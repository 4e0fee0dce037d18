import { parseArgs } from "node:util";

/**
 * The catalog index over an invented catalog: `--index=postgres` (default) or `--index=neo4j`. Other options stand with
 * each benchmark.
 */
const { values } = parseArgs({ options: { index: { type: "string", default: "postgres" } }, strict: false });
if (values.index !== "postgres" && values.index !== "neo4j") throw new Error(`There is no index "${String(values.index)}"; there are postgres and neo4j`);
await import(values.index === "neo4j" ? "./neo4j-bench.ts" : "./postgres-bench.ts");
