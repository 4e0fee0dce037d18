import { dataElementStatuses, formatClasses, itemFormats, itemTypes, organisationKinds, roles, sensitivities, sharingMethods, sharingTypes, updateCycles } from "#standards";
import type { ZhengtongSchemaBuilder } from "#platform";
import { entryStates } from "../model/types.ts";
import { changeRequestStates } from "../entries/change-request-transitions.ts";
import { enumValues } from "./sharing/values.ts";

export type CatalogEnums = ReturnType<typeof addCatalogEnums>;

/** Code lists of the schemas, shared by the catalog's slices. */
export function addCatalogEnums(builder: ZhengtongSchemaBuilder) {
  return {
    Role: builder.enumType("Role", { values: enumValues(roles) }),
    OrganisationKind: builder.enumType("OrganisationKind", { values: enumValues(organisationKinds) }),
    EntryState: builder.enumType("EntryState", { values: enumValues(entryStates) }),
    EntryChangeState: builder.enumType("EntryChangeState", { values: enumValues(changeRequestStates) }),
    WaitingFor: builder.enumType("WaitingFor", { description: "Who must act next.", values: enumValues(["cataloguer", "approver", "city-reviewer"]) }),
    SharingType: builder.enumType("SharingType", { description: "1 无条件 2 有条件 3 不予", values: enumValues(sharingTypes) }),
    SharingMethod: builder.enumType("SharingMethod", { values: enumValues(sharingMethods) }),
    UpdateCycle: builder.enumType("UpdateCycle", { values: enumValues(updateCycles) }),
    Sensitivity: builder.enumType("Sensitivity", { description: "DB33/T 2351-2021", values: enumValues(sensitivities) }),
    FormatClass: builder.enumType("FormatClass", { values: enumValues(formatClasses) }),
    ItemType: builder.enumType("ItemType", { values: enumValues(itemTypes) }),
    ItemFormat: builder.enumType("ItemFormat", { values: enumValues(itemFormats) }),
    DataElementStatus: builder.enumType("DataElementStatus", { values: enumValues(dataElementStatuses) }),
    ChangeKind: builder.enumType("ChangeKind", { description: "Major when something that a consumer builds on vanishes or narrows.", values: enumValues(["none", "first", "minor", "major"]) }),
    DifferenceKind: builder.enumType("DifferenceKind", { values: enumValues(["added", "removed", "changed"]) }),
  };
}
