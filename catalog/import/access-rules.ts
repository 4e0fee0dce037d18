import type { AccessRules } from "#platform";

export interface ImportJobSubject {
  id?: string;
  createdBy: string;
  organisationId?: string;
}

/** A report shows rows of whole files: whoever ran it sees it, the department's administrator, and those who answer for the city. */
export const importAccessRules: AccessRules<ImportJobSubject> = {
  kind: "import",
  scopes: {
    self: {
      test: (actor, job) => job.createdBy === actor.id,
      sql: (actor, column, bind) => `${column("createdBy")} = ${bind(actor.id)}`,
    },
    "own-department": {
      test: (actor, job) => actor.organisationId !== undefined && job.organisationId === actor.organisationId,
      sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("organisationId")} = ${bind(actor.organisationId)}`),
    },
    all: { test: () => true, sql: () => "true" },
  },
  policies: [
    { roles: ["cataloguer", "city-reviewer", "administrator"], actions: ["see"], scope: "self" },
    { roles: ["cataloguer", "approver", "administrator"], actions: ["see"], scope: "own-department" },
    { roles: ["city-reviewer", "auditor"], actions: ["see"], scope: "all" },
  ],
};
