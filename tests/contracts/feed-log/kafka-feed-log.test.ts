import { afterAll, describe } from "vitest";
import { createKafkaFeedLog, exchangeMigrations } from "#exchange-nodes";
import { createManualClock, createNotifier, createSilentLog, platformMigrations, type Notifier } from "#platform";
import { createTestDatabase, kafkaBrokers, type TestDatabase } from "#test-support";
import { describeFeedLog } from "./feed-log-contract.ts";

const brokers = await kafkaBrokers();
let made: TestDatabase | undefined;
const notifiers: Notifier[] = [];

afterAll(async () => {
  for (const notifier of notifiers) await notifier.stop();
  await made?.drop();
});

describe.skipIf(brokers === undefined)("on Kafka", () => {
  describeFeedLog(async () => {
    made = await createTestDatabase([platformMigrations, exchangeMigrations]);
    const { database } = made;
    const clock = createManualClock("2026-11-22T03:00:00Z");
    return {
      name: "Kafka",
      clock,
      async createLog() {
        const log = createSilentLog();
        const notifier = createNotifier({ database, log });
        notifiers.push(notifier);
        await notifier.start();
        const feedLog = await createKafkaFeedLog({ connection: { brokers: brokers! }, topics: { prefix: `contract-${process.pid}` }, database, notifier, clock, log });
        await feedLog.start();
        return feedLog;
      },
    };
  });
});
