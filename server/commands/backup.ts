import { createLog, systemActor } from "#platform";
import { takeBackup } from "../backup/backup.ts";
import { checkBackup, restoreBackup } from "../backup/restore.ts";
import { loadCenterConfig } from "../settings.ts";
import { withCenterServices } from "./center-services.ts";
import { verifyEverything } from "./verify-audit.ts";

const showTable = ({ database, done, total, table }: { database: string; done: number; total: number; table: string }) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[2K${database} ${done}/${total} ${table}`));
const clearLine = () => void (process.stderr.isTTY && process.stderr.write("\r\u001b[2K"));
const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`;

export async function runBackup(options: { out: string; config?: string; json?: boolean }): Promise<void> {
  const config = loadCenterConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const manifest = await takeBackup({ databaseUrl: config.databaseUrl, cityDatabaseUrl: config.cityDatabaseUrl, directory: options.out, log: createLog({ level: config.logLevel }), onTable: showTable });
  clearLine();
  const tables = Object.values(manifest.databases).flatMap((dump) => dump.tables.flatMap(({ data }) => data ?? []));
  const totals = { id: manifest.id, takenAt: manifest.takenAt, directory: options.out, tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0), bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0), batchesInKafka: manifest.batchesInKafka };
  if (options.json) process.stdout.write(`${JSON.stringify(totals)}\n`);
  else {
    process.stdout.write(`${totals.rows} rows of ${totals.tables} tables, ${megabytes(totals.bytes)}, as of ${totals.takenAt}: ${options.out}\n`);
    if (manifest.batchesInKafka > 0) process.stdout.write(`${manifest.batchesInKafka} waiting batches lie in Kafka and are not in it: keep Kafka's volumes, or their subscribers refresh after a restore 数据流批次保存在 Kafka 中,不在本备份内\n`);
  }
}

export async function runRestore(options: { from: string; check?: boolean; withoutKafka?: boolean; reindex?: boolean; config?: string; json?: boolean }): Promise<void> {
  if (options.check) {
    const manifest = await checkBackup(options.from);
    process.stdout.write(options.json ? `${JSON.stringify({ id: manifest.id, takenAt: manifest.takenAt, software: manifest.software, whole: true })}\n` : `${options.from} is whole: as of ${manifest.takenAt}, made by version ${manifest.software} 备份完整\n`);
    return;
  }
  const config = loadCenterConfig({ environment: process.env, ...(options.config === undefined ? {} : { file: options.config }) });
  const { manifest, rows, batchesGivenUp } = await restoreBackup({ directory: options.from, databaseUrl: config.databaseUrl, cityDatabaseUrl: config.cityDatabaseUrl, log: createLog({ level: config.logLevel }), ...(options.withoutKafka === undefined ? {} : { withoutKafka: options.withoutKafka }), onTable: showTable });
  clearLine();
  const intact = await withCenterServices(options, async (services) => {
    // An index that is ahead of the restored records (Neo4j is in no backup) would show what is not there.
    if (options.reindex ?? true) await services.catalog.search.rebuild(systemActor("restore"));
    await services.center.database.withTransaction((tx) => services.center.audit.record(tx, systemActor("restore"), { action: "installation.restored", objectType: "backup", objectId: manifest.id, detail: { takenAt: manifest.takenAt, batchesGivenUp } }));
    return (await verifyEverything(services)).intact;
  });
  if (options.json) process.stdout.write(`${JSON.stringify({ id: manifest.id, takenAt: manifest.takenAt, rows, batchesGivenUp, intact })}\n`);
  else {
    process.stdout.write(`restored as of ${manifest.takenAt}: ${rows.center + rows.city} rows; audit chains and evidence ${intact ? "intact" : "BROKEN: see zhengtong verify-audit"} 恢复完成\n`);
    if (batchesGivenUp > 0) process.stdout.write(`${batchesGivenUp} batches that lay in Kafka were given up; their subscribers refresh\n`);
    if (options.reindex === false) process.stdout.write("The index was not rebuilt: run zhengtong reindex before the centres are started\n");
  }
  if (!intact) process.exitCode = 1;
}
