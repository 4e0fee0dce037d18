export * from "./test-database.ts";
export * from "./shared-data.ts";
export { engineUrl, openEngine } from "./engines/engine-host.ts";
export { kafkaBrokers } from "./engines/kafka-brokers.ts";
export { openLocalKafka } from "./engines/kafka.ts";
export type { Engine } from "./engines/engine.ts";
export { neo4jConnection } from "./engines/neo4j.ts";
