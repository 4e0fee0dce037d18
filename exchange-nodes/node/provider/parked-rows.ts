import { ConflictError, type Clock, type Database } from "#platform";
import type { CommandOutcome, NodeCommand } from "../../protocol/assignments.ts";
import { createCells, createLineWriter, readCopyLine } from "./cells.ts";
import type { FeedRuntime } from "./context.ts";
import { mapSelectList, type FeedPlan } from "./feed-plan.ts";
import { listParked, settleParked, type ParkedRow } from "./feed-store.ts";
import { createRowReader, type ColumnMap } from "./row-reader.ts";

/** How the cells of a parked row lie; undefined when they are of another plan than today's. */
function layoutOf(plan: FeedPlan, row: ParkedRow): { origin: "log" | "sql"; map: ColumnMap } | undefined {
  const [origin, ...names] = row.columns;
  const expected = origin === "log" ? plan.sourceColumns : [...plan.wire.map((column) => column.column), ...plan.extraColumns];
  if (names.length !== expected.length || names.some((name, index) => name !== expected[index])) return undefined;
  return origin === "log" ? { origin, map: Int32Array.from(names, (_, index) => index) } : { origin: "sql", map: mapSelectList(plan) };
}

/** Checks rows again and writes those that pass as changes of the version at which they were parked. */
function writeRows(plan: FeedPlan, rows: readonly ParkedRow[]): { payload: Buffer; sent: number; settled: string[]; keys: Map<string, boolean> } {
  const reader = createRowReader(plan);
  const writer = createLineWriter();
  const cells = createCells(plan.sourceColumns.length + plan.wire.length + plan.extraColumns.length + 1);
  const settled: string[] = [];
  const keys = new Map<string, boolean>();
  let sent = 0;
  for (const row of rows) {
    const layout = layoutOf(plan, row);
    if (layout === undefined) continue;
    readCopyLine(Buffer.from(`${row.rowText}\n`), 0, cells);
    const verdict = reader.read(cells, layout.map, layout.origin);
    if (verdict === "bad" || verdict === "incomplete") continue;
    settled.push(row.parkId);
    if (verdict !== "row") continue;
    writer.ascii(`U\t${row.lsn}\t${row.index}\t`);
    reader.writeRow(writer);
    if (plan.passes !== undefined) keys.set(reader.keyText(), true);
    sent += 1;
  }
  return { payload: writer.take(), sent, settled, keys };
}

/**
 * Sends parked rows that pass the checks now, each as the version that it was: whatever came later for its key wins.
 * The capture is held meanwhile, so that a row overtaken a moment ago is not sent.
 */
export async function replayParked({ database, runtime, command }: { database: Database; runtime: FeedRuntime | undefined; command: NodeCommand }): Promise<CommandOutcome> {
  const active = runtime?.active;
  if (active === undefined) throw new ConflictError(`Feed ${command.feedId} is not running at this node`, { zh: "数据流当前不在运行", code: "feed.not-live", nextStep: "See why it stands still; after too many bad rows, correct them at the source or discard them first." });
  const { plan, pipe, session } = active;
  let sent = 0;
  let left = 0;
  await session.snapshot(
    async () => {
      active.cut();
      await pipe.commit();
      return database.read((reader) => listParked(reader, command.feedId, command.parkIds));
    },
    (rows) => {
      const written = writeRows(plan, rows);
      sent = written.sent;
      left = rows.length - written.settled.length;
      if (written.settled.length === 0) return;
      const at = { lsn: pipe.record.positionLsn, index: pipe.record.positionIndex };
      pipe.append({ kind: "changes", from: at, to: at, ...(sent > 0 ? { content: { payload: written.payload, rows: sent, deletes: 0 } } : {}), progress: {}, parked: [], replayedIds: written.settled, sentKeys: written.keys });
    },
  );
  await pipe.commit();
  return { commandId: command.id, ok: true, rows: sent, ...(left > 0 ? { message: `${left} rows still fail their checks and stay parked` } : {}) };
}

/** Gives parked rows up: they will not reach the consumer unless they change at the source. */
export async function discardParked(options: { database: Database; clock: Clock; runtime: FeedRuntime | undefined; command: NodeCommand }): Promise<CommandOutcome> {
  const { database, clock, runtime, command } = options;
  const rows = await database.withTransaction(async (tx) => {
    const parked = await listParked(tx, command.feedId, command.parkIds);
    return settleParked(tx, parked.map((row) => row.parkId), "discarded", clock.now());
  });
  await runtime?.active?.pipe.refreshCounts();
  return { commandId: command.id, ok: true, rows };
}
