import type { DataElement, DataElementStatus } from "#standards";
import type { Issue } from "#platform";
import { normaliseItemName } from "../model/item-names.ts";

/** A registered data element (GB/T 18391.6) with how it got there. */
export interface RegisteredDataElement extends DataElement {
  status: DataElementStatus;
  version: string;
  /** The one source (一数一源), when the registry knows it. */
  authorityOrganisationId?: string;
  replacedBy?: string;
  proposedBy: string;
  proposedAt: Date;
  updatedAt: Date;
  decidedBy?: string;
}

/** What a proposer states; identifier, version and status are the registry's. */
export type DataElementInput = Omit<DataElement, "identifier" | "version" | "status">;

/** The registration states of GB/T 18391.6, as far as a city needs them. */
export const dataElementTransitions = {
  standardise: { from: ["draft"], to: "standard" },
  retire: { from: ["draft", "standard"], to: "retired" },
} as const satisfies Record<string, { from: readonly DataElementStatus[]; to: DataElementStatus }>;

export type DataElementAction = keyof typeof dataElementTransitions;

export function isDataElementTransition(status: DataElementStatus, action: DataElementAction): boolean {
  return (dataElementTransitions[action].from as readonly DataElementStatus[]).includes(status);
}

/** Joins two words, writing once what ends the first and begins the second: 出生 + 日期, 成立日期 + 日期. */
function join(first: string, second: string): string {
  for (let shared = Math.min(first.length, second.length); shared > 0; shared -= 1) if (first.endsWith(second.slice(0, shared))) return first + second.slice(shared);
  return first + second;
}

type NameWords = Pick<DataElement, "objectClass" | "property" | "representation">;

/** The names that GB/T 18391.5 gives: object class, property, representation in this order; only the property must stay. */
export function allowedNames({ objectClass, property, representation }: NameWords): string[] {
  const whole = join(join(objectClass, property), representation);
  return [...new Set([whole, join(property, representation), join(objectClass, property), property, objectClass + property + representation])];
}

export function checkName(name: string, words: NameWords): Issue[] {
  const allowed = allowedNames(words);
  return allowed.includes(name) ? [] : [{ path: "/name", code: "data-element.name", message: `is made of object class, property and representation in this order, e.g. ${allowed[0]}`, zh: `名称应由对象类词、特性词、表示词依次组成,如“${allowed[0]}”` }];
}

/** Everything by which an item can be recognised as this element. */
export function namesOf(element: DataElementInput): string[] {
  return [...new Set([element.name, ...allowedNames(element).slice(0, 1), ...(element.synonyms ?? [])].map(normaliseItemName))];
}

export interface SuggestionSubject {
  name: string;
  field?: string;
  type?: DataElement["type"];
  format?: DataElement["format"];
}

export interface Suggestible {
  identifier: string;
  name: string;
  englishName?: string;
  normalisedNames: readonly string[];
  type: DataElement["type"];
  format?: DataElement["format"];
  status: DataElementStatus;
}

export interface DataElementSuggestion {
  identifier: string;
  name: string;
  status: DataElementStatus;
  /** 0 to 1: 1 is the same name and type. */
  score: number;
  /** What speaks for it. */
  reason: "name" | "synonym" | "format" | "similar-name";
}

const bigrams = (text: string): Set<string> => new Set(text.length < 2 ? [text] : Array.from({ length: text.length - 1 }, (_, index) => text.slice(index, index + 2)));

/** Sørensen–Dice on bigrams: 1 for the same, 0 for nothing in common. */
function similarity(a: string, b: string): number {
  const [one, other] = [bigrams(a), bigrams(b)];
  let common = 0;
  for (const pair of one) if (other.has(pair)) common += 1;
  return (2 * common) / (one.size + other.size);
}

const leastScore = 0.45;

/** Which elements an item could be, the likeliest first. */
export function suggestElements(subject: SuggestionSubject, elements: readonly Suggestible[], limit: number): DataElementSuggestion[] {
  const name = normaliseItemName(subject.name);
  return elements
    .flatMap((element): DataElementSuggestion[] => {
      if (element.status === "retired") return [];
      const own = normaliseItemName(element.name);
      const closest = Math.max(...element.normalisedNames.map((other) => similarity(name, other)));
      const [likeness, reason]: [number, DataElementSuggestion["reason"]] =
        own === name ? [1, "name"] : element.normalisedNames.includes(name) ? [0.95, "synonym"] : subject.format !== undefined && subject.format === element.format && element.format !== "phone" && element.format !== "email" ? [Math.max(0.7, closest), "format"] : [closest * 0.85, "similar-name"];
      const score = likeness * (subject.type !== undefined && subject.type !== element.type ? 0.7 : 1) * (element.status === "draft" ? 0.95 : 1);
      return score < leastScore ? [] : [{ identifier: element.identifier, name: element.name, status: element.status, score: Math.round(score * 100) / 100, reason }];
    })
    .sort((a, b) => b.score - a.score || (a.identifier < b.identifier ? -1 : 1))
    .slice(0, limit);
}
