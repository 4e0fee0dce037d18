import { createHash } from "node:crypto";
import { ConflictError, type NewId, type Reader } from "#platform";
import type { BucketChecksums, CommandOutcome, NodeCommand } from "../../protocol/assignments.ts";
import { encodeRepair, keyBucketSql, rowChecksumSql } from "../../protocol/checksum.ts";
import { parseCopyTextLine } from "../../protocol/copy-text.ts";
import { createChunkReader } from "./chunk.ts";
import type { FeedRuntime } from "./context.ts";
import type { FeedPlan } from "./feed-plan.ts";
import type { Position } from "./feed-pipe.ts";
import { keySeparator } from "./row-reader.ts";
import { copyChunk, copyRows } from "./snapshot-task.ts";

/**
 * The provider's half of reconciliation. Both commands read the source in a snapshot that stands at one place of the
 * feed: everything sent before is in it and nothing that is sent later, so the subscriber, when it gets there,
 * compares like with like. Parked rows were not sent and are left out.
 */
type Active = NonNullable<FeedRuntime["active"]>;

const defaultBuckets = 256;
const repairBytes = 4 * 1024 * 1024;
const chunkRows = 10_000;

function activeOf(runtime: FeedRuntime | undefined, command: NodeCommand): Active {
  if (!runtime?.active || runtime.active.pipe.record.phase !== "live") throw new ConflictError(`Feed ${command.feedId} is not live at this node`, { zh: "数据流当前不在运行", code: "feed.not-live", nextStep: "Wait until its refresh has ended, or see why it stands still, then ask again." });
  return runtime.active;
}

/** Wire texts in SQL, where SQL can make all of them. */
function sqlTexts(plan: FeedPlan): { all: string[]; keys: string[] } | undefined {
  const all = plan.wire.flatMap((column) => column.textSql ?? []);
  return plan.wholeInSql && all.length === plan.wire.length ? { all, keys: all.slice(0, plan.keyCount) } : undefined;
}

async function checksumsInSql(reader: Reader, active: Active, texts: { all: string[]; keys: string[] }, buckets: number): Promise<BucketChecksums["values"]> {
  const { plan, pipe, from } = active;
  const values = [...(plan.condition?.values ?? [])];
  values.push([...pipe.parkedKeys]);
  const keyText = `concat_ws(chr(31), ${texts.keys.map((text) => `coalesce(${text}, '')`).join(", ")})`;
  const { rows } = await reader.query<{ bucket: number; rows: number; sum: string }>(
    `select bucket, count(*) as rows, sum(checksum)::text as sum from (
       select ${keyBucketSql(texts.keys, buckets)} as bucket, ${rowChecksumSql(texts.all)} as checksum from ${from}
       where ${[...(plan.condition ? [`(${plan.condition.text})`] : []), `${keyText} <> all($${values.length}::text[])`, ...texts.keys.map((text) => `${text} is not null`)].join(" and ")}
     ) as each group by bucket order by bucket`,
    values,
  );
  return rows.map((row) => [row.bucket, row.rows, row.sum]);
}

const md5 = (texts: readonly (string | null)[]) => createHash("md5").update(texts.map((text) => text ?? "\\N").join("\u001f")).digest("hex");

/** The same in process, chunk by chunk, for what only the process can make (keyed masks). */
async function checksumsInProcess(reader: Reader, active: Active, newId: NewId, buckets: number): Promise<BucketChecksums["values"]> {
  const { plan, pipe, from } = active;
  const read = createChunkReader(plan, { newId, batchBytes: () => Number.MAX_SAFE_INTEGER });
  const sums = new Map<number, { rows: number; sum: bigint }>();
  for (let key: string[] | undefined; ; ) {
    const { bytes } = await copyChunk(reader, plan, from, key, chunkRows);
    const chunk = read(bytes, { lsn: 0, index: 0 });
    for (const content of chunk.contents) {
      for (const line of content.payload.toString("utf8").split("\n")) {
        if (line === "") continue;
        const texts = parseCopyTextLine(line);
        const keys = texts.slice(0, plan.keyCount);
        if (pipe.parkedKeys.has(keys.join(keySeparator))) continue;
        const bucket = Number.parseInt(md5(keys).slice(0, 7), 16) % buckets;
        const entry = sums.get(bucket) ?? { rows: 0, sum: 0n };
        sums.set(bucket, { rows: entry.rows + 1, sum: entry.sum + BigInt(`0x${md5(texts).slice(0, 15)}`) });
      }
    }
    if (chunk.rowsRead < chunkRows || !chunk.lastKey) break;
    key = chunk.lastKey;
  }
  return [...sums].sort(([a], [b]) => a - b).map(([bucket, { rows, sum }]) => [bucket, rows, String(sum)]);
}

export async function sendChecksums(runtime: FeedRuntime | undefined, command: NodeCommand, newId: NewId): Promise<CommandOutcome> {
  const active = activeOf(runtime, command);
  const buckets = command.buckets ?? defaultBuckets;
  const texts = sqlTexts(active.plan);
  let rows = 0;
  await active.session.alignedSnapshot(
    (reader) => (texts ? checksumsInSql(reader, active, texts, buckets) : checksumsInProcess(reader, active, newId, buckets)),
    (values, position) => {
      rows = values.reduce((sum, [, count]) => sum + count, 0);
      const payload = Buffer.from(JSON.stringify({ commandId: command.id, buckets, values }));
      active.pipe.append({ kind: "checksum", from: position, to: position, content: { payload, rows: 0, deletes: 0 }, json: true, progress: {}, parked: [] });
    },
  );
  await active.pipe.commit();
  return { commandId: command.id, ok: true, rows };
}

/** Puts the position of the read before each line, as a change that brings the row. */
function asChanges(lines: Buffer, { lsn, index }: Position): Buffer {
  const prefix = `U\t${lsn}\t${index}\t`;
  return Buffer.from(lines.toString("utf8").split("\n").map((line) => (line === "" ? "" : prefix + line)).join("\n"));
}

/** Sends whole buckets again: what is in them at the source, so that what is not can be taken away at the target. */
export async function sendRepair(runtime: FeedRuntime | undefined, command: NodeCommand, newId: NewId): Promise<CommandOutcome> {
  const active = activeOf(runtime, command);
  const { plan, pipe, session, from } = active;
  const buckets = command.buckets ?? defaultBuckets;
  const keyTexts = plan.wire.slice(0, plan.keyCount).flatMap((column) => column.textSql ?? []);
  if (keyTexts.length !== plan.keyCount) throw new ConflictError(`The key of feed ${command.feedId} is masked, so parts of it cannot be read again`, { zh: "该数据流的主键已脱敏,不能按桶修复", code: "repair.masked-key", nextStep: "Ask for a full refresh of the feed instead." });
  const read = createChunkReader(plan, { newId, batchBytes: () => Number.MAX_SAFE_INTEGER });
  let sent = 0;
  for (const waiting = [...(command.bucketNumbers ?? [])]; waiting.length > 0; ) {
    await session.alignedSnapshot(
      async (reader) => {
        const parts: { bucket: number; bytes: Buffer }[] = [];
        for (let size = 0; waiting.length > 0 && size < repairBytes; ) {
          const bucket = waiting.shift()!;
          const { bytes } = await copyRows(reader, { plan, from, where: [{ text: `${keyBucketSql(keyTexts, buckets)} = $1`, values: [String(bucket)] }] });
          parts.push({ bucket, bytes });
          size += bytes.length;
        }
        return parts;
      },
      (parts, position) => {
        const chunk = read(Buffer.concat(parts.map((part) => part.bytes)), position);
        const lines = asChanges(Buffer.concat(chunk.contents.map((content) => content.payload)), position);
        const rows = chunk.contents.reduce((sum, content) => sum + content.rows, 0);
        sent += rows;
        pipe.append({ kind: "repair", from: position, to: position, content: { payload: encodeRepair({ commandId: command.id, buckets, bucketNumbers: parts.map((part) => part.bucket) }, lines), rows, deletes: 0 }, progress: {}, parked: chunk.parked, ...(chunk.keys.size > 0 ? { sentKeys: chunk.keys } : {}) });
      },
    );
    await pipe.commit();
  }
  return { commandId: command.id, ok: true, rows: sent };
}
