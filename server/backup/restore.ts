import { join } from "node:path";
import { forgetRecordsInKafka, forkFeeds } from "#exchange-nodes";
import { assertSameMigrations, checkDump, createDatabase, InputError, restoreDatabase, restoreStateOf, type Log } from "#platform";
import { centerMigrations, cityMigrations } from "../compose/center.ts";
import { readManifest, type BackupManifest } from "./manifest.ts";

export interface RestoreOptions {
  directory: string;
  /** Both empty. */
  databaseUrl: string;
  cityDatabaseUrl: string;
  log: Log;
  /** Kafka's data is not there any more: what lay in it is given up, and subscribers that had not read it refresh. */
  withoutKafka?: boolean;
  onTable?: (progress: { database: string; done: number; total: number; table: string }) => void;
}

export interface RestoreResult {
  manifest: BackupManifest;
  rows: Record<"center" | "city", number>;
  /** Batches given up with Kafka's data. */
  batchesGivenUp: number;
}

const sets = { center: centerMigrations, city: cityMigrations } as const;

/** Reads every file and compares it with the manifest; changes nothing. */
export async function checkBackup(directory: string): Promise<BackupManifest> {
  const manifest = await readManifest(directory);
  const issues = [];
  for (const name of ["center", "city"] as const) issues.push(...(await checkDump(manifest.databases[name], join(directory, name))));
  if (issues.length > 0) throw new InputError(`The backup ${directory} is damaged: ${issues.length} file${issues.length === 1 ? "" : "s"} differ from its manifest`, { zh: `备份 ${directory} 已损坏:${issues.length} 个文件与清单不符`, code: "backup.damaged", nextStep: "Take another copy of this backup, or an earlier backup.", issues });
  return manifest;
}

/**
 * A backup into two empty databases. Each is restored whole or not at all; called again after a failure it goes on with
 * the one that is missing.
 */
export async function restoreBackup({ directory, databaseUrl, cityDatabaseUrl, log, withoutKafka = false, onTable }: RestoreOptions): Promise<RestoreResult> {
  const manifest = await readManifest(directory);
  for (const name of ["center", "city"] as const) assertSameMigrations(name, manifest.databases[name], sets[name]);
  const databases = { center: createDatabase({ url: databaseUrl, log, maxConnections: 2 }), city: createDatabase({ url: cityDatabaseUrl, log, maxConnections: 2 }) };
  try {
    const states = { center: await restoreStateOf(databases.center, manifest.id), city: await restoreStateOf(databases.city, manifest.id) };
    await checkBackup(directory);
    const rows = { center: 0, city: 0 };
    let batchesGivenUp = 0;
    for (const name of ["center", "city"] as const) {
      if (states[name] === "done") continue;
      const restored = await restoreDatabase({
        database: databases[name],
        backupId: manifest.id,
        sets: sets[name],
        dump: manifest.databases[name],
        directory: join(directory, name),
        ...(onTable === undefined ? {} : { onTable: (progress) => onTable({ database: name, ...progress }) }),
        beforeCommit: async (tx) => {
          if (name !== "center") return;
          if (withoutKafka) batchesGivenUp = await forgetRecordsInKafka(tx);
          await forkFeeds(tx);
        },
      });
      rows[name] = restored.rows;
    }
    return { manifest, rows, batchesGivenUp };
  } finally {
    await databases.center.close();
    await databases.city.close();
  }
}
