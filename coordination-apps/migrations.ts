import { fileURLToPath } from "node:url";
import type { MigrationSet } from "#platform";

/** Schema `apps` of the `city` database. */
export const coordinationAppsMigrations: MigrationSet = { schema: "apps", directory: fileURLToPath(new URL("migrations", import.meta.url)) };
