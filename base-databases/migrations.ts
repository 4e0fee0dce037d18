import { fileURLToPath } from "node:url";
import type { MigrationSet } from "#platform";

/** The record store, both bases and their contradictions: schema `base` of the city's database. */
export const baseDatabasesMigrations: MigrationSet = { schema: "base", directory: fileURLToPath(new URL("migrations", import.meta.url)) };
