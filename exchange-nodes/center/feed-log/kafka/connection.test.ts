import { describe, expect, test } from "vitest";
import { createSilentLog, InputError } from "#platform";
import { feedIdOf, kafkaJsSettings, maxRecordBytes, rdKafkaSettings, topicOf } from "./connection.ts";
import { defaultFrameLimits, maxEnvelopeBytes } from "../../../protocol/frames.ts";

describe("names of topics", () => {
  test("tell the installation and the feed, and lead back to the feed", () => {
    expect(topicOf("zhengtong", "feed_01J")).toBe("zhengtong.feed.feed_01J");
    expect(feedIdOf("zhengtong", "zhengtong.feed.feed_01J")).toBe("feed_01J");
    expect(feedIdOf("zhengtong", "zhengtong2.feed.feed_01J")).toBeUndefined();
  });

  test("of two installations never meet, and what Kafka would not take is refused", () => {
    for (const [prefix, feedId] of [["a.feed", "b"], ["a", "b.c"], ["", "b"], ["a", ""], ["政通", "b"], ["a", "b".repeat(250)]] as const) expect(() => topicOf(prefix, feedId)).toThrow(InputError);
  });

  test("the largest batch that the wire takes fits into a record", () => {
    expect(maxRecordBytes).toBeGreaterThan(defaultFrameLimits.batchBytes + maxEnvelopeBytes + 1024);
  });
});

describe("settings of both clients", () => {
  test("say the same: plain, TLS, user, both", () => {
    const brokers = "one:9092, two:9092";
    const sasl = { mechanism: "SCRAM-SHA-512" as const, username: "center", password: "secret" };
    expect(rdKafkaSettings({ brokers })).toMatchObject({ "metadata.broker.list": brokers, "security.protocol": "plaintext" });
    expect(kafkaJsSettings({ brokers }, createSilentLog())).toMatchObject({ brokers: ["one:9092", "two:9092"] });
    expect(kafkaJsSettings({ brokers }, createSilentLog())).not.toHaveProperty("ssl");
    expect(rdKafkaSettings({ brokers, tls: { caFile: "/ca.pem" } })).toMatchObject({ "security.protocol": "ssl", "ssl.ca.location": "/ca.pem" });
    expect(kafkaJsSettings({ brokers, tls: {} }, createSilentLog())).toMatchObject({ ssl: {} });
    expect(rdKafkaSettings({ brokers, sasl })).toMatchObject({ "security.protocol": "sasl_plaintext", "sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": "center" });
    expect(kafkaJsSettings({ brokers, sasl, tls: {} }, createSilentLog())).toMatchObject({ sasl: { mechanism: "scram-sha-512", username: "center" }, ssl: {} });
    expect(rdKafkaSettings({ brokers, sasl, tls: {} })).toMatchObject({ "security.protocol": "sasl_ssl" });
  });
});
