import type { Access, Actor } from "#platform";
import type { QueryTerm, TokenMatch } from "../text/query-terms.ts";

/** Values of one statement, numbered as they are bound. */
export interface SqlParts {
  values: unknown[];
  bind(value: unknown): string;
}

export function createSqlParts(): SqlParts {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

const documentColumns: Record<string, string> = { id: "entry_id", organisationId: "organisation_id", state: "state", sharingType: "sharing_type", open: "open" };
const grantColumns: Record<string, string> = { id: "grant_id", providerOrganisationId: "provider_organisation_id", consumerOrganisationId: "consumer_organisation_id", applicationId: "application_id" };

/** What the viewer may see, as a condition on a document table under this alias. */
export const seesEntry = (access: Access, viewer: Actor, parts: SqlParts, alias: string): string => condition(access, viewer, parts, "entry", alias, documentColumns);
/** The same on a grant table. */
export const seesGrant = (access: Access, viewer: Actor, parts: SqlParts, alias: string): string => condition(access, viewer, parts, "grant", alias, grantColumns);

function condition(access: Access, viewer: Actor, parts: SqlParts, kind: string, alias: string, columns: Record<string, string>): string {
  const compiled = access.condition(viewer, kind, "see", {
    firstPlaceholder: parts.values.length + 1,
    column(field) {
      const column = columns[field];
      // A scope that looks at something the index does not hold must not silently pass.
      if (column === undefined) throw new Error(`The index does not hold "${field}" of ${kind}, which an access scope looks at`);
      return `${alias}.${column}`;
    },
  });
  parts.values.push(...compiled.values);
  return compiled.text;
}

const lexeme = (token: string, suffix = "") => `'${token.replaceAll("\\", "\\\\").replaceAll("'", "''")}'${suffix}`;
const matchText = ({ tokens, prefix }: TokenMatch) => `(${tokens.map((token) => lexeme(token, prefix ? ":*" : "")).join(" & ")})`;
const termText = (term: QueryTerm) => `(${term.anyOf.map(matchText).join(" | ")})`;

/** All of the terms as a tsquery; undefined when there are none. */
export function tsqueryOf(terms: readonly QueryTerm[]): string | undefined {
  return terms.length === 0 ? undefined : terms.map(termText).join(" & ");
}

/** Tokens of which any may be found, for ranking. */
export const anyToken = (tokens: readonly string[]): string => tokens.map((token) => lexeme(token)).join(" | ");

/** Tokens that begin so and carry this label. */
export const prefixWithLabel = (text: string, label: "A" | "B"): string => lexeme(text, `:*${label}`);

/** For LIKE: the text as a beginning. */
export const beginsWith = (text: string): string => `${text.replaceAll("\\", "\\\\").replaceAll("%", "\\%").replaceAll("_", "\\_")}%`;
