import { createKafkaFeedLog, createTopicAdmin, moveFeeds } from "#exchange-nodes";
import { createLog, InputError } from "#platform";
import { kafkaSettingsOf } from "../compose/feed-log.ts";
import { loadCenterConfig, type CenterConfig } from "../settings.ts";
import { withCenterServices } from "./center-services.ts";

const settingsOf = (options: { config?: string }) => loadCenterConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });

function kafkaOf(config: CenterConfig) {
  const settings = kafkaSettingsOf(config);
  if (!settings) throw new InputError("No Kafka brokers are named", { zh: "未设置 Kafka Broker 地址", code: "config.invalid", nextStep: "Set ZHENGTONG_KAFKA_BROKERS to host:port, with commas." });
  return settings;
}

/** Carries what waits in feeds between PostgreSQL and Kafka; may be broken off and begun again. */
export async function runFeedsMove(options: { to: "kafka" | "postgres"; feed?: string; config?: string; json?: boolean }): Promise<void> {
  const settings = kafkaOf(settingsOf(options));
  await withCenterServices(options, async ({ center, kafka: running }) => {
    const kafka = running ?? (await createKafkaFeedLog({ ...settings, database: center.database, notifier: center.notifier, clock: center.clock, log: center.log }));
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    try {
      const result = await moveFeeds({
        database: center.database,
        kafka,
        to: options.to,
        signal: stop.signal,
        ...(options.feed === undefined ? {} : { feedIds: [options.feed] }),
        onStep: ({ feedId, feed, feeds, moved }) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[2K${feed}/${feeds} ${feedId}: ${moved} batches`)),
      });
      if (process.stderr.isTTY) process.stderr.write("\r\u001b[2K");
      process.stdout.write(options.json ? `${JSON.stringify({ to: options.to, ...result, finished: !stop.signal.aborted })}\n` : `${result.feeds} feeds with ${result.batches} waiting batches are in ${options.to === "kafka" ? "Kafka" : "PostgreSQL"} now${stop.signal.aborted ? "; broken off, call again to go on" : ""}\n`);
    } finally {
      await kafka.stop();
    }
  });
}

/** Shows, gives and takes the rights that a centre needs on the topics of this installation. Run as an administrator of Kafka. */
export async function runFeedsAccess(options: { allow?: string; revoke?: string; config?: string; json?: boolean }): Promise<void> {
  const { connection, topics } = kafkaOf(settingsOf(options));
  const admin = await createTopicAdmin({ connection, ...(topics === undefined ? {} : { topics }), log: createLog({ level: "warn" }) });
  try {
    if (options.revoke !== undefined) await admin.revoke(options.revoke);
    if (options.allow !== undefined) await admin.allow(options.allow);
    const rules = await admin.listRules();
    if (options.json) process.stdout.write(`${JSON.stringify(rules)}\n`);
    else process.stdout.write(rules.length === 0 ? "no access rules\n" : rules.map(({ resource, principal, operation, permission }) => `${permission} ${principal} ${operation} on ${resource}*\n`).join(""));
  } finally {
    await admin.stop();
  }
}
