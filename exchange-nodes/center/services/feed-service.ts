import type { DataItem, Grant } from "#standards";
import { ConflictError, InputError, NotFoundError, systemActor, type Actor, type Kernel, type SqlCondition } from "#platform";
import { defaultFeedLimits, type Assignment, type Assignments, type ChecksumReport, type CommandOutcome, type FeedLimits, type FeedProblem, type NodeCommand, type StopEvidence } from "../../protocol/assignments.ts";
import { wireItems } from "../../protocol/copy-text.ts";
import { emptyHead } from "../../protocol/envelope.ts";
import type { ExchangeCatalog } from "../catalog-port.ts";
import { createEffects, writeEffects, type Effects } from "../effects.ts";
import type { FeedLog } from "../feed-log/feed-log.ts";
import { feedSubject, pausingProblems, type Feed, type FeedReason, type FeedStop } from "../model/feed.ts";
import type { ExchangeNode } from "../model/node.ts";
import { findBinding } from "../repositories/bindings.ts";
import { findFeed, findFeedByGrant, findStop, listFeeds, listFeedsOfNode, listFeedTransitions, listStops, writeFeedPlan, writeStopParty, type FeedFilter, type FeedTransitionRecord } from "../repositories/feeds.ts";
import { findNode, findNodes, finishCommand, insertCommand, listCommands, readAssignmentsVersion, type CommandRecord } from "../repositories/nodes.ts";
import type { FeedLifecycle } from "./feed-lifecycle.ts";
import type { Waiters } from "../waiters.ts";

export interface MeteringDay {
  grantId: string;
  day: string;
  rows: number;
  deletes: number;
  bytes: number;
  batches: number;
}

export interface FeedService {
  get(actor: Actor, feedId: string): Promise<Feed>;
  findByGrant(actor: Actor, grantId: string): Promise<Feed | undefined>;
  list(actor: Actor, filter: FeedFilter, page: { after?: [string, string]; limit: number }): Promise<Feed[]>;
  transitions(actor: Actor, feedId: string): Promise<FeedTransitionRecord[]>;
  commands(actor: Actor, feedId: string): Promise<CommandRecord[]>;
  metering(actor: Actor, grantId: string): Promise<MeteringDay[]>;
  checksums(actor: Actor, feedId: string): Promise<(ChecksumReport & { reportedAt: Date })[]>;
  /** How the stop of a feed went; undefined while nobody has stopped it. */
  stop(actor: Actor, feedId: string): Promise<FeedStop | undefined>;
  stops(actor: Actor): Promise<FeedStop[]>;

  pause(actor: Actor, feedId: string, reason: string): Promise<Feed>;
  resume(actor: Actor, feedId: string, reason: string): Promise<Feed>;
  /** Asks for a new generation: everything is sent again, built beside and swapped in. */
  refresh(actor: Actor, feedId: string, reason: string): Promise<Feed>;
  setLimits(actor: Actor, feedId: string, limits: Partial<FeedLimits>): Promise<Feed>;
  /** Sends the feed's node a command; it is done once, and `commands` shows the outcome. */
  command(actor: Actor, feedId: string, command: Omit<NodeCommand, "id" | "feedId">): Promise<CommandRecord>;

  /** What a node is to do; waits up to `waitMs` for a version after `after`. `actor` is the node. */
  assignments(actor: Actor, after: number, waitMs: number, signal?: AbortSignal): Promise<Assignments>;
  reportProblem(actor: Actor, feedId: string, problem: FeedProblem): Promise<void>;
  requestRefresh(actor: Actor, feedId: string, reason: string): Promise<void>;
  confirmStopped(actor: Actor, feedId: string, evidence: StopEvidence): Promise<void>;
  acknowledgeCommand(actor: Actor, outcome: CommandOutcome): Promise<void>;
  reportChecksums(actor: Actor, report: ChecksumReport): Promise<void>;

  /** A batch failed verification: the feed stops with the reason. */
  fail(feedId: string, reason: FeedReason): Promise<void>;
  /** The last batch of a one-off delivery is in the log. */
  complete(feedId: string): Promise<void>;
}

const feedColumns: Record<string, string> = { providerOrganisationId: "provider_organisation_id", consumerOrganisationId: "consumer_organisation_id", applicationId: "application_id" };

export const completed: FeedReason = { code: "completed", message: "Everything was delivered", zh: "数据已全部交付" };

/** A problem that a refresh solves is answered with one. */
const refreshingProblem = "log-overtaken";

export interface CreateFeedServiceOptions {
  kernel: Kernel;
  catalog: ExchangeCatalog;
  feedLog: FeedLog;
  lifecycle: FeedLifecycle;
  assignmentWaiters: Waiters;
  /** Called after a stop has moved on, so that confirmations are passed on at once. */
  onStopProgress: () => void;
}

export function createFeedService(options: CreateFeedServiceOptions): FeedService {
  const { kernel, catalog, feedLog, lifecycle, assignmentWaiters, onStopProgress } = options;
  const { database, access, clock, newId } = kernel;
  const exchange = systemActor("exchange");

  const visible = (actor: Actor, firstPlaceholder: number): SqlCondition => access.condition(actor, "feed", "see", { column: (field) => feedColumns[field] ?? field, firstPlaceholder });

  async function seen(actor: Actor, feedId: string): Promise<Feed> {
    const feed = await database.read((reader) => findFeed(reader, feedId));
    if (!feed) throw notFound(feedId);
    access.assert(actor, "feed", "see", feedSubject(feed));
    return feed;
  }

  /** One change of one feed by somebody who may make it. */
  async function change(actor: Actor, feedId: string, action: string, run: (feed: Feed, effects: Effects, tx: Parameters<Parameters<typeof database.withTransaction>[0]>[0]) => Promise<void>): Promise<Feed> {
    return database.withTransaction(async (tx) => {
      const feed = await findFeed(tx, feedId, "for update");
      if (!feed) throw notFound(feedId);
      access.assert(actor, "feed", action, feedSubject(feed));
      const effects = createEffects();
      await run(feed, effects, tx);
      await writeEffects(kernel, tx, actor, effects);
      return (await findFeed(tx, feedId))!;
    });
  }

  /** One change of one feed that a node reports, in the part that it has in it. */
  async function reported(actor: Actor, feedId: string, run: (feed: Feed, role: "provider" | "subscriber", effects: Effects, tx: Parameters<Parameters<typeof database.withTransaction>[0]>[0]) => Promise<void>): Promise<void> {
    await database.withTransaction(async (tx) => {
      const feed = await findFeed(tx, feedId, "for update");
      const role = feed && (feed.providerNodeId === actor.id ? "provider" : feed.subscriberNodeId === actor.id ? "subscriber" : undefined);
      if (!feed || !role) throw notFound(feedId);
      const effects = createEffects();
      await run(feed, role, effects, tx);
      await writeEffects(kernel, tx, actor, effects);
    });
  }

  function nextGeneration(feed: Feed, effects: Effects, reason: string): void {
    feed.generation += 1;
    effects.feedIds.add(feed.id);
    for (const nodeId of [feed.providerNodeId, feed.subscriberNodeId]) if (nodeId !== undefined) effects.nodeIds.add(nodeId);
    effects.audits.push({ action: "feed.refresh", objectType: "feed", objectId: feed.id, detail: { generation: feed.generation, reason } });
  }

  async function assignmentOf(reader: Parameters<Parameters<typeof database.read>[0]>[0], feed: Feed, node: ExchangeNode, role: "provider" | "subscriber"): Promise<Assignment | undefined> {
    const grant = await catalog.findGrant(reader, feed.grantId);
    const entry = await catalog.findEntry(reader, feed.entryId);
    const provider = feed.providerNodeId === undefined ? undefined : role === "provider" ? node : await findNode(reader, feed.providerNodeId);
    if (!grant || !entry || provider?.publicKey === undefined || provider.suite === undefined) return undefined;
    const draining = role === "subscriber" && feed.reason?.code === completed.code;
    const state = feed.state === "flowing" || draining ? ("flowing" as const) : feed.state === "stopping" ? ("stopping" as const) : ("paused" as const);
    const reason = feed.reason === undefined || draining ? {} : { reason: feed.reason.code };
    const base = { feedId: feed.id, grant, items: itemsOf(grant, entry.items), state, ...reason, generation: feed.generation, suite: provider.suite, scopeVersion: feed.scopeVersion, limits: { ...defaultFeedLimits, ...feed.limits }, ...(feed.fork === undefined ? {} : { fork: feed.fork }) };
    if (role === "subscriber") {
      if (!feed.target) return undefined;
      const former = await findNodes(reader, feed.formerProviderNodeIds);
      const formerProviders = former.flatMap((one) => (one.publicKey !== undefined && one.suite !== undefined ? [{ nodeId: one.id, publicKey: one.publicKey, suite: one.suite }] : []));
      return { ...base, role, keyFields: grant.keyFields, providerNodeId: provider.id, providerPublicKey: provider.publicKey, formerProviders, target: feed.target };
    }
    const binding = await findBinding(reader, feed.entryId);
    if (!binding) return undefined;
    const subscriber = feed.subscriberNodeId === undefined ? undefined : await findNode(reader, feed.subscriberNodeId);
    const { sourceName, kind, relation, columns, updateTimeColumn, options: bindingOptions } = binding;
    return {
      ...base,
      role,
      entryItems: entry.items,
      binding: { sourceName, kind, relation, columns, options: bindingOptions, ...(updateTimeColumn === undefined ? {} : { updateTimeColumn }) },
      head: emptyHead,
      ...(feed.delivery === "node" && subscriber?.sealingKey !== undefined ? { subscriberSealingKey: subscriber.sealingKey } : {}),
    };
  }

  return {
    get: seen,

    async findByGrant(actor, grantId) {
      const feed = await database.read((reader) => findFeedByGrant(reader, grantId));
      return feed && access.allows(actor, "feed", "see", feedSubject(feed)) ? feed : undefined;
    },

    async list(actor, filter, page) {
      return database.read((reader) => listFeeds(reader, visible(actor, 9), filter, page));
    },

    async transitions(actor, feedId) {
      await seen(actor, feedId);
      return database.read((reader) => listFeedTransitions(reader, feedId));
    },

    async commands(actor, feedId) {
      await seen(actor, feedId);
      return database.read((reader) => listCommands(reader, { feedId, openOnly: false }));
    },

    async metering(actor, grantId) {
      const feed = await database.read((reader) => findFeedByGrant(reader, grantId));
      if (!feed) return [];
      access.assert(actor, "feed", "see", feedSubject(feed));
      const { rows } = await database.read((reader) => reader.query<{ grant_id: string; day: string; rows: number; deletes: number; bytes: number; batches: number }>("select grant_id, day, rows, deletes, bytes, batches from exchange.metering where grant_id = $1 order by day", [grantId]));
      return rows.map(({ grant_id, ...row }) => ({ grantId: grant_id, ...row }));
    },

    async checksums(actor, feedId) {
      await seen(actor, feedId);
      const { rows } = await database.read((reader) => reader.query<{ feed_id: string; sequence: number; command_id: string | null; rows_source: number; rows_target: number; buckets: number; differing: number[]; reported_at: Date }>("select * from exchange.checksum_report where feed_id = $1 order by sequence desc limit 100", [feedId]));
      return rows.map((row) => ({ feedId, sequence: row.sequence, rowsSource: row.rows_source, rowsTarget: row.rows_target, buckets: row.buckets, differing: row.differing, reportedAt: row.reported_at, ...(row.command_id === null ? {} : { commandId: row.command_id }) }));
    },

    async stop(actor, feedId) {
      await seen(actor, feedId);
      return database.read((reader) => findStop(reader, feedId));
    },

    async stops(actor) {
      access.assertAnyScope(actor, "feed", "see");
      const stops = await database.read((reader) => listStops(reader, { unfinished: false }));
      const shown = new Set((await database.read((reader) => listFeeds(reader, visible(actor, 9), { feedIds: stops.map((one) => one.feedId) }, { limit: 500 }))).map((feed) => feed.id));
      return stops.filter((one) => shown.has(one.feedId));
    },

    async pause(actor, feedId, reason) {
      return change(actor, feedId, "operate", (feed, effects, tx) => lifecycle.transition(tx, actor, feed, "pause", { code: "operator", message: reason, zh: reason }, effects));
    },

    async resume(actor, feedId, reason) {
      return change(actor, feedId, "operate", async (feed, effects, tx) => {
        const grant = await catalog.findGrant(tx, feed.grantId);
        if (grant?.state !== "active") throw new ConflictError(`Grant ${feed.grantId} is ${grant?.state ?? "not there"}`, { zh: "授权当前未生效,不能恢复数据流", code: "feed.resume.grant", nextStep: "Resume the grant first." });
        await lifecycle.transition(tx, actor, feed, "resume", undefined, effects);
        effects.audits.push({ action: "feed.resume.reason", objectType: "feed", objectId: feed.id, detail: { reason } });
      });
    },

    async refresh(actor, feedId, reason) {
      return change(actor, feedId, "operate", async (feed, effects, tx) => {
        if (!["flowing", "paused", "failed"].includes(feed.state)) throw new ConflictError(`Feed ${feedId} is ${feed.state}`, { zh: "数据流当前状态不允许全量刷新", code: "feed.refresh.state" });
        nextGeneration(feed, effects, reason);
        await writeFeedPlan(tx, feed);
      });
    },

    async setLimits(actor, feedId, limits) {
      for (const [name, value] of Object.entries(limits)) if (value !== undefined && !(Number.isInteger(value) && value > 0)) throw new InputError(`${name} must be a whole number above 0`, { zh: `${name} 应为正整数`, code: "feed.limits" });
      return change(actor, feedId, "operate", async (feed, effects, tx) => {
        feed.limits = { ...feed.limits, ...limits };
        await writeFeedPlan(tx, feed);
        effects.feedIds.add(feed.id);
        for (const nodeId of [feed.providerNodeId, feed.subscriberNodeId]) if (nodeId !== undefined) effects.nodeIds.add(nodeId);
        effects.audits.push({ action: "feed.limits", objectType: "feed", objectId: feed.id, detail: { ...limits } });
      });
    },

    async command(actor, feedId, command) {
      const id = newId("command");
      await change(actor, feedId, command.kind === "replay-parked" || command.kind === "discard-parked" ? "replay-parked" : "operate", async (feed, effects, tx) => {
        if (feed.providerNodeId === undefined || (feed.state !== "flowing" && feed.state !== "paused")) throw new ConflictError(`Feed ${feedId} is ${feed.state}`, { zh: "数据流当前状态不允许该操作", code: "feed.command.state" });
        await insertCommand(tx, { ...command, id, feedId, nodeId: feed.providerNodeId, createdBy: actor.id, createdAt: clock.now() });
        effects.nodeIds.add(feed.providerNodeId);
        effects.audits.push({ action: `feed.${command.kind}`, objectType: "feed", objectId: feedId, detail: { commandId: id } });
      });
      const records = await database.read((reader) => listCommands(reader, { feedId, openOnly: false }));
      return records.find((record) => record.id === id)!;
    },

    async assignments(actor, after, waitMs, signal) {
      await assignmentWaiters.wait(actor.id, waitMs, signal, () => database.read((reader) => readAssignmentsVersion(reader, actor.id)), (version) => version > after);
      // One snapshot: the version says what is in the list.
      const assignments: Assignments = await database.withTransaction(
        async (tx) => {
          const node = await findNode(tx, actor.id);
          if (!node) throw new NotFoundError(`No node ${actor.id}`, { zh: "节点不存在", code: "node.not-found" });
          const feeds: Assignment[] = [];
          for (const feed of await listFeedsOfNode(tx, node.id)) {
            const stop = feed.state === "stopping" ? await findStop(tx, feed.id) : undefined;
            for (const role of ["provider", "subscriber"] as const) {
              if ((role === "provider" ? feed.providerNodeId : feed.subscriberNodeId) !== node.id) continue;
              if (role === "provider" ? stop?.providerAt : stop?.subscriberAt) continue;
              const assignment = await assignmentOf(tx, feed, node, role);
              if (assignment) feeds.push(assignment);
            }
          }
          const commands = (await listCommands(tx, { nodeId: node.id, openOnly: true })).map(({ nodeId: _node, createdBy: _by, createdAt: _at, outcome: _outcome, doneAt: _done, ...command }) => command);
          return { version: node.assignmentsVersion, centerTime: clock.now().toISOString(), feeds, commands };
        },
        { isolation: "repeatable read", readOnly: true },
      );
      // After the transaction: the log may need a connection of its own, and none may be waited for while holding one.
      for (const assignment of assignments.feeds) {
        if (assignment.role !== "provider") continue;
        const { sequence, hash } = await feedLog.head(assignment.feedId);
        assignment.head = { sequence, hash };
      }
      return assignments;
    },

    async reportProblem(actor, feedId, problem) {
      await reported(actor, feedId, async (feed, role, effects, tx) => {
        effects.audits.push({ action: "feed.problem", objectType: "feed", objectId: feedId, detail: { role, code: problem.code, ...(problem.sequence === undefined ? {} : { sequence: problem.sequence }) } });
        if (problem.code === refreshingProblem) {
          nextGeneration(feed, effects, problem.code);
          await writeFeedPlan(tx, feed);
          return;
        }
        const reason: FeedReason = { code: problem.code, message: problem.message, zh: problem.zh, ...(problem.sequence === undefined ? {} : { sequence: problem.sequence }) };
        if (problem.code === "verification-failed" && (feed.state === "flowing" || feed.state === "paused")) await lifecycle.transition(tx, actor, feed, "fail", reason, effects);
        else if (pausingProblems.includes(problem.code) && feed.state === "flowing") await lifecycle.transition(tx, actor, feed, "pause", reason, effects);
      });
    },

    async requestRefresh(actor, feedId, reason) {
      await reported(actor, feedId, async (feed, role, effects, tx) => {
        if (feed.state === "stopping" || feed.state === "stopped") return;
        nextGeneration(feed, effects, `${role}: ${reason}`);
        await writeFeedPlan(tx, feed);
      });
    },

    async confirmStopped(actor, feedId, evidence) {
      await reported(actor, feedId, async (feed, role, effects, tx) => {
        if (role !== evidence.party && !(feed.providerNodeId === actor.id && feed.subscriberNodeId === actor.id)) throw new ConflictError(`Node ${actor.id} is not the ${evidence.party} of feed ${feedId}`, { zh: "节点不是该数据流的这一方", code: "feed.confirm.party" });
        if (feed.state !== "stopping") return;
        await writeStopParty(tx, feedId, evidence.party, clock.now(), evidence.lastRowAt === undefined ? {} : { rowAt: new Date(evidence.lastRowAt) });
        effects.audits.push({ action: `feed.stopped-at-${evidence.party}`, objectType: "feed", objectId: feedId, detail: { sequence: evidence.sequence } });
      });
      onStopProgress();
    },

    async acknowledgeCommand(actor, outcome) {
      await database.withTransaction(async (tx) => {
        const effects = createEffects();
        const done = await finishCommand(tx, actor.id, outcome, clock.now());
        if (done) effects.audits.push({ action: `feed.${done.kind}.done`, objectType: "feed", objectId: done.feedId, outcome: outcome.ok ? "done" : "refused", detail: { commandId: done.id, ...(outcome.rows === undefined ? {} : { rows: outcome.rows }) } });
        await writeEffects(kernel, tx, actor, effects);
      });
    },

    async reportChecksums(actor, report) {
      await reported(actor, report.feedId, async (feed, role, effects, tx) => {
        if (role !== "subscriber" && feed.subscriberNodeId !== actor.id) throw notFound(report.feedId);
        await tx.query("insert into exchange.checksum_report (feed_id, sequence, command_id, rows_source, rows_target, buckets, differing, reported_at) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (feed_id, sequence) do nothing", [report.feedId, report.sequence, report.commandId ?? null, report.rowsSource, report.rowsTarget, report.buckets, JSON.stringify(report.differing), clock.now()]);
        effects.audits.push({ action: "feed.reconciled", objectType: "feed", objectId: feed.id, outcome: report.differing.length === 0 ? "done" : "refused", detail: { sequence: report.sequence, rowsSource: report.rowsSource, rowsTarget: report.rowsTarget, differing: report.differing.length } });
        // A difference is repaired by resending the buckets that differ.
        if (report.differing.length > 0 && feed.providerNodeId !== undefined && feed.state === "flowing") {
          await insertCommand(tx, { id: newId("command"), feedId: feed.id, nodeId: feed.providerNodeId, kind: "repair", buckets: report.buckets, bucketNumbers: report.differing, createdBy: exchange.id, createdAt: clock.now() });
          effects.nodeIds.add(feed.providerNodeId);
        }
      });
    },

    async fail(feedId, reason) {
      await database.withTransaction(async (tx) => {
        const feed = await findFeed(tx, feedId, "for update");
        if (!feed || (feed.state !== "flowing" && feed.state !== "paused")) return;
        const effects = createEffects();
        await lifecycle.transition(tx, exchange, feed, "fail", reason, effects);
        await writeEffects(kernel, tx, exchange, effects);
      });
    },

    async complete(feedId) {
      await database.withTransaction(async (tx) => {
        const feed = await findFeed(tx, feedId, "for update");
        if (!feed || feed.state !== "flowing") return;
        const effects = createEffects();
        await lifecycle.stop(tx, exchange, feed, completed, clock.now(), effects);
        await writeEffects(kernel, tx, exchange, effects);
      });
      onStopProgress();
    },
  };
}

/** Granted items in wire order; those that the entry no longer has are left out (such a feed is paused). */
function itemsOf(grant: Grant, items: readonly DataItem[]): DataItem[] {
  const known = new Set(items.map((item) => item.field));
  const has = (field: string) => known.has(field);
  return wireItems({ fields: grant.fields.filter(has), keyFields: grant.keyFields.filter(has) }, items);
}

function notFound(feedId: string): NotFoundError {
  return new NotFoundError(`No feed ${feedId} that you may see`, { zh: "数据流不存在或无权查看", code: "feed.not-found" });
}
