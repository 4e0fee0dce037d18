import type { AccessRules } from "#platform";

/** The state of the index as a whole, parked documents and rebuilding: for those who answer for the platform. */
export const catalogIndexAccessRules: AccessRules<object> = {
  kind: "catalog-index",
  scopes: {
    "city-administrator": { test: (actor) => actor.organisationKind === "city-data-office", sql: (actor) => String(actor.organisationKind === "city-data-office") },
    all: { test: () => true, sql: () => "true" },
  },
  policies: [
    { roles: ["administrator"], actions: ["see", "rebuild"], scope: "city-administrator" },
    { roles: ["auditor"], actions: ["see"], scope: "all" },
  ],
};
