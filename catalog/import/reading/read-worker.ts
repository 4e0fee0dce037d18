import { parentPort, workerData } from "node:worker_threads";
import { UnreadableError, type ReadFailure, type ReadLimits } from "./limits.ts";
import type { RawFile } from "./raw-table.ts";
import { readBytes } from "./read-bytes.ts";

export interface ReadTask {
  bytes: Uint8Array;
  fileName: string;
  limits: ReadLimits;
}

export type ReadAnswer = { file: RawFile } | { failure: ReadFailure } | { defect: string };

const { bytes, fileName, limits } = workerData as ReadTask;

async function answer(): Promise<ReadAnswer> {
  try {
    return { file: await readBytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), fileName, limits) };
  } catch (error) {
    return error instanceof UnreadableError ? { failure: error.failure } : { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

parentPort!.postMessage(await answer());
