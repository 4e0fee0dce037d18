import { formatClassNames, fullDivisionName, labelOf, sharingTypeNames, updateCycleNames } from "#standards";
import type { FacetName } from "./catalog-index.ts";

/** A facet value as people read it; `zh` first. Undefined where the value says it itself (L1) or the records know it (organisations). */
export interface FacetLabel {
  zh: string;
  en: string;
}

const fixed: Partial<Record<FacetName, Record<string, FacetLabel>>> = {
  sharingType: sharingTypeNames,
  updateCycle: updateCycleNames,
  formatClass: formatClassNames,
  open: { true: { zh: "向社会开放", en: "open to the public" }, false: { zh: "不向社会开放", en: "not open to the public" } },
  state: {
    draft: { zh: "草稿", en: "draft" },
    "department-review": { zh: "部门审核", en: "department review" },
    "city-review": { zh: "市级审核", en: "city review" },
    published: { zh: "已发布", en: "published" },
    suspended: { zh: "已暂停", en: "suspended" },
    withdrawn: { zh: "已撤销", en: "withdrawn" },
  },
  sensitivity: { L1: { zh: "L1 不敏感", en: "L1 not sensitive" }, L2: { zh: "L2 低敏感", en: "L2 low" }, L3: { zh: "L3 较敏感", en: "L3 rather sensitive" }, L4: { zh: "L4 敏感", en: "L4 sensitive" } },
};

const same = (text: string | undefined): FacetLabel | undefined => (text === undefined ? undefined : { zh: text, en: text });

const guide = "发改高技〔2017〕1272号";

const known = new Map<string, FacetLabel | undefined>();

export function facetLabel(facet: FacetName, value: string): FacetLabel | undefined {
  const key = `${facet} ${value}`;
  // Values come from records, so there are as many as the records have; the bound is for what callers choose freely.
  if (!known.has(key) && known.size < 10_000) known.set(key, readLabel(facet, value));
  return known.get(key) ?? readLabel(facet, value);
}

function readLabel(facet: FacetName, value: string): FacetLabel | undefined {
  switch (facet) {
    case "region":
      return same(fullDivisionName(value));
    case "themeClass":
    case "theme":
      return same(labelOf("GB/T 21063.4", value));
    case "guideCategory":
      return same([labelOf(guide, value.slice(0, 1)), labelOf(guide, value)].filter((part) => part !== undefined).join("/") || undefined);
    default:
      return fixed[facet]?.[value];
  }
}
