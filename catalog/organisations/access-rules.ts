import type { AccessRules } from "#platform";

/** The names of departments are public; only the city data office makes and changes them, a department its contact data. */
export const organisationAccessRules: AccessRules<{ id: string }> = {
  kind: "organisation",
  scopes: {
    all: { test: () => true, sql: () => "true" },
    own: {
      test: (actor, organisation) => actor.organisationId !== undefined && organisation.id === actor.organisationId,
      sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("id")} = ${bind(actor.organisationId)}`),
    },
    "city-administrator": {
      test: (actor) => actor.organisationKind === "city-data-office",
      sql: (actor) => String(actor.organisationKind === "city-data-office"),
    },
  },
  policies: [
    { roles: "anyone", actions: ["see"], scope: "all" },
    { roles: ["administrator"], actions: ["create", "change", "change-contact"], scope: "city-administrator" },
    { roles: ["administrator"], actions: ["change-contact"], scope: "own" },
  ],
};
