import { createLoop, describeError, systemActor, type Kernel, type Loop } from "#platform";
import type { ExchangeCatalog } from "./catalog-port.ts";
import { createEffects, writeEffects } from "./effects.ts";
import type { FeedLog } from "./feed-log/feed-log.ts";
import { stopLatencyMs, type FeedStop, type StopParty } from "./model/feed.ts";
import { findFeed, findStop, listStops, writeAnnounced, writeStopParty, writeStopped } from "./repositories/feeds.ts";
import { findNode } from "./repositories/nodes.ts";
import type { FeedLifecycle } from "./services/feed-lifecycle.ts";

/**
 * Brings stops to their end: closes the log (from then on no append succeeds anywhere), takes a party's confirmation as
 * given where there is no such party (any more), passes confirmations on to the catalog, and ends the feed when all
 * three are there. Each step is idempotent; after a crash it is simply done again.
 */
export function createStopping({ kernel, catalog, feedLog, lifecycle }: { kernel: Kernel; catalog: ExchangeCatalog; feedLog: FeedLog; lifecycle: FeedLifecycle }): Loop & { runOnce(): Promise<void> } {
  const { database, clock, log, metrics } = kernel;
  const actor = systemActor("exchange");
  const latency = metrics.histogram("revocation_seconds", "From the decision to the last row that went through", [], [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60]);

  async function closeGateway(stop: FeedStop): Promise<void> {
    const head = await feedLog.close(stop.feedId);
    const last = head.sequence === 0 ? undefined : (await feedLog.readEnvelopes(stop.feedId, head.sequence - 1, 1))[0];
    await database.withTransaction((tx) => writeStopParty(tx, stop.feedId, "gateway", clock.now(), last === undefined ? {} : { batchAt: last.receivedAt }));
  }

  /** A party that does not exist, or will never answer again, has stopped. */
  async function confirmAbsent(stop: FeedStop): Promise<void> {
    await database.withTransaction(async (tx) => {
      const feed = await findFeed(tx, stop.feedId);
      if (!feed) return;
      for (const [party, nodeId, at] of [["provider", feed.providerNodeId, stop.providerAt], ["subscriber", feed.delivery === "application" ? undefined : feed.subscriberNodeId, stop.subscriberAt]] as const) {
        if (at !== undefined) continue;
        const node = nodeId === undefined ? undefined : await findNode(tx, nodeId);
        if (!node || node.state === "retired") await writeStopParty(tx, stop.feedId, party, clock.now(), {});
      }
    });
  }

  async function announce(stop: FeedStop): Promise<void> {
    const grant = await database.read((reader) => catalog.findGrant(reader, stop.grantId));
    for (const [party, at] of [["gateway", stop.gatewayAt], ["provider", stop.providerAt], ["subscriber", stop.subscriberAt]] as [StopParty, Date | undefined][]) {
      if (at === undefined || stop.announced.includes(party)) continue;
      if (grant?.state === "revoking") await catalog.confirmStopped(actor, stop.grantId, party);
      await database.withTransaction((tx) => writeAnnounced(tx, stop.feedId, party));
    }
  }

  async function finish(feedId: string): Promise<void> {
    await database.withTransaction(async (tx) => {
      const feed = await findFeed(tx, feedId, "for update");
      const stop = await findStop(tx, feedId, "for update");
      if (feed?.state !== "stopping" || !stop?.gatewayAt || !stop.providerAt || !stop.subscriberAt || stop.announced.length < 3) return;
      const effects = createEffects();
      await writeStopped(tx, feedId, clock.now());
      await lifecycle.transition(tx, actor, feed, "all-stopped", feed.reason, effects);
      const ms = stopLatencyMs(stop);
      latency.observe(ms / 1000);
      effects.audits.push({ action: "feed.stop.measured", objectType: "feed", objectId: feedId, detail: { grantId: stop.grantId, reason: stop.reason, decisionToLastRowMs: ms, decisionToStoppedMs: clock.now().getTime() - stop.decidedAt.getTime() } });
      await writeEffects(kernel, tx, actor, effects);
    });
  }

  async function runOnce(): Promise<void> {
    for (const { feedId } of await database.read((reader) => listStops(reader, { unfinished: true }))) {
      try {
        const before = await database.read((reader) => findStop(reader, feedId));
        if (!before) continue;
        if (!before.gatewayAt) await closeGateway(before);
        await confirmAbsent(before);
        await announce((await database.read((reader) => findStop(reader, feedId)))!);
        await finish(feedId);
      } catch (error) {
        log.warn({ feedId, error: describeError(error) }, "a stop could not be brought further; it will be tried again");
      }
    }
  }

  const loop = createLoop({ name: "exchange-stopping", intervalMs: 1_000, maxDelayMs: 250, log, run: runOnce });
  return { ...loop, runOnce };
}
