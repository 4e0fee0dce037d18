import type { AccessRules, Scope } from "#platform";
import type { CorrectionScopeSubject } from "./correction-model.ts";
import type { DisputeScopeSubject } from "./dispute-model.ts";
import type { GrantScopeSubject } from "./grant-model.ts";
import type { RequestScopeSubject } from "./request-model.ts";

/** The department of an object is the caller's own. */
function departmentIs<Field extends string>(field: Field): Scope<{ [Name in Field]?: string | undefined }> {
  return {
    test: (actor, object) => actor.organisationId !== undefined && object[field] === actor.organisationId,
    sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column(field)} = ${bind(actor.organisationId)}`),
  };
}

/** The object belongs to the calling application. */
const ownApplication: Scope<{ applicationId?: string | undefined }> = {
  test: (actor, object) => actor.applicationId !== undefined && object.applicationId === actor.applicationId,
  sql: (actor, column, bind) => (actor.applicationId === undefined ? "false" : `${column("applicationId")} = ${bind(actor.applicationId)}`),
};

const everything: Scope<object> = { test: () => true, sql: () => "true" };

/** Whoever administers the city data office looks after all departments. */
const cityAdministrator: Scope<object> = { test: (actor) => actor.organisationKind === "city-data-office", sql: (actor) => String(actor.organisationKind === "city-data-office") };
const administratorSees = { roles: ["administrator"], actions: ["see"], scope: "city-administrator" } as const;

/** Whoever asks on behalf of a department. */
const requesting = ["cataloguer", "analyst", "case-officer", "approver"] as const;
const departmentStaff = ["cataloguer", "approver", "analyst", "case-officer", "node-operator", "administrator"] as const;

/** A request is its department's alone until that department's head has sent it (政务数据共享条例 art. 20). */
export const requestAccessRules: AccessRules<RequestScopeSubject> = {
  kind: "request",
  scopes: {
    consumer: departmentIs("consumerOrganisationId"),
    provider: {
      test: (actor, request) => request.sent && actor.organisationId !== undefined && request.providerOrganisationId === actor.organisationId,
      sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("sent")} and ${column("providerOrganisationId")} = ${bind(actor.organisationId)}`),
    },
    application: ownApplication,
    "review-body": {
      test: (_actor, request) => request.sent && request.reviewBody,
      sql: (_actor, column) => `${column("sent")} and ${column("reviewBody")}`,
    },
    sent: { test: (_actor, request) => request.sent, sql: (_actor, column) => column("sent") },
    all: everything,
    "city-administrator": cityAdministrator,
  },
  policies: [
    administratorSees,
    { roles: departmentStaff, actions: ["see"], scope: "consumer" },
    { roles: departmentStaff, actions: ["see"], scope: "provider" },
    { roles: ["application"], actions: ["see"], scope: "application" },
    { roles: ["review-office"], actions: ["see"], scope: "review-body" },
    { roles: ["city-reviewer"], actions: ["see"], scope: "sent" },
    { roles: ["auditor"], actions: ["see"], scope: "all" },
    { roles: requesting, actions: ["create", "submit", "withdraw", "dispose"], scope: "consumer" },
    { roles: ["approver"], actions: ["approve-internally"], scope: "consumer" },
    { roles: ["approver"], actions: ["review-as-provider", "ask-extension", "flag"], scope: "provider" },
    { roles: ["approver", "cataloguer", "node-operator"], actions: ["confirm-provision"], scope: "provider" },
    { roles: ["review-office"], actions: ["review-as-office"], scope: "review-body" },
    { roles: ["city-reviewer"], actions: ["flag", "consent-extension"], scope: "sent" },
  ],
};

/** Nodes see and confirm what flows through them; people see what their department gives and gets. */
export const grantAccessRules: AccessRules<GrantScopeSubject> = {
  kind: "grant",
  scopes: {
    consumer: departmentIs("consumerOrganisationId"),
    provider: departmentIs("providerOrganisationId"),
    application: ownApplication,
    node: {
      test: (actor, grant) => actor.kind === "node" && actor.organisationId !== undefined && (grant.consumerOrganisationId === actor.organisationId || grant.providerOrganisationId === actor.organisationId),
      sql: (actor, column, bind) => (actor.kind !== "node" || actor.organisationId === undefined ? "false" : `${bind(actor.organisationId)} in (${column("consumerOrganisationId")}, ${column("providerOrganisationId")})`),
    },
    all: everything,
    "city-administrator": cityAdministrator,
  },
  policies: [
    administratorSees,
    { roles: departmentStaff, actions: ["see"], scope: "consumer" },
    { roles: departmentStaff, actions: ["see"], scope: "provider" },
    { roles: ["application"], actions: ["see", "record-use"], scope: "application" },
    { roles: "anyone", actions: ["see", "confirm-stopped"], scope: "node" },
    { roles: ["city-reviewer", "auditor"], actions: ["see", "see-use"], scope: "all" },
    { roles: requesting, actions: ["record-use", "see-use", "give-up"], scope: "consumer" },
    { roles: ["approver"], actions: ["change", "suspend", "resume", "revoke", "see-use"], scope: "provider" },
    { roles: ["city-reviewer"], actions: ["suspend", "resume", "revoke"], scope: "all" },
  ],
};

/** Values of a correction may be personal: only the two departments see them (`see-values`). */
export const correctionAccessRules: AccessRules<CorrectionScopeSubject> = {
  kind: "correction",
  scopes: { raiser: departmentIs("raisedByOrganisationId"), provider: departmentIs("providerOrganisationId"), all: everything, "city-administrator": cityAdministrator },
  policies: [
    administratorSees,
    { roles: departmentStaff, actions: ["see"], scope: "raiser" },
    { roles: departmentStaff, actions: ["see"], scope: "provider" },
    { roles: ["city-reviewer", "auditor"], actions: ["see"], scope: "all" },
    { roles: requesting, actions: ["raise", "withdraw", "see-values"], scope: "raiser" },
    { roles: ["approver", "cataloguer"], actions: ["answer", "see-values"], scope: "provider" },
  ],
};

/** Consultation between the two departments, then the city authority (art. 28). */
export const disputeAccessRules: AccessRules<DisputeScopeSubject> = {
  kind: "dispute",
  scopes: {
    raiser: departmentIs("raisedByOrganisationId"),
    opponent: departmentIs("againstOrganisationId"),
    referred: { test: (_actor, dispute) => dispute.referred, sql: (_actor, column) => column("referred") },
    all: everything,
    "city-administrator": cityAdministrator,
  },
  policies: [
    administratorSees,
    { roles: departmentStaff, actions: ["see"], scope: "raiser" },
    { roles: departmentStaff, actions: ["see"], scope: "opponent" },
    { roles: ["city-reviewer"], actions: ["see", "decide"], scope: "referred" },
    { roles: ["auditor"], actions: ["see"], scope: "all" },
    { roles: requesting, actions: ["raise", "state", "refer", "settle", "withdraw"], scope: "raiser" },
    { roles: ["approver"], actions: ["state", "refer"], scope: "opponent" },
  ],
};

export const sharingAccessRules = [requestAccessRules, grantAccessRules, correctionAccessRules, disputeAccessRules] as const;
