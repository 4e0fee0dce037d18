import { setTimeout as pause } from "node:timers/promises";
import { describeError, type Database, type Log, type Reader } from "#platform";
import { createCells, type Cells } from "./cells.ts";
import { isVisible, parseSnapshot, type CaptureSession, type SourceSnapshot } from "./capture-session.ts";
import type { ChangeSink } from "./change-sink.ts";
import type { Position } from "./feed-pipe.ts";
import { createLogDecoder, parseLsn, type LogRelation } from "../sources/pgoutput.ts";
import { openSlotStream, type SlotStream } from "../sources/slot-stream.ts";

/**
 * Capture from a replication slot, fanned out to the sinks of each relation.
 *
 * Why no row is lost or goes back: the slot delivers whole transactions in the order of their commits. A snapshot is
 * taken while delivery is held, and is used only if every transaction that was delivered so far is visible in it (a
 * commit stands in the log a moment before it becomes visible). So the snapshot has everything up to `processed`, and
 * everything that it does not have is delivered afterwards. Delivery goes on after the snapshot's rows were appended.
 *
 * Why none is lost in a crash: the slot is told of a position only after every sink has what came before it in its own
 * database, and that position is written down first.
 */
export interface SlotSessionOptions {
  source: Database;
  url: string;
  slotName: string;
  publicationName: string;
  /** Where the slot stands. */
  confirmedLsn: number;
  sinks: readonly ChangeSink[];
  /** Somebody is left behind and needs the log from `confirmedLsn` on: nothing is confirmed. */
  holdConfirmation: boolean;
  persistConfirmed(lsn: number): Promise<void>;
  log: Log;
  fault(point: string): void | Promise<void>;
  /** How long changes are gathered before they become a batch. */
  lingerMs: number;
  /** Least time between two confirmations to the slot. */
  confirmEveryMs: number;
  /** A sink has become full while others are not: the session should be built again without it. */
  onFull(): void;
}

interface RelationState {
  relation: LogRelation;
  sinks: ChangeSink[];
  /** Changes of this relation in the current transaction. */
  count: number;
  transaction: number;
}

/** Changes waiting in memory at which reading stops until they are durable. */
const pendingLimitBytes = 16 * 1024 * 1024;
/** Changes waiting at which they are made durable without waiting for `lingerMs`. */
const eagerFlushBytes = 2 * 1024 * 1024;
const backlogLimitBytes = 8 * 1024 * 1024;
const rememberedTransactions = 10_000;

export interface SlotSession extends CaptureSession {
  /** Resolves when everything that the source had logged by now was delivered. */
  caughtUp(): Promise<void>;
}

export async function openSlotSession(options: SlotSessionOptions): Promise<SlotSession> {
  const { source, log, fault } = options;
  const cells = createCells(1_700);
  const old = createCells(1_700);
  const relations = new Map<number, RelationState>();
  const touched = new Set<ChangeSink>();
  const unseen = new Set<number>();
  let marks: { snapshot: SourceSnapshot; until: number; run: () => void }[] = [];
  let transaction = 0;
  let commitLsn = 0;
  let inTransaction = false;
  let processed = options.confirmedLsn;
  let durable = options.confirmedLsn;
  let confirmed = options.confirmedLsn;
  let sourceLsn = options.confirmedLsn;
  let lastConfirmAt = 0;
  let held = 0;
  let backlog: Buffer[] = [];
  let backlogBytes = 0;
  let closing = false;
  let flushing: Promise<void> | undefined;
  let flushTimer: NodeJS.Timeout | undefined;
  let full = false;
  let roomTimer: NodeJS.Timeout | undefined;
  /** What a sink took is not durable and never will be in this session: from here on nothing is confirmed. */
  let broken = false;
  let stream: SlotStream | undefined;
  let finish: (error: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((done) => {
    finish = done;
  });
  const fail = (error: unknown) => {
    broken = true;
    finish(error instanceof Error ? error : new Error(String(error)));
  };

  function each(oid: number, run: (sink: ChangeSink, index: number) => void): void {
    const state = relations.get(oid);
    if (state === undefined) return;
    if (state.transaction !== transaction) {
      state.transaction = transaction;
      state.count = 0;
    }
    const index = state.count * 2;
    state.count += 1;
    for (const sink of state.sinks) {
      const at = sink.position();
      if (commitLsn < at.lsn || (commitLsn === at.lsn && index + 1 <= at.index)) continue;
      run(sink, index);
      touched.add(sink);
    }
  }

  /** Snapshots that see everything up to here are taken in. */
  function passMarks(isNext: (mark: { snapshot: SourceSnapshot; until: number }) => boolean): void {
    if (marks.length === 0) return;
    const ready = marks.filter(isNext);
    if (ready.length === 0) return;
    marks = marks.filter((mark) => !ready.includes(mark));
    for (const mark of ready) mark.run();
  }

  const decode = createLogDecoder(
    {
      begin(lsn, xid) {
        passMarks((mark) => lsn >= mark.until || !isVisible(mark.snapshot, xid));
        commitLsn = lsn;
        inTransaction = true;
        transaction += 1;
        unseen.add(xid);
        if (unseen.size > rememberedTransactions) unseen.delete(unseen.values().next().value!);
      },
      commit(endLsn) {
        inTransaction = false;
        processed = Math.max(processed, endLsn);
        sourceLsn = Math.max(sourceLsn, processed);
        passMarks((mark) => processed >= mark.until);
      },
      relation(relation) {
        const name = `${relation.schema}.${relation.table}`;
        const sinks = options.sinks.filter((sink) => sink.relation === name);
        relations.set(relation.oid, { relation, sinks, count: relations.get(relation.oid)?.count ?? 0, transaction: relations.get(relation.oid)?.transaction ?? -1 });
        for (const sink of sinks) sink.bind(relation);
      },
      insert: (oid, row) => each(oid, (sink, index) => sink.insert(row, commitLsn, index)),
      update: (oid, row, before, hasOld) => each(oid, (sink, index) => sink.update(row, before, hasOld, commitLsn, index)),
      delete: (oid, before: Cells) => each(oid, (sink, index) => sink.delete(before, commitLsn, index)),
      truncate(oids) {
        for (const oid of oids) each(oid, (sink, index) => sink.truncate(commitLsn, index));
      },
    },
    cells,
    old,
  );

  const pendingBytes = () => {
    let sum = 0;
    for (const sink of touched) sum += sink.pendingBytes;
    return sum;
  };

  function onMessage(buffer: Buffer, at: number): void {
    if (closing) return;
    if (held > 0 || backlog.length > 0) {
      // The parser reuses its buffer: what waits has to be copied.
      backlog.push(Buffer.from(buffer.subarray(at)));
      backlogBytes += buffer.length - at;
      if (backlogBytes > backlogLimitBytes) stream?.pause();
      return;
    }
    try {
      decode(buffer, at);
    } catch (error) {
      return fail(error);
    }
    afterMessage();
  }

  let messages = 0;
  function afterMessage(): void {
    if (touched.size === 0) return;
    flushTimer ??= setTimeout(onLinger, options.lingerMs);
    messages += 1;
    if ((messages & 255) !== 0) return;
    const waiting = pendingBytes();
    if (waiting > pendingLimitBytes) stream?.pause();
    if (waiting > eagerFlushBytes) void flush();
  }

  function release(): void {
    held -= 1;
    if (held > 0 || closing) return;
    const waiting = backlog;
    backlog = [];
    backlogBytes = 0;
    try {
      for (const message of waiting) {
        decode(message, 0);
        afterMessage();
      }
    } catch (error) {
      return fail(error);
    }
    if (pendingBytes() <= pendingLimitBytes) stream?.resume();
  }

  /** One that fires while a flush runs must not count as waiting: what came since then would never be flushed. */
  function onLinger(): void {
    flushTimer = undefined;
    void flush();
  }

  function flush(): Promise<void> {
    flushing ??= flushNow().finally(() => {
      flushing = undefined;
      if (touched.size > 0 && !closing) flushTimer ??= setTimeout(onLinger, options.lingerMs);
    });
    return flushing;
  }

  async function flushNow(): Promise<void> {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const through = processed;
    const sinks = [...touched];
    touched.clear();
    try {
      await Promise.all(sinks.map((sink) => sink.flush()));
      durable = Math.max(durable, through);
      await confirm(false);
      lookForRoom();
      if (held === 0) stream?.resume();
    } catch (error) {
      fail(error);
    }
  }

  /** One that is full is left behind by the others; when all are, the source waits. */
  function lookForRoom(): void {
    if (full || closing || roomTimer !== undefined) return;
    const crowded = options.sinks.filter((sink) => sink.isFull()).length;
    if (crowded === 0) return;
    if (crowded < options.sinks.length) {
      full = true;
      options.onFull();
      return;
    }
    held += 1;
    roomTimer = setInterval(() => {
      if (options.sinks.every((sink) => sink.isFull())) return;
      clearInterval(roomTimer);
      roomTimer = undefined;
      release();
    }, 20);
  }

  async function confirm(now: boolean): Promise<void> {
    if (broken || options.holdConfirmation || durable <= confirmed || options.sinks.some((sink) => sink.isHalted())) return;
    const at = performance.now();
    if (!now && at - lastConfirmAt < options.confirmEveryMs) return;
    lastConfirmAt = at;
    const lsn = durable;
    await options.persistConfirmed(lsn);
    await fault("confirm.before");
    confirmed = lsn;
    stream?.confirm(lsn);
  }

  function onKeepalive(lsn: number): void {
    sourceLsn = Math.max(sourceLsn, lsn);
    if (inTransaction || held > 0 || backlog.length > 0) return;
    processed = Math.max(processed, lsn);
    passMarks((mark) => processed >= mark.until);
    // A quiet relation in a busy database: the log moves on, and the slot with it.
    if (touched.size === 0 && flushing === undefined) {
      durable = Math.max(durable, processed);
      confirm(false).catch(fail);
    }
  }

  async function readSnapshot<T>(read: (reader: Reader) => Promise<T>): Promise<{ result: T; position: Position; snapshot: SourceSnapshot; until: number }> {
    for (;;) {
      const position = { lsn: processed, index: 0 };
      const taken = await source.withTransaction(
        async (tx) => {
          const { rows } = await tx.query<{ snapshot: string; lsn: string }>("select pg_current_snapshot()::text as snapshot, pg_current_wal_insert_lsn()::text as lsn");
          const snapshot = parseSnapshot(rows[0]!.snapshot);
          for (const xid of unseen) if (!isVisible(snapshot, xid)) return undefined;
          return { result: await read(tx), position, snapshot, until: parseLsn(rows[0]!.lsn) };
        },
        { isolation: "repeatable read", readOnly: true },
      );
      if (taken !== undefined) {
        unseen.clear();
        return taken;
      }
      // A transaction is in the log and not visible yet: it becomes so within moments.
      await pause(2);
    }
  }

  let turn: Promise<unknown> = Promise.resolve();
  /** Holds delivery while `run` works; one at a time. */
  function exclusively<T>(run: () => Promise<T>): Promise<T> {
    const mine = turn.then(async () => {
      held += 1;
      try {
        return await run();
      } finally {
        release();
      }
    });
    turn = mine.catch(() => undefined);
    return mine;
  }

  stream = await openSlotStream({ url: options.url, slotName: options.slotName, publicationName: options.publicationName, log, onMessage, onKeepalive });
  void stream.ended.then((error) => finish(error ?? (closing ? undefined : new Error("the replication stream ended"))));
  const asking = setInterval(() => stream?.ask(), 2_000);
  asking.unref();

  return {
    ended,
    lagBytes: () => Math.max(0, sourceLsn - durable),
    snapshot: (read, take) =>
      exclusively(async () => {
        const { result, position } = await readSnapshot(read);
        take(result, position);
      }),
    async caughtUp() {
      const { rows } = await source.read((reader) => reader.query<{ lsn: string }>("select pg_current_wal_insert_lsn()::text as lsn"));
      const wanted = parseLsn(rows[0]!.lsn);
      let over = false;
      void ended.then(() => (over = true));
      while (processed < wanted && !closing && !over) {
        // A quiet source says how far it is only when asked.
        stream?.ask();
        await pause(20);
      }
    },
    async alignedSnapshot(read, take) {
      let done: () => void = () => undefined;
      const aligned = new Promise<void>((resolve) => {
        done = resolve;
      });
      await exclusively(async () => {
        const { result, position, snapshot, until } = await readSnapshot(read);
        marks.push({
          snapshot,
          until,
          run: () => {
            take(result, { lsn: Math.max(position.lsn, processed), index: 0 });
            done();
          },
        });
      });
      // A quiet source says how far it is only when asked.
      const asker = setInterval(() => stream?.ask(), 50);
      try {
        const over = await Promise.race([aligned.then(() => "aligned" as const), ended]);
        if (over !== "aligned") throw over ?? new Error("the capture ended before the snapshot was aligned");
      } finally {
        clearInterval(asker);
      }
    },
    async close() {
      if (closing) return;
      await turn;
      await (flushing ?? Promise.resolve());
      closing = true;
      clearInterval(asking);
      clearInterval(roomTimer);
      clearTimeout(flushTimer);
      await flushNow();
      try {
        await confirm(true);
      } catch (error) {
        log.debug({ error: describeError(error) }, "last confirmation failed; the slot repeats what it sent");
      }
      await stream?.close();
      finish(undefined);
    },
  };
}
