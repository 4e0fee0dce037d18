import { quoteIdentifier, type Database, type Log } from "#platform";
import { parseLsn } from "./pgoutput.ts";
import { quoteRelation, relationNames } from "./introspect.ts";
import { connectToSource } from "./source-database.ts";

/** The source's own view of our slot. */
export interface SlotState {
  systemIdentifier: string;
  plugin: string;
  active: boolean;
  /** `lost`: the source has thrown away log that we had not read. */
  walStatus: string | undefined;
  confirmedLsn: number;
  /** Log that the source keeps because of the slot. */
  retainedBytes: number;
  /** Where the source's log is. */
  currentLsn: number;
  /** Whether the source itself bounds what a slot may keep (max_slot_wal_keep_size). */
  boundedBySource: boolean;
}

/** Why no slot can be had: capture falls back to reading tables. */
export class SlotRefused extends Error {
  readonly zh: string;
  constructor(message: string, zh: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SlotRefused";
    this.zh = zh;
  }
}

export async function findSlot(source: Database, slotName: string): Promise<SlotState | undefined> {
  return source.read(async (reader) => {
    const { rows } = await reader.query<{ system: string; plugin: string; active: boolean; wal_status: string | null; confirmed: string | null; retained: string | null; now_at: string; keep: string }>(
      `select (select system_identifier::text from pg_control_system()) as system, s.plugin::text, s.active, s.wal_status, s.confirmed_flush_lsn::text as confirmed,
              pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::text as retained, pg_current_wal_lsn()::text as now_at, current_setting('max_slot_wal_keep_size') as keep
       from pg_replication_slots s where s.slot_name = $1 and s.database = current_database()`,
      [slotName],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    return {
      systemIdentifier: row.system,
      plugin: row.plugin,
      active: row.active,
      walStatus: row.wal_status ?? undefined,
      confirmedLsn: row.confirmed === null ? 0 : parseLsn(row.confirmed),
      retainedBytes: Number(row.retained ?? 0),
      currentLsn: parseLsn(row.now_at),
      boundedBySource: row.keep !== "-1",
    };
  });
}

const refusals: Record<string, [string, string]> = {
  "55000": ["the source's wal_level is not logical", "来源数据库的 wal_level 不是 logical"],
  "42501": ["the account may not use replication", "该账号没有复制权限"],
  "53400": ["the source has no free replication slot", "来源数据库没有空闲的复制槽"],
  "58P01": ["the source has no pgoutput plugin", "来源数据库没有 pgoutput 插件"],
};

/** @throws SlotRefused when the source cannot or will not give a slot. */
export async function createSlot(url: string, slotName: string): Promise<{ systemIdentifier: string; confirmedLsn: number }> {
  const client = await connectToSource(url, false);
  try {
    const level = await client.query<{ level: string }>("select current_setting('wal_level') as level");
    if (level.rows[0]!.level !== "logical") throw new SlotRefused(refusals["55000"]![0], refusals["55000"]![1]);
    const made = await client.query<{ lsn: string; system: string }>("select lsn::text, (select system_identifier::text from pg_control_system()) as system from pg_create_logical_replication_slot($1, 'pgoutput')", [slotName]);
    return { systemIdentifier: made.rows[0]!.system, confirmedLsn: parseLsn(made.rows[0]!.lsn) };
  } catch (error) {
    const known = refusals[(error as { code?: string }).code ?? ""];
    if (known) throw new SlotRefused(known[0], known[1], error);
    throw error;
  } finally {
    await client.end();
  }
}

/** Drops the slot, ending whoever reads it. Quiet when there is none. */
export async function dropSlot(url: string, slotName: string, log: Log): Promise<void> {
  const client = await connectToSource(url, false);
  try {
    const { rows } = await client.query<{ active_pid: number | null }>("select active_pid from pg_replication_slots where slot_name = $1", [slotName]);
    if (rows.length === 0) return;
    for (let attempt = 0; ; attempt += 1) {
      if (rows[0]!.active_pid !== null) await client.query("select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid is not null", [slotName]);
      try {
        await client.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1", [slotName]);
        return;
      } catch (error) {
        // 55006: its reader is still on the way out.
        if ((error as { code?: string }).code !== "55006" || attempt > 50) throw error;
        await client.query("select pg_sleep(0.05)");
      }
    }
  } finally {
    await client.end().catch((error: Error) => log.debug({ error: error.message }, "connection end failed"));
  }
}

/**
 * Makes sure that the publication carries these tables: one that the department made is used as it is, one of ours is
 * created or extended. After a change it waits until every transaction that had begun before has ended, because what
 * those wrote before the change is not published and must be found by the snapshot.
 * @throws SlotRefused when a table is not published and the account may not publish it.
 */
export async function ensurePublication(options: { url: string; publicationName: string; relations: readonly string[] }): Promise<{ changed: boolean }> {
  const { publicationName, relations } = options;
  const client = await connectToSource(options.url, false);
  try {
    const existing = await client.query<{ all_tables: boolean; complete: boolean }>("select puballtables as all_tables, pubinsert and pubupdate and pubdelete and pubtruncate as complete from pg_publication where pubname = $1", [publicationName]);
    const found = existing.rows[0];
    if (found && !found.complete) throw new SlotRefused(`publication ${publicationName} leaves out inserts, updates, deletes or truncations`, `发布 ${publicationName} 未包含全部增删改和清空操作`);
    if (found?.all_tables) return { changed: false };
    const published = new Set((await client.query<{ relation: string; filtered: boolean }>("select schemaname || '.' || tablename as relation from pg_publication_tables where pubname = $1 and rowfilter is null", [publicationName])).rows.map((row) => row.relation));
    const missing = relations.filter((relation) => {
      const { schema, table } = relationNames(relation);
      return !published.has(`${schema}.${table}`);
    });
    if (found && missing.length === 0) return { changed: false };
    const tables = missing.map(quoteRelation).join(", ");
    if (!found) await client.query(`create publication ${quoteIdentifier(publicationName)}${tables === "" ? "" : ` for table ${tables}`} with (publish_via_partition_root = true)`);
    else await client.query(`alter publication ${quoteIdentifier(publicationName)} add table ${tables}`);
    const { rows } = await client.query<{ running: string[] }>("select array(select pg_snapshot_xip(pg_current_snapshot())::text) as running");
    for (let waiting = rows[0]!.running; waiting.length > 0; ) {
      const still = await client.query<{ xid: string }>("select x::text as xid from unnest($1::text[]) as t(x) where pg_xact_status(x::xid8) = 'in progress'", [waiting]);
      waiting = still.rows.map((row) => row.xid);
      if (waiting.length > 0) await client.query("select pg_sleep(0.05)");
    }
    return { changed: true };
  } catch (error) {
    if ((error as { code?: string }).code === "42501") throw new SlotRefused(`the account may not publish ${relations.join(", ")}`, `该账号无权发布 ${relations.join("、")}`, error);
    throw error;
  } finally {
    await client.end();
  }
}
