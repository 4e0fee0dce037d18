import { describe, expect, test } from "vitest";
import { emptyHead, envelopeHash, signEnvelope, type BatchToAppend, type FeedHead, type FeedLog } from "#exchange-nodes";
import { getSuite, type ManualClock } from "#platform";

/** What an adapter gives the suite: logs that share one store, as two centre processes do. */
export interface FeedLogHarness {
  name: string;
  /** A log of its own process on the shared store; started. */
  createLog(): Promise<FeedLog>;
  /** The clock by which batches are dated; undefined when the store dates them itself. */
  clock?: ManualClock;
}

const key = getSuite("sha256-ed25519").load(getSuite("sha256-ed25519").generate().privateKey);
let feeds = 0;
const newFeedId = () => `feed_contract_${process.pid}_${(feeds += 1)}`;

function makeBatches(feedId: string, after: FeedHead, count: number, payloadBytes = 100): BatchToAppend[] {
  const batches: BatchToAppend[] = [];
  let head = after;
  for (let n = 0; n < count; n += 1) {
    const payload = Buffer.alloc(payloadBytes, head.sequence + 1);
    const envelope = signEnvelope({ feedId, grantId: "grant_1", grantVersion: 1, providerNodeId: "node_1", generation: 1, sequence: head.sequence + 1, kind: "changes", rows: 3, deletes: 1, fromPosition: "1", toPosition: "2", encoding: ["copy-text"], payloadBytes, payloadDigest: "0".repeat(64), previousHash: head.hash, createdAt: "2026-11-22T03:00:00.000Z" }, key);
    head = { sequence: envelope.sequence, hash: envelopeHash(envelope) };
    batches.push({ envelope, hash: head.hash, payload });
  }
  return batches;
}

const headOf = (batches: readonly BatchToAppend[]): FeedHead => ({ sequence: batches.at(-1)!.envelope.sequence, hash: batches.at(-1)!.hash });

/** The one contract of the `FeedLog` port. */
export function describeFeedLog(setup: () => Promise<FeedLogHarness>): void {
  describe("a feed log", () => {
    const harness = setup();

    test("gives back what was appended, in order, byte by byte", async () => {
      const log = await (await harness).createLog();
      const feedId = newFeedId();
      await log.open(feedId);
      const batches = makeBatches(feedId, emptyHead, 7);
      expect(await log.append(feedId, emptyHead, batches.slice(0, 3))).toEqual({ appended: true, head: headOf(batches.slice(0, 3)) });
      expect(await log.append(feedId, headOf(batches.slice(0, 3)), batches.slice(3))).toEqual({ appended: true, head: headOf(batches) });
      const read = await log.read(feedId, 0, 1_000_000);
      expect(read.map(({ envelope, hash }) => ({ envelope, hash }))).toEqual(batches.map(({ envelope, hash }) => ({ envelope, hash })));
      expect(read.every(({ payload }, index) => Buffer.compare(payload, batches[index]!.payload) === 0)).toBe(true);
      expect((await log.read(feedId, 5, 1_000_000)).map(({ envelope }) => envelope.sequence)).toEqual([6, 7]);
      expect(await log.read(feedId, 7, 1_000_000)).toEqual([]);
      expect(await log.head(feedId)).toEqual({ ...headOf(batches), open: true, firstSequence: 1 });
      expect((await log.readEnvelopes(feedId, 2, 2)).map(({ envelope }) => envelope.sequence)).toEqual([3, 4]);
      expect(await log.hashes(feedId, 2, 3)).toEqual(new Map([[2, batches[1]!.hash], [3, batches[2]!.hash]]));
      await log.stop();
    });

    test("has an empty closed head for a feed that was never opened, and takes nothing for it", async () => {
      const log = await (await harness).createLog();
      const feedId = newFeedId();
      expect(await log.head(feedId)).toEqual({ ...emptyHead, open: false, firstSequence: 1 });
      expect(await log.append(feedId, emptyHead, makeBatches(feedId, emptyHead, 1))).toMatchObject({ appended: false, because: "closed" });
      expect(await log.read(feedId, 0, 1_000)).toEqual([]);
      await log.stop();
    });

    test("takes nothing from whoever is wrong about the head, and tells the right one", async () => {
      const log = await (await harness).createLog();
      const feedId = newFeedId();
      await log.open(feedId);
      const batches = makeBatches(feedId, emptyHead, 2);
      await log.append(feedId, emptyHead, batches);
      const other = makeBatches(feedId, { sequence: 2, hash: "f".repeat(64) }, 1);
      expect(await log.append(feedId, { sequence: 2, hash: "f".repeat(64) }, other)).toEqual({ appended: false, because: "head", head: headOf(batches) });
      expect(await log.append(feedId, emptyHead, batches)).toEqual({ appended: false, because: "head", head: headOf(batches) });
      expect(await log.append(feedId, { sequence: 5, hash: batches[1]!.hash }, makeBatches(feedId, { sequence: 5, hash: batches[1]!.hash }, 1))).toMatchObject({ appended: false, because: "head" });
      expect((await log.read(feedId, 0, 1_000_000)).length).toBe(2);
      await log.stop();
    });

    test("lets one of several appenders win, whichever process it is in", async () => {
      const logs = await Promise.all([0, 1, 2].map(async () => (await harness).createLog()));
      const feedId = newFeedId();
      await logs[0]!.open(feedId);
      let head: FeedHead = emptyHead;
      for (let round = 0; round < 5; round += 1) {
        const results = await Promise.all(logs.map((log) => log.append(feedId, head, makeBatches(feedId, head, 2))));
        expect(results.filter((result) => result.appended).length).toBe(1);
        const heads = await Promise.all(logs.map((log) => log.head(feedId)));
        expect(new Set(heads.map(({ sequence }) => sequence))).toEqual(new Set([(round + 1) * 2]));
        head = { sequence: heads[0]!.sequence, hash: heads[0]!.hash };
      }
      expect((await logs[1]!.read(feedId, 0, 1_000_000)).map(({ envelope }) => envelope.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      await Promise.all(logs.map((log) => log.stop()));
    });

    test("takes nothing more once it is closed, whatever was under way, and goes on where it stood when opened again", async () => {
      const [one, other] = await Promise.all([(await harness).createLog(), (await harness).createLog()]);
      const feedId = newFeedId();
      await one.open(feedId);
      const batches = makeBatches(feedId, emptyHead, 30);
      let head: FeedHead = emptyHead;
      const appending = (async () => {
        for (const batch of batches) {
          const result = await one.append(feedId, head, [batch]);
          if (!result.appended) return result.because;
          head = result.head;
        }
        return "all";
      })();
      const last = await other.close(feedId);
      const atClose = await other.head(feedId);
      expect(atClose).toMatchObject({ ...last, open: false });
      await appending;
      expect(await other.head(feedId)).toEqual(atClose);
      await other.open(feedId);
      const next = batches.slice(last.sequence, last.sequence + 1);
      if (next.length > 0) expect(await other.append(feedId, last, next)).toMatchObject({ appended: true });
      await Promise.all([one.stop(), other.stop()]);
    });

    test("reads up to the asked number of bytes, but always at least one batch", async () => {
      const log = await (await harness).createLog();
      const feedId = newFeedId();
      await log.open(feedId);
      await log.append(feedId, emptyHead, makeBatches(feedId, emptyHead, 10, 1_000));
      expect((await log.read(feedId, 0, 3_500)).length).toBe(3);
      expect((await log.read(feedId, 0, 10)).length).toBe(1);
      expect((await log.read(feedId, 4, 2_000)).map(({ envelope }) => envelope.sequence)).toEqual([5, 6]);
      await log.stop();
    });

    test("wakes a reader that waits, in the same and in another process, and lets go of one that gives up", async () => {
      const [writer, reader] = await Promise.all([(await harness).createLog(), (await harness).createLog()]);
      const feedId = newFeedId();
      await writer.open(feedId);
      const waiting = [writer.waitFor(feedId, 0, 20_000), reader.waitFor(feedId, 0, 20_000), reader.waitFor(feedId, 1, 20_000)];
      const batches = makeBatches(feedId, emptyHead, 2);
      await writer.append(feedId, emptyHead, batches);
      expect(await Promise.all(waiting)).toEqual([true, true, true]);
      expect(await reader.waitFor(feedId, 1, 20_000)).toBe(true);
      expect(await reader.waitFor(feedId, 2, 1)).toBe(false);
      const abort = new AbortController();
      const given = reader.waitFor(feedId, 2, 20_000, abort.signal);
      abort.abort();
      expect(await given).toBe(false);
      await Promise.all([writer.stop(), reader.stop()]);
    });

    test("tells what waits behind a sequence", async () => {
      const log = await (await harness).createLog();
      const feedId = newFeedId();
      await log.open(feedId);
      expect(await log.backlog(feedId, 0)).toEqual({ batches: 0, rows: 0, bytes: 0 });
      await log.append(feedId, emptyHead, makeBatches(feedId, emptyHead, 5, 1_000));
      expect(await log.backlog(feedId, 0)).toMatchObject({ batches: 5, rows: 20, bytes: 5_000, oldestAt: expect.any(Date) as Date });
      expect(await log.backlog(feedId, 3)).toMatchObject({ batches: 2, rows: 8, bytes: 2_000 });
      expect(await log.backlog(feedId, 5)).toEqual({ batches: 0, rows: 0, bytes: 0 });
      await log.stop();
    });

    test("forgets what it may and nothing after it, and says where it begins", async () => {
      const { createLog, clock } = await harness;
      const log = await createLog();
      const feedId = newFeedId();
      await log.open(feedId);
      const batches = makeBatches(feedId, emptyHead, 6, 1_000);
      await log.append(feedId, emptyHead, batches.slice(0, 3));
      clock?.advance(60_000);
      const later = clock?.now();
      await log.append(feedId, headOf(batches.slice(0, 3)), batches.slice(3));
      if (later) {
        expect(await log.trim(feedId, { upTo: 5, receivedBefore: later })).toEqual({ removed: 3, firstSequence: 4 });
        expect((await log.read(feedId, 0, 1_000_000)).map(({ envelope }) => envelope.sequence)).toEqual([4, 5, 6]);
        expect(await log.backlog(feedId, 1)).toMatchObject({ batches: 3, rows: 12, bytes: 3_000 });
      }
      expect(await log.trim(feedId, { upTo: 5 })).toMatchObject({ firstSequence: 6 });
      expect(await log.trim(feedId, { upTo: 100 })).toMatchObject({ firstSequence: 7 });
      expect(await log.head(feedId)).toEqual({ ...headOf(batches), open: true, firstSequence: 7 });
      expect(await log.append(feedId, headOf(batches), makeBatches(feedId, headOf(batches), 1))).toMatchObject({ appended: true });
      await log.stop();
    });

    test("gives up the log of a closed feed and no other's, however often it is asked, and goes on behind its head if it is opened again", async () => {
      const [one, other] = await Promise.all([(await harness).createLog(), (await harness).createLog()]);
      const feedId = newFeedId();
      expect(await one.drop(feedId), "a feed that never was").toBe(true);
      await one.open(feedId);
      const batches = makeBatches(feedId, emptyHead, 4);
      await one.append(feedId, emptyHead, batches);
      expect(await other.drop(feedId), "an open one").toBe(false);
      expect((await other.read(feedId, 0, 1_000_000)).length).toBe(4);

      await one.close(feedId);
      expect((await Promise.all([one.drop(feedId), other.drop(feedId)])).some(Boolean)).toBe(true);
      expect(await other.drop(feedId)).toBe(true);
      for (const log of [one, other]) {
        expect(await log.head(feedId)).toEqual({ ...headOf(batches), open: false, firstSequence: 5 });
        expect(await log.read(feedId, 0, 1_000_000)).toEqual([]);
        expect(await log.backlog(feedId, 0)).toEqual({ batches: 0, rows: 0, bytes: 0 });
      }

      await other.open(feedId);
      const later = makeBatches(feedId, headOf(batches), 2);
      // The store may take a moment until it has a place for the feed again.
      await expect.poll(async () => one.append(feedId, headOf(batches), later).then(({ appended }) => appended, () => false), { timeout: 30_000 }).toBe(true);
      expect((await other.read(feedId, 4, 1_000_000)).map(({ envelope }) => envelope.sequence)).toEqual([5, 6]);
      await Promise.all([one.stop(), other.stop()]);
    });
  });
}
