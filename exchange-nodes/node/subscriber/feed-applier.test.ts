import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createManualClock, createSilentLog, quoteIdentifier, sha256, type Database, type Transaction } from "#platform";
import { createTestDatabase, type TestDatabase } from "#test-support";
import type { BatchEnvelope } from "#standards";
import { copyTextLine } from "../../protocol/copy-text.ts";
import { encodeRepair } from "../../protocol/checksum.ts";
import { createFeedApplier, type FeedApplier, type OpenedBatch } from "./feed-applier.ts";
import { differingBuckets } from "./reconcile-target.ts";
import type { TableShape } from "./target-table.ts";

const shape: TableShape = { items: [{ field: "id", type: "C" }, { field: "part", type: "I" }, { field: "name", type: "C" }, { field: "amount", type: "N", length: 10, scale: 2 }, { field: "born", type: "D" }], keyFields: ["id", "part"] };
const clock = createManualClock("2026-11-22T03:00:00Z");
const log = createSilentLog();
const quiet = new AbortController().signal;

let made: TestDatabase;
let database: Database;
beforeAll(async () => {
  made = await createTestDatabase();
  database = made.database;
});
afterAll(() => made.drop());

interface Value {
  name: string | null;
  amount: string;
}
type State = Map<number, Value>;

/** A source table with the stream that a provider would make of it. */
class Stream {
  batches: OpenedBatch[] = [];
  state: State = new Map();
  lsn = 10;
  private generation = 0;
  private waiting: string[] = [];
  private first = 0;
  private counts = { rows: 0, deletes: 0 };
  private chunkAt = 0;

  private emit(kind: BatchEnvelope["kind"], plain: Buffer, from: number, to: number, rows = 0, deletes = 0): void {
    const sequence = this.batches.length + 1;
    const envelope: BatchEnvelope = { protocol: 1, suite: "sha256-ed25519", feedId: "f", grantId: "g", grantVersion: 1, providerNodeId: "n", generation: this.generation, sequence, kind, rows, deletes, fromPosition: String(from), toPosition: String(to), encoding: ["copy-text"], payloadBytes: plain.byteLength, payloadDigest: "0".repeat(64), previousHash: "0".repeat(64), createdAt: "2026-11-22T03:00:00.000Z", signature: "" };
    this.batches.push({ envelope, hash: sha256(`${sequence}`), plain });
  }

  static key(id: number): [string, string] {
    return [id % 13 === 7 ? `key\t${id % 7}` : `key${id % 7}`, String(id)];
  }
  static row(id: number, value: Value): (string | null)[] {
    return [...Stream.key(id), value.name, value.amount, "1990-01-02"];
  }

  change(id: number, value: Value | undefined): void {
    this.lsn += 1;
    if (this.waiting.length === 0) this.first = this.lsn;
    if (value) {
      this.state.set(id, value);
      this.waiting.push(copyTextLine(["U", String(this.lsn), "0", ...Stream.row(id, value)]));
      this.counts.rows += 1;
    } else {
      this.state.delete(id);
      this.waiting.push(copyTextLine(["D", String(this.lsn), "0", ...Stream.key(id), null, null, null]));
      this.counts.deletes += 1;
    }
  }
  flush(): void {
    if (this.waiting.length === 0) return;
    this.emit("changes", Buffer.from(this.waiting.join("")), this.first, this.lsn, this.counts.rows, this.counts.deletes);
    this.waiting = [];
    this.counts = { rows: 0, deletes: 0 };
  }
  begin(): void {
    this.generation += 1;
    this.chunkAt = 0;
    this.emit("refresh-begin", Buffer.alloc(0), this.lsn, this.lsn);
  }
  /** Rows of the next keys as they are now: changes that wait are newer or already in it. */
  chunk(upTo: number): void {
    const rows = [...this.state].filter(([id]) => id >= this.chunkAt && id < upTo);
    this.chunkAt = Math.max(this.chunkAt, upTo);
    this.emit("chunk", Buffer.from(rows.map(([id, value]) => copyTextLine(Stream.row(id, value))).join("")), this.lsn, this.lsn, rows.length);
  }
  end(): void {
    this.chunk(1_000);
    this.flush();
    this.emit("refresh-end", Buffer.alloc(0), this.lsn, this.lsn);
  }
  repair(buckets: number[], of: number): void {
    this.flush();
    const lines = [...this.state].map(([id, value]) => copyTextLine(["U", String(this.lsn), "0", ...Stream.row(id, value)])).join("");
    this.emit("repair", encodeRepair({ buckets: of, bucketNumbers: buckets }, Buffer.from(lines)), this.lsn, this.lsn, this.state.size);
  }
}

const expectedRows = (state: State) => [...state].map(([id, value]) => ({ id: Stream.key(id)[0], part: id, name: value.name, amount: value.amount, born: "1990-01-02" })).sort((a, b) => a.part - b.part);

async function tableRows(table: string): Promise<unknown[]> {
  const { rows } = await database.read((reader) => reader.query(`select id, part, name, amount::text, born from landing.${quoteIdentifier(table)} order by part`));
  return rows;
}

/** Fails a chosen statement or commit, as a kill of the process or of the server would. */
function withCrashes(crashes: Iterator<number>): { database: Database; crashed: () => number } {
  let left = crashes.next().value ?? Infinity;
  let count = 0;
  const tick = () => {
    left -= 1;
    if (left > 0) return;
    left = crashes.next().value ?? Infinity;
    count += 1;
    throw new Error("killed");
  };
  return {
    crashed: () => count,
    database: {
      ...database,
      async withTransaction(run, options) {
        const result = await database.withTransaction(async (tx) => {
          const client = tx.client as unknown as { query(...args: unknown[]): unknown };
          return run({
            query: (...args: Parameters<Transaction["query"]>) => {
              tick();
              return tx.query(...args);
            },
            afterCommit: (then: () => void) => tx.afterCommit(then),
            client: { query: (...args: unknown[]) => (tick(), client.query(...args)) },
          } as unknown as Transaction);
        }, options);
        // The commit went through, and whoever waited for it died.
        tick();
        return result;
      },
    },
  };
}

let tables = 0;
const newTarget = () => ({ name: "default", schema: "landing", table: `t${(tables += 1)}`, trackChanges: true });
const open = async (options: { table: string; database?: Database; appliers?: number; beforeCommit?: (step: string) => void }): Promise<FeedApplier> => {
  const applier = createFeedApplier({ database: options.database ?? database, clock, log, feedId: `feed_${options.table}`, grantId: "g", target: { ...newTarget(), table: options.table }, appliers: options.appliers ?? 2, ...(options.beforeCommit === undefined ? {} : { beforeCommit: options.beforeCommit }) });
  await applier.open();
  return applier;
};
const context = { shape, scopeVersion: 1 };

const actions = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant("change" as const), id: fc.nat(25), value: fc.option(fc.record({ name: fc.option(fc.constantFrom("甲", "乙", "丙", "", "a\\b")), amount: fc.constantFrom("1.50", "20.00") }), { nil: undefined, freq: 4 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("begin" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("chunk" as const), upTo: fc.nat(26) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("repair" as const) }) },
  ),
  { minLength: 5, maxLength: 60 },
);

function play(steps: (typeof actions extends fc.Arbitrary<infer T> ? T : never)): Stream {
  const stream = new Stream();
  let refreshing = true;
  for (let id = 0; id < 10; id += 1) stream.change(id, { name: "先", amount: "9.00" });
  stream.begin();
  for (const step of steps) {
    if (step.do === "change") stream.change(step.id, step.value ?? undefined);
    else if (step.do === "flush") stream.flush();
    else if (step.do === "begin") {
      stream.begin();
      refreshing = true;
    } else if (step.do === "chunk" && refreshing) stream.chunk(step.upTo);
    else if (step.do === "end" && refreshing) {
      stream.end();
      refreshing = false;
    } else if (step.do === "repair" && !refreshing) stream.repair([0, 1, 2, 3], 4);
  }
  if (refreshing) stream.end();
  stream.flush();
  return stream;
}

describe("a feed applier", () => {
  test("ends in the source's rows whatever the stream, the number of appliers, repeats and kills between any two statements", async () => {
    await fc.assert(
      fc.asyncProperty(actions, fc.integer({ min: 1, max: 3 }), fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 10 }), fc.nat(3), async (steps, appliers, crashes, sizes, back) => {
        const stream = play(steps);
        const { table } = newTarget();
        const faulty = withCrashes(crashes[Symbol.iterator]());
        for (let rounds = 0; ; rounds += 1) {
          expect(rounds).toBeLessThan(200);
          try {
            const applier = createFeedApplier({ database: faulty.database, clock, log, feedId: `feed_${table}`, grantId: "g", target: { name: "default", schema: "landing", table, trackChanges: true }, appliers });
            const { head } = await applier.open();
            let at = head.sequence;
            for (let n = 0; at < stream.batches.length; n += 1) {
              // Some of what was already applied comes again.
              const from = Math.max(0, at - back);
              const to = at + sizes[n % sizes.length]!;
              await applier.apply(stream.batches.slice(from, to), context, quiet);
              at = Math.min(to, stream.batches.length);
            }
            break;
          } catch (error) {
            if ((error as Error).message !== "killed") throw error;
          }
        }
        expect(await tableRows(table)).toEqual(expectedRows(stream.state));
        const { rows } = await database.read((reader) => reader.query("select applied_sequence, state from exchange_target.feed where feed_id = $1", [`feed_${table}`]));
        expect(rows).toEqual([{ applied_sequence: stream.batches.length, state: "current" }]);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  }, 240_000);

  test("writes no row version when what was applied comes again under new sequences, nor when a change changes nothing", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    for (let id = 0; id < 200; id += 1) stream.change(id, { name: `n${id}`, amount: "1.50" });
    stream.begin();
    stream.end();
    const changes = stream.batches.find(({ envelope }) => envelope.kind === "changes")!;
    const applier = await open({ table });
    await applier.apply(stream.batches, context, quiet);
    const versions = async () => (await database.read((reader) => reader.query(`select part, ctid::text, xmin::text, xmax::text from landing.${table} order by part`))).rows;
    const before = await versions();
    const again = { ...changes, envelope: { ...changes.envelope, sequence: stream.batches.length + 1 } };
    expect((await applier.apply([again], context, quiet)).written).toBe(0);
    for (let id = 0; id < 150; id += 1) stream.change(id, { name: `n${id}`, amount: "1.50" });
    stream.flush();
    const same = stream.batches.at(-1)!;
    expect((await applier.apply([{ ...same, envelope: { ...same.envelope, sequence: stream.batches.length + 1 } }], context, quiet)).written).toBe(0);
    expect(await versions()).toEqual(before);
  });

  test("never lets an older version win: late changes, late deletes and what was deleted stay as the newest said", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    stream.begin();
    stream.end();
    const applier = await open({ table });
    await applier.apply(stream.batches, context, quiet);
    let sequence = stream.batches.length;
    const send = async (...lines: (string | null)[][]) => {
      const plain = Buffer.from(lines.map(copyTextLine).join(""));
      sequence += 1;
      const envelope = { ...stream.batches[0]!.envelope, kind: "changes" as const, sequence, rows: lines.length };
      await applier.apply([{ envelope, hash: sha256(String(sequence)), plain }], context, quiet);
    };
    const row = (op: string, lsn: number, index: number, name: string | null) => [op, String(lsn), String(index), "k", "1", name, op === "D" ? null : "1.00", op === "D" ? null : "1990-01-02"];
    const names = async () => (await database.read((reader) => reader.query<{ name: string }>(`select name from landing.${table}`))).rows.map(({ name }) => name);
    await send(row("U", 100, 5, "new"));
    await send(row("U", 100, 4, "older index"), row("U", 99, 9, "older lsn"));
    expect(await names()).toEqual(["new"]);
    await send(row("D", 99, 0, null));
    expect(await names()).toEqual(["new"]);
    await send(row("D", 101, 0, null));
    await send(row("U", 100, 9, "late"));
    expect(await names()).toEqual([]);
    await send(row("U", 102, 0, "back"), row("U", 102, 1, "and changed"));
    expect(await names()).toEqual(["and changed"]);
    expect((await database.read((reader) => reader.query(`select * from landing.${table}__deleted`))).rows).toEqual([]);
  });

  test("keeps the old table readable through a refresh, with its privileges and the views on it", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    stream.change(1, { name: "one", amount: "1.00" });
    stream.begin();
    stream.end();
    const seen: unknown[] = [];
    const applier = await open({ table });
    await applier.apply(stream.batches, context, quiet);
    await database.withTransaction(async (tx) => {
      await tx.query("do $$ begin create role zt_reader_test; exception when duplicate_object then null; end $$");
      await tx.query(`grant select on landing.${table} to zt_reader_test`);
    });
    const watching = await open({ table, beforeCommit: () => undefined });
    const done = stream.batches.length;
    stream.begin();
    stream.change(2, { name: "two", amount: "2.00" });
    stream.end();
    for (const batch of stream.batches.slice(done)) {
      seen.push((await tableRows(table)).length);
      await watching.apply([batch], context, quiet);
    }
    expect(seen.every((rows) => rows === 1)).toBe(true);
    expect((await tableRows(table)).length).toBe(2);
    const { rows } = await database.read((reader) => reader.query(`select has_table_privilege('zt_reader_test', 'landing.${table}', 'select') as may`));
    expect(rows).toEqual([{ may: true }]);

    await database.withTransaction((tx) => tx.query(`create view landing.${table}_view as select id, part, name, amount from landing.${table}`));
    const before = stream.batches.length;
    stream.begin();
    stream.change(3, { name: "three", amount: "3.00" });
    stream.end();
    const wider = { ...shape, items: [...shape.items, { field: "extra", type: "C" as const }] };
    const widened = stream.batches.slice(before).map((batch) => ({ ...batch, plain: Buffer.from(batch.plain.toString("utf8").replaceAll("\n", "\tmore\n")) }));
    await watching.apply(widened, { shape: wider, scopeVersion: 1 }, quiet);
    const view = await database.read((reader) => reader.query(`select part, extra from landing.${table} join landing.${table}_view using (part) order by part`));
    expect(view.rows).toEqual([1, 2, 3].map((part) => ({ part, extra: "more" })));
  });

  test("applies with several appliers at once, each moving its own position", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    stream.begin();
    stream.end();
    for (let id = 0; id < 3_000; id += 1) {
      stream.change(id, { name: `n${id}`, amount: "1.00" });
      if (id % 300 === 299) stream.flush();
    }
    const steps: string[] = [];
    const applier = await open({ table, appliers: 3, beforeCommit: (step) => void steps.push(step) });
    await applier.apply(stream.batches, context, quiet);
    expect(steps.filter((step) => step === "changes").length).toBe(3);
    expect((await tableRows(table)).length).toBe(3_000);
    // A stop in the middle: one partition commits, the others do not, and the next start brings them level.
    for (let id = 0; id < 3_000; id += 1) stream.change(id, id % 2 ? undefined : { name: "later", amount: "2.00" });
    stream.flush();
    let commits = 0;
    const dying = await open({ table, appliers: 3, beforeCommit: () => { if ((commits += 1) > 1) throw new Error("killed"); } });
    await expect(dying.apply(stream.batches.slice(-1), context, quiet)).rejects.toThrow("killed");
    const { rows } = await database.read((reader) => reader.query("select count(distinct sequence) as places from exchange_target.position where feed_id = $1", [`feed_${table}`]));
    expect(rows).toEqual([{ places: 2 }]);
    const again = await open({ table, appliers: 2 });
    await again.apply(stream.batches.slice(-1), context, quiet);
    expect(await tableRows(table)).toEqual(expectedRows(stream.state));
  });

  test("gives up a transaction that is under way when it is told to stop", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    stream.begin();
    stream.end();
    const stop = new AbortController();
    const applier = await open({ table, beforeCommit: (step) => { if (step === "changes") stop.abort(); } });
    await applier.apply(stream.batches, context, stop.signal);
    stream.change(1, { name: "too late", amount: "1.00" });
    stream.flush();
    await expect(applier.apply(stream.batches.slice(-1), context, stop.signal)).rejects.toThrow();
    expect(await tableRows(table)).toEqual([]);
  });

  test("finds the buckets that differ and takes their repair whole", async () => {
    const { table } = newTarget();
    const stream = new Stream();
    for (let id = 0; id < 40; id += 1) stream.change(id, { name: `n${id}`, amount: "1.50" });
    stream.begin();
    stream.end();
    const applier = await open({ table });
    await applier.apply(stream.batches, context, quiet);
    const ask = async () => {
      const empty = { ...stream.batches[0]!, envelope: { ...stream.batches[0]!.envelope, kind: "checksum" as const, sequence: stream.batches.length + 1 }, plain: Buffer.from(JSON.stringify({ buckets: 8, values: [] })) };
      return empty;
    };
    // Damage behind the product's back: one row changed, one gone, one that never was.
    await database.withTransaction(async (tx) => {
      await tx.query(`update landing.${table} set name = 'damaged' where part = 5`);
      await tx.query(`delete from landing.${table} where part = 6`);
      await tx.query(`insert into landing.${table} values ('ghost', 99, 'ghost', 1, '2000-01-01', 1, 0, 1)`);
    });
    const report = (await applier.apply([await ask()], context, quiet)).checksums[0]!;
    expect(report).toMatchObject({ rowsTarget: 40, rowsSource: 0, buckets: 8 });
    stream.batches.push({ ...stream.batches[0]!, envelope: { ...stream.batches[0]!.envelope, sequence: stream.batches.length + 1 } });
    stream.lsn += 1;
    stream.repair([0, 1, 2, 3, 4, 5, 6, 7], 8);
    await applier.apply(stream.batches.slice(-1), context, quiet);
    expect(await tableRows(table)).toEqual(expectedRows(stream.state));
    expect(differingBuckets([[1, 2, "5"], [2, 1, "7"]], [[1, 2, "5"], [2, 1, "8"], [3, 1, "1"]])).toEqual([2, 3]);
  });
});
