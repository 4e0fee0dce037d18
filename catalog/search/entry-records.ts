import type { CatalogEntry } from "#standards";
import type { Reader } from "#platform";
import type { Entry, EntryScopeSubject, EntryState } from "../model/types.ts";
import { normaliseItemName } from "../model/item-names.ts";
import type { DocumentGrant } from "./index-document.ts";
import type { DataElements, DataElementSummary, EntrySource } from "./project-entry.ts";

/** What the projection reads of the catalog's records: the truth of which the index is a picture. */
interface EntrySourceRow extends Record<string, unknown> {
  id: string;
  code: string;
  resource_id: string;
  organisation_id: string;
  state: EntryState;
  version: string;
  content: CatalogEntry;
  completeness: number;
  created_at: Date;
  updated_at: Date;
  published_at: Date | null;
  name: string;
  short_name: string | null;
  kind: string;
  region_code: string;
  views: number | null;
}

const select = `select e.id, e.code, e.resource_id, e.organisation_id, e.state, e.version, e.content, e.completeness, e.created_at, e.updated_at, e.published_at, o.name, o.short_name, o.kind, o.region_code, u.views
  from catalog.entry e join catalog.organisation o on o.id = e.organisation_id left join catalog.index_use u on u.entry_id = e.id`;

/** Those of `ids` that exist. */
export async function readEntrySources(reader: Reader, ids: readonly string[]): Promise<EntrySource[]> {
  const { rows } = await reader.query<EntrySourceRow>(`${select} where e.id = any($1)`, [ids]);
  return toSources(reader, rows);
}

/** All entries in the order of their ids, after one. */
export async function listEntrySources(reader: Reader, after: string, limit: number): Promise<EntrySource[]> {
  const { rows } = await reader.query<EntrySourceRow>(`${select} where e.id > $1 order by e.id limit $2`, [after, limit]);
  return toSources(reader, rows);
}

async function toSources(reader: Reader, rows: readonly EntrySourceRow[]): Promise<EntrySource[]> {
  const grants = await readGrants(reader, rows.map((row) => row.id));
  return rows.map((row) => {
    const entry: Entry = {
      id: row.id,
      code: row.code,
      resourceId: row.resource_id,
      organisationId: row.organisation_id,
      state: row.state,
      version: row.version,
      content: row.content,
      completeness: row.completeness,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      ...(row.published_at === null ? {} : { publishedAt: row.published_at }),
    };
    return { entry, organisation: { name: row.name, ...(row.short_name === null ? {} : { shortName: row.short_name }), kind: row.kind, regionCode: row.region_code }, grants: grants.get(row.id) ?? [], views: row.views ?? 0 };
  });
}

/** Grants in force: what flows or may flow. */
async function readGrants(reader: Reader, entryIds: readonly string[]): Promise<Map<string, DocumentGrant[]>> {
  const { rows } = await reader.query<{ id: string; entry_id: string; provider_organisation_id: string; consumer_organisation_id: string; application_id: string | null; legal_basis: string; issued_at: Date }>(
    "select id, entry_id, provider_organisation_id, consumer_organisation_id, application_id, legal_basis, issued_at from catalog.sharing_grant where entry_id = any($1) and state in ('active', 'suspended') order by id",
    [entryIds],
  );
  const byEntry = new Map<string, DocumentGrant[]>();
  for (const row of rows) {
    const grants = byEntry.get(row.entry_id) ?? [];
    byEntry.set(row.entry_id, grants);
    grants.push({
      grantId: row.id,
      providerOrganisationId: row.provider_organisation_id,
      consumerOrganisationId: row.consumer_organisation_id,
      ...(row.application_id === null ? {} : { applicationId: row.application_id }),
      legalBasis: row.legal_basis,
      since: row.issued_at,
    });
  }
  return byEntry;
}

/** Data elements in force; several of one name: none is taken for it, the name says too little. */
export async function readDataElements(reader: Reader): Promise<DataElements> {
  const { rows } = await reader.query<{ identifier: string; name: string; authority_organisation_id: string | null; normalised_names: string[] }>(
    "select identifier, name, authority_organisation_id, normalised_names from catalog.data_element where status <> 'retired' order by identifier",
  );
  const byIdentifier = new Map<string, DataElementSummary>();
  const byName = new Map<string, DataElementSummary>();
  const ambiguous = new Set<string>();
  for (const row of rows) {
    const element = { identifier: row.identifier, name: row.name, ...(row.authority_organisation_id === null ? {} : { authorityOrganisationId: row.authority_organisation_id }) };
    byIdentifier.set(row.identifier, element);
    for (const name of new Set([normaliseItemName(row.name), ...row.normalised_names])) {
      if (byName.has(name)) ambiguous.add(name);
      byName.set(name, element);
    }
  }
  for (const name of ambiguous) byName.delete(name);
  return { byIdentifier, byName };
}

export async function listEntryIdsOfOrganisation(reader: Reader, organisationIds: readonly string[]): Promise<string[]> {
  const { rows } = await reader.query<{ id: string }>("select id from catalog.entry where organisation_id = any($1) order by id", [organisationIds]);
  return rows.map((row) => row.id);
}

export async function countEntries(reader: Reader): Promise<number> {
  const { rows } = await reader.query<{ entries: number }>("select count(*) as entries from catalog.entry");
  return rows[0]!.entries;
}

/** Names of organisations, for facets and for the dictionary. */
export async function readOrganisationNames(reader: Reader, ids?: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await reader.query<{ id: string; name: string }>("select id, name from catalog.organisation where $1::text[] is null or id = any($1)", [ids ?? null]);
  return new Map(rows.map((row) => [row.id, row.name]));
}

/** What access looks at, from the records: for events, which must not wait for the index. */
export async function readScopeSubjects(reader: Reader, entryIds: readonly string[]): Promise<Map<string, EntryScopeSubject>> {
  const { rows } = await reader.query<{ id: string; organisation_id: string; state: EntryState; sharing_type: EntryScopeSubject["sharingType"]; open: boolean }>(
    "select id, organisation_id, state, sharing_type, open from catalog.entry where id = any($1)",
    [entryIds],
  );
  return new Map(rows.map((row) => [row.id, { id: row.id, organisationId: row.organisation_id, state: row.state, sharingType: row.sharing_type, open: row.open }]));
}

/** Entries whose items are bound to a data element or bear one of its names. */
export async function listEntryIdsOfElements(reader: Reader, identifiers: readonly string[]): Promise<string[]> {
  const { rows } = await reader.query<{ id: string }>(
    `select entry_id as id from catalog.entry_item where data_element = any($1)
     union select i.entry_id from catalog.data_element e, unnest(e.normalised_names) n join catalog.entry_item i on i.normalised_name = n where e.identifier = any($1) order by id`,
    [identifiers],
  );
  return rows.map((row) => row.id);
}

/** Adds looks to the counters; answers with those entries whose count passed a power of two, which is when ranking notices. */
export async function addViews(reader: Reader, views: ReadonlyMap<string, number>): Promise<string[]> {
  const { rows } = await reader.query<{ entry_id: string; views: number }>(
    `insert into catalog.index_use as u (entry_id, views) select v.entry_id, v.views from unnest($1::text[], $2::bigint[]) as v (entry_id, views) join catalog.entry e on e.id = v.entry_id order by v.entry_id
     on conflict (entry_id) do update set views = u.views + excluded.views returning entry_id, views`,
    [[...views.keys()], [...views.values()]],
  );
  const magnitude = (count: number) => Math.floor(Math.log2(count + 1));
  return rows.filter((row) => magnitude(row.views) > magnitude(row.views - views.get(row.entry_id)!)).map((row) => row.entry_id);
}
