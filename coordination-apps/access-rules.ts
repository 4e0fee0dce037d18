import type { AccessRules, AnyAccessRules, Scope } from "#platform";

/** The department that pays the benefit: whose check and whose cases they are. */
export interface DepartmentSubject {
  id: string;
  organisationId: string;
}

const anyDepartment: Scope<DepartmentSubject> = { test: () => true, sql: () => "true" };
const ownDepartment: Scope<DepartmentSubject> = {
  test: (actor, object) => actor.organisationId !== undefined && actor.organisationId === object.organisationId,
  sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("organisation_id")} = ${bind(actor.organisationId)}`),
};

/** The comparison as a whole: figures and freshness, no personal data. */
const checkRules: AccessRules<DepartmentSubject> = {
  kind: "check",
  scopes: { any: anyDepartment, own: ownDepartment },
  policies: [
    { roles: ["case-officer"], actions: ["see", "run"], scope: "own" },
    { roles: ["administrator"], actions: ["see", "run", "attach"], scope: "own" },
    { roles: ["auditor"], actions: ["see"], scope: "any" },
  ],
};

/** Cases hold personal data and evidence from other departments: only the benefit department's own officers see them. */
const caseRules: AccessRules<DepartmentSubject> = {
  kind: "case",
  scopes: { own: ownDepartment },
  policies: [{ roles: ["case-officer"], actions: ["see", "notify", "object", "confirm", "dismiss", "appeal", "decide-appeal", "close"], scope: "own" }],
};

export const coordinationAppsAccessRules: readonly AnyAccessRules[] = [checkRules, caseRules];
