import type { ZhengtongSchemaBuilder } from "#platform";
import type { ExchangeCenter } from "../center/center.ts";
import { addFeedTypes } from "./feed-types.ts";
import { addNodeTypes } from "./node-types.ts";

/** Adds the exchange's part of the GraphQL schema: nodes, bindings, routes, feeds, records. */
export function addExchangeTypes(builder: ZhengtongSchemaBuilder, exchange: ExchangeCenter): void {
  const refs = addNodeTypes(builder, exchange);
  addFeedTypes(builder, exchange, refs);
}
