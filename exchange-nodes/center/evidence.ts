import { createLoop, NotFoundError, systemActor, type Actor, type Kernel, type Loop } from "#platform";
import { evidenceFormat, merkleRoot, type EvidenceLeaf, type EvidenceRoot } from "../protocol/evidence.ts";
import { feedSubject } from "./model/feed.ts";
import { findFeed } from "./repositories/feeds.ts";
import { findNodes } from "./repositories/nodes.ts";

/**
 * Each minute the heads of all feeds that have moved go into a Merkle tree whose root is written to the audit log. A
 * head stands for everything before it on its feed, so a root in the audit chain fixes every batch up to that minute.
 */
export interface EvidenceService extends Loop {
  /** Stamps what has moved since the last root; undefined when nothing has. */
  stamp(): Promise<EvidenceRoot | undefined>;
  /** A feed's envelopes with keys and roots, line by line; the same history gives the same bytes. */
  exportFeed(actor: Actor, feedId: string): AsyncGenerator<string>;
  /** Compares every root with what the audit chain says of it: whoever rewrote both evidence and roots is found here. */
  verifyRoots(): Promise<RootsVerdict>;
}

export interface RootsVerdict {
  intact: boolean;
  roots: number;
  firstBad?: { number: number; message: string };
}

const stampLock = 7_305_010;

interface RootRow extends Record<string, unknown> {
  number: number;
  at: Date;
  root: string;
  leaves: EvidenceLeaf[];
  previous_root: string;
}

const toRoot = (row: RootRow): EvidenceRoot => ({ number: row.number, at: row.at.toISOString(), root: row.root, previousRoot: row.previous_root, leaves: row.leaves });

export function createEvidenceService({ kernel, intervalMs = 60_000 }: { kernel: Kernel; intervalMs?: number }): EvidenceService {
  const { database, access, clock, log, audit } = kernel;
  const actor = systemActor("exchange-evidence");

  async function stamp(): Promise<EvidenceRoot | undefined> {
    return database.withTransaction(async (tx) => {
      await tx.query("select pg_advisory_xact_lock($1)", [stampLock]);
      const { rows: moved } = await tx.query<{ feed_id: string; sequence: number; hash: string }>("select f.id as feed_id, e.sequence, e.hash from exchange.feed f join exchange.batch_evidence e on e.feed_id = f.id and e.sequence = f.accounted_sequence where f.accounted_sequence > f.rooted_sequence order by f.id");
      if (moved.length === 0) return undefined;
      const { rows: last } = await tx.query<{ number: number; root: string }>("select number, root from exchange.evidence_root order by number desc limit 1");
      const leaves: EvidenceLeaf[] = moved.map((head) => [head.feed_id, head.sequence, head.hash]);
      const root: EvidenceRoot = { number: (last[0]?.number ?? 0) + 1, at: clock.now().toISOString(), previousRoot: last[0]?.root ?? "0".repeat(64), leaves, root: "" };
      root.root = merkleRoot(root);
      await tx.query("insert into exchange.evidence_root (number, at, root, leaves, previous_root) values ($1, $2, $3, $4, $5)", [root.number, root.at, root.root, JSON.stringify(leaves), root.previousRoot]);
      await tx.query("update exchange.feed f set rooted_sequence = m.sequence from unnest($1::text[], $2::bigint[]) as m(feed_id, sequence) where f.id = m.feed_id", [moved.map((head) => head.feed_id), moved.map((head) => head.sequence)]);
      await audit.record(tx, actor, { action: "evidence.root", objectType: "evidence-root", objectId: String(root.number), detail: { root: root.root, feeds: leaves.length } });
      return root;
    });
  }

  async function* exportFeed(caller: Actor, feedId: string): AsyncGenerator<string> {
    const feed = await database.read((reader) => findFeed(reader, feedId));
    if (!feed) throw new NotFoundError(`No feed ${feedId} that you may see`, { zh: "数据流不存在或无权查看", code: "feed.not-found" });
    access.assert(caller, "feed", "export-evidence", feedSubject(feed));
    const nodes = await database.read((reader) => findNodes(reader, [...feed.formerProviderNodeIds, feed.providerNodeId].filter((id) => id !== undefined)));
    const providers = nodes.flatMap((node) => (node.publicKey !== undefined && node.suite !== undefined ? [{ nodeId: node.id, publicKey: node.publicKey, suite: node.suite }] : []));
    yield `${JSON.stringify({ format: evidenceFormat, feedId, grantId: feed.grantId, providers })}\n`;
    for (let after = 0; ; ) {
      const { rows } = await database.read((reader) => reader.query<{ sequence: number; envelope: string }>("select sequence, envelope from exchange.batch_evidence where feed_id = $1 and sequence > $2 order by sequence limit 1000", [feedId, after]));
      for (const row of rows) yield `${row.envelope}\n`;
      if (rows.length < 1000) break;
      after = rows.at(-1)!.sequence;
    }
    const leaf = JSON.stringify([[feedId]]).slice(1, -1);
    for (let after = 0; ; ) {
      const { rows } = await database.read((reader) => reader.query<RootRow>("select number, at, root, leaves, previous_root from exchange.evidence_root where number > $1 and leaves @> $2::jsonb order by number limit 500", [after, `[${leaf}]`]));
      for (const row of rows) yield `${JSON.stringify({ evidenceRoot: toRoot(row) })}\n`;
      if (rows.length < 500) break;
      after = rows.at(-1)!.number;
    }
  }

  async function verifyRoots(): Promise<RootsVerdict> {
    let previous = "0".repeat(64);
    let roots = 0;
    for (;;) {
      const { rows } = await database.read((reader) =>
        reader.query<RootRow & { audited: string | null }>(
          "select r.number, r.at, r.root, r.leaves, r.previous_root, a.detail ->> 'root' as audited from exchange.evidence_root r left join platform.audit_log a on a.action = 'evidence.root' and a.object_type = 'evidence-root' and a.object_id = r.number::text where r.number > $1 order by r.number limit 500",
          [roots],
        ),
      );
      for (const row of rows) {
        const bad = (message: string): RootsVerdict => ({ intact: false, roots, firstBad: { number: row.number, message } });
        if (row.number !== roots + 1) return bad(`root ${roots + 1} is missing`);
        if (row.previous_root !== previous) return bad("it does not follow the root before it");
        if (merkleRoot(toRoot(row)) !== row.root) return bad("it is not the root of its leaves");
        if (row.audited !== row.root) return bad(row.audited === null ? "the audit chain has no record of it" : "the audit chain has another root");
        previous = row.root;
        roots += 1;
      }
      if (rows.length === 0) break;
    }
    const { rows } = await database.read((reader) => reader.query<{ audited: number }>("select count(*) as audited from platform.audit_log where action = 'evidence.root' and object_type = 'evidence-root'"));
    if (rows[0]!.audited !== roots) return { intact: false, roots, firstBad: { number: roots + 1, message: "the audit chain has a root that is gone" } };
    return { intact: true, roots };
  }

  const loop = createLoop({ name: "exchange-evidence", intervalMs, log, run: async () => void (await stamp()) });
  return { ...loop, stamp, exportFeed, verifyRoots };
}

