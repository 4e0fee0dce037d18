import type { AccessRules } from "#platform";

/** The registry is public (GB/T 18391.6); departments propose, the city data office makes an element standard or retires it. */
export const dataElementAccessRules: AccessRules<object> = {
  kind: "data-element",
  scopes: { all: { test: () => true, sql: () => "true" } },
  policies: [
    { roles: "anyone", actions: ["see"], scope: "all" },
    { roles: ["cataloguer", "approver", "city-reviewer"], actions: ["propose"], scope: "all" },
    { roles: ["city-reviewer"], actions: ["decide"], scope: "all" },
  ],
};
