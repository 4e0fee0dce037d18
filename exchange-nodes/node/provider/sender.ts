import type { Clock, Database, Log } from "#platform";
import { createLoop, type Loop } from "#platform";
import type { FeedProblem, GatewayClient, ProviderAssignment } from "../../protocol/assignments.ts";
import type { SignedBatch } from "../../protocol/envelope.ts";
import { acknowledge, readOutbox } from "./feed-store.ts";

/** Sends one feed's outbox in order; what the centre has acknowledged leaves it. */
export interface FeedSender {
  /** Batches that became durable just now; kept in memory so that they need not be read back. */
  offer(batches: readonly SignedBatch[]): void;
  /** Another assignment: sends again after a refusal. */
  assign(assignment: ProviderAssignment): void;
  /** The chain goes on after `sequence`, whatever was sent or waits in memory. */
  realign(sequence: number): void;
  start(): void;
  /** Ends at once: a request under way is given up. */
  stop(): Promise<void>;
  /** Waiting for a throttle or for the centre's back-pressure. */
  throttled(): boolean;
  /** What the centre said last, when it would not take more. */
  refusal(): FeedProblem | undefined;
  lastSequence(): number;
  /** Head of the centre's log where it does not continue ours. */
  foreignHead(): { sequence: number; hash: string } | undefined;
}

export interface CreateFeedSenderOptions {
  feedId: string;
  database: Database;
  gateway: Pick<GatewayClient, "sendBatches">;
  assignment: ProviderAssignment;
  ackedSequence: number;
  clock: Clock;
  log: Log;
  fault(point: string): void | Promise<void>;
  onReleased(bytes: number): void;
  onProblem(problem: FeedProblem): void;
}

const memoryLimitBytes = 32 * 1024 * 1024;

/** A bucket that fills by `perSecond` and holds one second's worth; a batch larger than that waits its time. */
function createThrottle(perSecond: number | undefined) {
  let balance = perSecond ?? 0;
  let at = performance.now();
  return {
    /** Milliseconds until something may go. */
    waitMs(): number {
      if (perSecond === undefined) return 0;
      const now = performance.now();
      balance = Math.min(perSecond, balance + ((now - at) / 1000) * perSecond);
      at = now;
      return balance > 0 ? 0 : Math.ceil((-balance / perSecond) * 1000) + 1;
    },
    spend(amount: number) {
      if (perSecond !== undefined) balance -= amount;
    },
  };
}

export function createFeedSender(options: CreateFeedSenderOptions): FeedSender {
  const { feedId, database, gateway, clock, log, fault } = options;
  let assignment = options.assignment;
  let sent = options.ackedSequence;
  let memory: SignedBatch[] = [];
  let memoryBytes = 0;
  let refusal: FeedProblem | undefined;
  let foreignHead: { sequence: number; hash: string } | undefined;
  let waiting = false;
  let retryAt = 0;
  let stopped = false;
  let abort = new AbortController();
  let rowThrottle = createThrottle(assignment.limits.rowsPerSecond);
  let byteThrottle = createThrottle(assignment.limits.bytesPerSecond);

  async function next(): Promise<SignedBatch[]> {
    while (memory[0] && memory[0].envelope.sequence <= sent) memoryBytes -= memory.shift()!.payload.byteLength;
    const limited = assignment.limits.rowsPerSecond !== undefined || assignment.limits.bytesPerSecond !== undefined;
    if (memory[0]?.envelope.sequence === sent + 1) {
      const batches: SignedBatch[] = [];
      let bytes = 0;
      for (const batch of memory) {
        if (batches.length > 0 && (limited || bytes + batch.payload.byteLength > assignment.limits.requestBytes)) break;
        batches.push(batch);
        bytes += batch.payload.byteLength;
      }
      return batches;
    }
    const batches = await database.read((reader) => readOutbox(reader, feedId, sent, limited ? 1 : Math.min(assignment.limits.requestBytes, 8 * 1024 * 1024)));
    return batches;
  }

  async function turn(signal: AbortSignal): Promise<boolean> {
    if (assignment.state !== "flowing" || refusal !== undefined) return false;
    const wait = Math.max(rowThrottle.waitMs(), byteThrottle.waitMs(), retryAt - performance.now());
    if (wait > 0) {
      waiting = true;
      wakeAfter(wait);
      return false;
    }
    waiting = false;
    const batches = await next();
    if (batches.length === 0 || signal.aborted) return false;
    await fault("send.before");
    const request = new AbortController();
    const cancel = () => request.abort();
    abort.signal.addEventListener("abort", cancel, { once: true });
    let outcomes;
    try {
      outcomes = await gateway.sendBatches(batches, { signal: request.signal });
    } finally {
      abort.signal.removeEventListener("abort", cancel);
    }
    const outcome = outcomes.find((candidate) => candidate.feedId === feedId);
    await fault("send.after");
    if (stopped || outcome === undefined) return false;
    switch (outcome.outcome) {
      case "accepted": {
        const last = batches.at(-1)!.envelope.sequence;
        const sequence = Math.min(outcome.head.sequence, last);
        const taken = batches.filter((batch) => batch.envelope.sequence <= sequence);
        await database.withTransaction(async (tx) => {
          // Not awaited on disk: after a power cut the batch is sent once more, and the centre knows it again.
          await tx.query("set local synchronous_commit = off");
          await acknowledge(tx, feedId, sequence, sequence === outcome.head.sequence ? outcome.head.hash : batches[taken.length]!.envelope.previousHash, clock.now());
        });
        sent = sequence;
        for (const { envelope } of taken) {
          rowThrottle.spend(envelope.rows + envelope.deletes);
          byteThrottle.spend(envelope.payloadBytes);
        }
        options.onReleased(taken.reduce((sum, batch) => sum + batch.payload.byteLength, 0));
        return true;
      }
      case "wait":
        waiting = true;
        retryAt = performance.now() + outcome.retryAfterMs;
        wakeAfter(outcome.retryAfterMs);
        return false;
      case "closed":
        // Not a fault: the grant is paused, stopping or over, and an assignment says so in a moment.
        refusal = { code: "other", message: outcome.reason, zh: outcome.zh };
        log.info({ feedId, code: outcome.code }, "the centre takes no more batches of this feed");
        return false;
      case "failed":
        foreignHead = outcome.head;
        refusal = { code: "verification-failed", message: `Batch ${outcome.sequence} was refused (${outcome.check}): ${outcome.reason}`, zh: `批次 ${outcome.sequence} 被拒绝(${outcome.check}):${outcome.zh}`, sequence: outcome.sequence };
        log.error({ feedId, check: outcome.check, sequence: outcome.sequence }, "the centre refused a batch; the feed is stopped");
        options.onProblem(refusal);
        return false;
    }
  }

  let timer: NodeJS.Timeout | undefined;
  function wakeAfter(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => loop.wake(), ms);
    timer.unref();
  }

  const loop: Loop = createLoop({ name: `send ${feedId}`, intervalMs: 1_000, maxDelayMs: 5_000, log, run: turn });

  return {
    offer(batches) {
      const expected = memory.at(-1)?.envelope.sequence ?? sent;
      for (const [index, batch] of batches.entries()) {
        if (batch.envelope.sequence !== expected + 1 + index || memoryBytes + batch.payload.byteLength > memoryLimitBytes) break;
        memory.push(batch);
        memoryBytes += batch.payload.byteLength;
      }
      loop.wake();
    },
    realign(sequence) {
      sent = sequence;
      memory = [];
      memoryBytes = 0;
      foreignHead = undefined;
      refusal = undefined;
      loop.wake();
    },
    assign(next) {
      if (next.limits.rowsPerSecond !== assignment.limits.rowsPerSecond) rowThrottle = createThrottle(next.limits.rowsPerSecond);
      if (next.limits.bytesPerSecond !== assignment.limits.bytesPerSecond) byteThrottle = createThrottle(next.limits.bytesPerSecond);
      assignment = next;
      refusal = undefined;
      loop.wake();
    },
    start() {
      stopped = false;
      abort = new AbortController();
      loop.start();
    },
    async stop() {
      stopped = true;
      abort.abort();
      clearTimeout(timer);
      await loop.stop();
      memory = [];
      memoryBytes = 0;
    },
    throttled: () => waiting,
    refusal: () => refusal,
    lastSequence: () => sent,
    foreignHead: () => foreignHead,
  };
}

