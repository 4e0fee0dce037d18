import { Buffer } from "node:buffer";
import { builtInMappings } from "../mapping/built-in.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { readRecords, type FileRecords } from "../mapping/read-records.ts";
import { defaultReadLimits } from "../reading/limits.ts";
import { readBytes } from "../reading/read-bytes.ts";

/** A file as an import understands it, without the thread that a real one is read in. */
export async function readTable(bytes: Uint8Array | string, options: { name?: string; mappings?: readonly Mapping[] } = {}): Promise<FileRecords> {
  const name = options.name ?? "table";
  return readRecords(await readBytes(Buffer.from(bytes), name, defaultReadLimits), name, options.mappings ?? builtInMappings);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
