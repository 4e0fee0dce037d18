import { createHash } from "node:crypto";
import type { BatchEnvelope } from "#standards";
import type { SuiteName } from "#platform";
import { emptyHead, verifyChain, verifyEnvelopeAlone, type BatchCheck, type FeedHead } from "./envelope.ts";

/**
 * The archive of a feed: one line of header, every envelope in order, then the minute roots that cover the feed. It can
 * be verified with nothing but this file: signatures by the provider's keys, the chain, and the Merkle roots, whose
 * values stand in the centre's audit log.
 */
export const evidenceFormat = "zhengtong-feed-evidence-1";

/** `[feedId, sequence, hash]`: where a feed stood. */
export type EvidenceLeaf = [string, number, string];

export interface EvidenceRoot {
  number: number;
  at: string;
  root: string;
  previousRoot: string;
  leaves: EvidenceLeaf[];
}

const digest = (...parts: (string | Buffer)[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Root over the leaves in their order, bound to the root before. Leaf and inner hashes have different prefixes. */
export function merkleRoot({ leaves, previousRoot }: Pick<EvidenceRoot, "leaves" | "previousRoot">): string {
  let level = leaves.map(([feedId, sequence, hash]) => digest("\u0000", `${feedId}\n${sequence}\n${hash}`));
  while (level.length > 1) level = Array.from({ length: Math.ceil(level.length / 2) }, (_, index) => (index * 2 + 1 < level.length ? digest("\u0001", level[index * 2]!, level[index * 2 + 1]!) : level[index * 2]!));
  return digest("\u0002", previousRoot, level[0] ?? Buffer.alloc(32)).toString("hex");
}

export interface EvidenceVerdict {
  intact: boolean;
  batches: number;
  roots: number;
  head: FeedHead;
  firstBad?: { line: number; sequence: number; check: BatchCheck | "archive" | "root"; message: string };
}

interface ArchiveHeader {
  format: string;
  feedId: string;
  grantId: string;
  providers: { nodeId: string; publicKey: string; suite: SuiteName }[];
}

/**
 * Verifies an archive offline and names the first bad batch. `trusted` replaces the keys in the archive by keys that
 * the verifier knows from elsewhere.
 */
export async function verifyFeedEvidence(lines: Iterable<string> | AsyncIterable<string>, options: { trusted?: ArchiveHeader["providers"] } = {}): Promise<EvidenceVerdict> {
  let header: ArchiveHeader | undefined;
  let head: FeedHead = emptyHead;
  let batches = 0;
  let roots = 0;
  let line = 0;
  const hashes = new Map<number, string>();
  const bad = (sequence: number, check: NonNullable<EvidenceVerdict["firstBad"]>["check"], message: string): EvidenceVerdict => ({ intact: false, batches, roots, head, firstBad: { line, sequence, check, message } });

  for await (const text of lines) {
    if (text.trim() === "") continue;
    line += 1;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return bad(head.sequence + 1, "archive", "the line is not JSON");
    }
    if (!header) {
      header = value as ArchiveHeader;
      if (header.format !== evidenceFormat || !Array.isArray(header.providers)) return bad(0, "archive", `this is not an archive of the format ${evidenceFormat}`);
      continue;
    }
    if (typeof value === "object" && value !== null && "evidenceRoot" in value) {
      const root = (value as { evidenceRoot: EvidenceRoot }).evidenceRoot;
      const leaf = root.leaves.find(([feedId]) => feedId === header!.feedId);
      if (merkleRoot(root) !== root.root) return bad(leaf?.[1] ?? 0, "root", `root ${root.number} is not the root of its leaves`);
      if (!leaf || hashes.get(leaf[1]) !== leaf[2]) return bad(leaf?.[1] ?? 0, "root", `root ${root.number} names another batch ${leaf?.[1] ?? ""} than the archive holds`);
      roots += 1;
      continue;
    }
    const envelope = value as BatchEnvelope;
    const provider = (options.trusted ?? header.providers).find((candidate) => candidate.nodeId === envelope.providerNodeId);
    const sequence = typeof envelope.sequence === "number" ? envelope.sequence : head.sequence + 1;
    if (!provider) return bad(sequence, "provider", `there is no key of node ${String(envelope.providerNodeId)}`);
    const verdict = verifyEnvelopeAlone(envelope, { feedId: header.feedId, grantId: header.grantId, providerNodeId: provider.nodeId, publicKey: provider.publicKey, suite: provider.suite });
    if (!verdict.ok) return bad(sequence, verdict.check, verdict.message);
    const broken = verifyChain(envelope, head);
    if (broken) return bad(sequence, broken.check, broken.message);
    head = { sequence: envelope.sequence, hash: verdict.hash };
    hashes.set(envelope.sequence, verdict.hash);
    batches += 1;
  }
  if (!header) return bad(0, "archive", "the archive is empty");
  return { intact: true, batches, roots, head };
}
