import { eventChannel, NotFoundError, refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { ExchangeCenter } from "../center/center.ts";
import { stopLatencyMs, type Feed, type FeedReason, type FeedStop } from "../center/model/feed.ts";
import type { FeedTransitionRecord } from "../center/repositories/feeds.ts";
import type { CommandRecord } from "../center/repositories/nodes.ts";
import type { MeteringDay } from "../center/services/feed-service.ts";
import type { FeedRecord } from "../center/records.ts";
import type { ChecksumReport, FeedHealth } from "../protocol/assignments.ts";
import type { addNodeTypes } from "./node-types.ts";
import { cancellable, decodeCursor, followEvents, pageSize, toConnection } from "./values.ts";

/** Feeds with state, lag, metering, stops, commands and reconciliation; records for applications. */
export function addFeedTypes(builder: ZhengtongSchemaBuilder, { kernel, feeds, records }: ExchangeCenter, { ProblemType }: ReturnType<typeof addNodeTypes>): void {
  const FeedStateEnum = builder.enumType("FeedState", { values: { PROVISIONING: { value: "provisioning" }, FLOWING: { value: "flowing" }, PAUSED: { value: "paused" }, FAILED: { value: "failed" }, STOPPING: { value: "stopping" }, STOPPED: { value: "stopped" } } as const });
  const Reason = builder.objectRef<FeedReason>("FeedReason").implement({ fields: (t) => ({ code: t.exposeString("code"), message: t.exposeString("message"), zh: t.exposeString("zh"), sequence: t.exposeFloat("sequence", { nullable: true, description: "Batch at which it showed." }) }) });
  const End = builder.objectRef<FeedHealth>("FeedEnd").implement({
    description: "One end of a feed as its node last said.",
    fields: (t) => ({
      state: t.exposeString("state"),
      generation: t.exposeInt("generation"),
      sequence: t.exposeFloat("sequence"),
      lagRows: t.exposeFloat("lagRows", { nullable: true }),
      lagSeconds: t.exposeFloat("lagSeconds", { nullable: true }),
      queuedRows: t.exposeFloat("queuedRows", { nullable: true }),
      queuedBytes: t.exposeFloat("queuedBytes", { nullable: true }),
      parkedRows: t.exposeFloat("parkedRows", { nullable: true }),
      throttled: t.boolean({ resolve: (end) => end.throttled ?? false }),
      problem: t.field({ type: ProblemType, nullable: true, resolve: (end) => end.problem }),
    }),
  });
  const Transition = builder.objectRef<FeedTransitionRecord>("FeedTransition").implement({
    fields: (t) => ({ change: t.exposeString("change"), from: t.field({ type: FeedStateEnum, nullable: true, resolve: (one) => one.from }), to: t.field({ type: FeedStateEnum, resolve: (one) => one.to }), at: t.field({ type: "DateTime", resolve: (one) => one.at }), actorId: t.exposeID("actorId"), reason: t.field({ type: Reason, nullable: true, resolve: (one) => one.reason }) }),
  });
  const Metering = builder.objectRef<MeteringDay>("FeedMetering").implement({ fields: (t) => ({ day: t.field({ type: "Date", resolve: (one) => one.day }), rows: t.exposeFloat("rows"), deletes: t.exposeFloat("deletes"), bytes: t.exposeFloat("bytes"), batches: t.exposeFloat("batches") }) });
  const Stop = builder.objectRef<FeedStop>("FeedStop").implement({
    description: "How a stop went, from the decision to the last row.",
    fields: (t) => ({
      reason: t.exposeString("reason"),
      decidedAt: t.field({ type: "DateTime", resolve: (stop) => stop.decidedAt }),
      gatewayAt: t.field({ type: "DateTime", nullable: true, resolve: (stop) => stop.gatewayAt }),
      providerAt: t.field({ type: "DateTime", nullable: true, resolve: (stop) => stop.providerAt }),
      subscriberAt: t.field({ type: "DateTime", nullable: true, resolve: (stop) => stop.subscriberAt }),
      stoppedAt: t.field({ type: "DateTime", nullable: true, resolve: (stop) => stop.stoppedAt }),
      decisionToLastRowMs: t.float({ resolve: stopLatencyMs }),
    }),
  });
  const Command = builder.objectRef<CommandRecord>("FeedCommand").implement({
    fields: (t) => ({ id: t.exposeID("id"), kind: t.exposeString("kind"), createdAt: t.field({ type: "DateTime", resolve: (one) => one.createdAt }), doneAt: t.field({ type: "DateTime", nullable: true, resolve: (one) => one.doneAt }), ok: t.boolean({ nullable: true, resolve: (one) => one.outcome?.ok }), rows: t.float({ nullable: true, resolve: (one) => one.outcome?.rows }), message: t.string({ nullable: true, resolve: (one) => one.outcome?.message }) }),
  });
  const Checksum = builder.objectRef<ChecksumReport & { reportedAt: Date }>("FeedReconciliation").implement({
    description: "对账: count and checksum of source and target at one point of the stream.",
    fields: (t) => ({ sequence: t.exposeFloat("sequence"), rowsSource: t.exposeFloat("rowsSource"), rowsTarget: t.exposeFloat("rowsTarget"), buckets: t.exposeInt("buckets"), differing: t.exposeIntList("differing"), reportedAt: t.field({ type: "DateTime", resolve: (one) => one.reportedAt }) }),
  });

  const FeedType = builder.objectRef<Feed>("Feed").implement({
    description: "数据流: the rows of one grant on their way.",
    fields: (t) => ({
      id: t.exposeID("id"),
      grantId: t.exposeID("grantId"),
      entryId: t.exposeID("entryId"),
      providerOrganisationId: t.exposeID("providerOrganisationId"),
      consumerOrganisationId: t.exposeID("consumerOrganisationId"),
      applicationId: t.exposeID("applicationId", { nullable: true }),
      providerNodeId: t.exposeID("providerNodeId", { nullable: true }),
      subscriberNodeId: t.exposeID("subscriberNodeId", { nullable: true }),
      target: t.string({ nullable: true, description: "`target:schema.table` at the subscriber's node.", resolve: (feed) => feed.target && `${feed.target.name}:${feed.target.schema}.${feed.target.table}` }),
      delivery: t.exposeString("delivery", { nullable: true }),
      once: t.boolean({ description: "One delivery, then the end.", resolve: (feed) => feed.mode === "batch" }),
      state: t.field({ type: FeedStateEnum, resolve: (feed) => feed.state }),
      stateAt: t.field({ type: "DateTime", resolve: (feed) => feed.stateAt }),
      reason: t.field({ type: Reason, nullable: true, resolve: (feed) => feed.reason }),
      generation: t.exposeInt("generation"),
      appliedSequence: t.exposeFloat("appliedSequence"),
      rowsSent: t.exposeFloat("rowsSent"),
      deletesSent: t.exposeFloat("deletesSent"),
      bytesSent: t.exposeFloat("bytesSent"),
      lastBatchAt: t.field({ type: "DateTime", nullable: true, resolve: (feed) => feed.lastBatchAt }),
      provider: t.field({ type: End, nullable: true, resolve: (feed) => feed.providerHealth }),
      subscriber: t.field({ type: End, nullable: true, resolve: (feed) => feed.subscriberHealth }),
      transitions: t.field({ type: [Transition], complexity: { field: 5, multiplier: 2 }, resolve: (feed, _args, { actor }) => feeds.transitions(actor, feed.id) }),
      metering: t.field({ type: [Metering], complexity: { field: 5, multiplier: 2 }, resolve: (feed, _args, { actor }) => feeds.metering(actor, feed.grantId) }),
      commands: t.field({ type: [Command], complexity: { field: 5, multiplier: 2 }, resolve: (feed, _args, { actor }) => feeds.commands(actor, feed.id) }),
      reconciliations: t.field({ type: [Checksum], complexity: { field: 5, multiplier: 2 }, resolve: (feed, _args, { actor }) => feeds.checksums(actor, feed.id) }),
      stop: t.field({ type: Stop, nullable: true, complexity: 5, resolve: (feed, _args, { actor }) => feeds.stop(actor, feed.id) }),
    }),
  });

  const Operation = builder.enumType("FeedRecordOperation", { values: { UPSERT: { value: "upsert" }, DELETE: { value: "delete" }, SNAPSHOT_BEGIN: { value: "snapshot-begin" }, SNAPSHOT_END: { value: "snapshot-end" }, END: { value: "end" } } as const });
  const Record_ = builder.objectRef<FeedRecord>("FeedRecord").implement({
    description: "One row of a feed. Delivered at least once; `id` tells a repeat, `cursor` resumes behind it.",
    fields: (t) => ({
      id: t.exposeID("id"),
      cursor: t.exposeString("cursor"),
      generation: t.exposeInt("generation"),
      operation: t.field({ type: Operation, resolve: (record) => record.operation }),
      values: t.field({ type: "JSON", description: "Field → canonical text.", resolve: (record) => record.values }),
      at: t.field({ type: "DateTime", resolve: (record) => record.at }),
    }),
  });

  const Filter = builder.inputType("FeedFilter", { fields: (t) => ({ states: t.field({ type: [FeedStateEnum], required: false }), entryId: t.id({ required: false }), nodeId: t.id({ required: false }), grantId: t.id({ required: false }) }) });

  builder.queryFields((t) => ({
    feed: t.field({ type: FeedType, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => feeds.get(actor, id) }),
    feeds: t.connection({
      type: FeedType,
      args: { filter: t.arg({ type: Filter, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => {
        const size = pageSize(page);
        const after = decodeCursor(page.after, 2);
        const wanted = { ...(filter?.states == null ? {} : { states: filter.states }), ...(filter?.entryId == null ? {} : { entryId: filter.entryId }), ...(filter?.nodeId == null ? {} : { nodeId: filter.nodeId }), ...(filter?.grantId == null ? {} : { grantId: filter.grantId }) };
        return toConnection(await feeds.list(actor, wanted, { limit: size + 1, ...(after === undefined ? {} : { after: [after[0]!, after[1]!] as [string, string] }) }), size, (feed) => [feed.createdAt.toISOString(), feed.id]);
      },
    }),
  }));

  const Limits = builder.inputType("FeedLimitsInput", { fields: (t) => ({ rowsPerSecond: t.int({ required: false }), bytesPerSecond: t.int({ required: false }), parkRows: t.int({ required: false }), batchRows: t.int({ required: false }) }) });
  const ParkedCommand = builder.enumType("ParkedRowsCommand", { values: { REPLAY: { value: "replay-parked" }, DISCARD: { value: "discard-parked" } } as const });

  builder.mutationFields((t) => ({
    pauseFeed: t.field({ type: FeedType, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => feeds.pause(actor, id, reason) }),
    resumeFeed: t.field({ type: FeedType, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => feeds.resume(actor, id, reason) }),
    refreshFeed: t.field({ type: FeedType, errors: refusals, description: "Everything is sent again, built beside and swapped in.", args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => feeds.refresh(actor, id, reason) }),
    setFeedLimits: t.field({
      type: FeedType,
      errors: refusals,
      args: { id: t.arg.id(), limits: t.arg({ type: Limits }) },
      resolve: (_root, { id, limits }, { actor }) => feeds.setLimits(actor, id, Object.fromEntries(Object.entries(limits).filter(([, value]) => value != null))),
    }),
    parkedRows: t.field({ type: Command, errors: refusals, description: "Has the provider's node replay or discard rows that were parked; all of the feed when `parkIds` is absent.", args: { feedId: t.arg.id(), command: t.arg({ type: ParkedCommand }), parkIds: t.arg.idList({ required: false }) }, resolve: (_root, { feedId, command, parkIds }, { actor }) => feeds.command(actor, feedId, { kind: command, ...(parkIds == null ? {} : { parkIds }) }) }),
    reconcileFeed: t.field({ type: Command, errors: refusals, description: "对账: compares count and checksum per key bucket; buckets that differ are sent again.", args: { feedId: t.arg.id(), buckets: t.arg.int({ defaultValue: 256 }) }, resolve: (_root, { feedId, buckets }, { actor }) => feeds.command(actor, feedId, { kind: "checksum", buckets: Math.min(Math.max(buckets, 1), 65_536) }) }),
  }));

  builder.subscriptionFields((t) => ({
    feedChanged: t.field({
      type: FeedType,
      description: "Each change of state of a feed that the caller may see.",
      args: { feedId: t.arg.id({ required: false }) },
      subscribe: (_root, { feedId }, { actor }) =>
        cancellable(async function* (signal) {
          kernel.access.assertAnyScope(actor, "feed", "see");
          for await (const event of followEvents(kernel, eventChannel, ["feed.changed"], signal)) {
            if (feedId != null && event.subjectId !== feedId) continue;
            try {
              yield await feeds.get(actor, event.subjectId);
            } catch (error) {
              // Of a feed that the caller may not see, nothing is said.
              if (!(error instanceof NotFoundError)) throw error;
            }
          }
        }),
      resolve: (feed) => feed,
    }),
    feedRecords: t.field({
      type: Record_,
      description: "Rows of a grant that is delivered to the calling application, from behind `after` and then live.",
      args: { grantId: t.arg.id(), after: t.arg.string({ required: false }) },
      subscribe: (_root, { grantId, after }, { actor }) => cancellable((signal) => records.follow(actor, grantId, after ?? undefined, signal)),
      resolve: (record) => record,
    }),
  }));
}
