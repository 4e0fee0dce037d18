import type { BatchEnvelope } from "#standards";
import { ConflictError, isUniqueViolation, sha256, type Clock, type Database, type Log, type Transaction } from "#platform";
import type { ChecksumReport, FeedTarget } from "../../protocol/assignments.ts";
import { parsePosition, type FeedHead } from "../../protocol/envelope.ts";
import { copyInto, countWritten } from "./copy-into.ts";
import { hasEscapes, partitionLines, type LinePart, type SequencedLines } from "./lines.ts";
import { compareChecksums, repairTable } from "./reconcile-target.ts";
import { applySql, columnList, dedupeSql, smallTableRows, stageColumns, tableNames, type TableShape } from "./target-table.ts";
import { advanceApplied, beginRefresh, ensureTargetSchema, findTargetFeed, forgetLoaded, indexSql, insertTargetFeed, lockPositions, movePositions, noteLoaded, swapIn, writePartitions, writeTargetState, type TargetFeed, type TargetState } from "./target-store.ts";

/**
 * Applies one feed's batches to its target. Batches come in order and verified; what is here makes their effect exact:
 *
 * - Changes: lines are cut apart by key for `appliers` connections; each part is COPYed to a staging table and brought
 *   in by one statement, in one transaction with that partition's position. A batch that comes again finds its
 *   position passed. Few rows go in one transaction for all partitions, without a staging table.
 * - A refresh: chunks are COPYed as they came, by all connections at once, into a table beside without indexes; each
 *   chunk is noted in its transaction. Changes meanwhile go to a table aside. At the end: primary key, the changes
 *   aside, indexes, statistics, and the swap.
 *
 * Killed anywhere, it goes on from positions and notes; nothing depends on memory.
 */
export interface OpenedBatch {
  envelope: BatchEnvelope;
  hash: string;
  /** Undone payload. */
  plain: Buffer;
}

/** What the assignment says about batches from now on. */
export interface ApplyContext {
  /** Shape of a generation that begins now. */
  shape: TableShape;
  /** Batches under an older version of the grant had another scope; they are passed over. */
  scopeVersion: number;
}

export interface ApplyResult {
  /** Answer to a `checksum` batch, for the centre. */
  checksums: Omit<ChecksumReport, "feedId">[];
  /** The delivery's last batch was applied. */
  ended: boolean;
  /** Rows that were written. */
  written: number;
}

export interface FeedApplier {
  /** Reads where the target stands, and creates what it needs. Must be called first, and after every failure. */
  open(): Promise<{ head: FeedHead; state: TargetState; generation: number; loadingGeneration?: number; lastRowAt?: Date }>;
  apply(batches: readonly OpenedBatch[], context: ApplyContext, signal: AbortSignal): Promise<ApplyResult>;
  /** The log no longer holds what comes next: go on behind `head` and wait for the next generation. */
  skipTo(head: FeedHead): Promise<void>;
  /** The log went back to `head`: as `skipTo`, and what was applied beyond it counts as never applied. */
  rewindTo(head: FeedHead): Promise<void>;
  markStopped(): Promise<void>;
  appliedSequence(): number;
  state(): TargetState;
  generation(): number;
}

export interface CreateFeedApplierOptions {
  database: Database;
  clock: Clock;
  log: Log;
  feedId: string;
  grantId: string;
  target: FeedTarget;
  /** Connections that apply at once, on disjoint keys. Default 2. */
  appliers?: number;
  /** Called before each commit, with what is about to be committed; tests let it fail. */
  beforeCommit?: (step: string) => Promise<void> | void;
}

/** Up to here one transaction without staging is quicker: a temporary table costs about 2 ms. */
const smallRows = 100;
/** Rows of one transaction: long enough to make the commit cheap, short enough to stay in memory. */
const transactionRows = 20_000;

export function createFeedApplier(options: CreateFeedApplierOptions): FeedApplier {
  const { database, clock, log, feedId, target } = options;
  const names = tableNames(target.schema, target.table);
  const wanted = Math.max(1, options.appliers ?? 2);
  let feed: TargetFeed | undefined;

  const opened = (): TargetFeed => {
    if (!feed) throw new Error(`the applier of ${feedId} is not open`);
    return feed;
  };
  const headOf = ({ envelope, hash }: OpenedBatch): FeedHead => ({ sequence: envelope.sequence, hash });
  const lowest = (positions: readonly FeedHead[]): FeedHead => positions.reduce((low, position) => (position.sequence < low.sequence ? position : low));
  const allPartitions = () => opened().positions.map((_, partition) => partition);

  async function transaction<T>(step: string, signal: AbortSignal | undefined, run: (tx: Transaction) => Promise<T>): Promise<T> {
    return database.withTransaction(async (tx) => {
      const result = await run(tx);
      await options.beforeCommit?.(step);
      // Revoked or stopped while this was under way: it does not take effect.
      signal?.throwIfAborted();
      return result;
    });
  }

  /** Prepared once per connection: planning it each time would cost more than running it. */
  const prepared = new Map<string, { shape: TableShape; name: string; text: string }>();
  function smallStatement(shape: TableShape, deletes: boolean): { name: string; text: string } {
    let statement = prepared.get(String(deletes));
    if (statement?.shape !== shape) {
      const text = applySql({ names, shape, into: "table", from: { linesParameter: 1 }, deletes });
      prepared.set(String(deletes), (statement = { shape, text, name: `zt_apply_${sha256(text).slice(0, 16)}` }));
    }
    return { name: statement.name, text: statement.text };
  }

  /** Brings lines (as `partitionLines` gives them) into the table. */
  async function applyLines(tx: Transaction, shape: TableShape, { bytes, rows, deletes: count }: LinePart): Promise<number> {
    if (rows === 0) return 0;
    // Stays true for the applier's life: a transaction that is rolled back leaves it true, which costs time only.
    if (count > 0) opened().remembersDeletes = true;
    const deletes = opened().remembersDeletes;
    if (rows <= smallRows && !hasEscapes(bytes)) return countWritten(tx, { ...smallStatement(shape, deletes), values: [bytes.toString("utf8")] });
    await tx.query(`create temp table zt_stage (${stageColumns(shape)}) on commit drop`);
    await copyInto(tx, "pg_temp.zt_stage", "", [bytes]);
    return countWritten(tx, { text: applySql({ names, shape, into: "table", from: "pg_temp.zt_stage", deletes }) });
  }

  /** Runs of batches that one transaction takes. */
  function groupsOf(batches: readonly OpenedBatch[]): OpenedBatch[][] {
    const groups: OpenedBatch[][] = [];
    let rows = Infinity;
    for (const batch of batches) {
      const more = batch.envelope.rows + batch.envelope.deletes;
      if (rows + more > transactionRows) {
        groups.push([]);
        rows = 0;
      }
      groups.at(-1)!.push(batch);
      rows += more;
    }
    return groups;
  }

  const sequenced = (batches: readonly OpenedBatch[]): SequencedLines[] => batches.map(({ envelope, plain }) => ({ sequence: envelope.sequence, lines: plain }));

  async function applyChanges(batches: readonly OpenedBatch[], shape: TableShape, signal: AbortSignal): Promise<number> {
    const { positions } = opened();
    const groups = groupsOf(batches);
    const keyColumns = shape.keyFields.length;
    const partitions = positions.length;
    const even = positions.every((position) => position.sequence === positions[0]!.sequence);
    const rows = batches.reduce((sum, { envelope }) => sum + envelope.rows + envelope.deletes, 0);
    let written = 0;

    if (even && (rows <= smallRows || partitions === 1)) {
      for (const group of groups) {
        const head = headOf(group.at(-1)!);
        written += await transaction("changes", signal, async (tx) => {
          const at = await lockPositions(tx, feedId, allPartitions());
          const fresh = group.filter(({ envelope }) => envelope.sequence > Math.max(...at));
          if (at.some((sequence) => sequence !== at[0])) throw new ConflictError(`Feed ${feedId} is being applied by another process`, { code: "subscriber.moved" });
          const [part] = partitionLines(sequenced(fresh), 1, keyColumns);
          const count = await applyLines(tx, shape, part!);
          await movePositions(tx, feedId, allPartitions(), head);
          await advanceApplied(tx, feedId, clock.now());
          return count;
        });
        positions.fill(head);
        opened().appliedSequence = head.sequence;
      }
      return written;
    }

    // Each group is cut when its first partition comes to it and let go by the last: memory holds what is under way.
    const cut = groups.map((group) => ({ head: headOf(group.at(-1)!), group, parts: undefined as LinePart[] | undefined, users: partitions }));
    const partOf = (one: (typeof cut)[number], partition: number, done: number) => {
      if (done >= one.group[0]!.envelope.sequence) return partitionLines(sequenced(one.group.filter(({ envelope }) => envelope.sequence > done)), partitions, keyColumns)[partition]!;
      one.parts ??= partitionLines(sequenced(one.group), partitions, keyColumns);
      return one.parts[partition]!;
    };
    const failures: unknown[] = [];
    await Promise.all(
      positions.map(async (_, partition) => {
        try {
          for (const one of cut) {
            if (failures.length > 0) return;
            const { head } = one;
            const done = positions[partition]!.sequence;
            one.users -= 1;
            // After a kill one partition may be further than another, also in the middle of a group.
            if (done >= head.sequence) continue;
            const part = partOf(one, partition, done);
            if (one.users === 0) one.parts = undefined;
            const count = await transaction("changes", signal, async (tx) => {
              const [at] = await lockPositions(tx, feedId, [partition]);
              if (at !== done) throw new ConflictError(`Feed ${feedId} is being applied by another process`, { code: "subscriber.moved" });
              const applied = await applyLines(tx, shape, part);
              await movePositions(tx, feedId, [partition], head);
              return applied;
            });
            written += count;
            positions[partition] = head;
            if (lowest(positions).sequence > opened().appliedSequence) {
              await database.read((reader) => advanceApplied(reader, feedId, clock.now()));
              opened().appliedSequence = lowest(positions).sequence;
            }
          }
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    return written;
  }

  /** Moves every partition over batches that need nothing done in the table. */
  async function pass(batches: readonly OpenedBatch[], step: string, signal: AbortSignal, run: (tx: Transaction) => Promise<void> = async () => undefined): Promise<void> {
    const { positions } = opened();
    const head = headOf(batches.at(-1)!);
    await transaction(step, signal, async (tx) => {
      const at = await lockPositions(tx, feedId, allPartitions());
      if (at.some((sequence, partition) => sequence !== positions[partition]!.sequence)) throw new ConflictError(`Feed ${feedId} is being applied by another process`, { code: "subscriber.moved" });
      await run(tx);
      await movePositions(tx, feedId, allPartitions(), head);
      await advanceApplied(tx, feedId, clock.now());
    });
    positions.fill(head);
    opened().appliedSequence = head.sequence;
  }

  async function begin(batch: OpenedBatch, shape: TableShape, signal: AbortSignal): Promise<void> {
    const { envelope } = batch;
    const { lsn, index } = parsePosition(envelope.fromPosition);
    const refresh = { generation: envelope.generation, shape };
    await pass([batch], "refresh-begin", signal, (tx) => beginRefresh(tx, { feedId, names, refresh, begin: { lsn: String(lsn), index, sequence: envelope.sequence }, at: clock.now() }));
    const state = opened();
    state.refresh = refresh;
    state.loaded.clear();
    state.state = state.generation === 0 ? "loading" : "refreshing";
  }

  async function loadChunks(batches: readonly OpenedBatch[], signal: AbortSignal): Promise<number> {
    const { refresh, loaded, positions } = opened();
    const columns = columnList(refresh!.shape);
    const waiting = groupsOf(batches.filter(({ envelope }) => !loaded.has(envelope.sequence) && envelope.rows > 0));
    let written = 0;
    const failures: unknown[] = [];
    await Promise.all(
      Array.from({ length: Math.max(wanted, positions.length) }, async () => {
        try {
          for (let group = waiting.shift(); group && failures.length === 0; group = waiting.shift()) {
            const chunk = group;
            const sequences = chunk.map(({ envelope }) => envelope.sequence);
            await transaction("chunk", signal, async (tx) => {
              await copyInto(tx, names.build, columns, chunk.map(({ plain }) => plain));
              await noteLoaded(tx, feedId, sequences);
            });
            for (const sequence of sequences) loaded.add(sequence);
            written += chunk.reduce((sum, { envelope }) => sum + envelope.rows, 0);
          }
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    await pass(batches, "chunks", signal, (tx) => forgetLoaded(tx, feedId, batches.at(-1)!.envelope.sequence));
    loaded.clear();
    return written;
  }

  async function keepAside(batches: readonly OpenedBatch[], signal: AbortSignal): Promise<void> {
    const [part] = partitionLines(sequenced(batches), 1, opened().refresh!.shape.keyFields.length);
    await pass(batches, "aside", signal, (tx) => copyInto(tx, names.aside, "", [part!.bytes]));
  }

  async function finish(batch: OpenedBatch, signal: AbortSignal): Promise<void> {
    const state = opened();
    const refresh = state.refresh!;
    const { shape } = refresh;
    const there = new Set((await database.read((reader) => reader.query<{ name: string }>("select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = to_regclass($1)", [names.build]))).rows.map(({ name }) => name));
    const [primary, ...others] = indexSql({ schema: target.schema, table: target.table, refresh, trackChanges: target.trackChanges, indexes: target.indexes ?? [] });
    const build = (index: { name: string; sql: string }) =>
      transaction(`index ${index.name}`, signal, async (tx) => {
        await tx.query("select set_config('maintenance_work_mem', '256MB', true)");
        await tx.query(index.sql);
      });
    if (!there.has(primary!.name)) {
      try {
        await build(primary!);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        log.warn({ feedId, generation: refresh.generation }, "the snapshot holds keys twice; the newest version of each stays");
        await transaction("dedupe", signal, (tx) => tx.query(dedupeSql(names, shape)));
        await build(primary!);
      }
    }
    // The changes that waited, oldest and newest alike, against the snapshot: the guard sorts them out.
    await transaction("apply aside", signal, async (tx) => {
      await lockPositions(tx, feedId, allPartitions());
      const { rows } = await tx.query<{ waiting: boolean }>(`select exists (select from ${names.aside}) as waiting`);
      if (!rows[0]!.waiting) return;
      await tx.query(applySql({ names, shape, into: "build", from: names.aside, deletes: true }));
      await tx.query(`truncate ${names.aside}`);
    });
    for (const index of others) if (!there.has(index.name)) await build(index);
    const { rows } = await database.read((reader) => reader.query(`select from ${names.build} limit ${smallTableRows}`));
    if (rows.length === smallTableRows) await database.read((reader) => reader.query(`analyze ${names.build}`));
    await swapWhenFree(batch, signal);
  }

  /** A long reader must not make others queue behind us: the lock is asked for briefly, again and again. */
  async function swapWhenFree(batch: OpenedBatch, signal: AbortSignal): Promise<void> {
    const state = opened();
    const refresh = state.refresh!;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await pass([batch], "swap", signal, async (tx) => {
          await tx.query(`select set_config('lock_timeout', '${Math.min(500 * attempt, 5_000)}ms', true), set_config('enable_seqscan', 'on', true)`);
          await swapIn(tx, { feedId, schema: target.schema, table: target.table, refresh, at: clock.now() });
        });
        break;
      } catch (error) {
        if ((error as { code?: string }).code !== "55P03" || attempt >= 120) throw error;
        log.info({ feedId, attempt }, "the target table is in use; the refreshed one waits to take its place");
      }
    }
    state.generation = refresh.generation;
    state.shape = refresh.shape;
    state.state = "current";
    state.remembersDeletes = await anyDeleted();
    delete state.refresh;
  }

  async function anyDeleted(): Promise<boolean> {
    const { rows } = await database.read((reader) => reader.query<{ any: boolean }>(`select exists (select from ${names.deleted}) as any`));
    return rows[0]!.any;
  }

  async function repair(batch: OpenedBatch, shape: TableShape, signal: AbortSignal): Promise<number> {
    let written = 0;
    await pass([batch], "repair", signal, async (tx) => {
      written = await repairTable(tx, names, shape, batch);
      opened().remembersDeletes = true;
    });
    return written;
  }

  async function awaitRefreshFrom(head: FeedHead, also?: (tx: Transaction) => Promise<unknown>): Promise<void> {
    await database.withTransaction(async (tx) => {
      await lockPositions(tx, feedId, allPartitions());
      await writePartitions(tx, feedId, opened().positions.length, head);
      await tx.query("update exchange_target.feed set refresh = null where feed_id = $1", [feedId]);
      await writeTargetState(tx, feedId, "awaiting-refresh", clock.now());
      await also?.(tx);
    });
    const state = opened();
    state.positions.fill(head);
    state.state = "awaiting-refresh";
    delete state.refresh;
  }

  return {
    appliedSequence: () => feed?.appliedSequence ?? 0,
    state: () => feed?.state ?? "loading",
    generation: () => feed?.generation ?? 0,

    async open() {
      await ensureTargetSchema(database);
      await database.withTransaction(async (tx) => {
        const found = await findTargetFeed(tx, feedId);
        if (!found) return insertTargetFeed(tx, { feedId, grantId: options.grantId, schema: target.schema, table: target.table, partitions: wanted, at: clock.now() });
        // Another number of appliers cuts the keys differently: only where all stand at one place.
        if (found.positions.length !== wanted && found.positions.every((position) => position.sequence === found.positions[0]!.sequence)) await writePartitions(tx, feedId, wanted, found.positions[0]!);
        if (found.generation > 0) {
          const { rows } = await tx.query<{ there: boolean }>("select to_regclass($1) is not null and to_regclass($2) is not null as there", [names.table, names.deleted]);
          if (!rows[0]!.there && found.state !== "awaiting-refresh" && !found.refresh) await writeTargetState(tx, feedId, "awaiting-refresh", clock.now());
        }
        return undefined;
      });
      feed = (await database.read((reader) => findTargetFeed(reader, feedId)))!;
      feed.remembersDeletes = feed.state === "current" && (await anyDeleted());
      await database.read((reader) => advanceApplied(reader, feedId, clock.now()));
      feed.appliedSequence = Math.max(feed.appliedSequence, lowest(feed.positions).sequence);
      return { head: lowest(feed.positions), state: feed.state, generation: feed.generation, ...(feed.refresh === undefined ? {} : { loadingGeneration: feed.refresh.generation }), ...(feed.appliedSequence > 0 ? { lastRowAt: feed.updatedAt } : {}) };
    },

    async apply(batches, context, signal) {
      const result: ApplyResult = { checksums: [], ended: false, written: 0 };
      for (let at = 0; at < batches.length; ) {
        signal.throwIfAborted();
        const state = opened();
        const first = batches[at]!;
        const kindOf = (batch: OpenedBatch) => (batch.envelope.grantVersion < context.scopeVersion ? "pass" : batch.envelope.kind === "repair" && state.refresh ? "pass" : batch.envelope.kind);
        const kind = kindOf(first);
        let end = at + 1;
        if (kind === "changes" || kind === "chunk" || kind === "pass") while (end < batches.length && kindOf(batches[end]!) === kind) end += 1;
        const run = batches.slice(at, end);
        at = end;
        const behind = run.filter(({ envelope }) => envelope.sequence > lowest(state.positions).sequence);
        if (behind.length === 0) continue;
        if (kind === "refresh-begin") await begin(first, context.shape, signal);
        else if (kind === "chunk" && state.refresh) result.written += await loadChunks(behind, signal);
        else if (kind === "changes" && state.refresh) await keepAside(behind, signal);
        else if (kind === "refresh-end" && state.refresh) await finish(first, signal);
        else if (kind === "changes" && state.shape && state.state === "current") result.written += await applyChanges(behind, state.shape, signal);
        else if (kind === "repair" && state.shape && state.state === "current") result.written += await repair(first, state.shape, signal);
        else if (kind === "checksum" && state.shape && state.state === "current") {
          result.checksums.push(await compareChecksums(database, names, state.shape, first));
          await pass(run, "checksum", signal);
        } else {
          await pass(behind, "pass", signal);
          if (kind === "end") result.ended = true;
        }
      }
      return result;
    },

    skipTo: (head) => awaitRefreshFrom(head),

    async rewindTo(head) {
      await awaitRefreshFrom(head, (tx) => tx.query("update exchange_target.feed set applied_sequence = $2 where feed_id = $1", [feedId, head.sequence]));
      opened().appliedSequence = head.sequence;
    },

    async markStopped() {
      await ensureTargetSchema(database);
      await database.withTransaction((tx) => writeTargetState(tx, feedId, "stopped", clock.now()));
      if (feed) feed.state = "stopped";
    },
  };
}
