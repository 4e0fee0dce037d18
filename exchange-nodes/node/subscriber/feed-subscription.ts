import { describeError, isConnectionFailure, isRefusal, type Clock, type Log } from "#platform";
import type { FeedHealth, FeedProblem, GatewayClient, ReadBatchesResult, SubscriberAssignment } from "../../protocol/assignments.ts";
import { envelopeHash, verifyEnvelope, type FeedHead, type SignedBatch } from "../../protocol/envelope.ts";
import { decodePayload, type SealingKey } from "../../protocol/payload.ts";
import type { FeedApplier, OpenedBatch } from "./feed-applier.ts";
import type { TableShape } from "./target-table.ts";

/**
 * Follows one feed: reads from the gateway (the next read is under way while this one is applied), verifies everything
 * again with the provider's key, opens, applies. Stops at once when the assignment says so and confirms it.
 */
export interface FeedSubscription {
  update(assignment: SubscriberAssignment): void;
  start(): void;
  /** Ends the work after the transaction under way has been given up or finished. */
  stop(): Promise<void>;
  health(): FeedHealth;
}

export interface CreateFeedSubscriptionOptions {
  client: GatewayClient;
  applier: FeedApplier;
  assignment: SubscriberAssignment;
  sealingKey: SealingKey;
  clock: Clock;
  log: Log;
  readBytes?: number;
  waitMs?: number;
}

type Phase = "starting" | "following" | "paused" | "problem" | "stopping" | "stopped";

export function createFeedSubscription(options: CreateFeedSubscriptionOptions): FeedSubscription {
  const { client, applier, clock, log } = options;
  const { feedId } = options.assignment;
  const readBytes = options.readBytes ?? 4 * 1024 * 1024;
  const waitMs = options.waitMs ?? 20_000;
  let assignment = options.assignment;
  let phase: Phase = "starting";
  let problem: FeedProblem | undefined;
  let running: Promise<void> | undefined;
  /** Aborted by every change that concerns what is under way. */
  let abort = new AbortController();
  let ending = false;
  let wake: (() => void) | undefined;
  let lastRowAt: Date | undefined;
  let throttledUntil = 0;
  let lastApplied: { createdAt: number; sequence: number } | undefined;
  let known: FeedHead | undefined;

  const centerNow = () => new Date(clock.now().getTime() + client.clockOffsetMs());

  /** Sleeps until something changes, at most `ms`. */
  const rest = (ms: number) =>
    new Promise<void>((done) => {
      if (abort.signal.aborted) return done();
      const timer = setTimeout(finish, ms);
      function finish() {
        clearTimeout(timer);
        wake = undefined;
        done();
      }
      wake = finish;
    });

  async function tell(found: FeedProblem, report: boolean): Promise<void> {
    const repeated = problem?.code === found.code && problem.sequence === found.sequence;
    problem = found;
    if (report && !repeated) await client.reportProblem(feedId, found).catch((error: unknown) => log.debug({ feedId, error: describeError(error) }, "problem not reported"));
  }

  /** What keeps going wrong is shown; what cannot pass by itself also stops the feed at the centre. */
  async function explain(error: unknown): Promise<void> {
    const message = describeError(error);
    const code = (error as { code?: string }).code;
    if (isRefusal(error) && (code?.startsWith("payload.") || code?.startsWith("frames."))) return tell({ code: "payload-unreadable", message, zh: error.zh }, true);
    if (isConnectionFailure(error) || (isRefusal(error) && error.kind === "Unavailable")) return tell({ code: "target-unavailable", message, zh: isRefusal(error) ? error.zh : "目标库或中心无法连接" }, false);
    // SQLSTATE classes 22 (data), 23 (constraint), 42 (name or privilege): the same rows would be refused again.
    if (code !== undefined && /^(22|23|42|2BP)/.test(code)) return tell({ code: "target-refused", message: `The target refused the rows (SQLSTATE ${code})`, zh: `目标库拒绝写入(SQLSTATE ${code})` }, true);
    return tell({ code: "other", message, zh: "应用数据时出错,将自动重试" }, false);
  }

  const shapeOf = ({ items, keyFields }: SubscriberAssignment): TableShape => ({ items: items.map(({ field, type, length, scale }) => ({ field, type, ...(length === undefined ? {} : { length }), ...(scale === undefined ? {} : { scale }) })), keyFields });

  async function verify(batches: readonly SignedBatch[], head: FeedHead): Promise<FeedHead | undefined> {
    let at = head;
    for (const batch of batches) {
      const { providerNodeId } = batch.envelope;
      const former = assignment.formerProviders.find((provider) => provider.nodeId === providerNodeId);
      const provider = former ?? { nodeId: assignment.providerNodeId, publicKey: assignment.providerPublicKey, suite: assignment.suite };
      const verdict = verifyEnvelope(batch, { feedId, grantId: assignment.grant.id, providerNodeId: provider.nodeId, publicKey: provider.publicKey, suite: provider.suite }, at);
      if (!verdict.ok) {
        await tell({ code: "verification-failed", message: `Batch ${at.sequence + 1} (${verdict.check}): ${verdict.message}`, zh: `第 ${at.sequence + 1} 批(${verdict.check}):${verdict.zh}`, sequence: at.sequence + 1 }, true);
        return undefined;
      }
      at = { sequence: batch.envelope.sequence, hash: verdict.hash };
    }
    return at;
  }

  async function throttle(rows: number, bytes: number, signal: AbortSignal): Promise<void> {
    const { rowsPerSecond, bytesPerSecond } = assignment.limits;
    const ms = Math.max(rowsPerSecond === undefined ? 0 : (rows / rowsPerSecond) * 1000, bytesPerSecond === undefined ? 0 : (bytes / bytesPerSecond) * 1000);
    const now = clock.now().getTime();
    const due = Math.max(throttledUntil, now);
    throttledUntil = due + ms;
    if (due > now && !signal.aborted) await rest(due - now);
  }

  /** Follows until something changes or goes wrong. */
  async function follow(signal: AbortSignal): Promise<void> {
    const opened = await applier.open();
    let head = opened.head;
    const { fork } = assignment;
    if (fork !== undefined && head.sequence > fork.sequence && opened.generation < fork.generation && (opened.loadingGeneration ?? 0) < fork.generation) {
      head = { sequence: fork.sequence, hash: fork.hash };
      log.warn({ feedId, from: opened.head.sequence, to: head.sequence }, "the centre was restored from a backup; a new generation is awaited");
      await applier.rewindTo(head);
    }
    known = head;
    lastRowAt ??= opened.lastRowAt;
    if (opened.state === "awaiting-refresh") await client.requestRefresh(feedId, "the target table is not there");
    const read = (after: number) => client.readBatches({ feedId, afterSequence: after, appliedSequence: applier.appliedSequence(), maxBytes: readBytes, waitMs, signal });
    let next: Promise<ReadBatchesResult> | undefined;
    try {
      while (!signal.aborted) {
        phase = "following";
        const result = await (next ?? read(head.sequence));
        next = undefined;
        if (result.closed) {
          phase = "paused";
          await rest(1_000);
          continue;
        }
        known = result.head.sequence > (known?.sequence ?? 0) ? result.head : known;
        if (result.firstSequence > head.sequence + 1 && result.head.sequence > head.sequence) {
          // What was between has left the log: wait for a whole new generation behind it.
          const first = result.batches[0];
          head = first ? { sequence: first.envelope.sequence - 1, hash: first.envelope.previousHash } : result.head;
          log.warn({ feedId, from: head.sequence }, "the log was overtaken; a refresh is asked for");
          await applier.skipTo(head);
          await client.reportProblem(feedId, { code: "log-overtaken", message: `The log begins at ${result.firstSequence}`, zh: `数据流日志已从 ${result.firstSequence} 开始,需要全量刷新`, sequence: result.firstSequence });
        }
        let batches = result.batches;
        // A batch under a version that this node has not been told of may have another scope: the assignment comes first.
        const ahead = batches.findIndex(({ envelope }) => envelope.grantVersion > assignment.grant.version);
        if (ahead >= 0) batches = batches.slice(0, ahead);
        if (batches.length === 0) {
          if (ahead >= 0) await rest(1_000);
          continue;
        }
        const verified = await verify(batches, head);
        if (!verified) {
          phase = "problem";
          return;
        }
        // The next read runs beside the applying while there is more; else it comes after, and says what was applied.
        if (ahead < 0 && result.head.sequence > verified.sequence) {
          next = read(verified.sequence);
          // Looked at when it is awaited; not an unhandled rejection until then.
          next.catch(() => undefined);
        }
        const plain: OpenedBatch[] = await Promise.all(batches.map(async (batch) => ({ envelope: batch.envelope, hash: envelopeHash(batch.envelope), plain: batch.envelope.payloadBytes === 0 ? Buffer.alloc(0) : await decodePayload(batch.payload, batch.envelope, options.sealingKey) })));
        const rows = batches.reduce((sum, { envelope }) => sum + envelope.rows + envelope.deletes, 0);
        await throttle(rows, batches.reduce((sum, { envelope }) => sum + envelope.payloadBytes, 0), signal);
        const applied = await applier.apply(plain, { shape: shapeOf(assignment), scopeVersion: assignment.scopeVersion }, signal);
        if (rows > 0) lastRowAt = centerNow();
        head = verified;
        const last = batches.at(-1)!.envelope;
        lastApplied = { createdAt: Date.parse(last.createdAt), sequence: last.sequence };
        problem = undefined;
        for (const report of applied.checksums) await client.reportChecksums({ ...report, feedId });
        if (applied.ended) {
          ending = true;
          return;
        }
      }
    } finally {
      next?.catch(() => undefined);
    }
  }

  async function confirm(): Promise<boolean> {
    phase = "stopping";
    try {
      await applier.markStopped().catch((error: unknown) => log.debug({ feedId, error: describeError(error) }, "the target could not be marked as stopped"));
      await client.confirmStopped(feedId, { party: "subscriber", stoppedAt: centerNow().toISOString(), sequence: applier.appliedSequence(), ...(lastRowAt === undefined ? {} : { lastRowAt: lastRowAt.toISOString() }) });
      phase = "stopped";
      return true;
    } catch (error) {
      log.warn({ feedId, error: describeError(error) }, "the stop could not be confirmed yet");
      return false;
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!closed) {
      abort = new AbortController();
      if (assignment.state === "stopping" || ending) {
        if (await confirm()) return;
        await rest(1_000);
        continue;
      }
      if (assignment.state === "paused") {
        phase = "paused";
        await rest(60_000);
        continue;
      }
      try {
        await follow(abort.signal);
        failures = 0;
        // Verification failed: nothing goes on until the centre has said something new.
        if (phase === ("problem" as Phase)) await rest(60_000);
      } catch (error) {
        if (abort.signal.aborted) continue;
        failures += 1;
        phase = "problem";
        await explain(error);
        log.warn({ feedId, failures, error: describeError(error) }, "applying failed; it will be tried again");
        await rest(Math.min(15_000, 100 * 2 ** Math.min(failures, 8)));
      }
    }
  }

  let closed = false;

  return {
    update(next) {
      const changed = JSON.stringify(next) !== JSON.stringify(assignment);
      const interrupt = next.state !== assignment.state || next.scopeVersion !== assignment.scopeVersion || next.fork?.generation !== assignment.fork?.generation;
      assignment = next;
      if (!changed) return;
      if (interrupt) abort.abort();
      wake?.();
    },
    start() {
      running ??= run();
    },
    async stop() {
      closed = true;
      abort.abort();
      wake?.();
      await running;
    },
    health() {
      const behind = known !== undefined && applier.appliedSequence() < known.sequence;
      const lagSeconds = behind && lastApplied ? Math.max(0, (centerNow().getTime() - lastApplied.createdAt) / 1000) : 0;
      return {
        feedId,
        role: "subscriber",
        state: phase === "following" ? applier.state() : phase,
        generation: applier.generation(),
        sequence: applier.appliedSequence(),
        lagSeconds: Math.round(lagSeconds * 10) / 10,
        throttled: throttledUntil > clock.now().getTime() + 1_000,
        ...(problem === undefined ? {} : { problem }),
      };
    },
  };
}
