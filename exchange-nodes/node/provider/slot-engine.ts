import { createHash } from "node:crypto";
import { describeError, type Database } from "#platform";
import { findRelation, quoteRelation, type RelationSchema } from "../sources/introspect.ts";
import { createSlot, dropSlot, ensurePublication, findSlot } from "../sources/slot.ts";
import { breakingReason, compareSchema } from "../sources/drift.ts";
import type { ChangeSink } from "./change-sink.ts";
import { defaultMaxRetainedBytes, raiseProblem, type FeedRuntime, type ProviderContext, type SourceConfig } from "./context.ts";
import { openFeedPipe } from "./feed-pipe.ts";
import { prepareFeed, usedItems } from "./feed-preparation.ts";
import { haltFeed, needRefresh } from "./feed-store.ts";
import { createFeedSink, type FeedSink } from "./feed-sink.ts";
import { openSlotSession } from "./slot-session.ts";
import { appendRefreshBegin, copyRows, runSnapshot } from "./snapshot-task.ts";

/** What the slot makes the source keep, for status and alarms. */
export interface SlotHealth {
  slotName: string;
  retainedBytes: number;
  limitBytes: number;
  /** Retained more than half of the limit. */
  alarm: boolean;
  /** The source has its own limit (max_slot_wal_keep_size), which works while this node is away. */
  boundedBySource: boolean;
}

export interface SlotNames {
  slotName: string;
  publicationName: string;
}

/** Slots are known by name to the whole server: the node's id keeps two nodes apart. */
export function slotNames(nodeId: string, source: SourceConfig): SlotNames {
  const suffix = createHash("sha256").update(`${nodeId}\n${source.name}`).digest("hex").slice(0, 12);
  const base = `zt_${source.name.replaceAll(/[^a-z0-9_]/g, "_").slice(0, 40)}_${suffix}`;
  return { slotName: source.options?.slotName ?? base, publicationName: source.options?.publicationName ?? base };
}

interface CaptureRow extends Record<string, unknown> {
  slot_name: string;
  system_identifier: string;
  confirmed_lsn: number;
}

export interface SlotStart {
  confirmedLsn: number;
  /** The slot is new, and why: nothing before it is told. */
  lost?: string;
}

/**
 * Finds the slot where it was left, or makes a new one. `lost` says why what the old one would have told is gone: the
 * slot was dropped, recreated, moved by somebody else, or invalidated, or the source is another server.
 */
export async function takeSlot(context: ProviderContext, source: Database, url: string, sourceName: string, names: SlotNames): Promise<SlotStart> {
  const known = await context.nodeDatabase.read(async (reader) => (await reader.query<CaptureRow>("select slot_name, system_identifier, confirmed_lsn from node.capture where source_name = $1", [sourceName])).rows[0]);
  const found = await findSlot(source, names.slotName);
  // Whoever was captured before from a slot that was given up since has missed what came between.
  let lost = "the replication slot was given up while no feed used it";
  if (known !== undefined) {
    if (found === undefined) lost = "the replication slot is gone";
    else if (found.systemIdentifier !== known.system_identifier) lost = "the source is another database server";
    else if (found.walStatus === "lost" || found.walStatus === undefined) lost = "the source threw away log that was not read";
    else if (found.confirmedLsn > known.confirmed_lsn) lost = "the replication slot was moved or made anew by somebody else";
    else if (found.currentLsn < known.confirmed_lsn) lost = "the source went back in time (restored from a backup)";
    else return { confirmedLsn: known.confirmed_lsn < found.confirmedLsn ? known.confirmed_lsn : found.confirmedLsn };
  }
  if (found !== undefined) await dropSlot(url, names.slotName, context.log);
  const made = await createSlot(url, names.slotName);
  await context.nodeDatabase.withTransaction(async (tx) => {
    await tx.query(
      `insert into node.capture (source_name, slot_name, publication_name, system_identifier, confirmed_lsn, created_at) values ($1, $2, $3, $4, $5, $6)
       on conflict (source_name) do update set slot_name = excluded.slot_name, publication_name = excluded.publication_name, system_identifier = excluded.system_identifier, confirmed_lsn = excluded.confirmed_lsn, created_at = excluded.created_at`,
      [sourceName, names.slotName, names.publicationName, made.systemIdentifier, made.confirmedLsn, context.clock.now()],
    );
  });
  return { confirmedLsn: made.confirmedLsn, lost };
}

/** Gives the slot back: nobody needs it. */
export async function giveUpSlot(context: ProviderContext, url: string, sourceName: string, names: SlotNames): Promise<void> {
  const { rowCount } = await context.nodeDatabase.read((reader) => reader.query("select 1 from node.capture where source_name = $1", [sourceName]));
  if (rowCount === 0) return;
  await dropSlot(url, names.slotName, context.log);
  await context.nodeDatabase.withTransaction((tx) => tx.query("delete from node.capture where source_name = $1", [sourceName]));
  context.log.info({ source: sourceName }, "replication slot dropped: no feed uses it");
}

export const persistConfirmed = (context: ProviderContext, sourceName: string) => async (lsn: number) => {
  await context.nodeDatabase.withTransaction((tx) => tx.query("update node.capture set confirmed_lsn = $2 where source_name = $1 and confirmed_lsn < $2", [sourceName, lsn]));
};

/**
 * Watches what the slot makes the source keep. Above half of the limit it alarms; at the limit it drops the slot, so
 * that a feed that stands still never fills the department's disk.
 */
export async function guardSlot(context: ProviderContext, source: Database, config: SourceConfig, names: SlotNames): Promise<SlotHealth & { exceeded: boolean }> {
  const slot = await findSlot(source, names.slotName);
  const limitBytes = config.options?.maxRetainedBytes ?? defaultMaxRetainedBytes;
  const retainedBytes = slot?.retainedBytes ?? 0;
  const alarm = retainedBytes > limitBytes / 2;
  context.metrics.gauge("slot_retained_bytes", "Log that a replication slot makes the source keep", ["source"]).set({ source: config.name }, retainedBytes);
  if (alarm) context.log.error({ source: config.name, retainedBytes, limitBytes }, "the replication slot makes the source keep much log; at the limit it is dropped and feeds are refreshed");
  return { slotName: names.slotName, retainedBytes, limitBytes, alarm, boundedBySource: slot?.boundedBySource ?? true, exceeded: retainedBytes >= limitBytes };
}

export interface SlotEngineOptions {
  context: ProviderContext;
  config: SourceConfig;
  source: Database;
  runtimes: readonly FeedRuntime[];
  /** Aborted when assignments change or the node stops. */
  signal: AbortSignal;
  /** Build the session again. */
  rebuild(reason: string): void;
  onHealth(health: SlotHealth): void;
  guardMs: number;
  driftMs: number;
}

/** One session of a source that is captured directly. Returns when it is to be built again or the node stops; throws when something broke. */
export async function runSlotEngine(options: SlotEngineOptions): Promise<"idle" | "ended"> {
  const { context, config, source, runtimes, signal } = options;
  const { nodeDatabase, clock, log, newId } = context;
  const url = config.url!;
  const names = slotNames(context.gateway.nodeId, config);
  if (runtimes.length === 0) {
    await giveUpSlot(context, url, config.name, names);
    return "idle";
  }

  const schemas = await source.read(async (reader) => {
    const found: (RelationSchema | undefined)[] = [];
    for (const runtime of runtimes) found.push(await findRelation(reader, runtime.assignment.binding.relation));
    return found;
  });
  const relations = [...new Set(schemas.flatMap((schema) => schema?.relation ?? []))];
  if (relations.length > 0) await ensurePublication({ url, publicationName: names.publicationName, relations });
  const start = await takeSlot(context, source, url, config.name, names);
  if (start.lost !== undefined) {
    await nodeDatabase.withTransaction(async (tx) => {
      const { rows } = await tx.query<{ feed_id: string }>("select feed_id from node.feed where source_name = $1 and state <> 'stopped' and phase <> 'ended' and refresh_begun", [config.name]);
      if (rows.length > 0) log.error({ source: config.name, reason: start.lost, feeds: rows.length }, "changes were lost; the feeds of the source are refreshed");
      for (const { feed_id } of rows) await needRefresh(tx, feed_id, start.lost!, clock.now());
    });
  }

  let held = false;
  const sinks: FeedSink[] = [];
  const started: { runtime: FeedRuntime; sink: FeedSink; from: string }[] = [];
  for (const [index, runtime] of runtimes.entries()) {
    const prepared = await prepareFeed({ context, runtime, schema: schemas[index], needsLog: true });
    delete runtime.active;
    if (prepared.state === "held") held = true;
    if (prepared.state !== "active") continue;
    const { plan, record } = prepared;
    const from = quoteRelation(record.relation);
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
      onParkOverflow: (feedId, parked) => halt(runtime, { code: "park-overflow", message: `${parked} rows are parked, more than the agreed ${runtime.assignment.limits.parkRows}`, zh: `暂存问题数据 ${parked} 行,超过约定的 ${runtime.assignment.limits.parkRows} 行` }, feedId),
    });
    appendRefreshBegin(pipe);
    await pipe.commit();
    const sink = createFeedSink({
      plan,
      pipe,
      newId,
      fetchRows: async (keys) => {
        const columns = plan.keyColumns.map(({ column }) => `"${column.replaceAll('"', '""')}"::text`);
        const values = keys.map((_, row) => `(${columns.map((__, column) => `$${row * columns.length + column + 1}::text`).join(", ")})`);
        return (await source.read((reader) => copyRows(reader, { plan, from, where: [{ text: `(${columns.join(", ")}) in (${values.join(", ")})`, values: keys.flat() }] }))).bytes;
      },
      onHalt: (feedId, reason) => void haltOrRefresh(runtime, { ...reason, code: "source-drift" }, feedId),
      onTruncate: (feedId) => {
        void nodeDatabase.withTransaction((tx) => needRefresh(tx, feedId, "the source table was emptied (TRUNCATE)", clock.now())).finally(() => options.rebuild("truncated"));
      },
    });
    sinks.push(sink);
    started.push({ runtime, sink, from });
  }

  /** The log describes a relation that cannot be read. If it is so still, the feed waits for a person; if it is over, only the changes of that time are lost to it. */
  async function haltOrRefresh(runtime: FeedRuntime, reason: { code: "source-drift"; message: string; zh: string }, feedId: string): Promise<void> {
    try {
      const now = breakingReason(await driftOf(runtime));
      if (now !== undefined) return halt(runtime, now, feedId);
      await nodeDatabase.withTransaction((tx) => needRefresh(tx, feedId, `changes were made while the source had another schema (${reason.message})`, clock.now()));
      options.rebuild("changes of another schema");
    } catch (error) {
      log.warn({ feedId, error: describeError(error) }, "the source's schema could not be looked at");
      options.rebuild("schema unknown");
    }
  }

  async function driftOf(runtime: FeedRuntime) {
    const { binding, grant } = runtime.assignment;
    const schema = await source.read((reader) => findRelation(reader, binding.relation));
    return compareSchema({ schema, relation: binding.relation, columns: binding.columns, items: usedItems(runtime), keyFields: grant.keyFields, ...(runtime.record?.sourceSchema ? { baseline: runtime.record.sourceSchema } : {}), needsLog: true });
  }

  function halt(runtime: FeedRuntime, reason: { code: "park-overflow" | "source-drift"; message: string; zh: string }, feedId: string): void {
    raiseProblem(context, runtime, reason);
    void nodeDatabase.withTransaction((tx) => haltFeed(tx, feedId, reason, clock.now())).finally(() => options.rebuild(reason.code));
  }

  if (signal.aborted) return "ended";
  const session = await openSlotSession({
    source,
    url,
    slotName: names.slotName,
    publicationName: names.publicationName,
    confirmedLsn: start.confirmedLsn,
    sinks: sinks satisfies readonly ChangeSink[],
    holdConfirmation: held,
    persistConfirmed: persistConfirmed(context, config.name),
    log,
    fault: context.fault,
    lingerMs: config.options?.lingerMs ?? 10,
    confirmEveryMs: 500,
    onFull: () => options.rebuild("queue full"),
  });
  for (const { runtime, sink, from } of started) runtime.active = { plan: sink.plan, pipe: sink.pipe, session, from, cut: sink.cut };

  const stopTasks = new AbortController();
  const onAbort = () => stopTasks.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  let failure: unknown;
  const failed = new Promise<void>((done) => {
    const fail = (error: unknown) => {
      if (!stopTasks.signal.aborted) failure ??= error;
      done();
    };
    void session.ended.then((error) => (error === undefined ? done() : fail(error)));
    void runSnapshots().catch(fail);
    void watch().catch(fail);
  });

  async function runSnapshots(): Promise<void> {
    const refreshing = started.filter(({ sink }) => sink.pipe.record.phase === "refresh");
    if (refreshing.length === 0) return;
    await waitForEarlierTransactions(source, stopTasks.signal);
    for (const { runtime, sink, from } of refreshing) {
      if (sink.pipe.record.positionLsn === 0) await session.caughtUp();
      if (stopTasks.signal.aborted) return;
      await runSnapshot({ plan: sink.plan, pipe: sink.pipe, from, session, newId, signal: stopTasks.signal, fault: context.fault, once: runtime.assignment.grant.deliveryMode === "batch", onFirstChunk: sink.awaken });
    }
  }

  async function watch(): Promise<void> {
    let sinceDrift = 0;
    for (;;) {
      const health = await guardSlot(context, source, config, names);
      options.onHealth(health);
      if (health.exceeded) {
        await nodeDatabase.withTransaction(async (tx) => {
          // Whoever stands still pays, not those who keep up; without anybody who stands still the slot itself goes.
          for (const runtime of runtimes) if (!started.some((other) => other.runtime === runtime) && runtime.record) await needRefresh(tx, runtime.assignment.feedId, "it stood still until the source had kept too much log for it", clock.now());
        });
        if (!held) await dropSlot(url, names.slotName, log);
        options.rebuild("slot limit");
        return;
      }
      if (held && runtimes.some((runtime) => runtime.waitsFor === "queue")) await lookForRoom();
      await rest(options.guardMs, stopTasks.signal);
      if (stopTasks.signal.aborted) return;
      sinceDrift += options.guardMs;
      if (sinceDrift >= options.driftMs) {
        sinceDrift = 0;
        await checkDrift();
      }
    }
  }

  async function lookForRoom(): Promise<void> {
    for (const runtime of runtimes) {
      if (runtime.waitsFor !== "queue") continue;
      const { rows } = await nodeDatabase.read((reader) => reader.query<{ bytes: number }>("select coalesce(sum(payload_bytes), 0)::bigint as bytes from node.outbox where feed_id = $1", [runtime.assignment.feedId]));
      if (rows[0]!.bytes < runtime.assignment.limits.queueBytes / 2) return options.rebuild("queue has room");
    }
  }

  async function checkDrift(): Promise<void> {
    for (const runtime of runtimes) {
      const findings = await driftOf(runtime);
      const isActive = started.some((other) => other.runtime === runtime);
      if ((breakingReason(findings) !== undefined) === isActive && runtime.record?.halt?.code !== "park-overflow") return options.rebuild("the source's schema changed");
      runtime.drift = findings;
    }
  }

  if (signal.aborted) onAbort();
  await Promise.race([failed, new Promise<void>((done) => (stopTasks.signal.aborted ? done() : stopTasks.signal.addEventListener("abort", () => done(), { once: true })))]);
  stopTasks.abort();
  signal.removeEventListener("abort", onAbort);
  for (const { runtime } of started) delete runtime.active;
  await session.close().catch((error: unknown) => log.debug({ error: describeError(error) }, "session close failed"));
  if (failure !== undefined && !signal.aborted) throw failure;
  return "ended";
}

/**
 * A transaction that an earlier run of this node was told of may, on a source with synchronous replication, not be
 * visible yet. Whoever runs now is waited for, at most ten seconds: longer ones have not committed.
 */
async function waitForEarlierTransactions(source: Database, signal: AbortSignal): Promise<void> {
  const running = await source.read(async (reader) => (await reader.query<{ xids: string[] }>("select array(select pg_snapshot_xip(pg_current_snapshot())::text) as xids")).rows[0]!.xids);
  for (let waited = 0; running.length > 0 && waited < 10_000 && !signal.aborted; waited += 20) {
    const left = await source.read(async (reader) => (await reader.query<{ left_over: number }>("select count(*)::integer as left_over from unnest($1::text[]) as t(x) where pg_xact_status(x::xid8) = 'in progress'", [running])).rows[0]!.left_over);
    if (left === 0) return;
    await rest(20, signal);
  }
}

export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      done();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}

