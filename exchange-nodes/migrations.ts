import { fileURLToPath } from "node:url";
import type { MigrationSet } from "#platform";

/** Schema `exchange` in the centre's database: nodes, bindings, feeds, the feed log, evidence. */
export const exchangeMigrations: MigrationSet = { schema: "exchange", directory: fileURLToPath(new URL("migrations/center", import.meta.url)) };

/** Schema `node` in a node's own database. */
export const nodeMigrations: MigrationSet = { schema: "node", directory: fileURLToPath(new URL("migrations/node", import.meta.url)) };
