import { Worker } from "node:worker_threads";
import { InputError } from "#platform";
import { defaultReadLimits, type ReadFailure, type ReadLimits } from "./limits.ts";
import type { RawFile } from "./raw-table.ts";
import type { ReadAnswer, ReadTask } from "./read-worker.ts";

export interface ImportFile {
  name: string;
  bytes: Uint8Array;
}

const refused = (failure: ReadFailure, cause?: unknown): InputError => new InputError(failure.message, { zh: failure.zh, code: failure.code, nextStep: failure.nextStep, cause });

/**
 * Reads a table in a thread of its own with a heap and a deadline of its own: a file made to exhaust memory or time
 * ends that thread and nothing else. Throws an `InputError` that names the place and the next step.
 */
export async function readImportFile({ name, bytes }: ImportFile, limits: Partial<ReadLimits> = {}): Promise<RawFile> {
  const effective = { ...defaultReadLimits, ...limits };
  if (bytes.byteLength > effective.bytes) {
    throw refused({ code: "file.too-big", message: `${name} has ${bytes.byteLength} bytes; at most ${effective.bytes} are read`, zh: `${name} 超过 ${Math.round(effective.bytes / 1_048_576)} MB`, nextStep: "Split the file, for example by department." });
  }
  const task: ReadTask = { bytes, fileName: name, limits: effective };
  const worker = new Worker(new URL("read-worker-start.mjs", import.meta.url), { workerData: task, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: effective.heapMegabytes } });
  const tooSlow = { code: "file.too-slow", message: `${name} could not be read within ${effective.timeMs / 1_000} s`, zh: `${name} 读取超时`, nextStep: "Split the file, or save it as CSV." };
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<ReadAnswer>((resolve, reject) => {
      timer = setTimeout(() => reject(refused(tooSlow)), effective.timeMs);
      worker.once("message", resolve);
      worker.once("error", (error: Error & { code?: string }) => reject(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? refused({ code: "file.too-much-memory", message: `${name} needs more memory to read than is allowed`, zh: `${name} 读取所需内存超出限制`, nextStep: "Split the file, or save it as CSV." }, error) : error));
      worker.once("exit", () => reject(new Error(`the reading thread of ${name} ended without an answer`)));
    });
    if ("failure" in answer) throw refused(answer.failure);
    if ("defect" in answer) throw refused({ code: "file.unreadable", message: `${name} cannot be read`, zh: `${name} 无法读取`, nextStep: "Open it in Excel or WPS, save it again as XLSX or as CSV (UTF-8), and try again." }, new Error(answer.defect));
    return answer.file;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
