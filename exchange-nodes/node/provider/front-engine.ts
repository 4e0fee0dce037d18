import { describeError, type Database } from "#platform";
import { fieldsOfRowCondition } from "#standards";
import { wireFields } from "../../protocol/copy-text.ts";
import type { RelationSchema } from "../sources/introspect.ts";
import { raiseProblem, type FeedRuntime, type ProviderContext, type SourceConfig } from "./context.ts";
import { openFeedPipe } from "./feed-pipe.ts";
import { findKeyProblem, prepareFeed } from "./feed-preparation.ts";
import { createFeedSink } from "./feed-sink.ts";
import { findFeed, haltFeed, measureOutbox, needRefresh } from "./feed-store.ts";
import { dropFrontTable, ensureFrontTable, findFrontTable, frontSchema, listFrontTables, presentRows, type FrontMode, type FrontTable } from "./front-store.ts";
import { openJournalSession, type JournalSession } from "./journal-session.ts";
import { rest } from "./slot-engine.ts";
import { copyRows, runSnapshot } from "./snapshot-task.ts";

/** One relation of a source that is kept in the front-end database, with the feeds that read it there. */
export interface FrontGroup {
  relation: string;
  keyColumns: string[];
  /** Bound columns, the key and the update time. */
  columnNames: string[];
  updateTimeColumn?: string;
  options: Record<string, unknown>;
  runtimes: FeedRuntime[];
}

/** How the rows of one source come into the front-end database. */
export interface FrontFeeder {
  /** The relation as it is now; undefined: there is none. */
  describe(group: FrontGroup): Promise<RelationSchema | undefined>;
  mode(group: FrontGroup): FrontMode;
  /** Brings the table up to date until the signal is aborted. `changed` after every transaction that changed rows. */
  keep(options: { group: FrontGroup; table: FrontTable; schema: RelationSchema; signal: AbortSignal; changed(): void }): Promise<void>;
}

/** The relations that a source's feeds need. */
export function groupByRelation(runtimes: readonly FeedRuntime[]): FrontGroup[] {
  const groups = new Map<string, FrontGroup>();
  for (const runtime of runtimes) {
    const { binding, grant } = runtime.assignment;
    const columnsOf = (fields: readonly string[]) => fields.flatMap((field) => binding.columns[field] ?? []);
    const keyColumns = columnsOf(grant.keyFields);
    const id = JSON.stringify([binding.relation, keyColumns]);
    const group = groups.get(id) ?? { relation: binding.relation, keyColumns, columnNames: [], options: binding.options, runtimes: [] };
    const used = [...keyColumns, ...columnsOf(wireFields(grant)), ...columnsOf(grant.rowCondition ? fieldsOfRowCondition(grant.rowCondition) : []), ...(binding.updateTimeColumn === undefined ? [] : [binding.updateTimeColumn])];
    for (const column of used) if (!group.columnNames.includes(column)) group.columnNames.push(column);
    if (binding.updateTimeColumn !== undefined) group.updateTimeColumn = binding.updateTimeColumn;
    group.runtimes.push(runtime);
    groups.set(id, group);
  }
  for (const group of groups.values()) group.columnNames.sort();
  return [...groups.values()];
}

export interface FrontEngineOptions {
  context: ProviderContext;
  config: SourceConfig;
  feeder: FrontFeeder;
  /** For uniqueness checks of views; absent for files, which are checked when they are taken. */
  source?: Database;
  runtimes: readonly FeedRuntime[];
  /** Aborted when assignments change or the node stops. */
  signal: AbortSignal;
  /** Build everything again. */
  rebuild(reason: string): void;
  driftMs: number;
}

/** One session of a source whose rows go through the front-end database. Returns when it is to be built again; throws when something broke. */
export async function runFrontEngine(options: FrontEngineOptions): Promise<"idle" | "ended"> {
  const { context, config, feeder, runtimes, signal } = options;
  const { frontDatabase, nodeDatabase, clock, log, newId } = context;
  const groups = groupByRelation(runtimes);
  await dropUnused(options, groups);
  if (groups.length === 0) return "idle";

  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  const sessions: { runtime: FeedRuntime; session: JournalSession }[] = [];
  const digests = new Map<FrontGroup, string>();
  let failure: unknown;
  const fail = (error: unknown) => {
    if (!stop.signal.aborted) failure ??= error;
    stop.abort();
  };
  const rebuild = (reason: string) => {
    stop.abort();
    options.rebuild(reason);
  };

  function halt(runtime: FeedRuntime, reason: { code: "park-overflow" | "source-drift"; message: string; zh: string }): void {
    raiseProblem(context, runtime, reason);
    void nodeDatabase.withTransaction((tx) => haltFeed(tx, runtime.assignment.feedId, reason, clock.now())).then(() => rebuild(reason.code), fail);
  }

  /** Starts a feed over a table that holds the relation. */
  async function startFeed(runtime: FeedRuntime, group: FrontGroup, table: FrontTable, schema: RelationSchema): Promise<void> {
    const { feedId } = runtime.assignment;
    const seen = frontSchema(table, schema);
    const known = await nodeDatabase.read((reader) => findFeed(reader, feedId));
    if (known !== undefined && known.generation === runtime.assignment.generation && known.state !== "stopped") {
      const lost = known.relation === seen.relation && known.refreshBegun && known.phase !== "ended" && known.positionLsn < table.trimmedPosition;
      if (lost) await nodeDatabase.withTransaction((tx) => needRefresh(tx, feedId, "changes after the feed's position are no longer kept", clock.now()));
    }
    delete runtime.active;
    const prepared = await prepareFeed({ context, runtime, schema: seen, needsLog: false });
    if (prepared.state !== "active" || stop.signal.aborted) return;
    const { plan, record } = prepared;
    const from = presentRows(table);
    const pipe = await openFeedPipe({
      database: nodeDatabase,
      record,
      assignment: runtime.assignment,
      signingKey: context.signingKey,
      nodeId: context.gateway.nodeId,
      clock,
      newId,
      fault: context.fault,
      onBatches: (_, batches) => runtime.sender?.offer(batches),
      onParkOverflow: (_, parked) => halt(runtime, { code: "park-overflow", message: `${parked} rows are parked, more than the agreed ${runtime.assignment.limits.parkRows}`, zh: `暂存问题数据 ${parked} 行,超过约定的 ${runtime.assignment.limits.parkRows} 行` }),
    });
    if (record.phase === "refresh" && !record.refreshBegun) {
      // Everything up to this position is in whatever is read from now on.
      const begun = (await frontDatabase.read((reader) => findFrontTable(reader, table.sourceName, table.id)))!.journalPosition;
      const start = { lsn: 0, index: 0 };
      pipe.append({ kind: "refresh-begin", from: start, to: start, content: { payload: Buffer.alloc(0), rows: 0, deletes: 0 }, progress: { refreshBegun: true, position: { lsn: begun, index: 1 } }, parked: [] });
      await pipe.commit();
    }
    const keyTexts = plan.keyColumns.map(({ column }) => `"${column.replaceAll('"', '""')}"::text`);
    const sink = createFeedSink({
      plan,
      pipe,
      newId,
      fetchRows: async (keys) => {
        const values = keys.map((_, row) => `(${keyTexts.map((__, column) => `$${row * keyTexts.length + column + 1}::text`).join(", ")})`);
        return (await frontDatabase.read((reader) => copyRows(reader, { plan, from, where: [{ text: `(${keyTexts.join(", ")}) in (${values.join(", ")})`, values: keys.flat() }] }))).bytes;
      },
      onHalt: (_, reason) => halt(runtime, { ...reason, code: "source-drift" }),
      onTruncate: () => undefined,
    });
    const session = openJournalSession({ frontDatabase, table, sink, intervalMs: 1_000 });
    sessions.push({ runtime, session });
    runtime.active = { plan, pipe, session, from, cut: sink.cut };
    void session.ended.then((error) => error && fail(error));
    await runSnapshot({ plan, pipe, from, session, newId, signal: stop.signal, fault: context.fault, once: runtime.assignment.grant.deliveryMode === "batch" });
    session.wake();
  }

  async function runGroup(group: FrontGroup): Promise<void> {
    const schema = await feeder.describe(group);
    digests.set(group, JSON.stringify(schema?.columns));
    const columns = schema?.columns.filter((column) => group.columnNames.includes(column.name)) ?? [];
    if (schema === undefined || group.keyColumns.some((key) => !columns.some((column) => column.name === key))) {
      // Says what is missing, feed by feed; the drift check looks again.
      for (const runtime of group.runtimes) await prepareFeed({ context, runtime, schema, needsLog: false });
      return;
    }
    if (schema.kind !== "table" && schema.kind !== "file" && options.source !== undefined) {
      const keys = group.keyColumns.map((column) => ({ column, type: "text" }));
      const problem = await options.source.read((reader) => findKeyProblem(reader, { keyColumns: keys }, quoteOf(schema.relation)));
      if (problem !== undefined) {
        for (const runtime of group.runtimes) raiseProblem(context, runtime, problem);
        return;
      }
    }
    const table = await frontDatabase.withTransaction((tx) => ensureFrontTable(tx, { sourceName: config.name, relation: group.relation, columns, keyColumns: group.keyColumns, mode: feeder.mode(group), at: clock.now() }));
    let begun = false;
    const begin = async () => {
      if (begun || stop.signal.aborted) return;
      const current = await frontDatabase.read((reader) => findFrontTable(reader, table.sourceName, table.id));
      if (current?.phase !== "live") return;
      begun = true;
      for (const runtime of group.runtimes) startFeed(runtime, group, current, schema).catch(fail);
    };
    await begin();
    await feeder.keep({
      group,
      table,
      schema,
      signal: stop.signal,
      changed: () => {
        void begin().catch(fail);
        for (const { runtime, session } of sessions) if (group.runtimes.includes(runtime)) session.wake();
      },
    });
  }

  async function watch(): Promise<void> {
    for (;;) {
      await rest(options.driftMs, stop.signal);
      if (stop.signal.aborted) return;
      for (const group of groups) if (JSON.stringify((await feeder.describe(group))?.columns) !== digests.get(group)) return rebuild("the source's schema changed");
      for (const runtime of runtimes) {
        if (runtime.waitsFor !== "queue") continue;
        const { bytes } = await nodeDatabase.read((reader) => measureOutbox(reader, runtime.assignment.feedId));
        if (bytes < runtime.assignment.limits.queueBytes / 2) return rebuild("queue has room");
      }
    }
  }

  if (signal.aborted) stop.abort();
  await Promise.all([watch().catch(fail), ...groups.map((group) => runGroup(group).catch(fail))]);
  if (!stop.signal.aborted) await rest(2 ** 30, stop.signal);
  stop.abort();
  signal.removeEventListener("abort", onAbort);
  for (const { runtime, session } of sessions) {
    delete runtime.active;
    await session.close().catch((error: unknown) => log.debug({ error: describeError(error) }, "session close failed"));
  }
  if (failure !== undefined && !signal.aborted) throw failure;
  return "ended";
}

const quoteOf = (relation: string) => relation.split(".").map((part) => `"${part.replaceAll('"', '""')}"`).join(".");

/** Tables that no feed reads any more are removed, with the department's rows in them. */
async function dropUnused({ context, config }: FrontEngineOptions, groups: readonly FrontGroup[]): Promise<void> {
  const { frontDatabase, log } = context;
  const used = new Set(groups.map((group) => `${group.relation} (${group.keyColumns.join(", ")})`));
  for (const table of await frontDatabase.read((reader) => listFrontTables(reader, config.name))) {
    if (used.has(table.id)) continue;
    await frontDatabase.withTransaction((tx) => dropFrontTable(tx, table));
    log.info({ source: config.name, table: table.tableName }, "front-end table removed: no feed uses it");
  }
}
