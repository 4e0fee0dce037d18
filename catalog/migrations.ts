import { fileURLToPath } from "node:url";
import type { MigrationSet } from "#platform";

/** Organisations, users, entries, sharing, the index's PostgreSQL adapter and imports: schema `catalog` of the centre. */
export const catalogMigrations: MigrationSet = { schema: "catalog", directory: fileURLToPath(new URL("migrations", import.meta.url)) };
