import { fileURLToPath } from "node:url";
import type { MigrationSet } from "./postgres/migrations.ts";

/** The kernel's own schema: event log, audit log, leases. Every database of the centre starts with it. */
export const platformMigrations: MigrationSet = { schema: "platform", directory: fileURLToPath(new URL("migrations", import.meta.url)) };
