import { describeError, NotFoundError, type Actor, type Kernel } from "#platform";
import type { ReadBatchesOptions, ReadBatchesResult, SendOutcome } from "../protocol/assignments.ts";
import { envelopeHash, verifyBatch, verifyChain, type BatchFailure, type ExpectedBatch, type FeedHead, type SignedBatch } from "../protocol/envelope.ts";
import { feedChannel } from "./effects.ts";
import type { BatchToAppend, FeedLog } from "./feed-log/feed-log.ts";
import type { GrantAuthority } from "./grant-authority.ts";
import type { Feed } from "./model/feed.ts";
import { createRateLimiter } from "./rate-limiter.ts";
import { findFeed, writeApplied } from "./repositories/feeds.ts";
import { findNode } from "./repositories/nodes.ts";
import { completed, type FeedService } from "./services/feed-service.ts";

/**
 * Where batches come in and go out. Payloads are opaque: the gateway checks that the sender is the feed's provider,
 * that the grant is in force, signature, digest and chain, and appends. It keeps nothing that another process would
 * have to know, so it scales by adding processes.
 */
export interface Gateway {
  /** `actor` is the node whose signed request carried them. One outcome per feed, in order of first appearance. */
  receive(actor: Actor, batches: readonly SignedBatch[]): Promise<SendOutcome[]>;
  read(actor: Actor, options: ReadBatchesOptions): Promise<ReadBatchesResult>;
  start(): void;
  stop(): void;
}

export interface GatewayLimits {
  /** Most bytes of a feed that may wait for its subscriber. */
  queueBytes: number;
  /** Per node, sustained; twice that at once. */
  bytesPerSecond: number;
  batchesPerSecond: number;
}

export const defaultGatewayLimits: GatewayLimits = { queueBytes: 2 * 1024 ** 3, bytesPerSecond: 200 * 1024 ** 2, batchesPerSecond: 2_000 };

export interface CreateGatewayOptions {
  kernel: Kernel;
  feedLog: FeedLog;
  authority: GrantAuthority;
  feeds: FeedService;
  limits?: Partial<GatewayLimits>;
  /** Told of every feed that has grown: it is metered soon. */
  onAppended: (feedId: string) => void;
}

interface KnownFeed {
  feed: Feed;
  expected: Omit<ExpectedBatch, "feedId" | "grantId">;
  until: number;
}

const knownForMs = 2_000;

export function createGateway(options: CreateGatewayOptions): Gateway {
  const { kernel, feedLog, authority, feeds, onAppended } = options;
  const { database, clock, notifier, log, metrics } = kernel;
  const limits = { ...defaultGatewayLimits, ...options.limits };
  const bytesLimiter = createRateLimiter({ clock, perSecond: limits.bytesPerSecond, burst: limits.bytesPerSecond * 2 });
  const batchLimiter = createRateLimiter({ clock, perSecond: limits.batchesPerSecond, burst: limits.batchesPerSecond * 2 });
  const received = metrics.counter("gateway_batches_total", "Batches that the gateway was sent, by outcome", ["outcome"]);
  const receivedBytes = metrics.counter("gateway_payload_bytes_total", "Payload bytes appended to the feed log");
  const receivedRows = metrics.counter("gateway_rows_total", "Rows appended to the feed log");
  let known = new Map<string, KnownFeed>();
  /** The head that this process last saw; only a guess, the log decides. */
  const heads = new Map<string, FeedHead>();
  let stopListening: (() => void) | undefined;

  async function lookUp(feedId: string): Promise<KnownFeed | undefined> {
    const now = clock.now().getTime();
    const found = known.get(feedId);
    if (found && now < found.until && now >= found.until - knownForMs) return found;
    const mine = known;
    return database.read(async (reader) => {
      const feed = await findFeed(reader, feedId);
      const provider = feed?.providerNodeId === undefined ? undefined : await findNode(reader, feed.providerNodeId);
      if (!feed || provider?.publicKey === undefined || provider.suite === undefined) return undefined;
      const entry: KnownFeed = { feed, expected: { providerNodeId: provider.id, publicKey: provider.publicKey, suite: provider.suite }, until: now + knownForMs };
      if (mine.size > 50_000) mine.clear();
      mine.set(feedId, entry);
      return entry;
    });
  }

  /** Why the feed takes nothing now; undefined when it does. */
  async function whyClosed(feed: Feed, versions: ReadonlySet<number>): Promise<{ code: string; reason: string; zh: string } | undefined> {
    if (feed.state !== "flowing") return { code: `feed.${feed.state}`, reason: feed.reason?.message ?? `The feed is ${feed.state}`, zh: feed.reason?.zh ?? "数据流当前不接收数据" };
    const verdict = await authority.authorise(feed.grantId, clock.now());
    if (!verdict.allowed) return { code: verdict.code, reason: verdict.message, zh: verdict.zh };
    for (const version of versions) {
      // The feed's own plan may be a moment behind the grant: a version above the grant's cannot be, one below its scope must not.
      if (version > verdict.grant.version || version < feed.scopeVersion) return { code: "grant.version", reason: `The batches were made under version ${version} of the grant; its scope has changed since (version ${verdict.grant.version})`, zh: `批次按授权第 ${version} 版制作,授权范围已变更(第 ${verdict.grant.version} 版)` };
      if (verdict.grant.version !== feed.grantVersion && version !== verdict.grant.version) return { code: "grant.version-unsettled", reason: "The grant has just changed; take the new assignment first", zh: "授权刚刚变更,请先获取新的任务" };
    }
    return undefined;
  }

  async function receiveFeed(actor: Actor, feedId: string, batches: readonly SignedBatch[]): Promise<SendOutcome> {
    const target = await lookUp(feedId);
    // The same answer for a feed that is not there and for one of somebody else.
    if (!target || target.feed.providerNodeId !== actor.id) return { feedId, outcome: "closed", code: "feed.not-found", reason: "This node provides no such feed", zh: "本节点不是该数据流的提供方" };
    const { feed } = target;
    const closed = await whyClosed(feed, new Set(batches.map(({ envelope }) => envelope.grantVersion)));
    if (closed) return { feedId, outcome: "closed", ...closed };

    const bytes = batches.reduce((sum, { payload }) => sum + payload.byteLength, 0);
    const waitMs = Math.max(bytesLimiter.take(actor.id, bytes), batchLimiter.take(actor.id, batches.length));
    if (waitMs > 0) return { feedId, outcome: "wait", retryAfterMs: waitMs, reason: "The node sends more than the centre takes from one node", zh: "节点发送速率超过中心限额" };
    const backlog = await queueOf(feed);
    if (backlog > limits.queueBytes) return { feedId, outcome: "wait", retryAfterMs: 1_000, reason: `${Math.round(backlog / 1024 ** 2)} MB wait for the subscriber; the limit is ${Math.round(limits.queueBytes / 1024 ** 2)} MB`, zh: "等待使用方接收的数据已达上限" };

    const expected: ExpectedBatch = { ...target.expected, feedId, grantId: feed.grantId };
    const hashes: string[] = [];
    for (const batch of batches) {
      const verdict = verifyBatch(batch, expected);
      if (!verdict.ok) return failed(feed, batch, verdict);
      hashes.push(verdict.hash);
    }

    for (let attempt = 0; attempt < 5; attempt += 1) {
      const head = heads.get(feedId) ?? (await feedLog.head(feedId));
      const start = batches.findIndex(({ envelope }) => envelope.sequence > head.sequence);
      const repeats = batches.slice(0, start < 0 ? batches.length : start);
      const fresh = start < 0 ? [] : batches.slice(start);
      let at: FeedHead = head;
      const toAppend: BatchToAppend[] = [];
      let broken: { batch: SignedBatch; failure: BatchFailure } | undefined;
      for (const [index, batch] of fresh.entries()) {
        const failure = verifyChain(batch.envelope, at);
        if (failure) {
          broken = { batch, failure };
          break;
        }
        const hash = hashes[start + index]!;
        toAppend.push({ envelope: batch.envelope, hash, payload: batch.payload });
        at = { sequence: batch.envelope.sequence, hash };
      }
      if (broken) {
        // Judge by the log, not by a guess: another process may have appended in between.
        if (heads.delete(feedId)) continue;
        // The provider is ahead of a log that was restored: its next assignment tells it where to go on.
        if (feed.fork !== undefined && head.sequence === feed.fork.sequence) return { feedId, outcome: "wait", retryAfterMs: 2_000, reason: "The centre was restored from a backup; a new generation begins", zh: "中心已从备份恢复,将重新全量传输" };
        return failed(feed, broken.batch, broken.failure);
      }
      if (repeats.length > 0) {
        const stored = await feedLog.hashes(feedId, repeats[0]!.envelope.sequence, repeats.at(-1)!.envelope.sequence);
        for (const [index, batch] of repeats.entries()) {
          const there = stored.get(batch.envelope.sequence);
          // What was trimmed was applied; its hash still stands in the evidence, and nobody sends it anew.
          if (there !== undefined && there !== hashes[index]) return failed(feed, batch, { ok: false, check: "sequence-repeat", message: `sequence ${batch.envelope.sequence} was sent before with other content`, zh: `序号 ${batch.envelope.sequence} 曾以不同内容发送` });
        }
      }
      if (toAppend.length === 0) return { feedId, outcome: "accepted", head: { sequence: head.sequence, hash: head.hash } };
      const result = await feedLog.append(feedId, { sequence: head.sequence, hash: head.hash }, toAppend);
      if (result.appended) {
        heads.set(feedId, result.head);
        received.inc({ outcome: "accepted" }, toAppend.length);
        receivedBytes.inc(toAppend.reduce((sum, { payload }) => sum + payload.byteLength, 0));
        receivedRows.inc(toAppend.reduce((sum, { envelope }) => sum + envelope.rows + envelope.deletes, 0));
        const queue = queues.get(feedId);
        if (queue) queue.bytes += bytes;
        onAppended(feedId);
        if (toAppend.some(({ envelope }) => envelope.kind === "end")) await feeds.complete(feedId);
        return { feedId, outcome: "accepted", head: result.head };
      }
      if (result.because === "busy") return { feedId, outcome: "wait", retryAfterMs: result.retryAfterMs, reason: "The feed log takes no more at the moment", zh: "数据流日志写入繁忙,请稍后重试" };
      heads.delete(feedId);
      if (result.because === "closed") return { feedId, outcome: "closed", code: "feed.closed", reason: "The feed has been closed", zh: "数据流已关闭" };
    }
    return { feedId, outcome: "wait", retryAfterMs: 200, reason: "Several senders continue this feed at once", zh: "有多个发送方同时写入该数据流" };
  }

  async function failed(feed: Feed, batch: SignedBatch, failure: BatchFailure): Promise<SendOutcome> {
    const sequence = Number(batch.envelope.sequence) || 0;
    received.inc({ outcome: "failed" });
    log.warn({ feedId: feed.id, sequence, check: failure.check }, "a batch failed verification; the feed is stopped");
    await feeds.fail(feed.id, { code: `verification.${failure.check}`, message: `Batch ${sequence}: ${failure.message}`, zh: `第 ${sequence} 批:${failure.zh}`, sequence });
    const { sequence: headSequence, hash } = await feedLog.head(feed.id);
    return { feedId: feed.id, outcome: "failed", check: failure.check, sequence, reason: failure.message, zh: failure.zh, head: { sequence: headSequence, hash } };
  }

  /** Bytes that wait; looked up at most every half second and carried on in between. */
  const queues = new Map<string, { bytes: number; until: number }>();
  async function queueOf(feed: Feed): Promise<number> {
    const now = clock.now().getTime();
    const found = queues.get(feed.id);
    if (found && now < found.until && now >= found.until - 500) return found.bytes;
    const row = await database.read((reader) => findFeed(reader, feed.id));
    const { bytes } = await feedLog.backlog(feed.id, row?.appliedSequence ?? 0);
    queues.set(feed.id, { bytes, until: now + 500 });
    return bytes;
  }

  return {
    async receive(actor, batches) {
      const groups = new Map<string, SignedBatch[]>();
      for (const batch of batches) {
        const feedId = String(batch.envelope.feedId);
        const group = groups.get(feedId);
        if (group) group.push(batch);
        else groups.set(feedId, [batch]);
      }
      const outcomes: SendOutcome[] = [];
      for (const [feedId, group] of groups) outcomes.push(await receiveFeed(actor, feedId, group));
      return outcomes;
    },

    async read(actor, { feedId, afterSequence, appliedSequence, maxBytes, waitMs, signal }) {
      let target = await lookUp(feedId);
      if (!target || target.feed.subscriberNodeId !== actor.id) throw new NotFoundError(`No feed ${feedId} that this node receives`, { zh: "本节点不是该数据流的接收方", code: "feed.not-found" });
      const head = await feedLog.head(feedId);
      const common = { head: { sequence: head.sequence, hash: head.hash }, firstSequence: head.firstSequence };
      if (appliedSequence > target.feed.appliedSequence) {
        const applied = Math.min(appliedSequence, head.sequence);
        target.feed.appliedSequence = applied;
        // For the queue limit and retention; a lost one is said again with the next read, so nobody waits for it.
        database.withTransaction((tx) => writeApplied(tx, feedId, applied, clock.now())).catch((error: unknown) => log.debug({ feedId, error: describeError(error) }, "progress not recorded"));
        queues.delete(feedId);
      }
      let closed = await whyUnreadable(target.feed);
      if (closed) return { batches: [], ...common, closed };
      if (head.sequence <= afterSequence && waitMs > 0) {
        const more = await feedLog.waitFor(feedId, afterSequence, waitMs, signal);
        // The grant may have ended while we waited.
        target = await lookUp(feedId);
        closed = target ? await whyUnreadable(target.feed) : { code: "feed.not-found", reason: "The feed is gone", zh: "数据流不存在" };
        if (closed) return { batches: [], ...common, closed };
        if (!more) return { batches: [], ...common };
      }
      const batches = await feedLog.read(feedId, afterSequence, maxBytes);
      const last = batches.at(-1);
      return { ...common, batches, head: last !== undefined && last.envelope.sequence > head.sequence ? { sequence: last.envelope.sequence, hash: envelopeHash(last.envelope) } : common.head };
    },

    start() {
      stopListening ??= notifier.listen(feedChannel, (feedId) => {
        if (feedId === "") known = new Map();
        else known.delete(feedId);
      });
    },

    stop() {
      stopListening?.();
      stopListening = undefined;
    },
  };

  async function whyUnreadable(feed: Feed): Promise<{ code: string; reason: string; zh: string } | undefined> {
    // A one-off delivery is read to its end after it has ended.
    if (feed.state === "stopping" && feed.reason?.code === completed.code) return undefined;
    if (feed.state !== "flowing") return { code: `feed.${feed.state}`, reason: feed.reason?.message ?? `The feed is ${feed.state}`, zh: feed.reason?.zh ?? "数据流当前不可读取" };
    const verdict = await authority.authorise(feed.grantId, clock.now());
    return verdict.allowed ? undefined : { code: verdict.code, reason: verdict.message, zh: verdict.zh };
  }
}
