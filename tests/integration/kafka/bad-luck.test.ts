import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emptyHead, topicOf, type FeedHead, type KafkaFeedLogSettings, type LoggedBatch } from "#exchange-nodes";
import { kafkaBrokers, openEngine, type Engine } from "#test-support";
import { flawOf, keepAppending, makeBatches, openFeedLogWorld, readAll, type FeedLogWorld } from "./feed-log-world.ts";

// Killed on purpose, so it is one of its own; whether it can be had is asked as everywhere.
const possible = (await kafkaBrokers()) !== undefined && process.env.ZHENGTONG_TEST_KAFKA_BROKERS === undefined;
let world: FeedLogWorld;
let kafka: Engine;

describe.skipIf(!possible)("bad luck with Kafka", () => {
  const settings = (more: Partial<KafkaFeedLogSettings> = {}): KafkaFeedLogSettings => ({ connection: { brokers: kafka.url }, topics: { prefix: "bad-luck" }, ...more });

  beforeAll(async () => {
    [world, kafka] = await Promise.all([openFeedLogWorld(), openEngine("kafka")]);
  });
  afterAll(async () => {
    await world?.close();
    await kafka?.close();
  });

  test("a broker killed and started again while two gateways append and a subscriber reads loses nothing and doubles nothing", async () => {
    const [one, other, reader] = await Promise.all([world.kafkaLog(settings()), world.kafkaLog(settings()), world.kafkaLog(settings({ readTimeoutMs: 2_000 }))]);
    await one.open("killed");
    const each = 60;
    let appended = 0;
    let halfWay: (() => void) | undefined;
    const half = new Promise<void>((resolve) => (halfWay = resolve));
    const count = () => {
      appended += 1;
      if (appended === each / 2) halfWay?.();
    };
    const subscriber = (async () => {
      const read: LoggedBatch[] = [];
      let failures = 0;
      while (read.length < 2 * each) {
        const after = read.length;
        await reader.waitFor("killed", after, 1_000);
        try {
          read.push(...(await reader.read("killed", after, 5_000)));
        } catch {
          failures += 1;
        }
      }
      return { read, failures };
    })();
    const appending = Promise.all([keepAppending(one, "killed", each, count), keepAppending(other, "killed", each, count)]);
    await half;
    await kafka.kill();
    await kafka.start();
    await appending;
    const { read } = await subscriber;
    expect(flawOf("killed", read)).toBeUndefined();
    expect((await one.head("killed")).sequence).toBe(2 * each);
    expect(flawOf("killed", await readAll(other, "killed"))).toBeUndefined();
  });

  test("while no broker answers, senders wait or are told to slow down, feeds open and close, and all goes on afterwards", async () => {
    const log = await world.kafkaLog(settings({ maxWaitingBytes: 3_000, deliveryTimeoutMs: 60_000 }));
    await log.open("down");
    const first = makeBatches("down", emptyHead, 1);
    await log.append("down", emptyHead, first);
    const head: FeedHead = { sequence: 1, hash: first[0]!.hash };
    await kafka.kill();
    const waiting = log.append("down", head, makeBatches("down", head, 2));
    expect(await log.append("down", head, makeBatches("down", head, 2))).toEqual({ appended: false, because: "busy", retryAfterMs: 500 });
    await log.open("opened_meanwhile");
    expect(await log.close("opened_meanwhile")).toEqual(emptyHead);
    const closedMeanwhile = await log.head("opened_meanwhile");
    expect(closedMeanwhile.open).toBe(false);
    await kafka.start();
    expect(await waiting).toMatchObject({ appended: true, head: { sequence: 3 } });
    expect(flawOf("down", await readAll(log, "down"))).toBeUndefined();
  });

  test("a broker that stays away is told as such, and what was given up does not come back", async () => {
    const log = await world.kafkaLog(settings({ deliveryTimeoutMs: 2_000 }));
    await log.open("away");
    const first = makeBatches("away", emptyHead, 1);
    await log.append("away", emptyHead, first);
    const head: FeedHead = { sequence: 1, hash: first[0]!.hash };
    await kafka.kill();
    await expect(log.append("away", head, makeBatches("away", head, 1))).rejects.toMatchObject({ kind: "Unavailable", code: "kafka.unavailable" });
    expect(await log.head("away")).toMatchObject(head);
    await kafka.start();
    await keepAppending(log, "away", 3);
    const batches = await readAll(log, "away");
    expect(batches).toHaveLength(4);
    expect(flawOf("away", batches)).toBeUndefined();
  });

  test("retention that overtakes a slow subscriber is seen and told by where the log begins", async () => {
    const log = await world.kafkaLog(settings({ topics: { prefix: "overtaken", segmentBytes: 1024 * 1024, retentionBytes: 1024 * 1024 } }));
    await log.open("slow");
    let head: FeedHead = emptyHead;
    for (let n = 0; n < 8; n += 1) {
      const [batch] = makeBatches("slow", head, 1, 700_000);
      await log.append("slow", head, [batch!]);
      head = { sequence: batch!.envelope.sequence, hash: batch!.hash };
    }
    await expect.poll(async () => (await log.admin.rangeOf(topicOf("overtaken", "slow")))?.low, { timeout: 60_000, interval: 500 }).toBeGreaterThan(2);
    // What it may have fetched before is not a reason to give it.
    const reader = await world.kafkaLog(settings({ topics: { prefix: "overtaken" } }));
    expect(await reader.read("slow", 0, 10_000_000)).toEqual([]);
    const { firstSequence, sequence } = await reader.head("slow");
    expect(firstSequence).toBeGreaterThan(3);
    expect(sequence).toBe(8);
    expect((await reader.read("slow", firstSequence - 1, 10_000_000)).map(({ envelope }) => envelope.sequence)).toEqual(Array.from({ length: 9 - firstSequence }, (_, n) => firstSequence + n));
    await keepAppending(reader, "slow", 1);
  });
});
