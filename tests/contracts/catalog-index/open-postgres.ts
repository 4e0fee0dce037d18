import { createPostgresCatalogIndex } from "#catalog";
import type { OpenCatalogIndex } from "./open-contract.ts";

export const openPostgres: OpenCatalogIndex = async ({ database, access, clock, log }) => ({ index: createPostgresCatalogIndex({ database, access, clock, log, monotonicMs: () => performance.now() }), close: async () => undefined });
