import { refusals, type Actor, type ZhengtongSchemaBuilder } from "#platform";
import type { Catalog } from "../catalog.ts";
import type { Application, User } from "../model/types.ts";
import type { ApiToken } from "../users/application-repository.ts";
import type { LoggedIn } from "../users/authentication-service.ts";
import type { PasswordScan } from "../users/password-scan.ts";
import type { Session } from "../users/session-repository.ts";
import type { CatalogEnums } from "./enums.ts";
import type { OrganisationRef } from "./organisation-types.ts";
import { filled, toConnection, toPageRequest } from "./sharing/values.ts";

export type AccountServices = Pick<Catalog, "users" | "authentication" | "applications" | "passwordScan">;

/** Users, log-in, sessions, applications and their tokens. */
export function addAccountTypes(builder: ZhengtongSchemaBuilder, { users, authentication, applications, passwordScan }: AccountServices, enums: CatalogEnums, Organisation: OrganisationRef) {
  const UserRef = builder.objectRef<User>("User").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      username: t.exposeString("username"),
      displayName: t.exposeString("displayName"),
      organisation: t.field({ type: Organisation, resolve: (user) => user.organisationId }),
      roles: t.field({ type: [enums.Role], resolve: (user) => user.roles }),
      active: t.exposeBoolean("active"),
    }),
  });
  const SessionRef = builder.objectRef<Session>("Session").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      createdAt: t.field({ type: "DateTime", resolve: (session) => session.createdAt }),
      lastUsedAt: t.field({ type: "DateTime", resolve: (session) => session.lastUsedAt }),
      expiresAt: t.field({ type: "DateTime", resolve: (session) => session.expiresAt }),
      sourceAddress: t.exposeString("sourceAddress", { nullable: true }),
      current: t.boolean({ description: "The one of this call.", resolve: (session, _args, { actor }) => session.id === actor.sessionId }),
    }),
  });
  const ApiTokenRef = builder.objectRef<ApiToken>("ApiToken").implement({
    description: "Never the token itself.",
    fields: (t) => ({
      id: t.exposeID("id"),
      label: t.exposeString("label"),
      createdAt: t.field({ type: "DateTime", resolve: (token) => token.createdAt }),
      expiresAt: t.field({ type: "DateTime", resolve: (token) => token.expiresAt }),
      lastUsedAt: t.field({ type: "DateTime", nullable: true, resolve: (token) => token.lastUsedAt }),
      revokedAt: t.field({ type: "DateTime", nullable: true, resolve: (token) => token.revokedAt }),
    }),
  });
  const ApplicationRef = builder.objectRef<Application>("Application").implement({
    description: "A program that holds grants and calls with a token.",
    fields: (t) => ({
      id: t.exposeID("id"),
      name: t.exposeString("name"),
      organisation: t.field({ type: Organisation, resolve: (application) => application.organisationId }),
      active: t.exposeBoolean("active"),
      tokens: t.field({ type: [ApiTokenRef], resolve: (application, _args, { actor }) => applications.listTokens(actor, application.id) }),
    }),
  });
  const LoggedInRef = builder.objectRef<LoggedIn>("LoggedIn").implement({
    fields: (t) => ({
      token: t.exposeString("token", { description: "Shown once; give it as `Authorization: Bearer`." }),
      expiresAt: t.field({ type: "DateTime", resolve: (login) => login.session.expiresAt }),
      user: t.field({ type: UserRef, resolve: (login) => login.user }),
    }),
  });
  const CreatedToken = builder.objectRef<{ token: string; record: ApiToken }>("CreatedApiToken").implement({
    fields: (t) => ({ token: t.exposeString("token", { description: "Shown once." }), record: t.field({ type: ApiTokenRef, resolve: (created) => created.record }) }),
  });
  const Me = builder.objectRef<Actor>("Me").implement({
    description: "Who is calling.",
    fields: (t) => ({
      id: t.exposeID("id"),
      kind: t.string({ resolve: (actor) => actor.kind }),
      name: t.exposeString("name", { nullable: true }),
      roles: t.field({ type: [enums.Role], resolve: (actor) => [...actor.roles] }),
      organisation: t.field({ type: Organisation, nullable: true, resolve: (actor) => actor.organisationId }),
      sessions: t.field({ type: [SessionRef], resolve: (actor) => authentication.listSessions(actor) }),
    }),
  });
  const Finding = builder.objectRef<PasswordScan["findings"][number]>("WeakPasswordFinding").implement({
    fields: (t) => ({ userId: t.exposeID("userId"), foundAt: t.field({ type: "DateTime", resolve: (finding) => finding.foundAt }), locked: t.exposeBoolean("locked") }),
  });
  const Scan = builder.objectRef<PasswordScan>("PasswordScan").implement({
    fields: (t) => ({
      id: t.exposeID("id"),
      startedAt: t.field({ type: "DateTime", resolve: (scan) => scan.startedAt }),
      finishedAt: t.field({ type: "DateTime", nullable: true, resolve: (scan) => scan.finishedAt }),
      accounts: t.exposeInt("accounts"),
      examined: t.exposeInt("examined"),
      guesses: t.exposeFloat("guesses"),
      findings: t.field({ type: [Finding], resolve: (scan) => scan.findings }),
    }),
  });

  const NewUser = builder.inputType("NewUserInput", { fields: (t) => ({ username: t.string(), displayName: t.string(), organisationId: t.id(), roles: t.field({ type: [enums.Role] }), password: t.string() }) });
  const UserChanges = builder.inputType("UserChanges", { description: "What is absent stays; moving to another department takes the roles away.", fields: (t) => ({ displayName: t.string({ required: false }), organisationId: t.id({ required: false }), roles: t.field({ type: [enums.Role], required: false }), active: t.boolean({ required: false }) }) });
  const UserFilter = builder.inputType("UserFilter", { fields: (t) => ({ organisationId: t.id({ required: false }), role: t.field({ type: enums.Role, required: false }), active: t.boolean({ required: false }) }) });

  builder.queryFields((t) => ({
    me: t.field({ type: Me, resolve: (_root, _args, { actor }) => actor }),
    user: t.field({ type: UserRef, nullable: true, args: { id: t.arg.id() }, resolve: async (_root, { id }, { actor }) => (await users.getMany(actor, [id]))[0] }),
    users: t.connection({ type: UserRef, args: { filter: t.arg({ type: UserFilter, required: false }) }, resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await users.list(actor, filled(filter ?? {}), toPageRequest(page))) }),
    application: t.field({ type: ApplicationRef, nullable: true, args: { id: t.arg.id() }, resolve: async (_root, { id }, { actor }) => (await applications.getMany(actor, [id]))[0] }),
    applications: t.connection({ type: ApplicationRef, args: { organisationId: t.arg.id({ required: false }) }, resolve: async (_root, { organisationId, ...page }, { actor }) => toConnection(await applications.list(actor, filled({ organisationId }), toPageRequest(page))) }),
    passwordScan: t.field({ type: Scan, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => passwordScan.getScan(actor, id) }),
  }));

  const done = async (work: Promise<void>): Promise<boolean> => {
    await work;
    return true;
  };
  builder.mutationFields((t) => ({
    login: t.field({ type: LoggedInRef, errors: refusals, args: { username: t.arg.string(), password: t.arg.string() }, resolve: (_root, credentials, { actor }) => authentication.login(actor, credentials) }),
    logout: t.field({ type: "Boolean", errors: refusals, resolve: (_root, _args, { actor }) => done(authentication.logout(actor)) }),
    endSession: t.field({ type: "Boolean", errors: refusals, description: "Ends one of the caller's own sessions.", args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => done(authentication.endSession(actor, id)) }),
    changePassword: t.field({ type: "Boolean", errors: refusals, args: { currentPassword: t.arg.string(), newPassword: t.arg.string() }, resolve: (_root, { currentPassword, newPassword }, { actor }) => done(users.changePassword(actor, currentPassword, newPassword)) }),
    createUser: t.field({ type: UserRef, errors: refusals, args: { input: t.arg({ type: NewUser }) }, resolve: (_root, { input }, { actor }) => users.create(actor, input) }),
    changeUser: t.field({ type: UserRef, errors: refusals, args: { id: t.arg.id(), changes: t.arg({ type: UserChanges }) }, resolve: (_root, { id, changes }, { actor }) => users.change(actor, id, filled(changes)) }),
    resetUserPassword: t.field({ type: "Boolean", errors: refusals, args: { id: t.arg.id(), password: t.arg.string() }, resolve: (_root, { id, password }, { actor }) => done(users.resetPassword(actor, id, password)) }),
    unlockUser: t.field({ type: "Boolean", errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => done(users.unlock(actor, id)) }),
    createApplication: t.field({ type: ApplicationRef, errors: refusals, args: { name: t.arg.string(), organisationId: t.arg.id() }, resolve: (_root, input, { actor }) => applications.create(actor, input) }),
    changeApplication: t.field({ type: ApplicationRef, errors: refusals, args: { id: t.arg.id(), name: t.arg.string({ required: false }), active: t.arg.boolean({ required: false }) }, resolve: (_root, { id, ...changes }, { actor }) => applications.change(actor, id, filled(changes)) }),
    createApiToken: t.field({ type: CreatedToken, errors: refusals, args: { applicationId: t.arg.id(), label: t.arg.string(), expiresAt: t.arg({ type: "DateTime" }) }, resolve: (_root, { applicationId, ...input }, { actor }) => applications.createToken(actor, applicationId, input) }),
    revokeApiToken: t.field({ type: "Boolean", errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => done(applications.revokeToken(actor, id)) }),
    scanWeakPasswords: t.field({
      type: Scan,
      errors: refusals,
      description: "Goes on with the open scan or starts one; call until `finishedAt` is there.",
      args: { lock: t.arg.boolean(), maxGuesses: t.arg.int({ defaultValue: 500 }) },
      resolve: (_root, { lock, maxGuesses }, { actor }) => passwordScan.scanWeakPasswords(actor, { lock, maxGuesses: Math.min(Math.max(maxGuesses, 1), 2_000) }),
    }),
  }));
  return { User: UserRef, Application: ApplicationRef };
}
