import { lexicographicSortSchema, type GraphQLSchema } from "graphql";
import { addBaseDatabasesTypes, type BaseDatabases } from "#base-databases";
import { addCatalogTypes, type Catalog } from "#catalog";
import { addCoordinationAppsTypes, type CoordinationApps } from "#coordination-apps";
import { addExchangeTypes, type ExchangeCenter } from "#exchange-nodes";
import { createSchemaBuilder } from "#platform";

/** The whole GraphQL schema, each folder's part added by itself. Printed to server/schema.graphql. */
export function createCenterSchema(services: { catalog: Catalog; exchange: ExchangeCenter; bases: BaseDatabases; apps: CoordinationApps }): GraphQLSchema {
  const builder = createSchemaBuilder();
  addCatalogTypes(builder, services.catalog);
  addExchangeTypes(builder, services.exchange);
  addBaseDatabasesTypes(builder, services.bases);
  addCoordinationAppsTypes(builder, services.apps);
  return lexicographicSortSchema(builder.toSchema());
}
