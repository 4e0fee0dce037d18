import type { ZhengtongSchemaBuilder } from "#platform";
import { addSharingInputs } from "./sharing/inputs.ts";
import { addGrantMutations, addRequestMutations } from "./sharing/mutations.ts";
import { addSharingQueries } from "./sharing/queries.ts";
import { addSharingObjects, type SharingGraphqlOptions, type SharingTypes } from "./sharing/types.ts";

/** Sharing's part of the GraphQL schema; the types come back for those whose own refer to them (feeds, cases). */
export function addSharingTypes(builder: ZhengtongSchemaBuilder, options: SharingGraphqlOptions): SharingTypes {
  const types = addSharingObjects(builder, options);
  const inputs = addSharingInputs(builder, types);
  addSharingQueries(builder, options, types, inputs);
  addRequestMutations(builder, options, types, inputs);
  addGrantMutations(builder, options, types, inputs);
  return types;
}
