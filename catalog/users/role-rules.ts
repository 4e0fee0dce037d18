import type { OrganisationKind, Role } from "#standards";
import type { Issue } from "#platform";

/**
 * Which roles stand together and where (《共享用户和权限管理规范》; GB/T 39477 keeps management, audit and operation
 * apart): the auditor does none of what is audited, the city's roles belong to the city data office, and `application`
 * is for programs.
 */
interface RoleRule {
  code: string;
  fails(roles: readonly Role[], organisationKind: OrganisationKind): boolean;
  message: string;
  zh: string;
}

/** What a department's administrator may give and manage. */
export const departmentRoles: ReadonlySet<Role> = new Set(["cataloguer", "approver", "node-operator", "analyst", "case-officer"]);

const compatibleWithAudit: ReadonlySet<Role> = new Set(["auditor", "analyst"]);

const roleRules: readonly RoleRule[] = [
  { code: "user.role-of-programs", fails: (roles) => roles.includes("application"), message: "`application` is the role of programs, not of people", zh: "“应用”角色只用于程序,不能授予人员" },
  { code: "user.role-of-city", fails: (roles, kind) => roles.includes("city-reviewer") && kind !== "city-data-office", message: "city reviewers belong to the city data office", zh: "市级审核人员应属于主管部门" },
  { code: "user.role-of-review-office", fails: (roles, kind) => roles.includes("review-office") && kind !== "review-office" && kind !== "city-data-office", message: "members of the review body belong to one of its offices", zh: "四部门审核人员应属于审核机关" },
  { code: "user.role-separation", fails: (roles) => roles.includes("auditor") && roles.some((role) => !compatibleWithAudit.has(role)), message: "an auditor does nothing that is audited", zh: "审计角色不得与管理、操作角色兼任" },
  { code: "user.role-twice", fails: (roles) => new Set(roles).size !== roles.length, message: "a role is given twice", zh: "角色重复" },
];

export function checkRoles(roles: readonly Role[], organisationKind: OrganisationKind): Issue[] {
  return roleRules.filter((rule) => rule.fails(roles, organisationKind)).map(({ code, message, zh }) => ({ path: "/roles", code, message, zh }));
}
