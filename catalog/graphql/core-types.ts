import type { ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import { addAccountTypes } from "./account-types.ts";
import { addAuditTypes } from "./audit-types.ts";
import { addDataElementObject, addDataElementTypes } from "./data-element-types.ts";
import { addEntryObjects } from "./entry-objects.ts";
import { addEntryTypes } from "./entry-types.ts";
import { addCatalogEnums } from "./enums.ts";
import { addOrganisationTypes } from "./organisation-types.ts";

export type CatalogCore = Pick<Catalog, "organisations" | "users" | "authentication" | "applications" | "passwordScan" | "entries" | "changeRequests" | "dataElements" | "collections" | "audit">;
export type CatalogCoreTypes = ReturnType<typeof addCatalogCoreTypes>;

/** Organisations, accounts, entries, data elements and the audit log; answers the types that other slices refer to. */
export function addCatalogCoreTypes(builder: ZhengtongSchemaBuilder, catalog: CatalogCore) {
  const enums = addCatalogEnums(builder);
  const Organisation = addOrganisationTypes(builder, catalog, enums);
  const accounts = addAccountTypes(builder, catalog, enums, Organisation);
  const DataElement = addDataElementObject(builder, catalog, enums, Organisation);
  const entries = addEntryObjects(builder, catalog, enums, Organisation, DataElement);
  addEntryTypes(builder, catalog, enums, entries);
  addDataElementTypes(builder, catalog, enums, Organisation, DataElement, entries);
  addAuditTypes(builder, catalog);
  return { enums, Organisation, DataElement, ...accounts, ...entries };
}
