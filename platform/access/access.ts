import { newEnforcer, newModelFromString, type Enforcer } from "casbin";
import type { Actor } from "./actor.ts";
import { NotAllowedError, NotFoundError } from "../errors/errors.ts";

/**
 * Who may do what to which objects. Casbin decides which *scopes* (a named set of objects, such as "of one's own
 * department") a caller's roles have for an action; each scope is written twice side by side, as a test of one
 * object and as an SQL condition, so that a list, a count, a suggestion or an export is filtered by exactly the
 * decision that a detail page would get. Without a policy there is no scope, and without a scope nothing is seen.
 */
export interface Scope<Subject> {
  test(actor: Actor, object: Subject): boolean;
  /** The same as an SQL condition. `column` names a field's column; `bind` adds a value and gives its placeholder. */
  sql(actor: Actor, column: (field: string) => string, bind: (value: unknown) => string): string;
}

export interface AccessRules<Subject> {
  /** What is protected: `entry`, `request`, `grant`, `feed`, `case` … */
  kind: string;
  scopes: Record<string, Scope<Subject>>;
  /** `anyone` includes anonymous callers and calls without a role. */
  policies: readonly { roles: readonly string[] | "anyone"; actions: readonly string[]; scope: string }[];
}

/** Lets a table of rules of different kinds stand together. */
export type AnyAccessRules = AccessRules<never>;

export interface SqlCondition {
  text: string;
  values: unknown[];
}

export interface Access {
  allows(actor: Actor, kind: string, action: string, object: object): boolean;
  /**
   * Refuses unless allowed. A caller who may not even `see` the object is told that it is not there, in the same
   * words as for one that does not exist.
   */
  assert(actor: Actor, kind: string, action: string, object: { id?: string }): void;
  /** Refuses a caller who has no scope at all for the action (before there is an object: creation, lists of one's own). */
  assertAnyScope(actor: Actor, kind: string, action: string): void;
  /** The decision as an SQL condition; placeholders start at `$firstPlaceholder`. `false` when nothing is allowed. */
  condition(actor: Actor, kind: string, action: string, options: { column?: (field: string) => string; firstPlaceholder: number }): SqlCondition;
  /** Which scopes a caller's roles have: for a filter in a store that is not SQL. */
  scopes(actor: Actor, kind: string, action: string): readonly string[];
}

const model = `
[request_definition]
r = role, kind, action, scope
[policy_definition]
p = role, kind, action, scope
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.role == p.role && r.kind == p.kind && r.action == p.action && r.scope == p.scope
`;

const anyone = "anyone";

export async function createAccess(rules: readonly AnyAccessRules[]): Promise<Access> {
  const byKind = new Map<string, AccessRules<object>>();
  // The decision depends on roles only, so each is asked of Casbin once, at start: 2-7 ms a question over all policies
  // together, 0.1 ms over one kind's, and 0.1 µs from here.
  const decided = new Map<string, readonly string[]>();
  for (const rule of rules as readonly unknown[] as readonly AccessRules<object>[]) {
    if (byKind.has(rule.kind)) throw new Error(`Access rules for ${rule.kind} are given twice`);
    byKind.set(rule.kind, rule);
    const enforcer: Enforcer = await newEnforcer(newModelFromString(model));
    const policies = rule.policies.flatMap((policy) => {
      if (!rule.scopes[policy.scope]) throw new Error(`Policy of ${rule.kind} names the unknown scope ${policy.scope}`);
      return (policy.roles === "anyone" ? [anyone] : policy.roles).flatMap((role) => policy.actions.map((action) => [role, rule.kind, action, policy.scope]));
    });
    const distinct = new Map(policies.map((policy) => [policy.join("\n"), policy]));
    await enforcer.addPolicies([...distinct.values()]);
    const roles = new Set(policies.map(([role]) => role!));
    const actions = new Set(policies.map(([, , action]) => action!));
    for (const role of roles) {
      for (const action of actions) {
        const allowed = Object.keys(rule.scopes).filter((scope) => enforcer.enforceSync(role, rule.kind, action, scope));
        if (allowed.length > 0) decided.set(`${role}\n${rule.kind}\n${action}`, allowed);
      }
    }
  }

  function scopes(actor: Actor, kind: string, action: string): readonly string[] {
    const found = new Set(decided.get(`${anyone}\n${kind}\n${action}`));
    for (const role of actor.roles) for (const scope of decided.get(`${role}\n${kind}\n${action}`) ?? []) found.add(scope);
    return [...found];
  }

  function rulesOf(kind: string): AccessRules<object> {
    const rule = byKind.get(kind);
    if (!rule) throw new Error(`No access rules for ${kind}`);
    return rule;
  }

  const allows: Access["allows"] = (actor, kind, action, object) => actor.kind === "system" || scopes(actor, kind, action).some((scope) => rulesOf(kind).scopes[scope]!.test(actor, object));

  return {
    allows,
    scopes,
    assert(actor, kind, action, object) {
      if (allows(actor, kind, action, object)) return;
      if (action === "see" || !allows(actor, kind, "see", object)) throw new NotFoundError(`No ${kind} ${object.id ?? ""} that you may see`, { zh: "对象不存在或无权查看", code: `${kind}.not-found` });
      throw new NotAllowedError(`You may not ${action} ${kind} ${object.id ?? ""}`, { zh: "没有执行该操作的权限", code: `${kind}.${action}.not-allowed`, nextStep: "Ask an administrator of your department for the role that this needs." });
    },
    assertAnyScope(actor, kind, action) {
      if (actor.kind === "system" || scopes(actor, kind, action).length > 0) return;
      throw new NotAllowedError(`You may not ${action} ${kind}`, { zh: "没有执行该操作的权限", code: `${kind}.${action}.not-allowed`, nextStep: "Ask an administrator of your department for the role that this needs." });
    },
    condition(actor, kind, action, { column = (field) => field, firstPlaceholder }) {
      if (actor.kind === "system") return { text: "true", values: [] };
      const values: unknown[] = [];
      const bind = (value: unknown) => `$${firstPlaceholder + values.push(value) - 1}`;
      const parts = scopes(actor, kind, action).map((scope) => `(${rulesOf(kind).scopes[scope]!.sql(actor, column, bind)})`);
      return { text: parts.length === 0 ? "false" : `(${parts.join(" or ")})`, values };
    },
  };
}
