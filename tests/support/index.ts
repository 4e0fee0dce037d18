export * from "./test-database.ts";
export * from "./shared-data.ts";
export { engineUrl, openEngine } from "./engines/engine-host.ts";
export type { Engine } from "./engines/engine.ts";
