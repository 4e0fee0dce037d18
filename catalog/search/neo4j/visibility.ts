import type { Access, Actor } from "#platform";

/** Values of one statement, named as they are bound. */
export interface CypherParts {
  parameters: Record<string, unknown>;
  /** The placeholder. Whole numbers are bound as bigint. */
  bind(value: unknown): string;
}

export function createCypherParts(): CypherParts {
  const parameters: Record<string, unknown> = {};
  let next = 0;
  return {
    parameters,
    bind(value) {
      const name = `p${next++}`;
      parameters[name] = value;
      return `$${name}`;
    },
  };
}

/** A scope of the access rules as Cypher; undefined where it gives the caller nothing. */
type ScopeCypher = (viewer: Actor, alias: string, bind: CypherParts["bind"]) => string | undefined;

const always: ScopeCypher = () => "true";
const cityAdministrator: ScopeCypher = (viewer) => (viewer.organisationKind === "city-data-office" ? "true" : undefined);
const departmentIs = (property: string): ScopeCypher => (viewer, alias, bind) => (viewer.organisationId === undefined ? undefined : `${alias}.${property} = ${bind(viewer.organisationId)}`);

const entryScopes: Record<string, ScopeCypher> = {
  "open-published": (_viewer, alias) => `${alias}.state = 'published' AND ${alias}.open AND ${alias}.sharingType <> 'refused'`,
  published: (_viewer, alias) => `${alias}.state = 'published' AND ${alias}.sharingType <> 'refused'`,
  "own-department": departmentIs("organisationId"),
  "city-administrator": cityAdministrator,
  all: always,
};

const grantScopes: Record<string, ScopeCypher> = {
  consumer: departmentIs("consumerOrganisationId"),
  provider: departmentIs("providerOrganisationId"),
  application: (viewer, alias, bind) => (viewer.applicationId === undefined ? undefined : `${alias}.applicationId = ${bind(viewer.applicationId)}`),
  node(viewer, alias, bind) {
    if (viewer.kind !== "node" || viewer.organisationId === undefined) return undefined;
    return `${bind(viewer.organisationId)} IN [${alias}.consumerOrganisationId, ${alias}.providerOrganisationId]`;
  },
  all: always,
  "city-administrator": cityAdministrator,
};

/** What the viewer may see, as a condition on an entry under this alias; the decision is Casbin's, as everywhere. */
export const seesEntry = (access: Access, viewer: Actor, parts: CypherParts, alias: string): string => condition(access, viewer, parts, "entry", alias, entryScopes);
/** The same on a grant. */
export const seesGrant = (access: Access, viewer: Actor, parts: CypherParts, alias: string): string => condition(access, viewer, parts, "grant", alias, grantScopes);

function condition(access: Access, viewer: Actor, { bind }: CypherParts, kind: string, alias: string, known: Record<string, ScopeCypher>): string {
  if (viewer.kind === "system") return "true";
  const conditions: string[] = [];
  for (const scope of access.scopes(viewer, kind, "see")) {
    const compile = known[scope];
    // A scope that is not known here must not silently pass, nor silently hide.
    if (compile === undefined) throw new Error(`The index in Neo4j does not know the scope "${scope}" of ${kind}`);
    const compiled = compile(viewer, alias, bind);
    if (compiled === "true") return "true";
    if (compiled !== undefined) conditions.push(`(${compiled})`);
  }
  // What is absent is null in Cypher; a condition that is null is not fulfilled.
  return conditions.length === 0 ? "false" : `(${conditions.join(" OR ")})`;
}
