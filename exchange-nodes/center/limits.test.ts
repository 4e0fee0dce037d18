import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { emptyHead } from "../protocol/envelope.ts";
import { verifyFeedEvidence } from "../protocol/evidence.ts";
import { createAccounting } from "./accounting.ts";
import { application, cityOffice, eventually, makeBatch, newGrant, providerOperator, send, startExchange, type TestExchange, type TestProvider } from "./exchange.fixture.ts";

let exchange: TestExchange;
let provider: TestProvider;

beforeAll(async () => {
  exchange = await startExchange({ gatewayLimits: { queueBytes: 2_000, batchesPerSecond: 20 }, retention: { appliedForMs: 0, unappliedForMs: 3_600_000 } });
  provider = await exchange.enrolProvider("人社局前置机");
  await exchange.center.bindings.bindEntry(providerOperator, { entryId: "entry_1", nodeId: provider.nodeId, sourceName: "main", relation: "public.people", columns: { citizen_number: "id_no" } });
});
afterAll(() => exchange.stop());

let grants = 0;
async function newFeed(changes: Parameters<typeof newGrant>[1] = {}) {
  const grant = newGrant(`grant_${(grants += 1)}`, changes);
  await exchange.announce("grant.issued", grant);
  await exchange.center.settle();
  return { grant, feed: (await exchange.center.feeds.findByGrant(cityOffice, grant.id))! };
}
const rows = (count: number) => Array.from({ length: count }, (_, n) => [`33010619900101${String(n).padStart(4, "0")}`, `${Math.sin(n)}`, "1.00"]);

describe("back-pressure", () => {
  test("says what it waits for, takes nothing meanwhile, and lets go when the reader has moved on", async () => {
    const { feed } = await newFeed({ applicationId: "app_1" });
    const assignment = (await provider.assignment(feed.id))!;
    const first = await send(provider, assignment, emptyHead, [["refresh-begin"], ["chunk", rows(300)]]);
    expect(first.outcomes).toMatchObject([{ outcome: "accepted" }]);
    const next = await makeBatch(provider, assignment, first.head, "refresh-end");
    await eventually(async () => (await provider.client.sendBatches([next]))[0]!.outcome === "wait", "the queue is full");
    expect((await provider.client.sendBatches([next]))[0]).toMatchObject({ outcome: "wait", retryAfterMs: expect.any(Number) as number, zh: expect.stringContaining("上限") as string });
    expect((await exchange.center.feedLog.head(feed.id)).sequence).toBe(2);
    const abort = new AbortController();
    let count = 0;
    for await (const record of exchange.center.records.follow(application, feed.grantId, undefined, abort.signal)) {
      if (record.operation === "upsert") count += 1;
      if (count === 300) setImmediate(() => void eventually(async () => (await provider.client.sendBatches([next]))[0]!.outcome === "accepted", "it goes on"));
      if (record.operation === "snapshot-end") break;
    }
    abort.abort();
    expect(count).toBe(300);
  });

  test("passes on a log's wish for less, and takes the same batch afterwards", async () => {
    const { feed } = await newFeed({ applicationId: "app_1" });
    const assignment = (await provider.assignment(feed.id))!;
    const batch = await makeBatch(provider, assignment, emptyHead, "refresh-begin");
    const busy = vi.spyOn(exchange.center.feedLog, "append").mockResolvedValue({ appended: false, because: "busy", retryAfterMs: 250 });
    expect(await provider.client.sendBatches([batch])).toMatchObject([{ feedId: feed.id, outcome: "wait", retryAfterMs: 250, zh: expect.stringContaining("稍后") as string }]);
    busy.mockRestore();
    expect(await provider.client.sendBatches([batch])).toMatchObject([{ outcome: "accepted", head: { sequence: 1 } }]);
  });

  test("slows a node that sends too many batches", async () => {
    const { feed } = await newFeed({ applicationId: "app_1" });
    const assignment = (await provider.assignment(feed.id))!;
    const batch = await makeBatch(provider, assignment, emptyHead, "refresh-begin");
    let waited = false;
    // Side by side: one after another, a slow machine would keep within the limit.
    for (let n = 0; n < 10 && !waited; n += 1) waited = (await Promise.all(Array.from({ length: 30 }, () => provider.client.sendBatches([batch])))).some(([outcome]) => outcome!.outcome === "wait");
    expect(waited).toBe(true);
  });
});

describe("two centre processes on one database", () => {
  test("continue one feed from either side, and a decision taken at one closes both", async () => {
    const { feed, grant } = await newFeed({ applicationId: "app_1" });
    const other = await exchange.startCenter();
    const client = provider.via(other.url);
    const assignment = (await provider.assignment(feed.id))!;
    let head = emptyHead;
    for (let n = 0; n < 6; n += 1) {
      const through = n % 2 ? client : provider.client;
      const sent = await send({ ...provider, client: through }, assignment, head, [[n === 0 ? "refresh-begin" : "chunk"]]);
      expect(sent.outcomes).toMatchObject([{ outcome: "accepted", head: { sequence: n + 1 } }]);
      head = sent.head;
    }
    await exchange.announce("grant.revoking", { ...grant, version: 2, state: "revoking" });
    const batch = await makeBatch(provider, assignment, head, "refresh-end");
    await eventually(async () => (await client.sendBatches([batch]))[0]!.outcome === "closed" && (await provider.client.sendBatches([batch]))[0]!.outcome === "closed", "both refuse");
    expect((await exchange.center.feedLog.head(feed.id)).sequence).toBe(6);
  });
});

describe("retention", () => {
  test("overtaking a subscriber is seen by it, and answered with a whole new generation", async () => {
    const subscriber = await exchange.startSubscriber("民政局前置机");
    const { feed } = await newFeed();
    const assignment = (await provider.assignment(feed.id))!;
    const first = await send(provider, assignment, emptyHead, [["refresh-begin"], ["chunk", rows(2)], ["refresh-end"]]);
    const feedNow = () => exchange.center.feeds.get(cityOffice, feed.id);
    await eventually(async () => (await feedNow()).appliedSequence === 3, "the first generation is there");
    await subscriber.node.stop();
    const second = await send(provider, assignment, first.head, [["changes", rows(1).map((row) => ["U", "200", "0", ...row])], ["changes", [["D", "201", "0", rows(1)[0]![0]!, null, null]]]]);
    expect(second.outcomes).toMatchObject([{ outcome: "accepted" }]);
    await exchange.center.feedLog.trim(feed.id, { upTo: 4 });
    await subscriber.node.start();
    await eventually(async () => (await feedNow()).generation === 2, "a refresh is asked for");
    const next = (await provider.assignment(feed.id))!;
    await send(provider, next, next.head, [["refresh-begin"], ["chunk", rows(5)], ["refresh-end"]]);
    await eventually(async () => (await feedNow()).appliedSequence === 8, "the second generation is there");
    const { rows: there } = await subscriber.database.database.read((reader) => reader.query(`select 1 from landing."${feed.target!.table}"`));
    expect(there).toHaveLength(5);
  });

  test("the log of a feed that is over is given up when its time is over, by one of the centres, and its evidence stays", async () => {
    const { feed, grant } = await newFeed();
    const other = await newFeed();
    const feedNow = (id: string) => exchange.center.feeds.get(cityOffice, id);
    for (const { id } of [feed, other.feed]) {
      const assignment = (await provider.assignment(id))!;
      await send(provider, assignment, emptyHead, [["refresh-begin"], ["chunk", rows(2)], ["refresh-end"]]);
      await eventually(async () => (await feedNow(id)).appliedSequence === 3, "applied");
    }
    const sweep = () => createAccounting({ kernel: exchange.kernel, feedLog: exchange.center.feedLog, retention: { appliedForMs: 0, unappliedForMs: 3_600_000 } }).runOnce();
    await exchange.announce("grant.revoking", { ...grant, version: 2, state: "revoking" });
    await exchange.center.settle();
    await provider.client.confirmStopped(feed.id, { party: "provider", stoppedAt: "2026-11-22T03:00:00Z", sequence: 3 });
    await eventually(async () => (await feedNow(feed.id)).state === "stopped", "it is over");

    await sweep();
    await Promise.all([sweep(), sweep()]);
    expect((await feedNow(feed.id)).logDroppedAt).toBeInstanceOf(Date);
    expect(await exchange.center.feedLog.head(feed.id)).toMatchObject({ open: false, sequence: 3, firstSequence: 4 });
    const { rows: audited } = await exchange.kernel.database.read((reader) => reader.query("select actor_id, detail from platform.audit_log where action = 'feed.log-dropped' and object_id = $1", [feed.id]));
    expect(audited).toEqual([{ actor_id: "system:exchange-accounting", detail: { sequence: 3 } }]);
    expect(await verifyFeedEvidence(exchange.center.evidence.exportFeed(cityOffice, feed.id))).toMatchObject({ intact: true, batches: 3 });

    expect((await feedNow(other.feed.id)).logDroppedAt, "one that flows").toBeUndefined();
    expect((await exchange.center.feedLog.head(other.feed.id)).open).toBe(true);
  });
});
