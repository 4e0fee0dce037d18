import type { NewId } from "#platform";
import { cellText, createCells, createLineWriter, readCopyLine, type Cells, type LineWriter } from "./cells.ts";
import type { ChangeSink } from "./change-sink.ts";
import { mapColumns, mapSelectList, type FeedPlan } from "./feed-plan.ts";
import type { BatchContent, FeedPipe, PipeEntry, Position } from "./feed-pipe.ts";
import { findSentKeys, type HaltReason, type ParkedRow } from "./feed-store.ts";
import { createRowReader, keySeparator, type ColumnMap } from "./row-reader.ts";
import type { Reader } from "#platform";

/** A line in the buffer whose fate is decided when the batch is made, in order with the lines around it. */
type Pending =
  /** A row that was written: its key counts as sent from here on. */
  | { kind: "row"; key: string; from: number; to: number }
  /** A deletion: sent only if the key was. */
  | { kind: "leave"; key: string; from: number; to: number }
  /** A row of which the log left a large value out: read again by its key. */
  | { kind: "fetch"; sourceKey: string[]; from: number; to: number; lsn: number; index: number };

/** Reads rows by source key, selected by the plan's list: one COPY text line each. */
export type FetchRows = (keys: readonly string[][]) => Promise<Buffer>;

export interface CreateFeedSinkOptions {
  plan: FeedPlan;
  pipe: FeedPipe;
  newId: NewId;
  fetchRows: FetchRows;
  /** The relation cannot serve the feed any more. */
  onHalt(feedId: string, halt: HaltReason): void;
  onTruncate(feedId: string): void;
}

export interface FeedSink extends ChangeSink {
  readonly pipe: FeedPipe;
  readonly plan: FeedPlan;
  /** Puts what was taken so far before whatever is appended to the pipe next. */
  cut(): void;
  /**
   * Takes changes from here on. Until a generation's first chunk is read there is nothing at the consumer that a change
   * could concern, and the chunk has all of them: so a log that still tells of a truncation or of columns that were
   * renamed meanwhile cannot stop a generation that was begun because of it.
   */
  awaken(): void;
}

export function createFeedSink(options: CreateFeedSinkOptions): FeedSink {
  const { plan, pipe } = options;
  const { feedId } = plan;
  const reader = createRowReader(plan);
  const conditional = plan.passes !== undefined;
  const keyCells = plan.sourceColumns.length - plan.keyColumns.length;
  let map: ColumnMap | undefined;
  let writer = createLineWriter();
  let lines: Pending[] = [];
  let parked: ParkedRow[] = [];
  let overtaken: string[] = [];
  let rows = 0;
  let deletes = 0;
  let first: Position | undefined;
  let last: Position | undefined;
  let halted = false;
  let dormant = pipe.record.phase === "refresh" && pipe.record.positionLsn === 0;
  /** The log's last description of the relation lacks a bound column. */
  let unreadable: HaltReason | undefined;
  let taken: Position = { lsn: pipe.record.positionLsn, index: pipe.record.positionIndex };
  let lsnText = "";
  let lsnOfText = -1;

  function mark(lsn: number, index: number): void {
    first ??= { lsn, index };
    last = { lsn, index };
    taken = last;
  }

  function writeHead(target: LineWriter, operation: "U" | "D", lsn: number, index: number): void {
    if (lsn !== lsnOfText) {
      lsnText = `\t${lsn}\t`;
      lsnOfText = lsn;
    }
    target.ascii(operation);
    target.ascii(lsnText);
    target.ascii(`${index}`);
    target.byte(9);
  }

  function leave(cells: Cells, columns: ColumnMap, origin: "log" | "sql", lsn: number, index: number): void {
    // A key that cannot be sent was never sent.
    if (!reader.readKey(cells, columns, origin)) {
      if (pipe.parkedKeys.size > 0) overtaken.push(reader.keyText());
      return;
    }
    const from = writer.length;
    writeHead(writer, "D", lsn, index);
    reader.writeKeyOnly(writer);
    if (conditional) lines.push({ kind: "leave", key: reader.keyText(), from, to: writer.length });
    else deletes += 1;
    if (pipe.parkedKeys.size > 0 || parked.length > 0) noteOvertaken(reader.keyText());
  }

  function noteOvertaken(key: string): void {
    if (pipe.parkedKeys.has(key)) overtaken.push(key);
    // A row parked earlier in the same batch is overtaken by this one as well.
    if (parked.length > 0) parked = parked.filter((row) => row.keyText !== key);
  }

  function park(cells: Cells, columns: ColumnMap, origin: "log" | "sql", lsn: number, index: number): void {
    const reasons = [...reader.failures];
    const keyed = reader.readKey(cells, columns, origin) || reader.failures.every((failure) => failure.code !== "required" && failure.code !== "type");
    const keyText = keyed ? reader.keyText() : undefined;
    const text = createLineWriter(1024);
    const names = origin === "log" ? plan.sourceColumns : [...plan.wire.map((column) => column.column), ...plan.extraColumns];
    for (let cell = 0; cell < names.length; cell += 1) {
      if (cell > 0) text.byte(9);
      const at = origin === "log" ? columns[cell]! : cell;
      text.cell(cells.buffer, cells.start[at]!, cells.end[at]!);
    }
    parked.push({ parkId: options.newId("park"), ...(keyText === undefined ? {} : { keyText }), lsn, index, rowText: text.take().toString("utf8"), columns: origin === "log" ? ["log", ...names] : ["sql", ...names], reasons });
  }

  function put(cells: Cells, columns: ColumnMap, origin: "log" | "sql", lsn: number, index: number): void {
    switch (reader.read(cells, columns, origin)) {
      case "row": {
        const from = writer.length;
        writeHead(writer, "U", lsn, index);
        reader.writeRow(writer);
        if (conditional) lines.push({ kind: "row", key: reader.keyText(), from, to: writer.length });
        else rows += 1;
        if (pipe.parkedKeys.size > 0 || parked.length > 0) noteOvertaken(reader.keyText());
        return;
      }
      case "filtered":
        leave(cells, columns, origin, lsn, index);
        return;
      case "bad":
        park(cells, columns, origin, lsn, index);
        return;
      case "incomplete":
        lines.push({ kind: "fetch", sourceKey: plan.keyColumns.map((_, key) => cellText(cells, columns[keyCells + key]!)), from: writer.length, to: writer.length, lsn, index });
    }
  }

  function keyChanged(cells: Cells, old: Cells, columns: ColumnMap): boolean {
    for (let key = keyCells; key < columns.length; key += 1) {
      const at = columns[key]!;
      if (cells.end[at]! < 0 || old.end[at]! < 0) {
        if (cells.end[at] !== old.end[at]) return true;
      } else if (cells.buffer.compare(old.buffer, old.start[at]!, old.end[at]!, cells.start[at]!, cells.end[at]!) !== 0) return true;
    }
    return false;
  }

  /** Makes the payload of lines whose fate was open: which keys were sent is known once all before are durable. */
  async function settle(buffer: Buffer, pending: Pending[], counts: { rows: number; deletes: number }, store: Reader, sent: Map<string, boolean>, entry: PipeEntry): Promise<BatchContent | undefined> {
    const fetches = pending.filter((line) => line.kind === "fetch");
    const fetched = new Map<string, { from: number; line: Buffer }>();
    const cells = createCells(plan.wire.length + plan.extraColumns.length);
    const selected = mapSelectList(plan);
    const lookup = createRowReader(plan);
    if (fetches.length > 0) {
      const bytes = await options.fetchRows(fetches.map((line) => line.sourceKey));
      for (let at = 0; at < bytes.length; ) {
        const from = at;
        at = readCopyLine(bytes, at, cells);
        const key = plan.keyColumns.map((_, index) => cellText(cells, selected[keyCells + index]!)).join(keySeparator);
        fetched.set(key, { from, line: bytes });
      }
    }
    const unknown = pending.flatMap((line) => (line.kind === "leave" && !sent.has(line.key) ? [line.key] : []));
    const inStore = conditional ? await findSentKeys(store, feedId, unknown) : new Set<string>();
    const isSent = (key: string) => sent.get(key) ?? inStore.has(key);
    const pieces: Buffer[] = [];
    let { rows: present, deletes: gone } = counts;
    let copied = 0;
    for (const line of pending) {
      pieces.push(buffer.subarray(copied, line.from));
      copied = line.to;
      if (line.kind === "row") {
        sent.set(line.key, true);
        pieces.push(buffer.subarray(line.from, line.to));
        present += 1;
      } else if (line.kind === "leave") {
        if (!isSent(line.key)) continue;
        sent.set(line.key, false);
        pieces.push(buffer.subarray(line.from, line.to));
        gone += 1;
      } else {
        const found = fetched.get(line.sourceKey.join(keySeparator));
        // It is gone by now: its deletion follows in the log.
        if (found === undefined) continue;
        readCopyLine(found.line, found.from, cells);
        const one = createLineWriter(1024);
        const verdict = lookup.read(cells, selected, "sql");
        if (verdict === "row") {
          writeHead(one, "U", line.lsn, line.index);
          lookup.writeRow(one);
          if (conditional) sent.set(lookup.keyText(), true);
          pieces.push(one.take());
          present += 1;
        } else if (verdict === "bad") {
          const row = createLineWriter(1024);
          for (let cell = 0; cell < cells.count; cell += 1) {
            if (cell > 0) row.byte(9);
            row.cell(cells.buffer, cells.start[cell]!, cells.end[cell]!);
          }
          entry.parked.push({ parkId: options.newId("park"), keyText: lookup.keyText(), lsn: line.lsn, index: line.index, rowText: row.take().toString("utf8"), columns: ["sql", ...plan.wire.map((column) => column.column), ...plan.extraColumns], reasons: [...lookup.failures] });
        }
      }
    }
    pieces.push(buffer.subarray(copied));
    return present + gone === 0 ? undefined : { payload: Buffer.concat(pieces), rows: present, deletes: gone };
  }

  function cut(): void {
    if (first === undefined || last === undefined) return;
    const buffer = writer.take();
    const pending = lines;
    const counts = { rows, deletes };
    const entry: PipeEntry = { kind: "changes", from: first, to: last, progress: { position: last }, parked, overtakenKeys: overtaken, bytes: buffer.length };
    if (pending.length > 0) entry.content = (store, sent) => settle(buffer, pending, counts, store, sent, entry);
    else if (rows + deletes > 0) entry.content = { payload: buffer, ...counts };
    lines = [];
    parked = [];
    overtaken = [];
    rows = 0;
    deletes = 0;
    first = undefined;
    pipe.append(entry);
  }

  /** Whether a change is to be taken; one that cannot be read halts the feed, and is never passed over. */
  function takes(): boolean {
    if (halted || dormant) return false;
    if (map !== undefined && unreadable === undefined) return true;
    halted = true;
    options.onHalt(feedId, unreadable ?? { code: "source-drift", message: `The log of ${pipe.record.relation} does not say what its columns are`, zh: `${pipe.record.relation} 的日志缺少列说明` });
    return false;
  }

  function afterRow(): void {
    const { batchRows, batchBytes } = pipe.assignment.limits;
    if (rows + deletes + lines.length >= batchRows || writer.length >= batchBytes) cut();
  }

  return {
    id: feedId,
    relation: pipe.record.relation,
    pipe,
    plan,
    isHalted: () => halted,
    cut,
    position: () => taken,
    bind(relation) {
      const names = relation.columns.map((column) => column.name);
      map = mapColumns(plan, names);
      unreadable = map === undefined ? { code: "source-drift", message: `A bound column of ${relation.schema}.${relation.table} is gone`, zh: `${relation.schema}.${relation.table} 中已绑定的列不存在` } : undefined;
    },
    awaken: () => void (dormant = false),
    insert(cells, lsn, index) {
      if (!takes()) return;
      mark(lsn, index + 1);
      put(cells, map!, "log", lsn, index + 1);
      afterRow();
    },
    update(cells, old, hasOld, lsn, index) {
      if (!takes()) return;
      mark(lsn, index + 1);
      if (hasOld && keyChanged(cells, old, map!)) leave(old, map!, "log", lsn, index);
      put(cells, map!, "log", lsn, index + 1);
      afterRow();
    },
    delete(old, lsn, index) {
      if (!takes()) return;
      mark(lsn, index + 1);
      leave(old, map!, "log", lsn, index);
      afterRow();
    },
    truncate() {
      if (halted || dormant) return;
      halted = true;
      options.onTruncate(feedId);
    },
    get pendingRows() {
      return rows + deletes + lines.length + parked.length;
    },
    get pendingBytes() {
      return writer.length + pipe.pendingBytes;
    },
    flush() {
      cut();
      return pipe.commit();
    },
    isFull: () => pipe.queueIsFull(),
  };
}
