import { afterAll } from "vitest";
import { createPostgresFeedLog, exchangeMigrations } from "#exchange-nodes";
import { createManualClock, createNotifier, createSilentLog, platformMigrations, type Notifier } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import { describeFeedLog } from "./feed-log-contract.ts";

let made: TestDatabase | undefined;
const notifiers: Notifier[] = [];

afterAll(async () => {
  for (const notifier of notifiers) await notifier.stop();
  await made?.drop();
});

describeFeedLog(async () => {
  made = await createTestDatabase([platformMigrations, exchangeMigrations]);
  const { database } = made;
  const clock = createManualClock("2026-11-22T03:00:00Z");
  return {
    name: "PostgreSQL",
    clock,
    async createLog() {
      const notifier = createNotifier({ database, log: createSilentLog() });
      notifiers.push(notifier);
      await notifier.start();
      const log = createPostgresFeedLog({ database, notifier, clock });
      await log.start();
      return log;
    },
  };
});
