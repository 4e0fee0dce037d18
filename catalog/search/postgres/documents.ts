import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { describeError, isConnectionFailure, Refusal, type Transaction } from "#platform";
import type { ApplyResult, FacetName } from "../catalog-index.ts";
import type { IndexDocument } from "../index-document.ts";
import type { FacetValues } from "./facet-values.ts";
import { shortId, type GenerationTables } from "./generations.ts";

/** Writes documents with COPY, in place of what stood there of the same entries. */
export interface WriteDocumentsOptions {
  tx: Transaction;
  tables: GenerationTables;
  facetValues: FacetValues;
  documents: readonly IndexDocument[];
  /** Into an empty generation: nothing to replace, and terms are counted at the end. */
  loading: boolean;
  /** Ids of terms already loaded, while loading. */
  loadedTerms: ReadonlySet<string>;
}

const documentColumns =
  "document_id, entry_id, code, resource_id, organisation_id, state, sharing_type, open, region_code, theme_classes, theme_codes, guide_category, update_cycle, format_class, sensitivity, completeness, authority, use, updated_at, updated_day, title_key, pinyin_key, initials_key, facet_codes, names, tokens, detail";

/** As a batch; where the database refuses it, one by one, so that a single bad document does not hold up the others. */
export async function writeDocuments(options: WriteDocumentsOptions): Promise<ApplyResult & { terms: string[] }> {
  const { tx, documents } = options;
  const terms: string[] = [];
  try {
    await tx.query("savepoint whole_batch");
    terms.push(...(await writeBatch(options)));
    await tx.query("release savepoint whole_batch");
    return { applied: documents.length, refused: [], terms };
  } catch (error) {
    if (isConnectionFailure(error) || error instanceof Refusal) throw error;
    await tx.query("rollback to savepoint whole_batch");
    if (documents.length === 0) throw error;
  }
  const refused: ApplyResult["refused"] = [];
  const loadedTerms = new Set(options.loadedTerms);
  for (const document of documents) {
    try {
      await tx.query("savepoint one_document");
      const written = await writeBatch({ ...options, documents: [document], loadedTerms });
      await tx.query("release savepoint one_document");
      for (const term of written) loadedTerms.add(term);
      terms.push(...written);
    } catch (error) {
      if (isConnectionFailure(error)) throw error;
      await tx.query("rollback to savepoint one_document");
      refused.push({ entryId: document.entry.id, reason: describeError(error) });
    }
  }
  return { applied: documents.length - refused.length, refused, terms };
}

async function writeBatch({ tx, tables, facetValues, documents, loading, loadedTerms }: WriteDocumentsOptions): Promise<string[]> {
  if (documents.length === 0) return [];
  const codes = await facetValues.encode(tx, documents.map(facetValuesOf));
  if (!loading) await removeDocuments(tx, tables, documents.map((document) => document.entry.id));
  const ids = documents.map((document) => shortId(document.entry.id));
  await copy(tx, `${tables.document} (${documentColumns})`, documents.map((document, at) => documentLine(document, ids[at]!, codes[at]!)));

  const newTerms = new Map<string, string>();
  const termLines: string[] = [];
  const uses = new Map<string, number>();
  documents.forEach((document, at) => {
    for (const term of document.terms) {
      const id = shortId(term.key);
      termLines.push(line([id, ids[at]!, term.bound]));
      uses.set(id, (uses.get(id) ?? 0) + 1);
      if (!loadedTerms.has(id) && !newTerms.has(id)) newTerms.set(id, line([id, term.kind, term.key, term.nameKey, term.pinyinKey, term.initialsKey, 0]));
    }
  });
  await copy(tx, `${tables.documentTerm} (term_id, document_id, bound)`, termLines);
  if (loading) await copy(tx, `${tables.term} (term_id, kind, key, name_key, pinyin_key, initials_key, uses)`, [...newTerms.values()]);
  else await countTerms(tx, tables, [...newTerms.values()], uses);

  const relations = documents.flatMap((document, at) => document.relations.map((relation) => line([ids[at]!, relation.kind, relation.code, relation.since])));
  await copy(tx, `${tables.relation} (document_id, kind, to_code, since)`, relations);
  const grants = documents.flatMap((document, at) =>
    document.grants.map((grant) => line([grant.grantId, ids[at]!, grant.providerOrganisationId, grant.consumerOrganisationId, grant.applicationId, grant.legalBasis, grant.since])),
  );
  await copy(tx, `${tables.grant} (grant_id, document_id, provider_organisation_id, consumer_organisation_id, application_id, legal_basis, since)`, grants);
  return loading ? [...newTerms.keys()] : [];
}

/** Terms of the new rows, added or counted up. In the order of ids, so that two writers never wait for each other in a ring. */
async function countTerms(tx: Transaction, tables: GenerationTables, lines: readonly string[], uses: ReadonlyMap<string, number>): Promise<void> {
  if (lines.length === 0) return;
  await tx.query("create temporary table if not exists index_term_new (term_id bigint, kind text, key text, name_key text, pinyin_key text, initials_key text, uses integer) on commit drop");
  await tx.query("truncate index_term_new");
  await copy(tx, "index_term_new (term_id, kind, key, name_key, pinyin_key, initials_key, uses)", lines);
  await tx.query(
    `insert into ${tables.term} as t (term_id, kind, key, name_key, pinyin_key, initials_key, uses)
     select n.term_id, n.kind, n.key, n.name_key, n.pinyin_key, n.initials_key, u.uses from index_term_new n join unnest($1::bigint[], $2::integer[]) as u (term_id, uses) on u.term_id = n.term_id order by n.term_id
     on conflict (term_id) do update set uses = t.uses + excluded.uses`,
    [[...uses.keys()], [...uses.values()]],
  );
}

export async function removeDocuments(tx: Transaction, tables: GenerationTables, entryIds: readonly string[]): Promise<void> {
  if (entryIds.length === 0) return;
  const ids = entryIds.map(shortId);
  await tx.query(`delete from ${tables.document} where document_id = any($1::bigint[])`, [ids]);
  await tx.query(`delete from ${tables.relation} where document_id = any($1::bigint[])`, [ids]);
  await tx.query(`delete from ${tables.grant} where document_id = any($1::bigint[])`, [ids]);
  await tx.query(
    `with gone as (delete from ${tables.documentTerm} where document_id = any($1::bigint[]) returning term_id)
     update ${tables.term} t set uses = t.uses - gone.uses from (select term_id, count(*)::integer as uses from gone group by term_id) gone where gone.term_id = t.term_id`,
    [ids],
  );
}

function facetValuesOf({ entry }: IndexDocument): (readonly [FacetName, string])[] {
  return [
    ["organisation", entry.organisationId],
    ...(entry.regionCode === undefined ? [] : [["region", entry.regionCode] as const]),
    ...themeClassesOf(entry.themeCodes).map((value) => ["themeClass", value] as const),
    ...[...new Set(entry.themeCodes)].map((value) => ["theme", value] as const),
    ...(entry.guideCategory === undefined ? [] : [["guideCategory", entry.guideCategory] as const]),
    ["sharingType", entry.sharingType],
    ["updateCycle", entry.updateCycle],
    ["formatClass", entry.formatClass],
    ["sensitivity", entry.sensitivity],
    ["open", String(entry.open)],
    ["state", entry.state],
  ];
}

const themeClassesOf = (codes: readonly string[]) => [...new Set(codes.map((code) => code.slice(0, 2)))];

function documentLine({ entry, ...document }: IndexDocument, id: string, facetCodes: string): string {
  const { title, label, body, sound } = document.tokens;
  // Tokens are letters, digits and two marks: nothing in them needs quoting beyond the quotes.
  const names = [title.length === 0 ? "" : `'${title.join("':1A '")}':1A`, label.length === 0 ? "" : `'${label.join("':1B '")}':1B`].join(" ");
  const tokens = `'${title.concat(label, body, sound).join("' '")}'`;
  return line([
    id, entry.id, entry.code, entry.resourceId, entry.organisationId, entry.state, entry.sharingType, entry.open, entry.regionCode,
    array(themeClassesOf(entry.themeCodes)), array(entry.themeCodes), entry.guideCategory, entry.updateCycle, entry.formatClass, entry.sensitivity,
    entry.completeness, document.authority, document.use, entry.updatedAt, Math.floor(entry.updatedAt.getTime() / 86_400_000),
    document.titleKey, document.pinyinKey, document.initialsKey, facetCodes, names, tokens, JSON.stringify(entry),
  ]);
}

const array = (values: readonly string[]) => `{${values.map((value) => `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`).join(",")}}`;

/** One line of COPY text format. */
function line(values: readonly (string | number | boolean | Date | undefined)[]): string {
  return values.map((value) => (value === undefined ? "\\N" : value instanceof Date ? value.toISOString() : typeof value === "string" ? escape(value) : String(value))).join("\t");
}

const special = /[\\\n\r\t]/;
const escape = (text: string) => (special.test(text) ? text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t") : text);

async function copy(tx: Transaction, target: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const stream = (tx.client as Client).query(copyFrom(`copy ${target} from stdin`));
  await pipeline(Readable.from(chunks(lines)), stream);
}

function* chunks(lines: readonly string[]): Generator<string> {
  for (let start = 0; start < lines.length; start += 200) yield `${lines.slice(start, start + 200).join("\n")}\n`;
}
