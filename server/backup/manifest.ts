import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError, type DatabaseDump, type DumpPart } from "#platform";

/** What a backup holds, in `manifest.json`, written last: a folder without it is no backup. */
export interface BackupManifest {
  format: 1;
  id: string;
  /** Version of the software that made it; the same one restores it. */
  software: string;
  /** When its contents were as they are in it. */
  takenAt: string;
  databases: Record<"center" | "city", DatabaseDump>;
  /** Batches whose payloads lie in Kafka and not here. */
  batchesInKafka: number;
}

export const manifestFile = "manifest.json";

export async function readManifest(directory: string): Promise<BackupManifest> {
  const path = join(directory, manifestFile);
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse(await readFile(path, "utf8")) as BackupManifest;
  } catch (cause) {
    throw new InputError(`${directory} is not a whole backup: ${manifestFile} cannot be read`, { zh: `${directory} 不是完整的备份`, code: "backup.manifest", nextStep: "Give the folder that `zhengtong backup --out` has made.", cause });
  }
  if (manifest.format !== 1) throw new InputError(`${path} is of format ${String(manifest.format)}; this version reads 1`, { zh: "备份格式版本不受支持", code: "backup.format", nextStep: "Restore with the version that made the backup." });
  return manifest;
}

/**
 * What is left out: the catalog index (built anew), who is logged in (everybody logs in again), and what is only for
 * this moment (leases, nonces of requests that are long too old by the time of a restore).
 */
const tablesOnly = new Set(["catalog.session", "catalog.index_generation", "catalog.index_parked", "exchange.nonce", "platform.lease"]);

export function partOf(schema: string, table: string): DumpPart {
  if (schema === "catalog" && /^index_\w+_g\d+$/.test(table)) return "nothing";
  return tablesOnly.has(`${schema}.${table}`) ? "table" : "rows";
}
