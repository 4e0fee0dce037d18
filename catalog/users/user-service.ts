import type { Role } from "#standards";
import { AuthenticationError, ConflictError, hashPassword, InputError, isUniqueViolation, NotAllowedError, NotFoundError, verifyPassword, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import type { Organisation, User } from "../model/types.ts";
import type { OrganisationInput, OrganisationService } from "../organisations/organisation-service.ts";
import { findOrganisation } from "../organisations/organisation-repository.ts";
import { assertPassword, type PasswordContext } from "./password-rules.ts";
import { checkRoles, departmentRoles } from "./role-rules.ts";
import { endSessions } from "./session-repository.ts";
import { findAccount, findUsers, hasCityAdministrator, insertUser, listUsers, setLock, toUser, updatePassword, updateUser, type Account } from "./user-repository.ts";

export interface UserInput {
  /** 3 to 40 letters, digits, `.`, `-`, `_`; unique without regard to case. */
  username: string;
  displayName: string;
  organisationId: string;
  roles: Role[];
  password: string;
}

export interface UserFilter {
  organisationId?: string;
  role?: Role;
  active?: boolean;
}

export interface BootstrapInput {
  cityDataOffice: OrganisationInput;
  administrator: Omit<UserInput, "organisationId" | "roles">;
}

export interface UserService {
  create(actor: Actor, input: UserInput): Promise<User>;
  /** Moving somebody to another department (岗位调动) takes the roles of the old one away unless new ones are given. */
  change(actor: Actor, userId: string, changes: Partial<Pick<User, "displayName" | "organisationId" | "roles" | "active">>): Promise<User>;
  /** By an administrator; ends every session of the user and lifts a lock. */
  resetPassword(actor: Actor, userId: string, password: string): Promise<void>;
  /** One's own; ends every other session. */
  changePassword(actor: Actor, currentPassword: string, newPassword: string): Promise<void>;
  unlock(actor: Actor, userId: string): Promise<void>;
  get(actor: Actor, userId: string): Promise<User>;
  getMany(actor: Actor, ids: readonly string[]): Promise<(User | undefined)[]>;
  list(actor: Actor, filter: UserFilter, page: PageRequest): Promise<Page<User>>;
  /** Makes the city data office and its first administrator; only the platform itself, and only once. */
  bootstrap(actor: Actor, input: BootstrapInput): Promise<{ organisation: Organisation; administrator: User }>;
  isBootstrapped(): Promise<boolean>;
}

const usernamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{2,39}$/;

export const passwordContextOf = (user: Pick<User, "username" | "displayName">, organisation: Pick<Organisation, "name" | "shortName">): PasswordContext => ({
  username: user.username,
  displayName: user.displayName,
  organisationNames: [organisation.name, ...(organisation.shortName === undefined ? [] : [organisation.shortName])],
});

export function createUserService({ kernel, organisations }: { kernel: Kernel; organisations: OrganisationService }): UserService {
  const { access, audit, clock, database, newId } = kernel;

  async function getAccount(tx: Transaction, userId: string): Promise<Account> {
    const account = await findAccount(tx, userId, "for update");
    if (!account) throw new NotFoundError(`No user ${userId} that you may see`, { zh: "对象不存在或无权查看", code: "user.not-found" });
    return account;
  }

  async function getOrganisation(tx: Transaction, organisationId: string): Promise<Organisation> {
    const organisation = await findOrganisation(tx, organisationId);
    if (!organisation || !organisation.active) throw new InputError(`Organisation ${organisationId} does not exist or is closed`, { zh: "所属机构不存在或已停用", issues: [{ path: "/organisationId", code: "user.organisation", message: "does not exist or is closed", zh: "所属机构不存在或已停用" }] });
    return organisation;
  }

  /** A department's administrator handles only people whose every role, before and after, is theirs to give. */
  function assertMayGive(actor: Actor, roles: readonly Role[]): void {
    if (actor.kind === "system" || actor.organisationKind === "city-data-office" || roles.every((role) => departmentRoles.has(role))) return;
    throw new NotAllowedError(`A department's administrator gives the roles ${[...departmentRoles].join(", ")} only`, { zh: "部门管理员只能管理编目、审批、节点运维、分析和协查经办角色", code: "user.roles.not-allowed", nextStep: "Ask an administrator of the city data office." });
  }

  function assertNotOneself(actor: Actor, userId: string, what: string): void {
    if (actor.id === userId) throw new NotAllowedError(`Nobody changes ${what} of their own account`, { zh: "不能以管理员身份修改本人账号", code: "user.own-account", nextStep: "Ask another administrator." });
  }

  function assertInput({ username, displayName, roles }: Pick<UserInput, "username" | "displayName" | "roles">, organisation: Organisation): void {
    const issues: Issue[] = checkRoles(roles, organisation.kind);
    if (!usernamePattern.test(username)) issues.push({ path: "/username", code: "user.username", message: "has 3 to 40 letters, digits, dots, hyphens or underscores", zh: "用户名为 3 至 40 位字母、数字、点、横线或下划线" });
    if (displayName.trim().length === 0 || displayName.length > 60) issues.push({ path: "/displayName", code: "user.display-name", message: "has 1 to 60 characters", zh: "姓名为 1 至 60 个字" });
    if (issues.length > 0) throw new InputError(`The user has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.message}`, { zh: issues[0]!.zh, code: "user.invalid", issues });
  }

  async function insert(tx: Transaction, actor: Actor, input: UserInput, organisation: Organisation): Promise<User> {
    assertInput(input, organisation);
    assertPassword(input.password, passwordContextOf(input, organisation));
    const user: User = { id: newId("user"), username: input.username, displayName: input.displayName, organisationId: input.organisationId, roles: input.roles, active: true };
    try {
      await insertUser(tx, { ...user, passwordHash: await hashPassword(input.password) }, clock.now());
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConflictError("The user name is taken", { zh: "用户名已被使用", code: "user.exists", nextStep: "Choose another user name.", cause: error });
      throw error;
    }
    await audit.record(tx, actor, { action: "user.create", objectType: "user", objectId: user.id, detail: { organisationId: user.organisationId, roles: user.roles } });
    return user;
  }

  return {
    async create(actor, input) {
      access.assert(actor, "user", "manage", { organisationId: input.organisationId } as { id?: string });
      assertMayGive(actor, input.roles);
      return database.withTransaction(async (tx) => insert(tx, actor, input, await getOrganisation(tx, input.organisationId)));
    },

    async change(actor, userId, changes) {
      access.assertAnyScope(actor, "user", "manage");
      return database.withTransaction(async (tx) => {
        const before = await getAccount(tx, userId);
        access.assert(actor, "user", "manage", before);
        const moves = changes.organisationId !== undefined && changes.organisationId !== before.organisationId;
        const after: User = { ...toUser(before), ...changes, roles: changes.roles ?? (moves ? [] : before.roles) };
        access.assert(actor, "user", "manage", after);
        assertMayGive(actor, before.roles);
        assertMayGive(actor, after.roles);
        if (moves || changes.roles !== undefined || changes.active !== undefined) assertNotOneself(actor, userId, "roles, department or state");
        assertInput(after, await getOrganisation(tx, after.organisationId));
        await updateUser(tx, after, clock.now());
        if (moves || !after.active) await endSessions(tx, userId, clock.now());
        await audit.record(tx, actor, { action: "user.change", objectType: "user", objectId: userId, detail: { members: Object.keys(changes), organisationId: after.organisationId, roles: after.roles, active: after.active } });
        return after;
      });
    },

    async resetPassword(actor, userId, password) {
      access.assertAnyScope(actor, "user", "manage");
      await database.withTransaction(async (tx) => {
        const account = await getAccount(tx, userId);
        access.assert(actor, "user", "manage", account);
        assertMayGive(actor, account.roles);
        assertNotOneself(actor, userId, "the password without the old one");
        assertPassword(password, passwordContextOf(account, await getOrganisation(tx, account.organisationId)));
        await updatePassword(tx, userId, await hashPassword(password), clock.now());
        await endSessions(tx, userId, clock.now());
        await audit.record(tx, actor, { action: "user.reset-password", objectType: "user", objectId: userId });
      });
    },

    async changePassword(actor, currentPassword, newPassword) {
      access.assert(actor, "user", "see", { id: actor.id });
      if (actor.kind !== "user") throw new NotAllowedError("Only a user has a password", { zh: "只有用户账号可以修改密码", code: "user.no-password" });
      await database.withTransaction(async (tx) => {
        const account = await getAccount(tx, actor.id);
        if (!(await verifyPassword(account.passwordHash, currentPassword))) throw new AuthenticationError("The current password is wrong", { zh: "当前密码不正确", code: "user.wrong-password" });
        assertPassword(newPassword, passwordContextOf(account, await getOrganisation(tx, account.organisationId)));
        if (currentPassword === newPassword) throw new InputError("The new password is the old one", { zh: "新密码不能与当前密码相同", code: "password.unchanged" });
        await updatePassword(tx, actor.id, await hashPassword(newPassword), clock.now());
        await endSessions(tx, actor.id, clock.now(), actor.sessionId);
        await audit.record(tx, actor, { action: "user.change-password", objectType: "user", objectId: actor.id });
      });
    },

    async unlock(actor, userId) {
      access.assertAnyScope(actor, "user", "manage");
      await database.withTransaction(async (tx) => {
        const account = await getAccount(tx, userId);
        access.assert(actor, "user", "manage", account);
        assertMayGive(actor, account.roles);
        assertNotOneself(actor, userId, "the lock");
        await setLock(tx, userId, undefined, clock.now());
        await tx.query("delete from catalog.login_failure where subject = $1", [`account:${account.username.toLowerCase()}`]);
        await audit.record(tx, actor, { action: "user.unlock", objectType: "user", objectId: userId });
      });
    },

    async get(actor, userId) {
      const user = await database.read((reader) => findAccount(reader, userId));
      access.assert(actor, "user", "see", user ?? { id: userId, organisationId: undefined } as { id: string });
      if (!user) throw new NotFoundError(`No user ${userId} that you may see`, { zh: "对象不存在或无权查看", code: "user.not-found" });
      return toUser(user);
    },

    async getMany(actor, ids) {
      const found = await database.read((reader) => findUsers(reader, ids));
      return ids.map((id) => {
        const user = found.get(id);
        return user && access.allows(actor, "user", "see", user) ? user : undefined;
      });
    },

    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "user", "see");
      checkPageSize(first);
      const condition = access.condition(actor, "user", "see", { column: (field) => (field === "organisationId" ? "organisation_id" : field), firstPlaceholder: 6 });
      const afterUsername = after === undefined ? "" : String(decodeCursor(after, 1)[0]);
      const rows = await database.read((reader) => listUsers(reader, { ...filter, afterUsername, limit: first + 1, condition }));
      return toPage(rows, first, (row) => encodeCursor([row.username.toLowerCase()]));
    },

    async bootstrap(actor, { cityDataOffice, administrator }) {
      if (actor.kind !== "system") throw new NotAllowedError("Only the platform itself makes the first administrator", { zh: "首个管理员只能由平台初始化创建", code: "user.bootstrap.not-allowed" });
      if (await database.read(hasCityAdministrator)) throw new ConflictError("The city data office has an administrator already", { zh: "主管部门已有管理员", code: "user.bootstrapped", nextStep: "Log in as that administrator." });
      if (cityDataOffice.kind !== "city-data-office") throw new InputError("The first organisation is the city data office", { zh: "首个机构应为主管部门", code: "organisation.kind" });
      // An interrupted bootstrap leaves the organisation; the next one goes on with it.
      const organisation = (await organisations.find(actor, cityDataOffice.name)) ?? (await organisations.create(actor, cityDataOffice));
      const user = await database.withTransaction(async (tx) => {
        // Two processes that start at once make one administrator.
        await tx.query("select 1 from catalog.organisation where id = $1 for update", [organisation.id]);
        if (await hasCityAdministrator(tx)) throw new ConflictError("The city data office has an administrator already", { zh: "主管部门已有管理员", code: "user.bootstrapped", nextStep: "Log in as that administrator." });
        return insert(tx, actor, { ...administrator, organisationId: organisation.id, roles: ["administrator"] }, organisation);
      });
      return { organisation, administrator: user };
    },

    isBootstrapped: () => database.read(hasCityAdministrator),
  };
}
