import fastify from "fastify";
import { createLog } from "#platform";
import { registerExchangeRoutes, type KafkaFeedLogSettings, type SourceConfig } from "#exchange-nodes";
import { createDepartmentNode } from "../../../server/compose/node.ts";
import { openTableExchange } from "./exchange-kernel.ts";

/** What a process of its own does in tests and benchmarks: be a centre, or be a department's node. */
export type ProcessRole =
  | { role: "center"; databaseUrl: string; host?: string; port: number; logLevel: string; kafka?: KafkaFeedLogSettings }
  | { role: "node"; name: string; centerUrl: string; databaseUrl: string; sources: SourceConfig[]; targets: Record<string, string>; enrolmentCode?: string; logLevel: string };

export type ProcessReady = { url: string } | { nodeId: string };

const config = JSON.parse(process.argv[2]!) as ProcessRole;
const log = createLog({ level: config.logLevel, name: config.role === "node" ? config.name : "center" });
// Whoever started it is gone, or wants it gone.
process.on("disconnect", () => process.exit(0));

if (config.role === "center") {
  const { exchange, close } = await openTableExchange({ databaseUrl: config.databaseUrl, log, ...(config.kafka === undefined ? {} : { kafka: config.kafka }) });
  const app = fastify({ logger: false });
  registerExchangeRoutes(app, exchange);
  await app.listen({ host: config.host ?? "127.0.0.1", port: config.port });
  await exchange.start();
  process.on("message", () => void exchange.stop().then(() => app.close()).then(close).then(() => process.exit(0)));
  process.send!({ url: `http://127.0.0.1:${(app.server.address() as { port: number }).port}` } satisfies ProcessReady);
} else {
  const { name, centerUrl, databaseUrl, sources, targets, enrolmentCode } = config;
  const node = createDepartmentNode({ name, centerUrl, databaseUrl, sources, targets, allowHttp: true, log, ...(enrolmentCode === undefined ? {} : { enrolmentCode }) });
  await node.start();
  process.on("message", () => void node.stop().then(() => process.exit(0)));
  process.send!({ nodeId: node.status().nodeId! } satisfies ProcessReady);
}
