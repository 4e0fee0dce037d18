import type { BatchEnvelope, JsonSchema } from "#standards";
import { schemas } from "#standards";
import { canonicalJson, createValidator, getSuite, type SigningKey, type SuiteName, type Validator } from "#platform";

/**
 * What a feed's stream looks like (generation g):
 *
 *   refresh-begin(g)   no rows. fromPosition = B: every change after B follows in this stream.
 *   chunk …            rows of the snapshot, in any order, read at or after B; applied as versions of position B.
 *   changes …          live changes, by position; they may stand between chunks and win over them.
 *   refresh-end(g)     no rows. toPosition = E: every change up to E was sent before. The subscriber swaps.
 *   changes …          until a higher generation begins, or
 *   end                no rows: the one snapshot of a `batch` grant is complete; nothing follows.
 *   checksum           JSON (ChecksumPayload): the source's sums as of toPosition; sent when every change up to it was.
 *   repair             see encodeRepair: whole buckets, each line with the position at which it was read.
 *
 * A refresh-begin before the refresh-end of the generation before gives that one up. `rows` and `deletes` count the
 * lines of this batch only. For batches without rows fromPosition = toPosition.
 *
 * The envelope is what is signed about one batch. The signature covers the canonical JSON of every member but
 * `signature`; the hash of an envelope covers all of it, signature included, and is the next one's `previousHash`.
 * So whoever holds the newest hash of a feed can check every batch that was ever sent on it.
 */
export const protocolVersion = 1;

/** `previousHash` of a feed's first batch. */
export const genesisHash = "0".repeat(64);

/** Everything but what signing adds. */
export type EnvelopeDraft = Omit<BatchEnvelope, "protocol" | "suite" | "signature">;

/** One batch as it travels: envelope and payload bytes. */
export interface SignedBatch {
  envelope: BatchEnvelope;
  payload: Uint8Array;
}

const text = new TextEncoder();

function signedBytes(envelope: Omit<BatchEnvelope, "signature"> & { signature?: string }): Uint8Array {
  const { signature: _, ...rest } = envelope;
  return text.encode(canonicalJson(rest));
}

export function signEnvelope(draft: EnvelopeDraft, key: SigningKey): BatchEnvelope {
  const unsigned = { protocol: protocolVersion as 1, suite: key.suite, ...draft };
  return { ...unsigned, signature: key.sign(signedBytes(unsigned)) };
}

/** The chain link: digest, by the envelope's own suite, of its whole canonical JSON. */
export function envelopeHash(envelope: BatchEnvelope): string {
  return getSuite(envelope.suite).digest(canonicalJson(envelope));
}

/** What is wrong with a batch. The order is the order of checking: the first that fails is named. */
export const batchChecks = ["shape", "suite", "feed", "provider", "signature", "payload-bytes", "payload-digest", "sequence-repeat", "sequence-gap", "chain"] as const;
export type BatchCheck = (typeof batchChecks)[number];

export interface BatchFailure {
  ok: false;
  check: BatchCheck;
  message: string;
  zh: string;
}

export type BatchVerdict = { ok: true; hash: string } | BatchFailure;

/** Where a feed stands: the last accepted sequence (0 before the first) and its envelope's hash. */
export interface FeedHead {
  sequence: number;
  hash: string;
}

export const emptyHead: FeedHead = { sequence: 0, hash: genesisHash };

export interface ExpectedBatch {
  feedId: string;
  grantId: string;
  providerNodeId: string;
  /** The provider's pinned key and suite. */
  publicKey: string;
  suite: SuiteName;
}

let validator: Validator | undefined;

/** Finds what keeps a value from being an envelope; undefined when nothing does. */
export function checkEnvelopeShape(value: unknown): BatchFailure | undefined {
  validator ??= createValidator({ schemas: [schemas["batch-envelope"] as JsonSchema] });
  const issue = validator.validate("batch-envelope", value)[0];
  if (issue) return fail("shape", `${issue.path} ${issue.message}`, `${issue.path} ${issue.zh}`);
  const envelope = value as BatchEnvelope;
  // Two base64 texts of one signature would give two hashes of one envelope.
  if (Buffer.from(envelope.signature, "base64").toString("base64") !== envelope.signature) return fail("signature", "is not canonical base64", "不是规范的 base64 编码");
  return undefined;
}

/** Checks an envelope without its payload: shape, whose it is, signature. */
export function verifyEnvelopeAlone(value: unknown, expected: ExpectedBatch): BatchVerdict {
  const shape = checkEnvelopeShape(value);
  if (shape) return shape;
  const envelope = value as BatchEnvelope;
  if (envelope.suite !== expected.suite) return fail("suite", `names suite ${envelope.suite}, the provider's is ${expected.suite}`, `签名算法套件为 ${envelope.suite},应为 ${expected.suite}`);
  if (envelope.feedId !== expected.feedId || envelope.grantId !== expected.grantId) return fail("feed", `belongs to feed ${envelope.feedId} of grant ${envelope.grantId}`, `属于数据流 ${envelope.feedId}(授权 ${envelope.grantId})`);
  if (envelope.providerNodeId !== expected.providerNodeId) return fail("provider", `names node ${envelope.providerNodeId}, not the provider's`, `提供方节点 ${envelope.providerNodeId} 不符`);
  const suite = getSuite(envelope.suite);
  if (!suite.verify(expected.publicKey, signedBytes(envelope), envelope.signature)) return fail("signature", "the signature does not fit the envelope and the provider's key", "签名与信封或提供方公钥不符");
  return { ok: true, hash: envelopeHash(envelope) };
}

/** Checks one batch by itself: its envelope and its payload. Says nothing of its place in the chain. */
export function verifyBatch(batch: { envelope: unknown; payload: Uint8Array }, expected: ExpectedBatch): BatchVerdict {
  const verdict = verifyEnvelopeAlone(batch.envelope, expected);
  if (!verdict.ok) return verdict;
  const envelope = batch.envelope as BatchEnvelope;
  if (batch.payload.byteLength !== envelope.payloadBytes) return fail("payload-bytes", `the payload has ${batch.payload.byteLength} bytes, the envelope says ${envelope.payloadBytes}`, `载荷为 ${batch.payload.byteLength} 字节,信封声明 ${envelope.payloadBytes} 字节`);
  if (getSuite(envelope.suite).digest(batch.payload) !== envelope.payloadDigest) return fail("payload-digest", "the payload's digest is not the signed one", "载荷摘要与信封不符");
  return verdict;
}

/** Checks that an envelope continues the chain after `head`. */
export function verifyChain(envelope: BatchEnvelope, head: FeedHead): BatchFailure | undefined {
  if (envelope.sequence <= head.sequence) return fail("sequence-repeat", `sequence ${envelope.sequence} was already taken (the head is ${head.sequence})`, `序号 ${envelope.sequence} 已被占用(当前为 ${head.sequence})`);
  if (envelope.sequence !== head.sequence + 1) return fail("sequence-gap", `sequence ${envelope.sequence} follows ${head.sequence}: ${envelope.sequence - head.sequence - 1} missing`, `序号 ${envelope.sequence} 与 ${head.sequence} 之间缺少 ${envelope.sequence - head.sequence - 1} 批`);
  if (envelope.previousHash !== head.hash) return fail("chain", `previousHash of sequence ${envelope.sequence} is not the hash of sequence ${head.sequence}`, `序号 ${envelope.sequence} 的前一批哈希与序号 ${head.sequence} 不符`);
  return undefined;
}

/** Both: the batch by itself and its place after `head`. */
export function verifyEnvelope(batch: { envelope: unknown; payload: Uint8Array }, expected: ExpectedBatch, head: FeedHead): BatchVerdict {
  const verdict = verifyBatch(batch, expected);
  if (!verdict.ok) return verdict;
  return verifyChain(batch.envelope as BatchEnvelope, head) ?? verdict;
}

function fail(check: BatchCheck, message: string, zh: string): BatchFailure {
  return { ok: false, check, message, zh };
}

/** A position as two numbers, comparable. `"12"` is `"12:0"`. */
export interface SourcePosition {
  lsn: bigint;
  index: number;
}

export function parsePosition(position: string): SourcePosition {
  const colon = position.indexOf(":");
  return colon < 0 ? { lsn: BigInt(position), index: 0 } : { lsn: BigInt(position.slice(0, colon)), index: Number(position.slice(colon + 1)) };
}

export function formatPosition(lsn: bigint | number, index = 0): string {
  return index === 0 ? `${lsn}` : `${lsn}:${index}`;
}

/** Negative when `a` is older than `b`. */
export function comparePositions(a: SourcePosition, b: SourcePosition): number {
  return a.lsn === b.lsn ? a.index - b.index : a.lsn < b.lsn ? -1 : 1;
}
