import type { ZhengtongSchemaBuilder } from "#platform";
import type { BaseDatabases } from "../base-databases.ts";
import { addQualityTypes } from "./quality-types.ts";
import { addRecordTypes } from "./record-types.ts";
import { addSharedTypes } from "./values.ts";

/** The base databases' part of the GraphQL schema. */
export function addBaseDatabasesTypes(builder: ZhengtongSchemaBuilder, bases: BaseDatabases): void {
  const shared = addSharedTypes(builder);
  addRecordTypes(builder, bases, shared);
  addQualityTypes(builder, bases, shared);
}
