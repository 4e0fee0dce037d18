import type { AccessRules, AnyAccessRules } from "#platform";

interface OfDepartment {
  id?: string;
  organisationId?: string;
}

const scopes: AccessRules<OfDepartment>["scopes"] = {
  self: {
    test: (actor, object) => object.id !== undefined && object.id === actor.id,
    sql: (actor, column, bind) => `${column("id")} = ${bind(actor.id)}`,
  },
  "own-department": {
    test: (actor, object) => actor.organisationId !== undefined && object.organisationId === actor.organisationId,
    sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("organisationId")} = ${bind(actor.organisationId)}`),
  },
  "city-data-office": {
    test: (actor) => actor.organisationKind === "city-data-office",
    sql: (actor) => String(actor.organisationKind === "city-data-office"),
  },
};

export const userAccessRules: AccessRules<OfDepartment> = {
  kind: "user",
  scopes,
  policies: [
    { roles: "anyone", actions: ["see"], scope: "self" },
    { roles: ["administrator"], actions: ["see", "manage"], scope: "own-department" },
    { roles: ["administrator"], actions: ["see", "manage", "scan-passwords"], scope: "city-data-office" },
    { roles: ["auditor"], actions: ["see"], scope: "own-department" },
    { roles: ["auditor"], actions: ["see"], scope: "city-data-office" },
  ],
};

export const applicationAccessRules: AccessRules<OfDepartment> = {
  kind: "application",
  scopes,
  policies: [
    { roles: ["application"], actions: ["see"], scope: "self" },
    { roles: ["administrator"], actions: ["see", "manage"], scope: "own-department" },
    { roles: ["administrator"], actions: ["see", "manage"], scope: "city-data-office" },
    { roles: ["cataloguer", "approver", "node-operator", "analyst", "auditor"], actions: ["see"], scope: "own-department" },
    { roles: ["city-reviewer", "auditor"], actions: ["see"], scope: "city-data-office" },
  ],
};

/** The audit log: all of it for the city's auditors, a department's own records for its own. */
export const auditAccessRules: AccessRules<OfDepartment> = {
  kind: "audit",
  scopes,
  policies: [
    { roles: ["auditor"], actions: ["see"], scope: "own-department" },
    { roles: ["auditor"], actions: ["see"], scope: "city-data-office" },
  ],
};

export const accountAccessRules: readonly AnyAccessRules[] = [userAccessRules, applicationAccessRules, auditAccessRules];
