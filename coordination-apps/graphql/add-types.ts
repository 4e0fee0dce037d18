import type { ZhengtongSchemaBuilder } from "#platform";
import type { CoordinationApps } from "../coordination-apps.ts";
import { addCaseFields } from "./case-fields.ts";
import { addCaseTypes } from "./case-types.ts";
import { addCheckFields } from "./check-fields.ts";

/** The coordination apps' part of the GraphQL schema. */
export function addCoordinationAppsTypes(builder: ZhengtongSchemaBuilder, apps: CoordinationApps): void {
  const types = addCaseTypes(builder, apps);
  addCaseFields(builder, apps, types);
  addCheckFields(builder, apps, types);
}
