export type * from "./generated/types.ts";
export * from "./generated/values.ts";
export { schemas } from "./schemas.ts";
export type { JsonSchema, SchemaName } from "./schemas.ts";
