import type { AccessRules, AnyAccessRules, Scope } from "#platform";
import type { BindingScopeSubject } from "./model/binding.ts";
import type { FeedScopeSubject } from "./model/feed.ts";
import type { NodeScopeSubject } from "./model/node.ts";

function departmentIs<Field extends string>(field: Field): Scope<{ [Name in Field]?: string | undefined }> {
  return {
    test: (actor, object) => actor.organisationId !== undefined && object[field] === actor.organisationId,
    sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column(field)} = ${bind(actor.organisationId)}`),
  };
}

const everything: Scope<object> = { test: () => true, sql: () => "true" };

/** The city data office runs the centre. */
const cityDataOffice: Scope<object> = { test: (actor) => actor.organisationKind === "city-data-office", sql: (actor) => String(actor.organisationKind === "city-data-office") };

const departmentStaff = ["cataloguer", "approver", "analyst", "case-officer", "node-operator", "administrator"] as const;
const cityStaff = ["administrator", "city-reviewer", "node-operator"] as const;
const operators = ["node-operator", "administrator"] as const;

export const nodeAccessRules: AccessRules<NodeScopeSubject> = {
  kind: "node",
  scopes: { own: departmentIs("organisationId"), city: cityDataOffice, all: everything },
  policies: [
    { roles: departmentStaff, actions: ["see"], scope: "own" },
    { roles: cityStaff, actions: ["see"], scope: "city" },
    { roles: ["auditor"], actions: ["see"], scope: "all" },
    { roles: ["administrator"], actions: ["invite", "suspend"], scope: "own" },
    { roles: ["administrator"], actions: ["invite", "suspend"], scope: "city" },
  ],
};

export const bindingAccessRules: AccessRules<BindingScopeSubject> = {
  kind: "binding",
  scopes: { own: departmentIs("organisationId"), city: cityDataOffice, all: everything },
  policies: [
    { roles: departmentStaff, actions: ["see"], scope: "own" },
    { roles: cityStaff, actions: ["see"], scope: "city" },
    { roles: ["auditor"], actions: ["see"], scope: "all" },
    { roles: ["cataloguer", "node-operator", "administrator"], actions: ["bind"], scope: "own" },
    { roles: ["administrator"], actions: ["bind"], scope: "city" },
  ],
};

export const feedAccessRules: AccessRules<FeedScopeSubject> = {
  kind: "feed",
  scopes: {
    provider: departmentIs("providerOrganisationId"),
    consumer: departmentIs("consumerOrganisationId"),
    application: {
      test: (actor, feed) => actor.applicationId !== undefined && feed.applicationId === actor.applicationId,
      sql: (actor, column, bind) => (actor.applicationId === undefined ? "false" : `${column("applicationId")} = ${bind(actor.applicationId)}`),
    },
    city: cityDataOffice,
    all: everything,
  },
  policies: [
    { roles: departmentStaff, actions: ["see"], scope: "provider" },
    { roles: departmentStaff, actions: ["see"], scope: "consumer" },
    { roles: ["application"], actions: ["see", "read-records"], scope: "application" },
    { roles: cityStaff, actions: ["see"], scope: "city" },
    { roles: ["auditor"], actions: ["see", "export-evidence"], scope: "all" },
    // Either end may pause and have a refresh; what was parked is the provider's alone; where it goes the consumer's.
    { roles: operators, actions: ["operate", "replay-parked", "export-evidence"], scope: "provider" },
    { roles: operators, actions: ["operate", "route", "export-evidence"], scope: "consumer" },
    { roles: ["administrator"], actions: ["operate", "route", "export-evidence"], scope: "city" },
  ],
};

/** All access rules of the exchange, given to `createAccess` by the composition root. */
export const exchangeAccessRules: readonly AnyAccessRules[] = [nodeAccessRules, bindingAccessRules, feedAccessRules];
