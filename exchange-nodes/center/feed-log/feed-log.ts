import type { BatchEnvelope } from "#standards";
import type { FeedHead } from "../../protocol/envelope.ts";

/**
 * The durable, ordered log of each feed's batches: a port with one contract suite (tests/contracts/feed-log).
 * The log is told nothing of grants or keys; it keeps what it is given, in order, exactly once. Whoever appends names
 * the head that they believe in, so that two processes cannot both continue a feed.
 */
export interface BatchToAppend {
  envelope: BatchEnvelope;
  hash: string;
  payload: Uint8Array;
}

export interface LoggedBatch extends BatchToAppend {
  receivedAt: Date;
}

export type LoggedEnvelope = Omit<LoggedBatch, "payload">;

export interface LogHead extends FeedHead {
  /** Appends are taken. */
  open: boolean;
  /** Oldest sequence that can still be read; `sequence + 1` when nothing is held. */
  firstSequence: number;
}

export type AppendResult =
  | { appended: true; head: FeedHead }
  /** `head`: somebody appended before (or the caller's head was wrong). `closed`: the feed takes nothing. */
  | { appended: false; because: "head" | "closed"; head: FeedHead }
  /** More waits to be written than the log takes at once: nothing of this was taken. */
  | { appended: false; because: "busy"; retryAfterMs: number };

/** What waits behind a sequence. */
export interface Backlog {
  batches: number;
  rows: number;
  bytes: number;
  /** When the oldest of it was received. */
  oldestAt?: Date;
}

export interface TrimOptions {
  /** Everything up to here may go; later batches never do, whatever their age. */
  upTo: number;
  /** Batches received at or after this instant stay, even if they may go. */
  receivedBefore?: Date;
}

export interface FeedLog {
  /** Makes the feed's log if it is not there and lets it take batches. */
  open(feedId: string): Promise<void>;
  /** Once this has resolved, no append succeeds, also none that was under way. Gives the final head. */
  close(feedId: string): Promise<FeedHead>;
  /** All of `batches` become durable, or none. They must continue `expected` without gap. */
  append(feedId: string, expected: FeedHead, batches: readonly BatchToAppend[]): Promise<AppendResult>;
  /** A feed that was never opened has an empty, closed head. */
  head(feedId: string): Promise<LogHead>;
  /** Hashes of the sequences `from` to `to` that are still held. */
  hashes(feedId: string, from: number, to: number): Promise<Map<number, string>>;
  /**
   * Batches after `afterSequence`, in order, without gap, up to `maxBytes` of payload but at least one when there is
   * one. Starts later than `afterSequence + 1` only if retention has removed what lay between: compare with
   * `head().firstSequence`.
   */
  read(feedId: string, afterSequence: number, maxBytes: number): Promise<LoggedBatch[]>;
  /** As `read` without the payloads, up to `limit`. */
  readEnvelopes(feedId: string, afterSequence: number, limit: number): Promise<LoggedEnvelope[]>;
  /** Resolves with true once the head is beyond `afterSequence`, with false after `timeoutMs` or when aborted. */
  waitFor(feedId: string, afterSequence: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  backlog(feedId: string, afterSequence: number): Promise<Backlog>;
  trim(feedId: string, options: TrimOptions): Promise<{ removed: number; firstSequence: number }>;
  /**
   * Gives up what a closed feed's log holds and takes (a topic, say); the head stays, so that the feed could go on behind
   * it. False when that is not for now: the feed is open, lies in another store, or another process is at it. May be
   * asked again at any time.
   */
  drop(feedId: string): Promise<boolean>;
  /** Begins and ends listening for appends of other processes. */
  start(): Promise<void>;
  stop(): Promise<void>;
}
