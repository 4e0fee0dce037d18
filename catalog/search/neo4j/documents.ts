import { describeError, isRefusal } from "#platform";
import type { ApplyResult, FacetName } from "../catalog-index.ts";
import type { IndexBatch, IndexDocument } from "../index-document.ts";
import type { GenerationNames } from "./generations.ts";
import { CypherTimeout, isAlreadyThere, type Neo4jConnection, type RunCypher } from "./connection.ts";
import { makeLoadedIndexes, type IndexNames, type SlotNames } from "./schema.ts";

/**
 * Writes documents in place of what stood there of the same entries.
 *
 * (:Entry)-[:HAS_TERM]->(:Term) what it is found and compared by; [:BOUND_TERM] an item's name whose item is counted under
 * its data element. (:Entry)-[:REFERS_TO {kind, since}]->(:Code) as the department gave it; from it, where an entry of
 * that code is there, (:Entry)-[:DERIVED_FROM|RELATED_TO {code, since}]->(:Entry), which walks follow.
 * (:Grant)-[:ON]->(:Entry).
 */
export interface DocumentWriter {
  apply(target: GenerationNames & { loading: boolean }, batch: IndexBatch): Promise<ApplyResult>;
  /** What loading left out: terms counted, references followed, texts indexed. */
  finishLoading(target: GenerationNames): Promise<void>;
  /** Forgets what was remembered of a load. */
  forget(generation: number): void;
}

export const graphRelations = { "derived-from": "DERIVED_FROM", related: "RELATED_TO" } as const;

export function createDocumentWriter({ connection, names }: { connection: Neo4jConnection; names: IndexNames }): DocumentWriter {
  // By generation: of another server, or one that was emptied, the numbers are others.
  const facetNumbers = new Map<string, Map<string, number>>();
  // Terms that a load has committed, with the server's own numbers of their nodes: met again, they need no look-up.
  const loadedTerms = new Map<number, Map<string, bigint>>();

  /** Numbers of facet values; new ones in the caller's transaction, remembered when it has committed. */
  async function numberFacets(cypher: RunCypher, known: ReadonlyMap<string, number>, documents: readonly IndexDocument[]): Promise<Map<string, number>> {
    const numbers = new Map<string, number>();
    const unknown = new Set<string>();
    for (const document of documents) {
      for (const key of facetKeysOf(document)) {
        const number = known.get(key);
        if (number === undefined) unknown.add(key);
        else numbers.set(key, number);
      }
    }
    if (unknown.size === 0) return numbers;
    // Setting a property of the one index node holds its lock: no other transaction gives out numbers meanwhile.
    const rows = await cypher<{ key: string; number: number }>(
      `MATCH (i:${names.index} {name: 'catalog'}) SET i.facetValues = coalesce(i.facetValues, 0)
       WITH i UNWIND $keys AS key OPTIONAL MATCH (known:${names.facetValue} {key: key})
       WITH i, collect(CASE WHEN known IS NULL THEN key END) AS missing, collect(CASE WHEN known IS NOT NULL THEN [key, known.number] END) AS found, i.facetValues AS last
       SET i.facetValues = last + size(missing)
       FOREACH (at IN range(0, size(missing) - 1) | CREATE (:${names.facetValue} {key: missing[at], number: last + at + 1}))
       WITH found + [at IN range(0, size(missing) - 1) | [missing[at], last + at + 1]] AS pairs UNWIND pairs AS pair RETURN pair[0] AS key, pair[1] AS number`,
      { keys: [...unknown] },
    );
    for (const { key, number } of rows) numbers.set(key, number);
    return numbers;
  }

  async function write(target: GenerationNames & { loading: boolean }, batch: IndexBatch): Promise<void> {
    if (!target.loading) return replace(target, batch);
    try {
      await load(target, batch.documents);
    } catch (error) {
      if (!isAlreadyThere(error)) throw error;
      // A part that was committed although its answer was lost: once more, in place of what it wrote.
      await replace(target, batch);
    }
  }

  /** Into an empty generation: nothing to clear away, look up or count. */
  async function load(target: GenerationNames, documents: readonly IndexDocument[]): Promise<void> {
    if (documents.length === 0) return;
    const loaded = loadedTerms.get(target.number) ?? new Map<string, bigint>();
    const { facets, made } = await connection.write(async (cypher) => {
      const numbers = await numberFacets(cypher, facetNumbers.get(target.identity) ?? new Map(), documents);
      return { facets: numbers, made: await createDocuments(cypher, target, documents, numbers, loaded) };
    });
    remember(target, facets);
    for (const { key, node } of made) loaded.set(key, BigInt(node));
    loadedTerms.set(target.number, loaded);
  }

  async function replace(target: GenerationNames & { loading: boolean }, { documents, removals, position }: IndexBatch): Promise<void> {
    const ids = [...documents.map(({ entry }) => entry.id), ...removals];
    const facets = await connection.write(async (cypher) => {
      const numbers = await numberFacets(cypher, facetNumbers.get(target.identity) ?? new Map(), documents);
      const terms = termsOf(documents);
      // All are sent at once; the server takes them one after the other.
      const [termsBefore] = await Promise.all([
        clear(cypher, target, ids, removals),
        mergeDocuments(cypher, target, documents, numbers, terms),
        target.loading ? undefined : follow(cypher, target, documents),
        ids.length > 0 ? cypher(`UNWIND $keys AS key MATCH (p:${names.parked} {key: key}) DELETE p`, { keys: ids.map((id) => parkedKey(target.number, id)) }) : undefined,
        position === undefined ? undefined : cypher(`MATCH (g:${names.generation} {number: $number}) SET g.position = CASE WHEN $position > g.position THEN $position ELSE g.position END`, { number: BigInt(target.number), position: BigInt(position) }),
      ]);
      if (!target.loading) await countTerms(cypher, target, [...new Set([...termsBefore, ...terms.map(({ key }) => key)])]);
      return numbers;
    });
    remember(target, facets);
  }

  function remember(target: GenerationNames, numbers: ReadonlyMap<string, number>): void {
    facetNumbers.set(target.identity, new Map([...(facetNumbers.get(target.identity) ?? []), ...numbers]));
    // The one that serves and the one that is being built.
    if (facetNumbers.size > 2) facetNumbers.delete(facetNumbers.keys().next().value!);
  }

  return {
    async apply(target, batch) {
      const refused: ApplyResult["refused"] = [];
      const documents = batch.documents.filter((document) => {
        const missing = missingOf(document);
        if (missing.length > 0) refused.push({ entryId: document.entry.id, reason: `The entry lacks what the index shows and filters by: ${missing.join(", ")}` });
        return missing.length === 0;
      });
      try {
        await write(target, { ...batch, documents });
        return { applied: documents.length, refused };
      } catch (error) {
        if (isNotOfTheDocument(error) || documents.length === 0) throw error;
      }
      // One of them is to blame: each alone, then what moves the position.
      let applied = 0;
      for (const document of documents) {
        try {
          await write(target, { documents: [document], removals: [] });
          applied += 1;
        } catch (error) {
          if (isNotOfTheDocument(error)) throw error;
          refused.push({ entryId: document.entry.id, reason: describeError(error) });
        }
      }
      await write(target, { ...batch, documents: [] });
      return { applied, refused };
    },
    async finishLoading(target) {
      const { term, code, entry } = target;
      loadedTerms.delete(target.number);
      await connection.bulk(`MATCH (t:${term}) CALL (t) { SET t.uses = ${uses("t")} } IN TRANSACTIONS OF 10000 ROWS`);
      // Before references are followed, which finds entries by their codes.
      await makeLoadedIndexes(connection, target);
      for (const [kind, type] of Object.entries(graphRelations)) {
        await connection.bulk(`MATCH (c:${code}) CALL (c) { ${followReferences(kind, type, entry)} } IN TRANSACTIONS OF 2000 ROWS`);
      }
      await connection.write((cypher) => cypher(`MATCH (g:${names.generation} {number: $number}) SET g.loading = false`, { number: BigInt(target.number) }));
    },
    forget: (generation) => void loadedTerms.delete(generation),
  };
}

export const parkedKey = (generation: number, entryId: string): string => `${generation} ${entryId}`;

const isNotOfTheDocument = (error: unknown): boolean => isRefusal(error) || error instanceof CypherTimeout;

/** Removes what hangs on these entries, and the entries that are gone; answers with the terms that they had. */
async function clear(cypher: RunCypher, { entry, grant }: SlotNames, ids: readonly string[], removals: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const [rows] = await Promise.all([
    cypher<{ keys: string[] }>(`UNWIND $ids AS id MATCH (e:${entry} {id: id})-[:HAS_TERM|BOUND_TERM]->(t) RETURN collect(DISTINCT t.key) AS keys`, { ids }),
    cypher(`UNWIND $ids AS id MATCH (e:${entry} {id: id})-[r]->() DELETE r`, { ids }),
    // Relations that arrive at them are found again by their codes, which may have changed.
    cypher(`UNWIND $ids AS id MATCH (e:${entry} {id: id})<-[r:DERIVED_FROM|RELATED_TO]-() DELETE r`, { ids }),
    cypher(`UNWIND $ids AS id MATCH (:${entry} {id: id})<-[:ON]-(g:${grant}) DETACH DELETE g`, { ids }),
    removals.length > 0 ? cypher(`UNWIND $removals AS id MATCH (e:${entry} {id: id}) DETACH DELETE e`, { removals }) : undefined,
  ]);
  return rows[0]?.keys ?? [];
}

type TermProperties = Omit<IndexDocument["terms"][number], "bound">;

function termsOf(documents: readonly IndexDocument[], without?: ReadonlyMap<string, unknown>): TermProperties[] {
  const terms = new Map<string, TermProperties>();
  for (const document of documents) for (const { kind, key, nameKey, pinyinKey, initialsKey } of document.terms) if (!without?.has(key)) terms.set(key, { kind, key, nameKey, pinyinKey, initialsKey });
  return [...terms.values()];
}

const linkTypes = [["HAS_TERM", false], ["BOUND_TERM", true]] as const;

/**
 * Into an empty generation; answers with the terms that were not loaded before. A term that was is found by the number
 * of its node, which no other node can get while a load runs: of some fifteen terms an entry, nearly all.
 */
async function createDocuments(cypher: RunCypher, target: SlotNames, documents: readonly IndexDocument[], facets: ReadonlyMap<string, number>, loaded: ReadonlyMap<string, bigint>): Promise<{ key: string; node: number }[]> {
  const { entry, term } = target;
  const terms = termsOf(documents, loaded);
  const sent: Promise<unknown>[] = [cypher(`UNWIND $rows AS row CREATE (e:${entry}) SET e = row`, { rows: documents.map((document) => propertiesOf(document, facets)) })];
  const made = terms.length === 0 ? Promise.resolve([]) : cypher<{ key: string; node: number }>(`UNWIND $terms AS row MERGE (t:${term} {key: row.key}) ON CREATE SET t = row, t.uses = 0 RETURN t.key AS key, id(t) AS node`, { terms });
  sent.push(made);
  for (const [type, wanted] of linkTypes) {
    const known: { id: string; to: bigint[] }[] = [];
    const fresh: { id: string; to: string[] }[] = [];
    for (const { entry: { id }, terms: own } of documents) {
      const [nodes, keys]: [bigint[], string[]] = [[], []];
      for (const { key, bound } of own) {
        if (bound !== wanted) continue;
        const node = loaded.get(key);
        if (node === undefined) keys.push(key);
        else nodes.push(node);
      }
      if (nodes.length > 0) known.push({ id, to: nodes });
      if (keys.length > 0) fresh.push({ id, to: keys });
    }
    if (known.length > 0) sent.push(cypher(`UNWIND $links AS row MATCH (e:${entry} {id: row.id}) UNWIND row.to AS node MATCH (t) WHERE id(t) = node CREATE (e)-[:${type}]->(t)`, { links: known }));
    if (fresh.length > 0) sent.push(linkTerms(cypher, target, type, fresh));
  }
  sent.push(writeReferences(cypher, target, documents), writeGrants(cypher, target, documents));
  await Promise.all(sent);
  return made;
}

/** In place of what `clear` has taken away. */
async function mergeDocuments(cypher: RunCypher, target: SlotNames, documents: readonly IndexDocument[], facets: ReadonlyMap<string, number>, terms: readonly TermProperties[]): Promise<void> {
  if (documents.length === 0) return;
  await Promise.all([
    cypher(`UNWIND $rows AS row MERGE (e:${target.entry} {id: row.id}) SET e = row`, { rows: documents.map((document) => propertiesOf(document, facets)) }),
    terms.length > 0 ? cypher(`UNWIND $terms AS row MERGE (t:${target.term} {key: row.key}) ON CREATE SET t = row, t.uses = 0`, { terms }) : undefined,
    ...linkTypes.map(([type, wanted]) => linkTerms(cypher, target, type, documents.map(({ entry: { id }, terms: own }) => ({ id, to: own.filter(({ bound }) => bound === wanted).map(({ key }) => key) })).filter(({ to }) => to.length > 0))),
    writeReferences(cypher, target, documents),
    writeGrants(cypher, target, documents),
  ]);
}

async function linkTerms(cypher: RunCypher, { entry, term }: SlotNames, type: (typeof linkTypes)[number][0], links: readonly { id: string; to: readonly string[] }[]): Promise<void> {
  if (links.length > 0) await cypher(`UNWIND $links AS row MATCH (e:${entry} {id: row.id}) UNWIND row.to AS key MATCH (t:${term} {key: key}) CREATE (e)-[:${type}]->(t)`, { links });
}

async function writeReferences(cypher: RunCypher, { entry, code }: SlotNames, documents: readonly IndexDocument[]): Promise<void> {
  const references = documents.flatMap(({ entry: { id }, relations }) => relations.map(({ kind, code: to, since }) => ({ id, kind, code: to, since: BigInt(since.getTime()) })));
  if (references.length > 0) await cypher(`UNWIND $references AS row MATCH (e:${entry} {id: row.id}) MERGE (c:${code} {code: row.code}) MERGE (e)-[r:REFERS_TO {kind: row.kind}]->(c) SET r.since = row.since`, { references });
}

async function writeGrants(cypher: RunCypher, { entry, grant }: SlotNames, documents: readonly IndexDocument[]): Promise<void> {
  const grants = documents.flatMap(({ entry: { id }, grants: own }) => own.map(({ since, ...properties }) => ({ entryId: id, properties: { ...properties, since: BigInt(since.getTime()) } })));
  if (grants.length > 0) await cypher(`UNWIND $grants AS row MATCH (e:${entry} {id: row.entryId}) CREATE (g:${grant})-[:ON]->(e) SET g = row.properties`, { grants });
}

/** Of a code `c`: from everybody who refers to it to every entry that bears it. */
const followReferences = (kind: string, type: string, entry: string): string =>
  `MATCH (c)<-[a:REFERS_TO {kind: '${kind}'}]-(f)
   CALL (c) { MATCH (t:${entry} {code: c.code}) RETURN t UNION MATCH (t:${entry} {resourceId: c.code}) RETURN t }
   MERGE (f)-[r:${type} {code: c.code}]->(t) SET r.since = a.since`;

async function follow(cypher: RunCypher, { entry, code }: SlotNames, documents: readonly IndexDocument[]): Promise<void> {
  const codes = [...new Set(documents.flatMap((document) => [document.entry.code, document.entry.resourceId, ...document.relations.map((relation) => relation.code)]))];
  if (codes.length > 0) await Promise.all(Object.entries(graphRelations).map(([kind, type]) => cypher(`UNWIND $codes AS one MATCH (c:${code} {code: one}) ${followReferences(kind, type, entry)}`, { codes })));
}

const uses = (alias: string): string => `COUNT { (${alias})<-[:HAS_TERM]-() } + COUNT { (${alias})<-[:BOUND_TERM]-() }`;

async function countTerms(cypher: RunCypher, { term }: SlotNames, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await Promise.all([cypher(`UNWIND $keys AS key MATCH (t:${term} {key: key}) SET t.uses = ${uses("t")}`, { keys }), cypher(`UNWIND $keys AS key MATCH (t:${term} {key: key}) WHERE t.uses = 0 DELETE t`, { keys })]);
}

export const facetKey = (facet: FacetName, value: string): string => `${facet}\n${value}`;

const themeClassesOf = (codes: readonly string[]): string[] => [...new Set(codes.map((code) => code.slice(0, 2)))];

function facetKeysOf({ entry }: IndexDocument): string[] {
  return [
    facetKey("organisation", entry.organisationId),
    ...(entry.regionCode === undefined ? [] : [facetKey("region", entry.regionCode)]),
    ...themeClassesOf(entry.themeCodes).map((value) => facetKey("themeClass", value)),
    ...[...new Set(entry.themeCodes)].map((value) => facetKey("theme", value)),
    ...(entry.guideCategory === undefined ? [] : [facetKey("guideCategory", entry.guideCategory)]),
    facetKey("sharingType", entry.sharingType),
    facetKey("updateCycle", entry.updateCycle),
    facetKey("formatClass", entry.formatClass),
    facetKey("sensitivity", entry.sensitivity),
    facetKey("open", String(entry.open)),
    facetKey("state", entry.state),
  ];
}

const requiredMembers = ["id", "code", "resourceId", "title", "organisationId", "state", "sharingType", "open", "themeCodes", "updateCycle", "formatClass", "sensitivity", "completeness"] as const;

/** Community has no constraint that a property must be there: an entry without it would silently be hidden, so it is refused. */
const missingOf = ({ entry }: IndexDocument): string[] => requiredMembers.filter((member) => (entry[member] as unknown) === undefined || (entry[member] as unknown) === null);

const spaced = (tokens: readonly string[]): string => ` ${tokens.join(" ")} `;

function propertiesOf({ entry, ...document }: IndexDocument, facets: ReadonlyMap<string, number>): Record<string, unknown> {
  const { title, label, body, sound } = document.tokens;
  return {
    id: entry.id,
    organisationId: entry.organisationId,
    state: entry.state,
    sharingType: entry.sharingType,
    open: entry.open,
    facets: facetKeysOf({ entry, ...document }).map((key) => BigInt(facets.get(key)!)),
    completeness: BigInt(entry.completeness),
    // As PostgreSQL keeps them, in four bytes, so that scores agree.
    authority: Math.fround(document.authority),
    use: Math.fround(document.use),
    updatedAt: BigInt(entry.updatedAt.getTime()),
    updatedDay: BigInt(Math.floor(entry.updatedAt.getTime() / 86_400_000)),
    titleKey: document.titleKey,
    titleTokens: spaced(title),
    labelTokens: spaced(label),
    pinyinKey: document.pinyinKey,
    initialsKey: document.initialsKey,
    code: entry.code,
    resourceId: entry.resourceId,
    tokens: spaced([...title, ...label, ...body, ...sound]),
    detail: JSON.stringify(entry),
  };
}
