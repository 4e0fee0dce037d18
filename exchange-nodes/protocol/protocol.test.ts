import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, getSuite, type SuiteName } from "#platform";
import type { BatchEnvelope } from "#standards";
import { copyTextLine, parseCopyTextLine } from "./copy-text.ts";
import { emptyHead, envelopeHash, genesisHash, signEnvelope, verifyEnvelope, type ExpectedBatch, type FeedHead, type SignedBatch } from "./envelope.ts";
import { createFrameDecoder, decodeFrames, encodeFrames } from "./frames.ts";
import { decodePayload, encodePayload, generateSealingKey, loadSealingKey } from "./payload.ts";
import { signRequest, signResponse, verifyRequest, verifyResponse } from "./request-signing.ts";

const suites: SuiteName[] = ["sha256-ed25519", "sm3-sm2"];
const keys = new Map(suites.map((name) => [name, getSuite(name).load(getSuite(name).generate().privateKey)]));

async function makeBatch(suite: SuiteName, head: FeedHead, plain: Uint8Array, changes: Partial<BatchEnvelope> = {}): Promise<SignedBatch> {
  const { payload, ...encoded } = await encodePayload(plain, { content: "copy-text", suite, context: { feedId: "feed_1", grantId: "grant_1" } });
  const envelope = signEnvelope({ feedId: "feed_1", grantId: "grant_1", grantVersion: 1, providerNodeId: "node_1", generation: 1, sequence: head.sequence + 1, kind: "changes", rows: 1, deletes: 0, fromPosition: "1", toPosition: "2:3", previousHash: head.hash, createdAt: "2026-11-22T03:00:00.000Z", ...encoded, ...changes }, keys.get(suite)!);
  return { envelope, payload };
}

const expected = (suite: SuiteName): ExpectedBatch => ({ feedId: "feed_1", grantId: "grant_1", providerNodeId: "node_1", publicKey: keys.get(suite)!.publicKey, suite });
const plain = Buffer.from(copyTextLine(["330106199001011234", "张三", null, "a\tb\\c\n"]));

describe.each(suites)("a batch signed with %s", (suite) => {
  test("is accepted as it was made, and its hash continues the chain", async () => {
    const first = await makeBatch(suite, emptyHead, plain);
    const verdict = verifyEnvelope(first, expected(suite), emptyHead);
    expect(verdict).toEqual({ ok: true, hash: envelopeHash(first.envelope) });
    const second = await makeBatch(suite, { sequence: 1, hash: envelopeHash(first.envelope) }, plain);
    expect(verifyEnvelope(second, expected(suite), { sequence: 1, hash: envelopeHash(first.envelope) }).ok).toBe(true);
  });

  test("is refused with every single bit of its payload flipped", async () => {
    const batch = await makeBatch(suite, emptyHead, plain);
    for (let bit = 0; bit < batch.payload.byteLength * 8; bit += suite === "sm3-sm2" ? 29 : 1) {
      const payload = Buffer.from(batch.payload);
      payload[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyEnvelope({ envelope: batch.envelope, payload }, expected(suite), emptyHead)).toMatchObject({ ok: false, check: "payload-digest" });
    }
  });

  test("is refused with any bit of its envelope's text flipped, and the check that failed is named", async () => {
    const batch = await makeBatch(suite, emptyHead, plain);
    const bytes = Buffer.from(canonicalJson(batch.envelope));
    const seen = new Set<string>();
    const step = suite === "sm3-sm2" ? 31 : 1;
    for (let bit = 0; bit < bytes.byteLength * 8; bit += step) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      const header = Buffer.alloc(12);
      header.write("ZTB1", "latin1");
      header.writeUInt32BE(altered.byteLength, 4);
      header.writeUInt32BE(batch.payload.byteLength, 8);
      let decoded: SignedBatch | undefined;
      try {
        decoded = decodeFrames(Buffer.concat([header, altered, batch.payload]))[0];
      } catch (error) {
        expect((error as { code?: string }).code).toBe("frames.envelope");
        seen.add("frame");
        continue;
      }
      const verdict = verifyEnvelope(decoded!, expected(suite), emptyHead);
      expect(verdict.ok).toBe(false);
      if (!verdict.ok) seen.add(verdict.check);
    }
    if (step === 1) expect([...seen].sort()).toEqual(["feed", "frame", "provider", "shape", "signature"]);
  });

  test("is refused under another key, for another feed, out of place", async () => {
    const batch = await makeBatch(suite, emptyHead, plain);
    const other = getSuite(suite).load(getSuite(suite).generate().privateKey);
    expect(verifyEnvelope(batch, { ...expected(suite), publicKey: other.publicKey }, emptyHead)).toMatchObject({ check: "signature" });
    expect(verifyEnvelope(batch, { ...expected(suite), feedId: "feed_2" }, emptyHead)).toMatchObject({ check: "feed" });
    expect(verifyEnvelope(batch, expected(suite), { sequence: 1, hash: genesisHash })).toMatchObject({ check: "sequence-repeat" });
    const late = await makeBatch(suite, { sequence: 4, hash: genesisHash }, plain);
    expect(verifyEnvelope(late, expected(suite), emptyHead)).toMatchObject({ check: "sequence-gap" });
    const unlinked = await makeBatch(suite, { sequence: 0, hash: "1".repeat(64) }, plain);
    expect(verifyEnvelope(unlinked, expected(suite), emptyHead)).toMatchObject({ check: "chain" });
  });
});

describe("a payload", () => {
  test("sealed to a node opens with that node's key only, and only as that feed's", async () => {
    const stored = await generateSealingKey();
    const key = await loadSealingKey(stored);
    const stranger = await loadSealingKey(await generateSealingKey());
    const context = { feedId: "feed_1", grantId: "grant_1" };
    const encoded = await encodePayload(plain, { content: "copy-text", suite: "sha256-ed25519", sealTo: stored.publicKey, context });
    const envelope = { ...context, sequence: 1, encoding: encoded.encoding };
    expect(encoded.payload.includes(Buffer.from("张三"))).toBe(false);
    expect(await decodePayload(encoded.payload, envelope, key)).toEqual(plain);
    await expect(decodePayload(encoded.payload, envelope, stranger)).rejects.toMatchObject({ code: "payload.not-openable" });
    await expect(decodePayload(encoded.payload, envelope)).rejects.toMatchObject({ code: "payload.no-key" });
    await expect(decodePayload(encoded.payload, { ...envelope, feedId: "feed_2" }, key)).rejects.toMatchObject({ code: "payload.not-openable" });
  });

  test("comes back from every combination of steps", async () => {
    const stored = await generateSealingKey();
    const key = await loadSealingKey(stored);
    const context = { feedId: "f", grantId: "g" };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.boolean(), fc.boolean(), async (bytes, brotli, seal) => {
        const encoded = await encodePayload(bytes, { content: "copy-text", suite: "sha256-ed25519", brotli, ...(seal ? { sealTo: stored.publicKey } : {}), context });
        expect(Buffer.compare(await decodePayload(encoded.payload, { ...context, sequence: 1, encoding: encoded.encoding }, key), bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test("that would inflate beyond the limit is refused", async () => {
    const encoded = await encodePayload(Buffer.alloc(65 * 1024 * 1024), { content: "copy-text", suite: "sha256-ed25519", context: { feedId: "f", grantId: "g" } });
    await expect(decodePayload(encoded.payload, { feedId: "f", grantId: "g", sequence: 7, encoding: encoded.encoding })).rejects.toMatchObject({ code: "payload.not-decompressible" });
  });
});

describe("a line of COPY text", () => {
  test("gives back the values it was made of", () => {
    fc.assert(fc.property(fc.array(fc.option(fc.string({ unit: "binary" }))), (values) => {
      if (values.length === 0) return;
      const line = copyTextLine(values);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      expect(parseCopyTextLine(line)).toEqual(values);
    }));
  });
});

describe("a body of frames", () => {
  test("is read alike however it is cut into pieces", async () => {
    const batches: SignedBatch[] = [];
    let head = emptyHead;
    for (let n = 0; n < 5; n += 1) {
      const batch = await makeBatch("sha256-ed25519", head, Buffer.from(plain.toString("utf8").repeat(n * 20)));
      batches.push(batch);
      head = { sequence: head.sequence + 1, hash: envelopeHash(batch.envelope) };
    }
    const body = Buffer.concat(encodeFrames(batches));
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: body.byteLength }), { maxLength: 12 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), body.byteLength];
      const decoder = createFrameDecoder();
      const read = places.slice(1).flatMap((to, index) => decoder.push(body.subarray(places[index], to)));
      decoder.end();
      expect(read.map(({ envelope }) => envelope)).toEqual(batches.map(({ envelope }) => envelope));
      expect(read.every(({ payload }, index) => Buffer.compare(payload, batches[index]!.payload) === 0)).toBe(true);
    }));
  });

  test("that is too large, cut or foreign is refused with its place", async () => {
    const batch = await makeBatch("sha256-ed25519", emptyHead, plain);
    const body = Buffer.concat(encodeFrames([batch, batch]));
    const codeOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return undefined;
    };
    expect(codeOf(() => decodeFrames(body.subarray(0, -1)))).toBe("frames.cut");
    expect(codeOf(() => decodeFrames(body, { batchBytes: 10, requestBytes: 1_000_000 }))).toBe("frames.batch-too-large");
    expect(codeOf(() => decodeFrames(body, { batchBytes: 10_000, requestBytes: 100 }))).toBe("frames.too-large");
    expect(codeOf(() => decodeFrames(Buffer.from("PK\u0003\u0004 something else")))).toBe("frames.magic");
    expect(codeOf(() => decodeFrames(Buffer.concat([Buffer.from("ZTB1"), Buffer.from([0, 255, 255, 255, 0, 0, 0, 0])])))).toBe("frames.envelope-too-large");
  });
});

describe.each(suites)("a request signed with %s", (suite) => {
  const key = keys.get(suite)!;
  const now = new Date("2026-11-22T03:00:00.000Z");
  const request = { method: "POST", path: "/exchange/v1/batches?x=1", body: Buffer.from("body") };
  const sender = { publicKey: key.publicKey, suite };

  test("is accepted, and refused when anything of it is altered", () => {
    const { headers, requestHash } = signRequest(request, { nodeId: "node_1", key, now });
    expect(verifyRequest({ ...request, headers }, sender, now)).toMatchObject({ ok: true, requestHash, skewMs: 0 });
    expect(verifyRequest({ ...request, method: "PUT", headers }, sender, now)).toMatchObject({ check: "signature" });
    expect(verifyRequest({ ...request, path: "/exchange/v1/batches?x=2", headers }, sender, now)).toMatchObject({ check: "signature" });
    expect(verifyRequest({ ...request, body: Buffer.from("bodx"), headers }, sender, now)).toMatchObject({ check: "body-digest" });
    expect(verifyRequest({ ...request, headers: { ...headers, "x-zt-node": "node_2" } }, sender, now)).toMatchObject({ check: "signature" });
    expect(verifyRequest({ ...request, headers: { ...headers, "x-zt-nonce": "A".repeat(22) } }, sender, now)).toMatchObject({ check: "signature" });
    expect(verifyRequest({ ...request, headers: {} }, sender, now)).toMatchObject({ check: "headers" });
    expect(verifyRequest({ ...request, headers }, sender, new Date(now.getTime() + 121_000))).toMatchObject({ check: "clock-skew", skewMs: -121_000 });
  });

  test("gets an answer that fits no other request and cannot be altered", () => {
    const { requestHash } = signRequest(request, { nodeId: "node_1", key, now });
    const body = Buffer.from("answer");
    const headers = signResponse({ status: 200, body, requestHash }, { key, now });
    expect(verifyResponse({ status: 200, body, headers }, sender, requestHash)).toMatchObject({ ok: true });
    expect(verifyResponse({ status: 200, body, headers }, sender, "0".repeat(64))).toMatchObject({ check: "request" });
    expect(verifyResponse({ status: 201, body, headers }, sender, requestHash)).toMatchObject({ check: "signature" });
    expect(verifyResponse({ status: 200, body: Buffer.from("answex"), headers }, sender, requestHash)).toMatchObject({ check: "body-digest" });
    expect(verifyResponse({ status: 200, body, headers: {} }, sender, requestHash)).toMatchObject({ check: "headers" });
  });
});
