export * from "./test-database.ts";
export * from "./shared-data.ts";
