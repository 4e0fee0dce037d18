/**
 * A base database as data: which attributes a golden record has, which departments' entries speak of them and with
 * what authority. Everything that the record store does is generated from this; nothing in it knows people or firms.
 */
export interface BilingualTitle {
  zh: string;
  en: string;
}

export const keyKinds = ["citizen-number", "social-credit-code"] as const;
export type KeyKind = (typeof keyKinds)[number];

export type AttributeType = "text" | "date" | "number" | "integer";

/** How a source's value is read and how two are compared: see normalisers.ts. */
export type NormaliserName = "text" | "code" | "person-name" | "organisation-name" | "address" | "category" | "date" | "month" | "number" | "integer" | "capital" | "capital-currency";

/** What the key itself says: see derivations.ts. */
export type DerivationName = "citizen-birth-date" | "citizen-sex" | "citizen-region" | "credit-code-organisation";

export interface AttributeDefinition {
  /** Also the golden table's column. */
  name: string;
  type: AttributeType;
  title: BilingualTitle;
  normaliser: NormaliserName;
  /** One of the base's basic items (standards-facts 7). */
  basic?: true;
  /** The standard of the item: its code set or format. */
  standard?: string;
  unit?: string;
  /**
   * `correct`: sources that differ contradict, and the one of lower authority is asked to correct.
   * `keep`: differing values are natural (a person's address at the doctor's); they are kept as rivals only.
   */
  onDifference: "correct" | "keep";
  derivation?: {
    name: DerivationName;
    /** The key's word is used where no source gives the value. */
    fallback: boolean;
    /** A source that says otherwise is asked to correct. */
    check: boolean;
  };
}

export interface EventDefinition {
  kind: string;
  title: BilingualTitle;
  /** Date column of the event, or of the beginning of a span. */
  on: string;
  until?: string;
  /** `on` holds months YYYYMM: months without a gap and with equal `groupBy` columns make one span. */
  months?: { groupBy: readonly string[] };
  /** Columns shown with the event. */
  show: readonly string[];
}

export interface AttributeClaim {
  column: string;
  /** 1 is the highest authority. Equal ranks: the freshest value, then the source listed first. */
  rank: number;
}

export interface SourceDefinition {
  /** Stable over all bases and never used again: stands in provenance. */
  id: number;
  /** `department.entry`, such as `gongan.household`. */
  role: string;
  /** The department: the first part of the role. */
  unit: string;
  title: BilingualTitle;
  /** Column that holds the base's key. */
  keyColumn: string;
  /** Rows that name no key at all are not looked at (a firm need not name its representative's number). */
  keyMayBeMissing?: true;
  /** Date, time or month column that says of when a row is. */
  freshness?: string;
  /** Attribute → column. A column that was not granted, or is masked, is left out. Empty: the source has events only. */
  attributes: Readonly<Record<string, AttributeClaim>>;
  /** Columns by which a row without a usable key may be recognised. */
  match?: { name: string; date?: string; address?: string; other?: string };
  events: readonly EventDefinition[];
}

/** Attributes and weights by which a row without a usable key is compared with golden records. */
export interface MatchingDefinition {
  name: string;
  date: string;
  address: string;
  other: string;
  /** The number itself holds the date, at these characters: a wrong digit elsewhere leaves it readable. */
  dateInKey?: { from: number; length: number };
  /** Sum of weights from which a row is linked, from which a person is asked, and by which the best must lead. */
  thresholds: { match: number; review: number; lead: number };
}

export interface BaseDefinition {
  name: "population" | "legal-entity";
  title: BilingualTitle;
  keyKind: KeyKind;
  /** Attribute name of the key, also the golden table's primary key. */
  key: string;
  keyTitle: BilingualTitle;
  goldenTable: string;
  attributes: readonly AttributeDefinition[];
  sources: readonly SourceDefinition[];
  matching: MatchingDefinition;
}

export type BaseName = BaseDefinition["name"];

/** Problems of a definition that would otherwise show as odd SQL; empty when it is sound. */
export function checkDefinition(definition: BaseDefinition): string[] {
  const problems: string[] = [];
  const names = new Set(definition.attributes.map((attribute) => attribute.name));
  if (names.size !== definition.attributes.length) problems.push("an attribute is given twice");
  if (names.has(definition.key)) problems.push(`the key ${definition.key} is also an attribute`);
  const ids = new Set<number>();
  const roles = new Set<string>();
  for (const source of definition.sources) {
    if (ids.has(source.id)) problems.push(`source id ${source.id} is given twice`);
    if (roles.has(source.role)) problems.push(`role ${source.role} is given twice`);
    ids.add(source.id);
    roles.add(source.role);
    if (!source.role.startsWith(`${source.unit}.`)) problems.push(`${source.role} does not begin with its unit ${source.unit}`);
    for (const [attribute, claim] of Object.entries(source.attributes)) {
      if (!names.has(attribute)) problems.push(`${source.role} gives the unknown attribute ${attribute}`);
      if (!Number.isInteger(claim.rank) || claim.rank < 1) problems.push(`${source.role}.${attribute} has no rank`);
    }
  }
  for (const part of ["name", "date", "address", "other"] as const) if (!names.has(definition.matching[part])) problems.push(`matching names the unknown attribute ${definition.matching[part]}`);
  return problems;
}
