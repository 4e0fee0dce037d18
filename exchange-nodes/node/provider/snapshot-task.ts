import { setTimeout as pause } from "node:timers/promises";
import type { NewId, Reader } from "#platform";
import { quoteIdentifier } from "#platform";
import { copyOut, inlineLiterals, literals } from "../sources/source-database.ts";
import { createChunkReader, type ChunkResult } from "./chunk.ts";
import type { CaptureSession } from "./capture-session.ts";
import type { FeedPlan } from "./feed-plan.ts";
import type { FeedPipe } from "./feed-pipe.ts";
import type { FeedProgress } from "./feed-store.ts";

/** A piece of SQL with the values that belong in it. */
interface Where {
  text: string;
  values: readonly (string | readonly string[])[];
}

/** `(k1, k2) > (…)`: rows after a source key. */
export function afterKey(plan: Pick<FeedPlan, "keyColumns">, key: readonly string[] | undefined, valuesStartAt: number): Where | undefined {
  if (key === undefined) return undefined;
  const columns = plan.keyColumns.map(({ column }) => quoteIdentifier(column)).join(", ");
  return { text: `(${columns}) > (${plan.keyColumns.map(({ type }, index) => `$${valuesStartAt + index}::${type}`).join(", ")})`, values: key };
}

/** Runs `copy (select … where …)` with the values quoted by the server. */
export async function copyRows(reader: Reader, options: { plan: FeedPlan; from: string; where?: readonly (Where | undefined)[]; tail?: string }): Promise<{ bytes: Buffer; rows: number }> {
  const { plan } = options;
  const parts: string[] = [];
  for (const where of [plan.condition, ...(options.where ?? [])]) {
    if (where === undefined) continue;
    parts.push(inlineLiterals(where.text, await literals(reader, where.values)));
  }
  return copyOut(reader, `select ${plan.selectList} from ${options.from}${parts.length > 0 ? ` where ${parts.join(" and ")}` : ""}${options.tail ?? ""}`);
}

/** One chunk in key order after `key`. */
export function copyChunk(reader: Reader, plan: FeedPlan, from: string, key: readonly string[] | undefined, limit: number): Promise<{ bytes: Buffer; rows: number }> {
  const order = plan.keyColumns.map(({ column }) => quoteIdentifier(column)).join(", ");
  return copyRows(reader, { plan, from, where: [afterKey(plan, key, 1)], tail: ` order by ${order} limit ${limit}` });
}

export interface SnapshotTaskOptions {
  plan: FeedPlan;
  pipe: FeedPipe;
  /** The relation in SQL. */
  from: string;
  session: CaptureSession;
  newId: NewId;
  signal: AbortSignal;
  fault(point: string): void | Promise<void>;
  /** Ends after the rows: a one-off delivery. */
  once: boolean;
  /** The first chunk of the generation was read: changes matter from here on. */
  onFirstChunk?(): void;
}

/** Puts the beginning of a generation into the pipe, unless that is durable already. Before the session takes changes. */
export function appendRefreshBegin(pipe: FeedPipe): void {
  if (pipe.record.phase !== "refresh" || pipe.record.refreshBegun) return;
  const start = { lsn: 0, index: 0 };
  pipe.append({ kind: "refresh-begin", from: start, to: start, content: { payload: Buffer.alloc(0), rows: 0, deletes: 0 }, progress: { refreshBegun: true }, parked: [] });
}

/**
 * Reads a relation chunk by chunk beside the changes. Each chunk is durable with the key to go on after, so a crash
 * repeats at most the last one. While one chunk is signed and written the next is read.
 */
export async function runSnapshot(options: SnapshotTaskOptions): Promise<void> {
  const { plan, pipe, session, signal, fault } = options;
  if (pipe.record.phase !== "refresh") return;
  const read = createChunkReader(plan, { newId: options.newId, batchBytes: () => pipe.assignment.limits.batchBytes });
  let key = pipe.record.snapshotKey;
  let limit = pipe.assignment.limits.batchRows;
  let last = { lsn: 0, index: 0 };
  let first = pipe.record.positionLsn === 0;
  const commits: Promise<void>[] = [];
  for (;;) {
    while (!pipe.queueHasRoom()) {
      if (signal.aborted) return;
      await pause(20);
    }
    if (signal.aborted) return;
    await fault("chunk.before");
    let chunk: ChunkResult | undefined;
    const wanted = limit;
    let size = 0;
    await session.snapshot(
      (reader) => copyChunk(reader, plan, options.from, key, wanted),
      ({ bytes }, position) => {
        size = bytes.length;
        chunk = read(bytes, position);
        last = position;
        const { contents, parked, keys, lastKey } = chunk;
        const progress: FeedProgress = lastKey === undefined ? {} : { snapshotKey: lastKey };
        if (first && options.onFirstChunk) {
          options.onFirstChunk();
          // What came before the first chunk is in it, in every later run as well.
          progress.position = position;
        }
        first = false;
        for (const content of contents.slice(0, -1)) pipe.append({ kind: "chunk", from: position, to: position, content, progress: {}, parked: [] });
        pipe.append({ kind: "chunk", from: position, to: position, ...(contents.length > 0 ? { content: contents.at(-1)! } : {}), progress, parked, ...(keys.size > 0 ? { sentKeys: keys } : {}) });
      },
    );
    await fault("chunk.read");
    const done = chunk!;
    if (done.lastKey) key = done.lastKey;
    if (done.rowsRead > 0) limit = Math.max(100, Math.min(pipe.assignment.limits.batchRows, Math.floor((pipe.assignment.limits.batchBytes / size) * done.rowsRead * 2)));
    const commit = pipe.commit();
    commit.catch(() => undefined);
    commits.push(commit);
    if (commits.length > 1) await commits.shift();
    if (done.rowsRead < wanted) break;
  }
  await Promise.all(commits);
  if (signal.aborted) return;
  pipe.append({ kind: "refresh-end", from: last, to: last, content: { payload: Buffer.alloc(0), rows: 0, deletes: 0 }, progress: { phase: "live" }, parked: [] });
  if (options.once) pipe.append({ kind: "end", from: last, to: last, content: { payload: Buffer.alloc(0), rows: 0, deletes: 0 }, progress: { phase: "ended" }, parked: [] });
  await pipe.commit();
  await fault("refresh.end");
}
