import { openEngine } from "./engine-host.ts";
import { neo4jConnection } from "./neo4j.ts";

/**
 * `npm run engines:start`: a Neo4j and a Kafka on this machine for as long as the command runs, with nothing kept; for
 * who wants to try the production engines. Prints the settings that a centre and `demo --engines=production` take.
 */
const [neo4j, kafka] = await Promise.all([openEngine("neo4j", { forMeasuring: true }), openEngine("kafka", { forMeasuring: true })]);
const { url, user, password } = neo4jConnection(neo4j.url);
process.stdout.write(`export ZHENGTONG_NEO4J_URL='${url}' ZHENGTONG_NEO4J_USER='${user}' ZHENGTONG_NEO4J_PASSWORD='${password}' ZHENGTONG_KAFKA_BROKERS='${kafka.url}'\n`);
// Keeps the process alive: nothing else may hold a handle.
const alive = setInterval(() => undefined, 1 << 30);
await new Promise<void>((stop) => {
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
});
clearInterval(alive);
await Promise.all([neo4j.close(), kafka.close()]);
