import type { Grant } from "#standards";
import { InputError, NotFoundError, type Actor, type Kernel } from "#platform";
import { changeColumns, parseCopyTextLine, wireFields } from "../protocol/copy-text.ts";
import { decodeRepair } from "../protocol/checksum.ts";
import { decodePayload } from "../protocol/payload.ts";
import type { FeedLog, LoggedBatch } from "./feed-log/feed-log.ts";
import type { GrantAuthority } from "./grant-authority.ts";
import { feedSubject, type Feed } from "./model/feed.ts";
import { findFeedByGrant, writeApplied } from "./repositories/feeds.ts";

/** One row of a feed as an application gets it. Delivered at least once: `id` tells a repeat from a new one. */
export interface FeedRecord {
  /** `feed:sequence:row`. */
  id: string;
  /** Pass it as `after` to go on behind this record. */
  cursor: string;
  generation: number;
  /** `upsert`: this is the row now. `delete`: it is gone; `values` has its key only. `snapshot-begin`: what follows up to `snapshot-end` is the whole; what is not in it is gone. */
  operation: "upsert" | "delete" | "snapshot-begin" | "snapshot-end" | "end";
  /** Field → canonical text (docs/architecture.md, section 6), null for no value. */
  values: Record<string, string | null>;
  at: Date;
}

export interface FeedRecords {
  /**
   * Records of a grant that is delivered to an application, from behind `after` (a cursor; from the start of what the
   * log holds when absent), then live until the grant ends or `signal` aborts.
   */
  follow(actor: Actor, grantId: string, after: string | undefined, signal: AbortSignal): AsyncGenerator<FeedRecord>;
}

const waitMs = 20_000;
const pageBytes = 4 * 1024 * 1024;

function parseCursor(cursor: string): { sequence: number; row: number } {
  const match = /^(\d{1,15}):(\d{1,9})$/.exec(cursor);
  if (!match) throw new InputError(`"${cursor}" is not a cursor of a feed`, { zh: "游标格式不正确", code: "feed.cursor", nextStep: "Use the cursor of the last record, or none." });
  return { sequence: Number(match[1]), row: Number(match[2]) };
}

export function createFeedRecords({ kernel, feedLog, authority }: { kernel: Kernel; feedLog: FeedLog; authority: GrantAuthority }): FeedRecords {
  const { database, access, clock } = kernel;

  async function readable(actor: Actor, grantId: string): Promise<Feed> {
    const feed = await database.read((reader) => findFeedByGrant(reader, grantId));
    if (!feed) throw new NotFoundError(`No feed of grant ${grantId} that you may see`, { zh: "数据流不存在或无权查看", code: "feed.not-found" });
    access.assert(actor, "feed", "read-records", feedSubject(feed));
    if (feed.delivery === "node") throw new InputError(`Grant ${grantId} is delivered to a node, sealed to its key`, { zh: "该授权加密交付到节点,不能在线订阅", code: "feed.delivery", nextStep: "Read the node's target table." });
    return feed;
  }

  return {
    async *follow(actor, grantId, after, signal) {
      let feed = await readable(actor, grantId);
      const start = after === undefined ? { sequence: 0, row: -1 } : parseCursor(after);
      // Everything up to here was read whole; the cursor's own batch is read again and its first rows left out.
      let done = Math.max(0, start.sequence - 1);
      const head = await feedLog.head(feed.id);
      if (done > 0 && done + 1 < head.firstSequence) throw new InputError(`The log begins at ${head.firstSequence}; the cursor ${after} is older`, { zh: "游标之后的数据已超出保留期", code: "feed.cursor-overtaken", nextStep: "Ask for a refresh of the feed and read from its start." });
      while (!signal.aborted) {
        feed = await readable(actor, grantId);
        if (feed.state === "stopped") return;
        for (const batch of await feedLog.read(feed.id, done, pageBytes)) {
          const { envelope } = batch;
          // Decided anew for each batch: what was revoked goes no further.
          const verdict = await authority.authorise(grantId, clock.now());
          if (!verdict.allowed || signal.aborted) return;
          // A batch of another scope than today's is followed by a refresh with today's.
          if (envelope.grantVersion >= feed.scopeVersion) {
            for await (const record of recordsOf(feed, verdict.grant, batch)) {
              if (envelope.sequence === start.sequence && Number(record.cursor.split(":")[1]) <= start.row) continue;
              yield record;
            }
          }
          done = envelope.sequence;
          if (envelope.kind === "end") return;
        }
        const taken = done;
        if (taken > feed.appliedSequence) await database.withTransaction((tx) => writeApplied(tx, feed.id, taken, clock.now()));
        await feedLog.waitFor(feed.id, done, waitMs, signal);
        if (!(await authority.authorise(grantId, clock.now())).allowed) return;
      }
    },
  };

  async function* recordsOf(feed: Feed, grant: Grant, batch: LoggedBatch): AsyncGenerator<FeedRecord> {
    const { envelope } = batch;
    const make = (row: number, operation: FeedRecord["operation"], values: FeedRecord["values"]): FeedRecord => ({ id: `${feed.id}:${envelope.sequence}:${row}`, cursor: `${envelope.sequence}:${row}`, generation: envelope.generation, operation, values, at: batch.receivedAt });
    switch (envelope.kind) {
      case "refresh-begin":
        yield make(0, "snapshot-begin", {});
        return;
      case "refresh-end":
        yield make(0, "snapshot-end", {});
        return;
      case "end":
        yield make(0, "end", {});
        return;
      case "checksum":
        return;
    }
    const plain = await decodePayload(batch.payload, envelope);
    const lines = (envelope.kind === "repair" ? decodeRepair(plain).lines : plain).toString("utf8").split("\n");
    lines.pop();
    const skip = envelope.kind === "chunk" ? 0 : changeColumns;
    const fields = wireFields(grant);
    for (const [row, line] of lines.entries()) {
      const columns = parseCopyTextLine(line);
      const deleted = skip > 0 && columns[0] === "D";
      // Key fields come first on the wire.
      const shown = deleted ? grant.keyFields : fields;
      yield make(row, deleted ? "delete" : "upsert", Object.fromEntries(shown.map((field, index) => [field, columns[skip + index] ?? null])));
    }
  }
}

