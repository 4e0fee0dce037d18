import type { Organisation as OrganisationContent } from "#standards";
import type { Reader, Transaction } from "#platform";
import type { Organisation } from "../model/types.ts";

interface OrganisationRow extends Record<string, unknown> {
  id: string;
  name: string;
  short_name: string | null;
  kind: OrganisationContent["kind"];
  region_code: string;
  social_credit_code: string | null;
  department_number: number;
  prefix: string;
  parent_name: string | null;
  address: string | null;
  contact: string | null;
  active: boolean;
}

const columns = "id, name, short_name, kind, region_code, social_credit_code, department_number, prefix, parent_name, address, contact, active";

const toOrganisation = (row: OrganisationRow): Organisation => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  regionCode: row.region_code,
  departmentNumber: row.department_number,
  prefix: row.prefix,
  active: row.active,
  ...(row.short_name === null ? {} : { shortName: row.short_name }),
  ...(row.social_credit_code === null ? {} : { socialCreditCode: row.social_credit_code }),
  ...(row.parent_name === null ? {} : { parentName: row.parent_name }),
  ...(row.address === null ? {} : { address: row.address }),
  ...(row.contact === null ? {} : { contact: row.contact }),
});

const valuesOf = (organisation: Organisation, at: Date) => [organisation.id, organisation.name, organisation.shortName ?? null, organisation.kind, organisation.regionCode, organisation.socialCreditCode ?? null, organisation.departmentNumber, organisation.prefix, organisation.parentName ?? null, organisation.address ?? null, organisation.contact ?? null, organisation.active, at];

export async function insertOrganisation(tx: Transaction, organisation: Organisation, at: Date): Promise<void> {
  await tx.query(`insert into catalog.organisation (${columns}, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`, valuesOf(organisation, at));
}

/** Number and prefix are not written: they are given once. */
export async function updateOrganisation(tx: Transaction, organisation: Organisation, at: Date): Promise<void> {
  await tx.query(
    `update catalog.organisation set name = $2, short_name = $3, kind = $4, region_code = $5, social_credit_code = $6, parent_name = $7, address = $8, contact = $9, active = $10, updated_at = $11 where id = $1`,
    [organisation.id, organisation.name, organisation.shortName ?? null, organisation.kind, organisation.regionCode, organisation.socialCreditCode ?? null, organisation.parentName ?? null, organisation.address ?? null, organisation.contact ?? null, organisation.active, at],
  );
}

export async function findOrganisation(reader: Reader, id: string, lock: "" | "for update" = ""): Promise<Organisation | undefined> {
  const { rows } = await reader.query<OrganisationRow>(`select ${columns} from catalog.organisation where id = $1 ${lock}`, [id]);
  return rows[0] && toOrganisation(rows[0]);
}

/** Those of `ids` that exist, by id. */
export async function findOrganisations(reader: Reader, ids: readonly string[]): Promise<Map<string, Organisation>> {
  const { rows } = await reader.query<OrganisationRow>(`select ${columns} from catalog.organisation where id = any($1)`, [ids]);
  return new Map(rows.map((row) => [row.id, toOrganisation(row)]));
}

export async function findOrganisationByName(reader: Reader, name: string): Promise<Organisation | undefined> {
  const { rows } = await reader.query<OrganisationRow>(`select ${columns} from catalog.organisation where name = $1 or short_name = $1 order by name = $1 desc, department_number limit 1`, [name]);
  return rows[0] && toOrganisation(rows[0]);
}

export interface ListOrganisationsOptions {
  kind?: string | undefined;
  active?: boolean | undefined;
  text?: string | undefined;
  afterNumber: number;
  limit: number;
}

/** By department number. */
export async function listOrganisations(reader: Reader, { kind, active, text, afterNumber, limit }: ListOrganisationsOptions): Promise<Organisation[]> {
  const { rows } = await reader.query<OrganisationRow>(
    `select ${columns} from catalog.organisation
     where ($1::text is null or kind = $1) and ($2::boolean is null or active = $2)
       and ($3::text is null or position($3 in name) > 0 or position($3 in coalesce(short_name, '')) > 0) and department_number > $4
     order by department_number limit $5`,
    [kind ?? null, active ?? null, text ?? null, afterNumber, limit],
  );
  return rows.map(toOrganisation);
}
