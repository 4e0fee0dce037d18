import type { BatchEnvelope, DataItem, Grant, NodeManifest, SourceKind } from "#standards";
import type { SuiteName } from "#platform";
import type { FeedHead, SignedBatch } from "./envelope.ts";

/**
 * What the centre tells a node to do. Assignments are levels, not orders: the node compares them with what it does and
 * moves towards them, so one that is missed or seen twice does no harm. `version` rises with every change that
 * concerns the node.
 */
export interface Assignments {
  version: number;
  /** The centre's clock, so that a node knows its skew. */
  centerTime: string;
  feeds: Assignment[];
  commands: NodeCommand[];
}

export type Assignment = ProviderAssignment | SubscriberAssignment;

/**
 * `flowing`: capture, send, apply. `paused`: keep positions and capture (as far as limits allow), send nothing.
 * `stopping`: stop for good, remove what the feed holds (slot, triggers, queue), then `confirmStopped`.
 */
export type AssignedState = "flowing" | "paused" | "stopping";

export interface FeedLimits {
  /** Most rows and uncompressed bytes of one batch. */
  batchRows: number;
  batchBytes: number;
  /** Most payload bytes in one request. */
  requestBytes: number;
  /** Most bytes that wait unsent at the provider before capture pauses visibly. */
  queueBytes: number;
  /** Bad rows parked before the feed pauses (dirty-row budget). */
  parkRows: number;
  /** Throttles; absent: none. */
  rowsPerSecond?: number;
  bytesPerSecond?: number;
}

export const defaultFeedLimits: FeedLimits = { batchRows: 10_000, batchBytes: 4 * 1024 * 1024, requestBytes: 16 * 1024 * 1024, queueBytes: 256 * 1024 * 1024, parkRows: 1_000 };

interface AssignmentBase {
  feedId: string;
  grant: Grant;
  /** The granted items in wire order: key fields first. */
  items: DataItem[];
  state: AssignedState;
  /** Why it is paused or stopping. */
  reason?: string;
  /** The generation that is wanted: one that is higher than the provider's last asks for a full refresh. */
  generation: number;
  suite: SuiteName;
  limits: FeedLimits;
  /** Batches made under an older version of the grant than this had another scope: they are not applied any more. */
  scopeVersion: number;
  fork?: FeedFork;
}

/**
 * The centre was restored from a backup: its log ended at `sequence`, whose hash is `hash`. What a node knows of later
 * batches of older generations was forgotten there; `generation` is above all that were ever given out.
 */
export interface FeedFork {
  generation: number;
  sequence: number;
  hash: string;
}

/** An entry's place at a node: which relation of which source holds it and which column is which item. */
export interface EntryBinding {
  sourceName: string;
  kind: SourceKind;
  /** `schema.table`, a view, or a file pattern. */
  relation: string;
  /** Item field → column of the relation. */
  columns: Record<string, string>;
  /** A column that rises with every change of a row, for increments without log access. */
  updateTimeColumn?: string;
  options: Record<string, unknown>;
}

export interface ProviderAssignment extends AssignmentBase {
  role: "provider";
  binding: EntryBinding;
  /** Every item of the entry, for row conditions on fields that are not granted. */
  entryItems: DataItem[];
  /** X25519 key that payloads are sealed to; absent: the consumer is an application that reads through the centre. */
  subscriberSealingKey?: string;
  /** What the log holds: the next batch has `head.sequence + 1` and `previousHash = head.hash`. */
  head: FeedHead;
}

export interface SubscriberAssignment extends AssignmentBase {
  role: "subscriber";
  keyFields: string[];
  providerNodeId: string;
  providerPublicKey: string;
  /** Nodes that provided before a new binding: what they signed may still be read. */
  formerProviders: { nodeId: string; publicKey: string; suite: SuiteName }[];
  target: FeedTarget;
}

export interface FeedTarget {
  /** Name of a target database in the node's configuration. */
  name: string;
  schema: string;
  table: string;
  /** Keep an index on zt_sequence and the keys of deleted rows for consumers that read changes. */
  trackChanges: boolean;
  /** Further indexes, each a list of fields. */
  indexes?: string[][];
}

/** One-off work that is not a level. Acknowledged by id; a command seen twice is done once. */
export interface NodeCommand {
  id: string;
  feedId: string;
  kind: "replay-parked" | "discard-parked" | "checksum" | "repair";
  /** `replay-parked`/`discard-parked`: which rows, all when absent. */
  parkIds?: string[];
  /** `checksum`/`repair`. */
  buckets?: number;
  /** `repair`: send these buckets whole. */
  bucketNumbers?: number[];
}

export interface CommandOutcome {
  commandId: string;
  ok: boolean;
  /** Rows concerned. */
  rows?: number;
  message?: string;
}

/** What keeps a feed from flowing, as a node reports it: the centre pauses the feed and shows it. */
export interface FeedProblem {
  code:
    | "source-drift"
    | "source-unavailable"
    | "park-overflow"
    | "queue-overflow"
    | "verification-failed"
    | "target-unavailable"
    | "target-refused"
    | "payload-unreadable"
    | "log-overtaken"
    | "other";
  message: string;
  zh: string;
  /** Batch at which it showed. */
  sequence?: number;
}

export interface FeedHealth {
  feedId: string;
  role: "provider" | "subscriber";
  state: string;
  generation: number;
  /** Provider: last sequence acknowledged by the centre. Subscriber: applied. */
  sequence: number;
  lagRows?: number;
  lagSeconds?: number;
  queuedRows?: number;
  queuedBytes?: number;
  parkedRows?: number;
  /** Waiting because of a throttle or of the centre's or target's back-pressure. */
  throttled?: boolean;
  problem?: FeedProblem;
}

export interface SourceHealth {
  name: string;
  ok: boolean;
  message?: string;
  /** Log or WAL that the source keeps for this node. */
  retainedBytes?: number;
}

export interface Heartbeat {
  softwareVersion: string;
  startedAt: string;
  feeds: FeedHealth[];
  sources: SourceHealth[];
  manifest?: NodeManifest;
}

export interface HeartbeatAnswer {
  centerTime: string;
  /** Positive when the node's clock is ahead. */
  skewMs: number;
  assignmentsVersion: number;
}

/** A relation as the source describes it. */
export interface SourceRelation {
  /** `schema.table`, as bindings name it. */
  relation: string;
  kind: "table" | "view" | "materialized-view" | "file";
  columns: { name: string; type: string; nullable: boolean; comment?: string }[];
  primaryKey: string[];
  estimatedRows?: number;
  comment?: string;
}

export interface SourceSchemaReport {
  sourceName: string;
  kind: SourceKind;
  relations: SourceRelation[];
  /** Digest of the canonical JSON of `relations`: an unchanged report need not be stored again. */
  digest: string;
}

/** What the centre says of the batches of one feed in one request. */
export type SendOutcome =
  /** Everything up to `head` is durable (batches that were there before count as well). */
  | { feedId: string; outcome: "accepted"; head: FeedHead }
  /** Nothing was taken now: back-pressure or a moment's fault; the same batches may be sent again. */
  | { feedId: string; outcome: "wait"; retryAfterMs: number; reason: string; zh: string }
  /** The feed may not flow (paused, stopping, grant not in force): wait for the next assignment. */
  | { feedId: string; outcome: "closed"; code: string; reason: string; zh: string }
  /** A batch failed verification; the feed is stopped. `check` names what failed at `sequence`. */
  | { feedId: string; outcome: "failed"; check: string; sequence: number; reason: string; zh: string; head: FeedHead };

export interface ReadBatchesOptions {
  feedId: string;
  afterSequence: number;
  /** What the subscriber has applied: the log keeps everything after it. */
  appliedSequence: number;
  maxBytes: number;
  /** How long the centre may hold the request while there is nothing. */
  waitMs: number;
  signal?: AbortSignal;
}

export interface ReadBatchesResult {
  batches: SignedBatch[];
  head: FeedHead;
  /** The oldest sequence that the log still holds; a reader behind it must refresh. */
  firstSequence: number;
  /** Set when the feed may not be read (any more). */
  closed?: { code: string; reason: string; zh: string };
}

export interface StopEvidence {
  party: "provider" | "subscriber";
  /** When this end handled its last row; absent when it never did. */
  lastRowAt?: string;
  stoppedAt: string;
  sequence: number;
}

/** The node's only way to the centre. Calls reject with UnavailableError when the centre cannot be reached. */
export interface GatewayClient {
  readonly nodeId: string;
  sendBatches(batches: readonly SignedBatch[], options?: { signal?: AbortSignal }): Promise<SendOutcome[]>;
  readBatches(options: ReadBatchesOptions): Promise<ReadBatchesResult>;
  assignments(options: { after: number; waitMs: number; signal?: AbortSignal }): Promise<Assignments>;
  heartbeat(report: Heartbeat): Promise<HeartbeatAnswer>;
  reportSourceSchemas(reports: readonly SourceSchemaReport[]): Promise<void>;
  /** Pauses the feed at the centre with this reason. */
  reportProblem(feedId: string, problem: FeedProblem): Promise<void>;
  /** Asks for a new generation: the slot was lost, the target is gone, the log was overtaken. */
  requestRefresh(feedId: string, reason: string): Promise<void>;
  confirmStopped(feedId: string, evidence: StopEvidence): Promise<void>;
  acknowledgeCommand(outcome: CommandOutcome): Promise<void>;
  reportChecksums(report: ChecksumReport): Promise<void>;
  /** Centre's clock minus this node's, from the last answer; 0 before the first. */
  clockOffsetMs(): number;
}

/**
 * Reconciliation: count and order-independent checksum per key bucket at one point of the stream. The provider sends
 * its own in a `checksum` batch (JSON); the subscriber computes the same over its table when it gets there and
 * reports what differs; the centre has those buckets repaired.
 */
export interface BucketChecksums {
  buckets: number;
  /** Per bucket with rows, in order: `[bucket, rows, checksum]`; see `rowChecksumSql`. */
  values: [number, number, string][];
}

export interface ChecksumReport {
  feedId: string;
  commandId?: string;
  sequence: number;
  rowsSource: number;
  rowsTarget: number;
  buckets: number;
  differing: number[];
}

/** JSON payload of a `checksum` batch. */
export interface ChecksumPayload extends BucketChecksums {
  commandId?: string;
}

/** First line of a `repair` batch's JSON head; the rows follow in the next lines. See `encodeRepair`. */
export interface RepairHead {
  commandId?: string;
  buckets: number;
  /** The batch holds these buckets whole: keys of them that are not in it are gone at the source. */
  bucketNumbers: number[];
}

export type { BatchEnvelope };
