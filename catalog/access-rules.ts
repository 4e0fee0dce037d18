import type { AnyAccessRules } from "#platform";
import { dataElementAccessRules } from "./data-elements/access-rules.ts";
import { entryAccessRules } from "./entries/access-rules.ts";
import { importAccessRules } from "./import/access-rules.ts";
import { organisationAccessRules } from "./organisations/access-rules.ts";
import { catalogIndexAccessRules } from "./search/access-rules.ts";
import { sharingAccessRules } from "./sharing/access-rules.ts";
import { accountAccessRules } from "./users/access-rules.ts";

/** All access rules of the catalog, given to `createAccess` by the composition root. */
export const catalogAccessRules: readonly AnyAccessRules[] = [
  entryAccessRules,
  organisationAccessRules,
  ...accountAccessRules,
  dataElementAccessRules,
  ...sharingAccessRules,
  catalogIndexAccessRules,
  importAccessRules,
];
