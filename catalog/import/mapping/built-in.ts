import { ckanMapping, dcatMapping, tainanMapping } from "./foreign.ts";
import { guideMapping } from "./guide.ts";
import type { Mapping } from "./mapping.ts";
import { ownCsvMapping, ownJsonMapping } from "./own-format.ts";
import { anyPortalMapping, portalMappings } from "./portals.ts";

/** The vocabularies that come with the product. */
export const builtInMappings: readonly Mapping[] = [ownJsonMapping, ownCsvMapping, guideMapping, ...portalMappings, anyPortalMapping, dcatMapping, ckanMapping, tainanMapping];

export interface MappingDescription {
  name: string;
  title: { en: string; zh: string };
  /** Member of the entry, and the columns that it is read from. */
  fields: { target: string; columns: readonly string[] }[];
}

export const describeMappings = (): MappingDescription[] => builtInMappings.map(({ name, title, fields }) => ({ name, title, fields: Object.entries(fields).map(([target, columns]) => ({ target, columns })) }));
