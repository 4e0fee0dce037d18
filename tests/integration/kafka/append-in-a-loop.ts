import { createKafkaFeedLog } from "#exchange-nodes";
import { createDatabase, createNotifier, createSilentLog, systemClock } from "#platform";
import { keepAppending } from "./feed-log-world.ts";

/** A gateway's process to be killed: appends to a feed for ever, a line on standard output for each batch that is in. */
const [url, brokers, prefix, feedId] = process.argv.slice(2) as [string, string, string, string];
const log = createSilentLog();
const database = createDatabase({ url, log, maxConnections: 4 });
const notifier = createNotifier({ database, log });
await notifier.start();
const feedLog = await createKafkaFeedLog({ connection: { brokers }, topics: { prefix }, database, notifier, clock: systemClock, log });
await keepAppending(feedLog, feedId, Number.POSITIVE_INFINITY, ({ sequence }) => process.stdout.write(`${sequence}\n`));
