import { probeKafka } from "#exchange-nodes";
import { describeError, isRefusal } from "#platform";
import { kafkaSettingsOf } from "../compose/feed-log.ts";
import type { CenterConfig } from "../settings.ts";
import type { Finding } from "./doctor-finding.ts";

const weekMs = 7 * 86_400_000;

/** Brokers, rights and topics; also before the switch, as soon as brokers are named. */
export async function checkKafka(config: CenterConfig): Promise<Finding[]> {
  const settings = kafkaSettingsOf(config);
  if (!settings) return config.feedLog === "kafka" ? [{ what: "feed log", state: "bad", found: "Kafka is chosen, but no brokers are named", todo: "Set ZHENGTONG_KAFKA_BROKERS." }] : [];
  const what = `Kafka (${settings.connection.brokers})`;
  try {
    const { client, cluster, failures, writeMs, readMs } = await probeKafka(settings);
    const findings: Finding[] = [
      { what, state: "good", found: `${cluster.brokers} broker${cluster.brokers === 1 ? "" : "s"}, librdkafka ${client}, ${cluster.topics.length} topics of feeds${config.feedLog === "kafka" ? "" : "; the feed log is PostgreSQL"}` },
      failures.length === 0
        ? { what: "Kafka: rights", state: "good", found: `may make, write (${Math.round(writeMs ?? 0)} ms), read (${Math.round(readMs ?? 0)} ms) and delete topics ${config.kafkaTopicPrefix}.feed.*` }
        : { what: "Kafka: rights", state: "bad", found: failures.map(({ step, error }) => `cannot ${step}: ${error}`).join("; "), todo: failures.find(({ todo }) => todo !== undefined)?.todo ?? "As an administrator of Kafka: zhengtong feeds access --allow User:<this centre's user>." },
    ];
    const thin = cluster.topics.filter(({ replicas, inSync }) => inSync < replicas);
    if (thin.length > 0) findings.push({ what: "Kafka: copies", state: "warning", found: `${thin.length} topics have fewer copies in sync than they should, e.g. ${thin[0]!.topic} (${thin[0]!.inSync} of ${thin[0]!.replicas})`, todo: "See that all brokers run." });
    const single = cluster.topics.filter(({ replicas }) => replicas < 2);
    if (single.length > 0) findings.push({ what: "Kafka: copies", state: "warning", found: `${single.length} topics have one copy only: a broken disk loses what waits in them (subscribers would refresh)`, todo: "With three brokers, set default.replication.factor=3 and min.insync.replicas=2 there, or ZHENGTONG_KAFKA_REPLICAS and ZHENGTONG_KAFKA_MIN_IN_SYNC." });
    for (const { topic, setting, value, wanted } of cluster.misconfigured.slice(0, 5)) findings.push({ what: `Kafka: ${topic}`, state: "bad", found: `${setting} is ${value}`, todo: `Set it to ${wanted}.` });
    if (config.kafkaRetentionMs <= weekMs) findings.push({ what: "Kafka: retention", state: "warning", found: "records may leave before an unread batch does (7 days)", todo: "Set ZHENGTONG_KAFKA_RETENTION above 7d: subscribers that were away would have to refresh." });
    return findings;
  } catch (error) {
    const known = isRefusal(error) && error.code !== "kafka.unavailable" ? error.nextStep : undefined;
    return [{ what, state: "bad", found: describeError(error), todo: known ?? "Check that the brokers run, that address, TLS and user are right, and that the client is built (npm run engines:kafka)." }];
  }
}
