import { createLoop, type Database, type Log, type Loop, type Metrics } from "#platform";
import type { FeedState } from "./model/feed.ts";

const feedStates: readonly FeedState[] = ["provisioning", "flowing", "paused", "failed", "stopping", "stopped"];
const nodeHealths = ["unknown", "ok", "degraded", "silent"] as const;

/**
 * How many feeds and nodes are in which state, read from the database every 15 s: every centre says the same, so a
 * dashboard takes the greatest, not the sum.
 */
export function createExchangeGauges({ database, metrics, log }: { database: Database; metrics: Metrics; log: Log }): Loop {
  const feeds = metrics.gauge("exchange_feeds", "Feeds by state", ["state"]);
  const nodes = metrics.gauge("exchange_nodes", "Enrolled nodes by health", ["health"]);
  const commands = metrics.gauge("exchange_open_commands", "Commands that nodes have not done yet");
  return createLoop({
    name: "exchange-gauges",
    intervalMs: 15_000,
    log,
    async run() {
      const { rows } = await database.read((reader) =>
        reader.query<{ of: "feed" | "node" | "command"; state: string; count: number }>(
          `select 'feed' as of, state, count(*) from exchange.feed group by state
           union all select 'node', health, count(*) from exchange.node where state = 'enrolled' group by health
           union all select 'command', '', count(*) from exchange.command where done_at is null`,
        ),
      );
      const count = (of: string, state: string) => rows.find((row) => row.of === of && row.state === state)?.count ?? 0;
      for (const state of feedStates) feeds.set({ state }, count("feed", state));
      for (const health of nodeHealths) nodes.set({ health }, count("node", health));
      commands.set(count("command", ""));
    },
  });
}
