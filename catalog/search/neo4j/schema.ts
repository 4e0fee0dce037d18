import { createHash } from "node:crypto";
import { ConflictError } from "#platform";
import type { Neo4jConnection } from "./connection.ts";

/**
 * Names in the database. Community has one user database, so a prefix keeps installations apart that share a server,
 * and the two generations of an index, the one that serves and the one that is being built, are two sets of labels:
 * `CatalogEntryA` and `CatalogEntryB`. Names are made here only, from a checked prefix, so they may stand in Cypher.
 */
export interface IndexNames {
  prefix: string;
  /** One node: which generation serves, the last number, the migrations. */
  index: string;
  generation: string;
  parked: string;
  facetValue: string;
}

export const slots = ["A", "B"] as const;
export type Slot = (typeof slots)[number];

/** The labels of one generation, and its full-text index. */
export interface SlotNames {
  slot: Slot;
  entry: string;
  term: string;
  /** A code as departments refer to entries by: code or resource identifier. */
  code: string;
  grant: string;
  fullText: string;
}

export function namesOf(prefix: string): IndexNames {
  if (!/^[A-Z][A-Za-z0-9]{0,39}$/.test(prefix)) throw new Error(`"${prefix}" cannot begin names in Neo4j: a capital letter, then at most 39 letters and digits`);
  return { prefix, index: `${prefix}Index`, generation: `${prefix}Generation`, parked: `${prefix}Parked`, facetValue: `${prefix}FacetValue` };
}

export function slotNames({ prefix }: IndexNames, slot: Slot): SlotNames {
  return { slot, entry: `${prefix}Entry${slot}`, term: `${prefix}Term${slot}`, code: `${prefix}Code${slot}`, grant: `${prefix}Grant${slot}`, fullText: `${prefix}Tokens${slot}` };
}

interface GraphMigration {
  number: number;
  name: string;
  /** Each can be repeated. */
  statements(names: IndexNames): string[];
}

const unique = (label: string, property: string) => `CREATE CONSTRAINT ${label}_${property} IF NOT EXISTS FOR (n:${label}) REQUIRE n.${property} IS UNIQUE`;
const range = (label: string, property: string) => `CREATE INDEX ${label}_${property} IF NOT EXISTS FOR (n:${label}) ON (n.${property})`;

/** Tokens are cut by us (text/tokeniser.ts) and joined with spaces: the whitespace analyser only takes them apart again. */
const fullText = (target: SlotNames) => `CREATE FULLTEXT INDEX ${target.fullText} IF NOT EXISTS FOR (n:${target.entry}) ON EACH [n.tokens] OPTIONS { indexConfig: { \`fulltext.analyzer\`: 'whitespace', \`fulltext.eventually_consistent\`: false } }`;

/**
 * Indexes of a slot that a large load does without: made at once over what is there they cost a fraction of what keeping
 * them up to date costs, entry by entry. By name, so that what is missing can be told.
 */
function loadedIndexes(target: SlotNames): Map<string, string> {
  const { entry, term } = target;
  const ranges = [...["code", "resourceId", "organisationId", "titleKey", "pinyinKey"].map((property) => [entry, property] as const), ...["pinyinKey", "initialsKey", "uses"].map((property) => [term, property] as const)];
  return new Map([...ranges.map(([label, property]) => [`${label}_${property}`, range(label, property)] as const), [target.fullText, fullText(target)]]);
}

/** Before a large load or removal: a slot that does not serve needs none of them. */
export const dropLoadedIndexes = (connection: Neo4jConnection, target: SlotNames): Promise<void> => connection.schema([...loadedIndexes(target).keys()].map((name) => `DROP INDEX ${name} IF EXISTS`));

/** What is missing of them, whatever took it away; answers when they are built. */
export async function makeLoadedIndexes(connection: Neo4jConnection, target: SlotNames): Promise<void> {
  const wanted = loadedIndexes(target);
  const there = await connection.read((cypher) => cypher<{ name: string }>("SHOW INDEXES YIELD name WHERE name IN $names RETURN name", { names: [...wanted.keys()] }));
  for (const { name } of there) wanted.delete(name);
  if (wanted.size === 0) return;
  await connection.schema([...wanted.values()]);
  await connection.bulk(`CALL db.awaitIndexes(${longestIndexBuildSeconds})`);
}

const longestIndexBuildSeconds = 3_600;

/** Appended to, never changed: a database says which it has. */
const migrations: readonly GraphMigration[] = [
  {
    number: 1,
    name: "generations-entries-terms",
    statements: (names) => [
      unique(names.generation, "number"),
      unique(names.parked, "key"),
      unique(names.facetValue, "key"),
      ...slots.flatMap((slot) => {
        const { entry, term, code } = slotNames(names, slot);
        return [
          unique(entry, "id"), range(entry, "code"), range(entry, "resourceId"), range(entry, "organisationId"), range(entry, "titleKey"), range(entry, "pinyinKey"),
          unique(term, "key"), range(term, "pinyinKey"), range(term, "initialsKey"), range(term, "uses"),
          unique(code, "code"),
          fullText(slotNames(names, slot)),
        ];
      }),
    ],
  },
  // Changes nothing by itself: software that would not make a slot's indexes again after loading must not rebuild here.
  { number: 2, name: "indexes-of-a-slot-come-and-go", statements: () => [] },
];

const checksumOf = ({ statements }: GraphMigration): string => createHash("sha256").update(statements(namesOf("X")).join("\n")).digest("hex").slice(0, 16);

/** Applies what is missing. Two processes may do so at once: every statement says IF NOT EXISTS. */
export async function migrateGraph(connection: Neo4jConnection, names: IndexNames): Promise<number[]> {
  await connection.schema([unique(names.index, "name")]);
  const applied = await appliedMigrations(connection, names);
  const newest = migrations.at(-1)!.number;
  const unknown = [...applied.keys()].filter((number) => number > newest);
  if (unknown.length > 0) throw new ConflictError(`The index in Neo4j was migrated by newer software (${unknown.join(", ")})`, { zh: "Neo4j 中的目录索引由更新版本的软件建立", code: "index.newer-schema", nextStep: "Start the newer version." });
  const pending = migrations.filter(({ number }) => !applied.has(number));
  for (const migration of migrations) {
    const known = applied.get(migration.number);
    if (known !== undefined && known !== checksumOf(migration)) throw new ConflictError(`Migration ${migration.number} of the index in Neo4j is not the one that was applied`, { zh: "Neo4j 索引迁移内容与已执行的不一致", code: "index.migration-changed" });
  }
  for (const migration of pending) {
    const statements = migration.statements(names);
    await connection.schema(statements);
    if (statements.length > 0) await connection.bulk(`CALL db.awaitIndexes(${longestIndexBuildSeconds})`);
    await connection.write((cypher) => cypher(`MERGE (i:${names.index} {name: 'catalog'}) SET i.migrations = [m IN coalesce(i.migrations, []) WHERE NOT m STARTS WITH $start] + $mark`, { start: `${migration.number} `, mark: `${migration.number} ${checksumOf(migration)} ${migration.name}` }));
  }
  return pending.map(({ number }) => number);
}

export async function appliedMigrations(connection: Neo4jConnection, names: IndexNames): Promise<Map<number, string>> {
  const rows = await connection.read((cypher) => cypher<{ migrations: string[] }>(`MATCH (i:${names.index} {name: 'catalog'}) RETURN coalesce(i.migrations, []) AS migrations`));
  return new Map((rows[0]?.migrations ?? []).map((mark) => [Number(mark.split(" ")[0]), mark.split(" ")[1]!]));
}

export const newestMigration = (): number => migrations.at(-1)!.number;

function labelsOf(names: IndexNames): string[] {
  return [names.index, names.generation, names.parked, names.facetValue, ...slots.flatMap((slot) => { const { entry, term, code, grant } = slotNames(names, slot); return [entry, term, code, grant]; })];
}

/** All that is stored under this prefix; constraints and indexes stay. */
export async function emptyGraph(connection: Neo4jConnection, names: IndexNames): Promise<void> {
  for (const label of labelsOf(names)) await deleteAll(connection, label);
}

/** Everything of this prefix: for tests, and for who gives the server to something else. */
export async function dropGraph(connection: Neo4jConnection, names: IndexNames): Promise<void> {
  await emptyGraph(connection, names);
  const owned = labelsOf(names);
  const schema = await connection.read((cypher) => cypher<{ name: string; kind: string }>("SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE any(label IN labelsOrTypes WHERE label IN $owned) RETURN name, 'CONSTRAINT' AS kind", { owned }));
  const indexes = await connection.read((cypher) => cypher<{ name: string; kind: string }>("SHOW INDEXES YIELD name, labelsOrTypes, owningConstraint WHERE owningConstraint IS NULL AND any(label IN labelsOrTypes WHERE label IN $owned) RETURN name, 'INDEX' AS kind", { owned }));
  await connection.schema([...schema, ...indexes].map(({ name, kind }) => `DROP ${kind} ${name} IF EXISTS`));
}

/** Deletes the nodes of a label with their relations, in parts that fit in memory. */
export const deleteAll = (connection: Neo4jConnection, label: string): Promise<void> => connection.bulk(`MATCH (n:${label}) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2000 ROWS`);
