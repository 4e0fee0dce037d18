import type { Clock, Database, NewId, Reader, SigningKey } from "#platform";
import type { BatchKind } from "#standards";
import type { FeedLimits, ProviderAssignment } from "../../protocol/assignments.ts";
import { envelopeHash, formatPosition, signEnvelope, type SignedBatch } from "../../protocol/envelope.ts";
import { encodePayload } from "../../protocol/payload.ts";
import { advanceFeed, changeSentKeys, insertBatches, insertParked, measureOutbox, parkedKeys, settleOvertaken, settleParked, type FeedProgress, type FeedRecord, type ParkedRow } from "./feed-store.ts";

export interface Position {
  lsn: number;
  index: number;
}

export interface BatchContent {
  payload: Buffer;
  rows: number;
  deletes: number;
}

/** One batch to be, or only progress and parked rows. Entries become durable in the order in which they were appended. */
export interface PipeEntry {
  kind: BatchKind;
  from: Position;
  to: Position;
  /** The payload, or how to make it when its turn comes (it may have to look up what was sent before). */
  content?: BatchContent | ((reader: Reader, sent: Map<string, boolean>) => Promise<BatchContent | undefined>);
  /** Bytes that the entry holds while it waits, where `content` does not say. */
  bytes?: number;
  json?: boolean;
  progress: FeedProgress;
  parked: ParkedRow[];
  /** Keys sent and deleted, on feeds with a row condition. */
  sentKeys?: Map<string, boolean>;
  /** Keys of parked rows of which a newer version is in this entry. */
  overtakenKeys?: string[];
  /** Parked rows that this entry sends after all. */
  replayedIds?: string[];
}

/**
 * The last stretch of a feed at the provider: batches get sequence, digest, chain and signature and are written to the
 * outbox in one transaction with the capture's position. One commit at a time per feed.
 */
export interface FeedPipe {
  readonly feedId: string;
  readonly record: FeedRecord;
  readonly assignment: ProviderAssignment;
  assign(assignment: ProviderAssignment): void;
  append(entry: PipeEntry): void;
  /** Makes everything appended so far durable. Rejects once and for all when it cannot: the pipe is then to be opened again. */
  commit(): Promise<void>;
  readonly pendingBytes: number;
  /** Bytes that wait for the centre, in the outbox and before it. */
  readonly queuedBytes: number;
  queueIsFull(): boolean;
  queueHasRoom(): boolean;
  readonly parkedKeys: ReadonlySet<string>;
  readonly parkedCount: number;
  /** Reads counts and parked keys again after a replay or discard. */
  refreshCounts(): Promise<void>;
  /** The sender took batches off. */
  released(bytes: number): void;
}

export interface OpenFeedPipeOptions {
  database: Database;
  record: FeedRecord;
  assignment: ProviderAssignment;
  signingKey: SigningKey;
  nodeId: string;
  clock: Clock;
  newId: NewId;
  fault(point: string): void | Promise<void>;
  /** Durable batches, for the sender. */
  onBatches(feedId: string, batches: SignedBatch[]): void;
  /** The park is over its budget. */
  onParkOverflow(feedId: string, parked: number): void;
}

const sizeOf = (entry: PipeEntry): number => entry.bytes ?? (typeof entry.content === "object" ? entry.content.payload.length : 0);

export async function openFeedPipe(options: OpenFeedPipeOptions): Promise<FeedPipe> {
  const { database, signingKey, nodeId, clock, fault } = options;
  const record = { ...options.record };
  const { feedId } = record;
  let assignment = options.assignment;
  let waiting: PipeEntry[] = [];
  let pendingBytes = 0;
  let outboxBytes = 0;
  let running: Promise<void> = Promise.resolve();
  let broken: unknown;
  const parked = new Set<string>();
  let parkedCount = 0;

  async function refreshCounts(): Promise<void> {
    await database.read(async (reader) => {
      outboxBytes = (await measureOutbox(reader, feedId)).bytes;
      const found = await parkedKeys(reader, feedId);
      parkedCount = found.count;
      parked.clear();
      for (const key of found.keys) parked.add(key);
    });
  }

  async function prepare(entries: readonly PipeEntry[], sent: Map<string, boolean>): Promise<{ entry: PipeEntry; content: BatchContent }[]> {
    const prepared: { entry: PipeEntry; content: BatchContent }[] = [];
    for (const entry of entries) {
      const content = typeof entry.content === "function" ? await database.read((reader) => (entry.content as (reader: Reader, sent: Map<string, boolean>) => Promise<BatchContent | undefined>)(reader, sent)) : entry.content;
      for (const [key, present] of entry.sentKeys ?? []) sent.set(key, present);
      if (content) prepared.push({ entry, content });
    }
    return prepared;
  }

  async function seal(prepared: { entry: PipeEntry; content: BatchContent }[]): Promise<SignedBatch[]> {
    const { grant } = assignment;
    const encoded = await Promise.all(
      prepared.map(({ entry, content }) =>
        encodePayload(content.payload, { content: entry.json ? "json" : "copy-text", suite: signingKey.suite, ...(assignment.subscriberSealingKey === undefined ? {} : { sealTo: assignment.subscriberSealingKey }), context: { feedId, grantId: grant.id } }),
      ),
    );
    let previousHash = record.headHash;
    let sequence = record.nextSequence;
    return prepared.map(({ entry, content }, index) => {
      const { payload, encoding, payloadBytes, payloadDigest } = encoded[index]!;
      const envelope = signEnvelope(
        {
          feedId,
          grantId: grant.id,
          grantVersion: grant.version,
          providerNodeId: nodeId,
          generation: record.generation,
          sequence,
          kind: entry.kind,
          rows: content.rows,
          deletes: content.deletes,
          fromPosition: formatPosition(entry.from.lsn, entry.from.index),
          toPosition: formatPosition(entry.to.lsn, entry.to.index),
          encoding,
          payloadBytes,
          payloadDigest,
          previousHash,
          createdAt: clock.now().toISOString(),
        },
        signingKey,
      );
      previousHash = envelopeHash(envelope);
      sequence += 1;
      return { envelope, payload };
    });
  }

  async function commitNow(): Promise<void> {
    const entries = waiting;
    if (entries.length === 0) return;
    waiting = [];
    const size = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    const sent = new Map<string, boolean>();
    const prepared = await prepare(entries, sent);
    const batches = await seal(prepared);
    await fault("commit.before");
    const at = clock.now();
    const newlyParked = entries.flatMap((entry) => entry.parked);
    const last = batches.at(-1);
    const counts = {
      rows: prepared.reduce((sum, { content }) => sum + content.rows, 0),
      deletes: prepared.reduce((sum, { content }) => sum + content.deletes, 0),
      bytes: prepared.reduce((sum, { content }) => sum + content.payload.length, 0),
      nextSequence: record.nextSequence + batches.length,
      headHash: last ? envelopeHash(last.envelope) : record.headHash,
      at,
    };
    const progress: FeedProgress = Object.assign({}, ...entries.map((entry) => entry.progress));
    const overtaken = entries.flatMap((entry) => entry.overtakenKeys ?? []);
    const replayed = entries.flatMap((entry) => entry.replayedIds ?? []);
    await database.withTransaction(async (tx) => {
      await advanceFeed(tx, feedId, record.generation, progress, counts);
      await insertBatches(tx, feedId, batches, at);
      await settleOvertaken(tx, feedId, overtaken, at);
      if (replayed.length > 0) await settleParked(tx, replayed, "replayed", at);
      await insertParked(tx, feedId, record.generation, newlyParked, at);
      await changeSentKeys(tx, feedId, sent);
    });
    await fault("commit.after");
    pendingBytes -= size;
    outboxBytes += batches.reduce((sum, batch) => sum + batch.payload.byteLength, 0);
    Object.assign(record, { nextSequence: counts.nextSequence, headHash: counts.headHash, rowsCaptured: record.rowsCaptured + counts.rows, deletesCaptured: record.deletesCaptured + counts.deletes, bytesCaptured: record.bytesCaptured + counts.bytes });
    if (counts.rows + counts.deletes > 0) record.lastCapturedAt = at;
    if (progress.phase) record.phase = progress.phase;
    if (progress.refreshBegun) record.refreshBegun = true;
    if (progress.snapshotKey) record.snapshotKey = progress.snapshotKey;
    if (progress.position) Object.assign(record, { positionLsn: progress.position.lsn, positionIndex: progress.position.index });
    if (batches.length > 0) options.onBatches(feedId, batches);
    if (newlyParked.length > 0 || overtaken.length > 0 || replayed.length > 0) {
      await refreshCounts();
      const { parkRows } = assignment.limits;
      const share = Number(assignment.binding.options.parkRatio ?? 1);
      // A share says nothing before there are rows enough to take it of.
      if (parkedCount > parkRows || (record.rowsCaptured + parkedCount >= 1_000 && parkedCount > share * (record.rowsCaptured + parkedCount))) options.onParkOverflow(feedId, parkedCount);
    }
  }

  await refreshCounts();
  const queue = (): FeedLimits["queueBytes"] => assignment.limits.queueBytes;
  return {
    feedId,
    record,
    get assignment() {
      return assignment;
    },
    assign: (next) => void (assignment = next),
    append(entry) {
      waiting.push(entry);
      pendingBytes += sizeOf(entry);
    },
    commit() {
      if (broken !== undefined) return Promise.reject(broken as Error);
      running = running.then(async () => {
        if (broken !== undefined) throw broken;
        try {
          await commitNow();
        } catch (error) {
          broken = error;
          throw error;
        }
      });
      return running;
    },
    get pendingBytes() {
      return pendingBytes;
    },
    get queuedBytes() {
      return outboxBytes + pendingBytes;
    },
    queueIsFull: () => outboxBytes + pendingBytes >= queue(),
    queueHasRoom: () => outboxBytes + pendingBytes < queue() / 2,
    parkedKeys: parked,
    get parkedCount() {
      return parkedCount;
    },
    refreshCounts,
    released: (bytes) => void (outboxBytes = Math.max(0, outboxBytes - bytes)),
  };
}
