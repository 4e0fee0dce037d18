import { hash } from "node:crypto";
import { quoteIdentifier, UnavailableError, type Database, type Reader, type Transaction } from "#platform";
import type { IndexGeneration } from "../catalog-index.ts";
import { createCache } from "../text/tokeniser.ts";

/** The tables of one generation, quoted and with their schema. */
export interface GenerationTables {
  number: number;
  document: string;
  term: string;
  documentTerm: string;
  relation: string;
  grant: string;
}

const patterns = ["index_document", "index_term", "index_document_term", "index_relation", "index_grant"] as const;
const tableName = (pattern: string, number: number) => `${pattern}_g${number}`;
const qualified = (name: string) => `catalog.${quoteIdentifier(name)}`;

export function tablesOf(number: number): GenerationTables {
  const name = (pattern: (typeof patterns)[number]) => qualified(tableName(pattern, number));
  return { number, document: name("index_document"), term: name("index_term"), documentTerm: name("index_document_term"), relation: name("index_relation"), grant: name("index_grant") };
}

/** 64 bits of a digest as a signed number: the same entry has the same number in every generation. */
export function shortId(text: string): string {
  return shortIds(text, () => hash("md5", text, "buffer").readBigInt64BE(0).toString());
}
const shortIds = createCache<string>();

export async function createGeneration(tx: Transaction, start: { tokeniser: string; position: number; at: Date }): Promise<number> {
  const { rows } = await tx.query<{ number: number }>(
    "insert into catalog.index_generation (number, state, tokeniser, position, started_at) select coalesce(max(number), 0) + 1, 'building', $1, $2, $3 from catalog.index_generation returning number",
    [start.tokeniser, start.position, start.at],
  );
  const { number } = rows[0]!;
  for (const pattern of patterns) await tx.query(`create table ${qualified(tableName(pattern, number))} (like ${qualified(pattern)} including all)`);
  // The row keeps what every hit is ranked and filtered by; tokens and detail move out.
  await tx.query(`alter table ${tablesOf(number).document} set (toast_tuple_target = 1024)`);
  return number;
}

/** Made after the bulk of rows is there: building them at once is several times cheaper than row by row. */
export async function createGenerationIndexes(tx: Transaction, number: number): Promise<void> {
  const { document, term, documentTerm, relation, grant } = tablesOf(number);
  await tx.query("set local maintenance_work_mem = '256MB'");
  const statements = [
    `alter table ${document} add primary key (document_id)`,
    `create unique index on ${document} (entry_id)`,
    `create index on ${document} (code)`,
    `create index on ${document} (resource_id)`,
    `create index on ${document} (organisation_id)`,
    `create index on ${document} (title_key text_pattern_ops)`,
    `create index on ${document} (pinyin_key text_pattern_ops)`,
    // A short pending list: searches read it whole.
    `create index on ${document} using gin (tokens) with (gin_pending_list_limit = 512)`,
    `alter table ${term} add primary key (term_id)`,
    `create index on ${term} (key text_pattern_ops)`,
    `create index on ${term} (pinyin_key text_pattern_ops)`,
    `create index on ${term} (initials_key text_pattern_ops)`,
    `create index on ${term} (kind, uses desc)`,
    `alter table ${documentTerm} add primary key (term_id, document_id)`,
    `create index on ${documentTerm} (document_id)`,
    `create index on ${relation} (document_id)`,
    `create index on ${relation} (to_code)`,
    `create index on ${grant} (document_id)`,
  ];
  for (const statement of statements) await tx.query(statement);
  // Loading left no counts: they are made once from what was loaded.
  await tx.query(`update ${term} t set uses = n.uses from (select term_id, count(*)::integer as uses from ${documentTerm} group by term_id) n where n.term_id = t.term_id`);
}

/** Statistics at once, so that the first searches are planned as the later ones. */
export async function analyseGeneration(database: Database, number: number): Promise<void> {
  const { document, term, documentTerm, relation, grant } = tablesOf(number);
  // VACUUM sets the visibility map, which index-only scans of terms need; it cannot run in a transaction.
  await database.read(async (reader) => {
    for (const table of [document, term, documentTerm, relation, grant]) await reader.query(`vacuum (analyze) ${table}`);
  });
}

export async function findServing(reader: Reader): Promise<number | undefined> {
  const { rows } = await reader.query<{ number: number }>({ name: "index-serving", text: "select number from catalog.index_generation where state = 'serving'" });
  return rows[0]?.number;
}

export function indexNotBuilt(): UnavailableError {
  return new UnavailableError("The catalog index has not been built yet", { zh: "目录索引尚未建立", code: "index.not-built", nextStep: "It is built when the centre starts; or run `zhengtong reindex`. Registration and exchange work meanwhile." });
}

/** Drops tables of generations that neither serve nor are being built; one that is still being read is left for the next time. */
export async function dropGenerations(database: Database, numbers: readonly number[], lockTimeoutMs: number): Promise<void> {
  for (const number of numbers) {
    await database.withTransaction(async (tx) => {
      await tx.query("select set_config('lock_timeout', $1, true)", [`${lockTimeoutMs}ms`]);
      for (const pattern of patterns) await tx.query(`drop table if exists ${qualified(tableName(pattern, number))}`);
      await tx.query("delete from catalog.index_parked where generation = $1", [number]);
      await tx.query("delete from catalog.index_generation where number = $1", [number]);
    });
  }
}

export async function findGeneration(reader: Reader, number: number): Promise<IndexGeneration | undefined> {
  const { rows } = await reader.query<IndexGeneration & Record<string, unknown>>("select number, tokeniser, position from catalog.index_generation where number = $1", [number]);
  return rows[0];
}
