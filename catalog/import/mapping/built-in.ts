import { ckanMapping, dcatMapping, tainanMapping } from "./foreign.ts";
import { guideMapping } from "./guide.ts";
import type { Mapping } from "./mapping.ts";
import { ownCsvMapping, ownJsonMapping } from "./own-format.ts";
import { anyPortalMapping, portalMappings } from "./portals.ts";

/** The vocabularies that come with the product. */
export const builtInMappings: readonly Mapping[] = [ownJsonMapping, ownCsvMapping, guideMapping, ...portalMappings, anyPortalMapping, dcatMapping, ckanMapping, tainanMapping];
