import type { AnyAccessRules } from "#platform";
import { entryAccessRules } from "./entries/access-rules.ts";

/** All access rules of the catalog, given to `createAccess` by the composition root. */
export const catalogAccessRules: readonly AnyAccessRules[] = [entryAccessRules];
