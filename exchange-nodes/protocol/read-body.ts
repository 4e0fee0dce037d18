import { InputError } from "#platform";
import type { ReadBatchesResult } from "./assignments.ts";
import { decodeFrames, encodeFrames, type FrameLimits } from "./frames.ts";

/** The answer to a read: a 32-bit length, JSON of everything but the batches, then frames. */
export function encodeReadBody(result: ReadBatchesResult): Buffer {
  const { batches, ...rest } = result;
  const json = Buffer.from(JSON.stringify(rest));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(json.byteLength);
  return Buffer.concat([length, json, ...(batches.length === 0 ? [] : encodeFrames(batches))]);
}

export function decodeReadBody(body: Buffer, limits: FrameLimits): ReadBatchesResult {
  const length = body.byteLength < 4 ? -1 : body.readUInt32BE(0);
  if (length < 2 || 4 + length > body.byteLength) throw new InputError("The answer is cut", { zh: "响应不完整", code: "frames.cut" });
  const rest = JSON.parse(body.subarray(4, 4 + length).toString("utf8")) as Omit<ReadBatchesResult, "batches">;
  const frames = body.subarray(4 + length);
  return { ...rest, batches: frames.byteLength === 0 ? [] : decodeFrames(frames, limits) };
}
