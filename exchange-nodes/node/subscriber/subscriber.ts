import { createDatabase, describeError, type Clock, type Database, type Log } from "#platform";
import type { FeedHealth, GatewayClient, SubscriberAssignment } from "../../protocol/assignments.ts";
import type { SealingKey } from "../../protocol/payload.ts";
import { createFeedApplier, type CreateFeedApplierOptions } from "./feed-applier.ts";
import { createFeedSubscription, type FeedSubscription } from "./feed-subscription.ts";

/** The receiving side of a node: one subscription per feed assigned to it, each applied to its target database. */
export interface Subscriber {
  /** Everything that this node subscribes to now. */
  update(assignments: readonly SubscriberAssignment[]): void;
  health(): FeedHealth[];
  stop(): Promise<void>;
}

export interface CreateSubscriberOptions {
  client: GatewayClient;
  /** Target databases by the name that assignments use. */
  targets: Record<string, string>;
  sealingKey: SealingKey;
  clock: Clock;
  log: Log;
  /** Connections that apply one feed at once. Default 2. */
  appliers?: number;
  /** Connections to one target database in all. Default 12. */
  connectionsPerTarget?: number;
  beforeCommit?: CreateFeedApplierOptions["beforeCommit"];
}

export function createSubscriber(options: CreateSubscriberOptions): Subscriber {
  const { client, targets, sealingKey, clock, log } = options;
  const databases = new Map<string, Database>();
  const subscriptions = new Map<string, FeedSubscription>();
  const refused = new Map<string, FeedHealth>();

  function databaseOf(name: string): Database | undefined {
    const url = targets[name];
    if (url === undefined) return undefined;
    let database = databases.get(name);
    if (!database) databases.set(name, (database = createDatabase({ url, log, maxConnections: options.connectionsPerTarget ?? 12, connectTimeoutMs: 60_000, applicationName: "zhengtong-subscriber" })));
    return database;
  }

  function begin(assignment: SubscriberAssignment): void {
    const { feedId, target } = assignment;
    const database = databaseOf(target.name);
    if (!database) {
      if (refused.has(feedId)) return;
      const problem = { code: "target-refused" as const, message: `This node has no target called ${target.name}`, zh: `本节点没有名为 ${target.name} 的目标库` };
      refused.set(feedId, { feedId, role: "subscriber", state: "problem", generation: 0, sequence: 0, problem });
      client.reportProblem(feedId, problem).catch((error: unknown) => {
        refused.delete(feedId);
        log.warn({ feedId, error: describeError(error) }, "problem not reported");
      });
      if (assignment.state === "stopping") client.confirmStopped(feedId, { party: "subscriber", stoppedAt: clock.now().toISOString(), sequence: 0 }).catch((error: unknown) => log.warn({ feedId, error: describeError(error) }, "the stop could not be confirmed yet"));
      return;
    }
    const applier = createFeedApplier({ database, clock, log, feedId, grantId: assignment.grant.id, target, ...(options.appliers === undefined ? {} : { appliers: options.appliers }), ...(options.beforeCommit === undefined ? {} : { beforeCommit: options.beforeCommit }) });
    const subscription = createFeedSubscription({ client, applier, assignment, sealingKey, clock, log });
    subscriptions.set(feedId, subscription);
    subscription.start();
  }

  return {
    update(assignments) {
      const wanted = new Map(assignments.map((assignment) => [assignment.feedId, assignment]));
      for (const [feedId, subscription] of subscriptions) {
        if (wanted.has(feedId)) continue;
        // Over at the centre, and confirmed before: nothing is left to do.
        subscriptions.delete(feedId);
        subscription.stop().catch((error: unknown) => log.warn({ feedId, error: describeError(error) }, "subscription did not end well"));
      }
      for (const feedId of refused.keys()) if (!wanted.has(feedId)) refused.delete(feedId);
      for (const assignment of assignments) {
        const subscription = subscriptions.get(assignment.feedId);
        if (subscription) subscription.update(assignment);
        else begin(assignment);
      }
    },
    health: () => [...[...subscriptions.values()].map((subscription) => subscription.health()), ...refused.values()],
    async stop() {
      await Promise.all([...subscriptions.values()].map((subscription) => subscription.stop()));
      subscriptions.clear();
      await Promise.all([...databases.values()].map((database) => database.close()));
      databases.clear();
    },
  };
}
