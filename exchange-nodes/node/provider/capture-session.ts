import type { Reader } from "#platform";
import type { Position } from "./feed-pipe.ts";

/**
 * One run of a capture: from the moment when it is connected until something breaks or changes. It owns the order of
 * things: what a snapshot read is taken before any change that the snapshot does not see, so on every feed the order
 * of batches is the order of versions.
 */
export interface CaptureSession {
  /**
   * Runs `read` in one snapshot of the source and hands its result to `take` with a position of which two things are
   * certain: every change at or before it is in the snapshot, and every change that is not in it comes later.
   */
  snapshot<T>(read: (reader: Reader) => Promise<T>, take: (result: T, position: Position) => void): Promise<void>;
  /**
   * The same, but `take` waits until every change that the snapshot sees was taken and comes before all others: what
   * was sent by then is exactly the snapshot.
   */
  alignedSnapshot<T>(read: (reader: Reader) => Promise<T>, take: (result: T, position: Position) => void): Promise<void>;
  /** Settles when the session is over; with an error unless it was closed. */
  readonly ended: Promise<Error | undefined>;
  /** Makes pending changes durable where possible and ends. */
  close(): Promise<void>;
  /** How far the source is ahead, in its own measure, when it was last asked. */
  lagBytes(): number;
}

/** `10:20:10,14` of `pg_current_snapshot()`. */
export interface SourceSnapshot {
  xmax: bigint;
  running: ReadonlySet<number>;
}

const low32 = (xid: bigint): number => Number(xid & 0xffff_ffffn);

export function parseSnapshot(text: string): SourceSnapshot {
  const [, xmax, list] = text.split(":") as [string, string, string];
  return { xmax: BigInt(xmax), running: new Set(list === "" ? [] : list.split(",").map((xid) => low32(BigInt(xid)))) };
}

/** Whether a committed transaction (its 32-bit id, as the log gives it) is in the snapshot. */
export function isVisible(snapshot: SourceSnapshot, xid: number): boolean {
  if (snapshot.running.has(xid)) return false;
  // Ids wrap at 2^32: what is "ahead" is within half of the circle.
  return ((xid - low32(snapshot.xmax)) | 0) < 0;
}
