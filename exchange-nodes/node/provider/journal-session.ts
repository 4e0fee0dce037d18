import type { Database, Reader } from "#platform";
import { quoteIdentifier } from "#platform";
import { copyOut } from "../sources/source-database.ts";
import { createCells, readCopyLine, cellText } from "./cells.ts";
import type { CaptureSession } from "./capture-session.ts";
import type { FeedSink } from "./feed-sink.ts";
import { findFrontTable, frontRelation, type FrontTable } from "./front-store.ts";
import { rest } from "./slot-engine.ts";

/**
 * Capture of one feed from a front-end table: rows by the position at which they last changed. A position is taken
 * under the table's lock, so that in any snapshot every position up to `journal_position` is there; a snapshot of the
 * feed is therefore exact at that position once everything up to it was delivered.
 */
export interface JournalSession extends CaptureSession {
  /** Something changed: look now. */
  wake(): void;
}

export interface OpenJournalSessionOptions {
  frontDatabase: Database;
  table: FrontTable;
  sink: FeedSink;
  /** Pause between two looks when nobody wakes it. */
  intervalMs: number;
}

const rowsAtOnce = 5_000;

export function openJournalSession(options: OpenJournalSessionOptions): JournalSession {
  const { frontDatabase, table, sink } = options;
  const { pipe } = sink;
  const stop = new AbortController();
  const names = [...new Set(sink.plan.sourceColumns)];
  const selected = names.map(quoteIdentifier).join(", ");
  const cells = createCells(names.length + 2);
  const relation = frontRelation(table);
  let delivered = pipe.record.positionLsn;
  let seen = delivered;
  let wakeUp: AbortController | undefined;
  let closed = false;
  let finish: (error: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((done) => {
    finish = done;
  });
  sink.bind({ oid: 0, schema: "front", table: table.tableName, identity: "f", columns: names.map((name) => ({ name, typeOid: 0, typmod: -1, isKey: false })) });

  let turn: Promise<unknown> = Promise.resolve();
  function exclusively<T>(run: () => Promise<T>): Promise<T> {
    const mine = turn.then(run);
    turn = mine.catch(() => undefined);
    return mine;
  }

  const positionOf = async (reader: Reader): Promise<number> => (await findFrontTable(reader, table.sourceName, table.id))?.journalPosition ?? delivered;

  /** Hands the next rows to the sink; `true` when there may be more. */
  async function deliver(reader: Reader, until: number): Promise<boolean> {
    const { bytes, rows } = await copyOut(reader, `select ${selected}, zt_deleted, zt_position from ${relation} where zt_position > ${delivered} and zt_position <= ${until} order by zt_position limit ${rowsAtOnce}`);
    for (let at = 0; at < bytes.length; ) {
      at = readCopyLine(bytes, at, cells);
      const position = Number(cellText(cells, names.length + 1));
      if (cellText(cells, names.length) === "t") sink.delete(cells, position, 0);
      else sink.insert(cells, position, 0);
      delivered = position;
    }
    return rows === rowsAtOnce;
  }

  /** Delivers what is there, made durable piece by piece, as far as the queue has room. */
  async function catchUp(): Promise<void> {
    for (let more = true; more && !stop.signal.aborted; ) {
      while (pipe.queueIsFull() && !pipe.queueHasRoom() && !stop.signal.aborted) await rest(50, stop.signal);
      more = await frontDatabase.withTransaction(
        async (reader) => {
          seen = await positionOf(reader);
          return deliver(reader, seen);
        },
        { isolation: "repeatable read", readOnly: true },
      );
      if (sink.pendingRows > 0 || pipe.pendingBytes > 0) await sink.flush();
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      // While the feed is refreshed, changes go out between the chunks, each in its place.
      if (pipe.record.phase === "live") await exclusively(catchUp);
      wakeUp = new AbortController();
      await rest(options.intervalMs, AbortSignal.any([stop.signal, wakeUp.signal]));
    }
  }
  const running = run().then(
    () => finish(undefined),
    (error: unknown) => finish(error instanceof Error ? error : new Error(String(error))),
  );

  const snapshot = <T>(read: (reader: Reader) => Promise<T>, take: (result: T, position: { lsn: number; index: number }) => void): Promise<void> =>
    exclusively(async () => {
      await catchUp();
      await frontDatabase.withTransaction(
        async (reader) => {
          const until = await positionOf(reader);
          while (await deliver(reader, until));
          const result = await read(reader);
          sink.cut();
          seen = until;
          take(result, { lsn: until, index: 1 });
        },
        { isolation: "repeatable read", readOnly: true, retries: 0 },
      );
    });

  return {
    ended,
    lagBytes: () => Math.max(0, seen - delivered),
    snapshot,
    alignedSnapshot: snapshot,
    wake: () => wakeUp?.abort(),
    async close() {
      if (closed) return;
      closed = true;
      stop.abort();
      await running;
      await turn;
    },
  };
}
