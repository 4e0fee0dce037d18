import type { Kernel, ZhengtongSchemaBuilder } from "#platform";
import { createAuditService, type AuditService } from "./audit/audit-service.ts";
import { createCollectionService, type CollectionService } from "./data-elements/collection-service.ts";
import { createDataElementService, type DataElementService } from "./data-elements/data-element-service.ts";
import { createChangeRequestService, type ChangeRequestService } from "./entries/change-request-service.ts";
import { createEntryService, type EntryService } from "./entries/entry-service.ts";
import { addCatalogCoreTypes } from "./graphql/core-types.ts";
import { addImportTypes } from "./graphql/import-types.ts";
import { addSharingTypes } from "./graphql/sharing.ts";
import { createExportService, type ExportService } from "./import/export/export-service.ts";
import { createImportService, type ImportService } from "./import/import-service.ts";
import type { IdentifierArea } from "./model/identifiers.ts";
import { createOrganisationService, type OrganisationService } from "./organisations/organisation-service.ts";
import { addSearchTypes } from "./graphql/search.ts";
import { createCatalogSearch, type CatalogSearch, type CreateCatalogSearchOptions } from "./search/catalog-search.ts";
import { countViews } from "./search/count-views.ts";
import { createSharing, type CreateSharingOptions, type Sharing } from "./sharing/sharing.ts";
import { createApplicationService, type ApplicationService } from "./users/application-service.ts";
import { createAuthenticationService, defaultAuthenticationSettings, type AuthenticationService, type AuthenticationSettings } from "./users/authentication-service.ts";
import { createPasswordScanService, type PasswordScanService } from "./users/password-scan.ts";
import { createUserService, type UserService } from "./users/user-service.ts";

export interface CreateCatalogOptions {
  kernel: Kernel;
  /** Where identifiers stand. Default Zhejiang, Hangzhou: `33`, `A`. */
  area?: IdentifierArea;
  authentication?: Partial<AuthenticationSettings>;
  sharing?: Omit<CreateSharingOptions, "kernel">;
  /** The index's adapter and the dictionary. Default: the index in the kernel's database. */
  search?: Omit<CreateCatalogSearchOptions, "kernel">;
}

export interface Catalog {
  kernel: Kernel;
  organisations: OrganisationService;
  users: UserService;
  authentication: AuthenticationService;
  applications: ApplicationService;
  passwordScan: PasswordScanService;
  entries: EntryService;
  changeRequests: ChangeRequestService;
  dataElements: DataElementService;
  collections: CollectionService;
  audit: AuditService;
  sharing: Sharing;
  search: CatalogSearch;
  imports: ImportService;
  exports: ExportService;
}

export function createCatalog({ kernel, area = { provinceCode: "33", areaLetter: "A" }, authentication, sharing, search }: CreateCatalogOptions): Catalog {
  const organisations = createOrganisationService({ kernel, area });
  const entries = createEntryService({ kernel });
  const changeRequests = createChangeRequestService({ kernel });
  return {
    kernel,
    organisations,
    users: createUserService({ kernel, organisations }),
    authentication: createAuthenticationService({ kernel, settings: { ...defaultAuthenticationSettings, ...authentication } }),
    applications: createApplicationService({ kernel }),
    passwordScan: createPasswordScanService({ kernel }),
    entries,
    changeRequests,
    dataElements: createDataElementService({ kernel }),
    collections: createCollectionService({ kernel, entries, changeRequests }),
    audit: createAuditService({ kernel }),
    sharing: createSharing({ kernel, ...sharing }),
    search: createCatalogSearch({ kernel, ...search }),
    exports: createExportService({ kernel }),
    imports: createImportService({ kernel, area, drafts: entries }),
  };
}

/** Adds the catalog's part of the GraphQL schema. */
export function addCatalogTypes(builder: ZhengtongSchemaBuilder, catalog: Catalog): void {
  const core = addCatalogCoreTypes(builder, { ...catalog, entries: countViews(catalog.entries, catalog.search) });
  addSharingTypes(builder, { sharing: catalog.sharing, entries: catalog.entries, core });
  addSearchTypes(builder, { search: catalog.search, core });
  addImportTypes(builder, { imports: catalog.imports, core });
}
