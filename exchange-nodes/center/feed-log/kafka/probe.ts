import { createSilentLog, describeError, type Log } from "#platform";
import { defaultTopicPrefix, readerGroupOf, scramRemedy, topicOf, type KafkaConnection, type KafkaTopicSettings } from "./connection.ts";
import { createRecordReader } from "./record-reader.ts";
import { createRecordWriter } from "./record-writer.ts";
import { loadRdKafka } from "./rdkafka.ts";
import { createTopicAdmin, type ClusterState } from "./topic-admin.ts";

export interface KafkaProbe {
  /** Version of the native client. */
  client: string;
  cluster: ClusterState;
  /** What this centre may not do, with the brokers' words; empty when all went well. */
  failures: { step: "make a topic" | "write" | "read" | "delete a topic"; error: string; todo?: string }[];
  writeMs?: number;
  readMs?: number;
}

/** Does, with a topic of its own, all that the feed log does; throws when there is no client or no broker. */
export async function probeKafka({ connection, topics = {}, log = createSilentLog() }: { connection: KafkaConnection; topics?: KafkaTopicSettings; log?: Log }): Promise<KafkaProbe> {
  const rdKafka = await loadRdKafka();
  const prefix = topics.prefix ?? defaultTopicPrefix;
  const feedId = `probe-${process.pid}`;
  const topic = topicOf(prefix, feedId);
  const admin = await createTopicAdmin({ connection, topics, log });
  const writer = createRecordWriter({ rdKafka, connection, log, maxWaitingBytes: 1024 * 1024, deliveryTimeoutMs: 10_000 });
  const reader = createRecordReader({ rdKafka, connection, log, group: readerGroupOf(prefix), rangeOf: admin.rangeOf, maxConsumers: 1, timeoutMs: 10_000 });
  const probe: KafkaProbe = { client: rdKafka.librdkafkaVersion, cluster: { brokers: 0, topics: [], misconfigured: [] }, failures: [] };
  try {
    probe.cluster = await admin.describe();
    let step: KafkaProbe["failures"][number]["step"] = "make a topic";
    try {
      await admin.ensureTopic(feedId);
      step = "write";
      const value = Buffer.from("zhengtong doctor");
      await writer.write(topic, [{ key: "first", value, headers: {} }]);
      const written = performance.now();
      const offsets = await writer.write(topic, [{ key: "second", value, headers: {} }]);
      probe.writeMs = performance.now() - written;
      step = "read";
      const asked = performance.now();
      const found = offsets === "busy" ? undefined : await reader.read(topic, offsets);
      probe.readMs = performance.now() - asked;
      if (found?.size !== 1) throw new Error("what was written could not be read back");
      step = "delete a topic";
      await admin.deleteTopic(feedId);
    } catch (error) {
      const todo = step === "write" || step === "read" ? scramRemedy(rdKafka.librdkafkaVersion, connection) : undefined;
      probe.failures.push({ step, error: describeError(error), ...(todo === undefined ? {} : { todo }) });
      if (step !== "make a topic") await admin.deleteTopic(feedId).catch((left: unknown) => log.debug({ topic, error: describeError(left) }, "the probe's topic stays"));
    }
    return probe;
  } finally {
    await Promise.all([writer.stop(), reader.stop(), admin.stop()]);
  }
}
