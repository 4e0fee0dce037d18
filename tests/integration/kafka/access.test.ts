import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTopicAdmin, emptyHead, probeKafka, type KafkaConnection, type KafkaFeedLogSettings, type TopicAdmin } from "#exchange-nodes";
import { createSilentLog } from "#platform";
import { kafkaBrokers, openLocalKafka, type Engine } from "#test-support";
import { flawOf, keepAppending, makeBatches, openFeedLogWorld, readAll, type FeedLogWorld } from "./feed-log-world.ts";

// One with accounts and enforced rules, which a given server or a container of the run need not have.
const possible = (await kafkaBrokers()) !== undefined && process.env.ZHENGTONG_TEST_KAFKA_BROKERS === undefined;
const accounts = { admin: "password-of-admin", center: "password-of-center", other: "password-of-other" };
let world: FeedLogWorld;
let kafka: Engine;
let admin: TopicAdmin;

describe.skipIf(!possible)("access to Kafka", () => {
  const as = (username: keyof typeof accounts, password = accounts[username] as string): KafkaConnection => ({ brokers: kafka.url, sasl: { mechanism: "PLAIN", username, password } });
  const settings = (username: keyof typeof accounts): KafkaFeedLogSettings => ({ connection: as(username), topics: { prefix: "guarded" }, deliveryTimeoutMs: 5_000, readTimeoutMs: 3_000 });

  beforeAll(async () => {
    [world, kafka] = await Promise.all([openFeedLogWorld(), openLocalKafka({ accounts })]);
    admin = await createTopicAdmin({ connection: as("admin"), topics: { prefix: "guarded" }, log: createSilentLog() });
  });
  afterAll(async () => {
    await admin?.stop();
    await world?.close();
    await kafka?.close();
  });

  test("a centre without rights is told so, and works once they are given", async () => {
    expect((await probeKafka({ connection: as("center"), topics: { prefix: "guarded" } })).failures).toMatchObject([{ step: "make a topic" }]);
    const log = await world.kafkaLog(settings("center"));
    await log.open("feed_1");
    await expect(log.append("feed_1", emptyHead, makeBatches("feed_1", emptyHead, 1))).rejects.toMatchObject({ kind: "Unavailable", code: "kafka.unavailable" });

    await admin.allow("User:center");
    await expect.poll(async () => (await probeKafka({ connection: as("center"), topics: { prefix: "guarded" } })).failures, { timeout: 20_000 }).toEqual([]);
    await keepAppending(log, "feed_1", 5);
    const batches = await readAll(log, "feed_1");
    expect(batches).toHaveLength(5);
    expect(flawOf("feed_1", batches)).toBeUndefined();
    expect(await log.trim("feed_1", { upTo: 2 })).toEqual({ removed: 2, firstSequence: 3 });
  });

  test("an account without rules reads nothing of a feed, and the rules are on this installation's names only", async () => {
    const stranger = await world.kafkaLog(settings("other"));
    await expect(stranger.read("feed_1", 2, 10_000)).rejects.toMatchObject({ kind: "Unavailable" });
    expect((await stranger.head("feed_1")).firstSequence).toBe(3);
    const elsewhere = await createTopicAdmin({ connection: as("center"), topics: { prefix: "another" }, log: createSilentLog() });
    await expect(elsewhere.ensureTopic("feed_1")).rejects.toMatchObject({ kind: "Unavailable" });
    await elsewhere.stop();
    const rules = await admin.listRules();
    expect(new Set(rules.map(({ principal }) => principal))).toEqual(new Set(["User:center"]));
    expect(new Set(rules.map(({ resource }) => resource))).toEqual(new Set(["TOPIC guarded.feed.", "GROUP guarded.readers"]));
  });

  test("rights that were taken are gone", async () => {
    await admin.revoke("User:center");
    expect(await admin.listRules()).toEqual([]);
    await expect.poll(async () => (await probeKafka({ connection: as("center"), topics: { prefix: "guarded" } })).failures.length, { timeout: 20_000 }).toBe(1);
  });

  test("a wrong password is told as such", async () => {
    await expect(probeKafka({ connection: as("center", "wrong-password-of-center"), topics: { prefix: "guarded" } })).rejects.toMatchObject({ kind: "Unavailable", message: expect.stringContaining("authentication failed") as string });
  });
});
