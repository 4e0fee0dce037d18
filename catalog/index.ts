export { addCatalogTypes, createCatalog } from "./catalog.ts";
export type { Catalog, CreateCatalogOptions } from "./catalog.ts";
export { catalogMigrations } from "./migrations.ts";
export { catalogAccessRules } from "./access-rules.ts";
export type * from "./model/types.ts";
export { entryStates } from "./model/types.ts";
export type { Page, PageRequest } from "./model/page.ts";
export type { OrganisationFilter, OrganisationInput, OrganisationService } from "./organisations/organisation-service.ts";
export type { DraftInput, EntryFilter, EntryHistoryRecord, EntryService, ManyOutcome, ReturnReason, SavedDraft } from "./entries/entry-service.ts";
