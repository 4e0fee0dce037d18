import type { DataElement, DataElementStatus } from "#standards";
import { ConflictError, isUniqueViolation, type Reader, type Transaction } from "#platform";
import { namesOf, type RegisteredDataElement, type Suggestible } from "./data-element-model.ts";

interface DataElementRow extends Record<string, unknown> {
  identifier: string;
  status: DataElementStatus;
  content: DataElement;
  authority_organisation_id: string | null;
  replaced_by: string | null;
  proposed_by: string;
  proposed_at: Date;
  updated_at: Date;
  decided_by: string | null;
}

const columns = "identifier, status, content, authority_organisation_id, replaced_by, proposed_by, proposed_at, updated_at, decided_by";

const toElement = (row: DataElementRow): RegisteredDataElement => ({
  ...row.content,
  identifier: row.identifier,
  status: row.status,
  version: row.content.version ?? "0.1",
  proposedBy: row.proposed_by,
  proposedAt: row.proposed_at,
  updatedAt: row.updated_at,
  ...(row.authority_organisation_id === null ? {} : { authorityOrganisationId: row.authority_organisation_id }),
  ...(row.replaced_by === null ? {} : { replacedBy: row.replaced_by }),
  ...(row.decided_by === null ? {} : { decidedBy: row.decided_by }),
});

/** The members that the standard's schema knows; the rest are columns. */
export function contentOf(element: RegisteredDataElement): DataElement {
  const { authorityOrganisationId: _organisation, replacedBy: _replacedBy, proposedBy: _proposedBy, proposedAt: _proposedAt, updatedAt: _updatedAt, decidedBy: _decidedBy, ...content } = element;
  return content;
}

const valuesOf = (element: RegisteredDataElement) => [element.identifier, element.name, element.status, JSON.stringify(contentOf(element)), namesOf(element), element.authorityOrganisationId ?? null, element.replacedBy ?? null, element.proposedBy, element.proposedAt, element.updatedAt, element.decidedBy ?? null];

async function unlessNamed(name: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isUniqueViolation(error, "data_element_name")) throw new ConflictError(`A data element is called ${name} already`, { zh: `已有名为“${name}”的数据元`, code: "data-element.exists", nextStep: "Use the existing element, or propose a synonym for it.", cause: error });
    throw error;
  }
}

export function insertDataElement(tx: Transaction, element: RegisteredDataElement): Promise<void> {
  return unlessNamed(element.name, tx.query("insert into catalog.data_element (identifier, name, status, content, normalised_names, authority_organisation_id, replaced_by, proposed_by, proposed_at, updated_at, decided_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", valuesOf(element)));
}

export function updateDataElement(tx: Transaction, element: RegisteredDataElement): Promise<void> {
  return unlessNamed(element.name, tx.query("update catalog.data_element set name = $2, status = $3, content = $4, normalised_names = $5, authority_organisation_id = $6, replaced_by = $7, proposed_by = $8, proposed_at = $9, updated_at = $10, decided_by = $11 where identifier = $1", valuesOf(element)));
}

export async function findDataElement(reader: Reader, identifier: string, lock: "" | "for update" = ""): Promise<RegisteredDataElement | undefined> {
  const { rows } = await reader.query<DataElementRow>(`select ${columns} from catalog.data_element where identifier = $1 ${lock}`, [identifier]);
  return rows[0] && toElement(rows[0]);
}

/** Those of `identifiers` that exist, by identifier. */
export async function findDataElements(reader: Reader, identifiers: readonly string[]): Promise<Map<string, RegisteredDataElement>> {
  const { rows } = await reader.query<DataElementRow>(`select ${columns} from catalog.data_element where identifier = any($1)`, [identifiers]);
  return new Map(rows.map((row) => [row.identifier, toElement(row)]));
}

/** Elements in use that are called by any of these names, as names are compared. */
export async function findDataElementsByNames(reader: Reader, normalisedNames: readonly string[]): Promise<{ element: RegisteredDataElement; normalisedNames: string[] }[]> {
  const { rows } = await reader.query<DataElementRow & { normalised_names: string[] }>(`select ${columns}, normalised_names from catalog.data_element where normalised_names && $1::text[] and status <> 'retired' order by identifier`, [normalisedNames]);
  return rows.map((row) => ({ element: toElement(row), normalisedNames: row.normalised_names }));
}

export interface ListDataElementsOptions {
  status?: DataElementStatus | undefined;
  text?: string | undefined;
  authorityOrganisationId?: string | undefined;
  afterIdentifier: string;
  limit: number;
}

/** By identifier. */
export async function listDataElements(reader: Reader, { status, text, authorityOrganisationId, afterIdentifier, limit }: ListDataElementsOptions): Promise<RegisteredDataElement[]> {
  const { rows } = await reader.query<DataElementRow>(
    `select ${columns} from catalog.data_element
     where ($1::text is null or status = $1) and ($2::text is null or position($2 in name) > 0 or exists (select 1 from unnest(normalised_names) as known (name) where position($2 in known.name) > 0))
       and ($3::text is null or authority_organisation_id = $3) and identifier > $4
     order by identifier limit $5`,
    [status ?? null, text ?? null, authorityOrganisationId ?? null, afterIdentifier, limit],
  );
  return rows.map(toElement);
}

/** What suggestions are made from: every element in use, without its prose. */
export async function listSuggestible(reader: Reader): Promise<Suggestible[]> {
  const { rows } = await reader.query<{ identifier: string; name: string; normalised_names: string[]; type: DataElement["type"]; format: NonNullable<DataElement["format"]> | null; status: DataElementStatus }>(
    "select identifier, name, normalised_names, content ->> 'type' as type, content ->> 'format' as format, status from catalog.data_element where status <> 'retired' order by identifier limit 20000",
  );
  return rows.map((row) => ({ identifier: row.identifier, name: row.name, normalisedNames: row.normalised_names, type: row.type, status: row.status, ...(row.format === null ? {} : { format: row.format }) }));
}
