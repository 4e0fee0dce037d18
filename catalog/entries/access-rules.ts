import { roles } from "#standards";
import type { AccessRules } from "#platform";
import type { EntryScopeSubject } from "../model/types.ts";

/**
 * Who sees which entries (issue: "what a person may not see is absent from every surface"): anonymous callers what is
 * published and open; everybody who has logged in what is published and not refused; refused entries and whatever is
 * not published only the own department's people who work on it and those who answer for the whole city.
 */
export const entryAccessRules: AccessRules<EntryScopeSubject> = {
  kind: "entry",
  scopes: {
    "open-published": {
      test: (_actor, entry) => entry.state === "published" && entry.open && entry.sharingType !== "refused",
      sql: (_actor, column) => `${column("state")} = 'published' and ${column("open")} and ${column("sharingType")} <> 'refused'`,
    },
    published: {
      test: (_actor, entry) => entry.state === "published" && entry.sharingType !== "refused",
      sql: (_actor, column) => `${column("state")} = 'published' and ${column("sharingType")} <> 'refused'`,
    },
    "own-department": {
      test: (actor, entry) => actor.organisationId !== undefined && entry.organisationId === actor.organisationId,
      sql: (actor, column, bind) => (actor.organisationId === undefined ? "false" : `${column("organisationId")} = ${bind(actor.organisationId)}`),
    },
    "city-administrator": {
      test: (actor) => actor.organisationKind === "city-data-office",
      sql: (actor) => String(actor.organisationKind === "city-data-office"),
    },
    all: { test: () => true, sql: () => "true" },
  },
  policies: [
    { roles: "anyone", actions: ["see"], scope: "open-published" },
    { roles, actions: ["see"], scope: "published" },
    { roles: ["cataloguer", "approver", "administrator"], actions: ["see", "see-work"], scope: "own-department" },
    { roles: ["city-reviewer", "review-office", "auditor"], actions: ["see", "see-work"], scope: "all" },
    { roles: ["administrator"], actions: ["see", "see-work"], scope: "city-administrator" },
    { roles: ["cataloguer"], actions: ["edit", "submit", "recall", "discard"], scope: "own-department" },
    // Drafts in bulk: a department's own, or the whole city's by those who answer for it; nobody reviews what they wrote.
    { roles: ["cataloguer"], actions: ["import"], scope: "own-department" },
    { roles: ["city-reviewer"], actions: ["import"], scope: "all" },
    { roles: ["administrator"], actions: ["import"], scope: "city-administrator" },
    { roles: ["approver"], actions: ["approve", "suspend", "resume", "withdraw"], scope: "own-department" },
    { roles: ["city-reviewer"], actions: ["review", "suspend", "resume", "withdraw"], scope: "all" },
  ],
};
