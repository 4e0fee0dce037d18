import type { AccessRules, AnyAccessRules, Scope } from "#platform";

/** The members of a golden record that access scopes look at: the departments whose rows made it. */
export interface GoldenScopeSubject {
  id: string;
  organisationIds: readonly string[];
}

/** Of a contradiction or an unmatched row: the department that has to look into it. */
export interface SourceRowScopeSubject {
  id: string;
  organisationId: string;
}

const all: Scope<object> = { test: () => true, sql: () => "true" };

const contributed: Scope<GoldenScopeSubject> = {
  test: (actor, record) => actor.organisationId !== undefined && record.organisationIds.includes(actor.organisationId),
  sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${bind(actor.organisationId)} = any(${column("organisationIds")})`),
};

const ownRow: Scope<SourceRowScopeSubject> = {
  test: (actor, row) => actor.organisationId !== undefined && row.organisationId === actor.organisationId,
  sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("organisationId")} = ${bind(actor.organisationId)}`),
};

const departmentStaff = ["cataloguer", "approver", "analyst", "case-officer"] as const;

/**
 * The city data office keeps the bases and sees whole records. A department's staff see a record that their own
 * department feeds, and in it only what their department says or a grant allows (see golden.ts); an administrator or a
 * node operator keeps the machinery running and sees no person.
 */
const goldenRecordRules: AccessRules<GoldenScopeSubject> = {
  kind: "golden-record",
  scopes: { all, contributed },
  policies: [
    { roles: ["city-reviewer"], actions: ["see", "see-all-fields"], scope: "all" },
    { roles: departmentStaff, actions: ["see"], scope: "contributed" },
  ],
};

const contradictionRules: AccessRules<SourceRowScopeSubject> = {
  kind: "contradiction",
  scopes: { all, "own-row": ownRow },
  policies: [
    { roles: ["city-reviewer", "auditor"], actions: ["see"], scope: "all" },
    { roles: departmentStaff, actions: ["see"], scope: "own-row" },
  ],
};

const unmatchedRowRules: AccessRules<SourceRowScopeSubject> = {
  kind: "unmatched-row",
  scopes: { all, "own-row": ownRow },
  policies: [
    { roles: ["city-reviewer"], actions: ["see", "decide"], scope: "all" },
    { roles: departmentStaff, actions: ["see"], scope: "own-row" },
  ],
};

const baseRules: AccessRules<{ id: string }> = {
  kind: "base",
  scopes: { all },
  policies: [
    { roles: ["city-reviewer", "auditor", "administrator", "node-operator", "analyst", "cataloguer", "approver", "case-officer"], actions: ["see"], scope: "all" },
    { roles: ["city-reviewer"], actions: ["attach"], scope: "all" },
  ],
};

/** A timeline is asked for by whoever may hold a grant; what it shows is decided source by source. */
const lifecycleRules: AccessRules<{ id: string }> = {
  kind: "lifecycle",
  scopes: { all },
  policies: [{ roles: ["city-reviewer", "analyst", "case-officer", "approver", "application"], actions: ["query"], scope: "all" }],
};

export const baseDatabasesAccessRules: readonly AnyAccessRules[] = [goldenRecordRules, contradictionRules, unmatchedRowRules, baseRules, lifecycleRules];
