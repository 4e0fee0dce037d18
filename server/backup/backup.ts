import { mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { countRecordsInKafka } from "#exchange-nodes";
import { createDatabase, dumpDatabase, InputError, migrationState, newId, openSnapshot, systemClock, type Clock, type DatabaseDump, type Log } from "#platform";
import { centerMigrations, cityMigrations } from "../compose/center.ts";
import { packageVersion } from "../version.ts";
import { manifestFile, partOf, type BackupManifest } from "./manifest.ts";

export interface BackupOptions {
  databaseUrl: string;
  cityDatabaseUrl: string;
  /** Must not exist, or be empty. */
  directory: string;
  log: Log;
  clock?: Clock;
  onTable?: (progress: { database: string; done: number; total: number; table: string }) => void;
}

/**
 * Both databases of a centre, while it runs, as of one instant each. The city's is the earlier one: restored, it is
 * behind the centre's log, from which it goes on; ahead of it, it would hold rows that the log does not know.
 *
 * @throws InputError when the folder is taken. Broken off, it leaves a folder `….partial` that is no backup.
 */
export async function takeBackup({ databaseUrl, cityDatabaseUrl, directory, log, clock = systemClock, onTable }: BackupOptions): Promise<BackupManifest> {
  const target = resolve(directory);
  if ((await readdir(target).catch(() => [])).length > 0) throw new InputError(`${target} is not empty`, { zh: `${target} 不是空目录`, code: "backup.folder", nextStep: "Give a new folder for each backup." });
  const partial = join(dirname(target), `${basename(target)}.partial`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  const databases = { city: createDatabase({ url: cityDatabaseUrl, log, maxConnections: 1 }), center: createDatabase({ url: databaseUrl, log, maxConnections: 1 }) };
  try {
    for (const [name, sets] of [["center", centerMigrations], ["city", cityMigrations]] as const) {
      const state = await migrationState(databases[name], sets);
      const wrong = [...state.pending, ...state.unknown];
      if (wrong.length > 0) throw new InputError(`The ${name} database is not of this software's version: ${wrong.join(", ")}`, { zh: `数据库(${name})的结构版本与当前软件不一致`, code: "backup.schema-version", nextStep: "Take the backup with the version that runs on it." });
    }
    const city = await openSnapshot(databases.city);
    const center = await openSnapshot(databases.center).catch(async (error: unknown) => {
      await city.close();
      throw error;
    });
    const takenAt = clock.now();
    const dumps: Record<string, DatabaseDump> = {};
    try {
      for (const [name, snapshot] of [["center", center], ["city", city]] as const) {
        dumps[name] = await dumpDatabase({ snapshot, directory: join(partial, name), partOf, ...(onTable === undefined ? {} : { onTable: (progress) => onTable({ database: name, ...progress }) }) });
      }
      const batchesInKafka = await databases.center.read(countRecordsInKafka);
      const manifest: BackupManifest = { format: 1, id: newId("backup"), software: packageVersion, takenAt: takenAt.toISOString(), databases: { center: dumps.center!, city: dumps.city! }, batchesInKafka };
      await writeFile(join(partial, manifestFile), `${JSON.stringify(manifest, undefined, 1)}\n`, { mode: 0o600, flush: true });
      await rm(target, { recursive: true, force: true });
      await rename(partial, target);
      const folder = await open(dirname(target));
      await folder.sync().finally(() => folder.close());
      return manifest;
    } finally {
      await city.close();
      await center.close();
    }
  } finally {
    await databases.city.close();
    await databases.center.close();
  }
}
