import { anonymousActor, AuthenticationError, hashPassword, NotAllowedError, NotFoundError, verifyPassword, type Actor, type Kernel } from "#platform";
import type { User } from "../model/types.ts";
import { findTokenHolder, touchToken } from "./application-repository.ts";
import { countAttempt, passed, type FailureLimit } from "./login-failure-repository.ts";
import { endSession, findSessionHolder, insertSession, listSessions, touchSession, type Session } from "./session-repository.ts";
import { createToken, hashToken } from "./tokens.ts";
import { findAccountByUsername, toUser } from "./user-repository.ts";

export interface AuthenticationSettings {
  /** A session that rests this long is over. Default 30 minutes. */
  sessionIdleMs: number;
  /** However much it is used, a session ends after this. Default 12 hours. */
  sessionLifetimeMs: number;
  /** Failed log-ins of one account. Default 5 in 15 minutes, then blocked for 15. */
  accountLimit: FailureLimit;
  /** Failed log-ins from one address. Default 100 in 15 minutes, then blocked for 15: whole departments share one. */
  addressLimit: FailureLimit;
}

const minutes = (count: number) => count * 60_000;

export const defaultAuthenticationSettings: AuthenticationSettings = {
  sessionIdleMs: minutes(30),
  sessionLifetimeMs: minutes(12 * 60),
  accountLimit: { failures: 5, windowMs: minutes(15), blockMs: minutes(15) },
  addressLimit: { failures: 100, windowMs: minutes(15), blockMs: minutes(15) },
};

/** How a caller proves who they are; nothing given is an anonymous caller. */
export interface Credentials {
  sessionToken?: string | undefined;
  apiToken?: string | undefined;
}

export interface CallOrigin {
  sourceAddress?: string | undefined;
  correlationId?: string | undefined;
}

export interface LoggedIn {
  /** Shown once; only its digest is kept. */
  token: string;
  session: Session;
  user: User;
}

export interface AuthenticationService {
  /** @throws AuthenticationError for a wrong name or password alike, and while the account or address is blocked. */
  login(actor: Actor, input: { username: string; password: string }): Promise<LoggedIn>;
  logout(actor: Actor): Promise<void>;
  /** One's own that can still be used. */
  listSessions(actor: Actor): Promise<Session[]>;
  /** Ends one of one's own. */
  endSession(actor: Actor, sessionId: string): Promise<void>;
  /** @throws AuthenticationError for a token that is unknown, expired, revoked or whose holder is closed or locked. */
  authenticate(credentials: Credentials, origin?: CallOrigin): Promise<Actor>;
}

/** How often use of a token is written down: an update a minute, not one a request. */
const touchEveryMs = 60_000;

export function createAuthenticationService({ kernel, settings = defaultAuthenticationSettings }: { kernel: Kernel; settings?: AuthenticationSettings }): AuthenticationService {
  const { audit, clock, database, newId } = kernel;
  // Compared with when there is no such account, so that the answer takes as long.
  let decoy: Promise<string> | undefined;

  const refused = () => new AuthenticationError("The user name or the password is wrong", { zh: "用户名或密码不正确", code: "login.refused", nextStep: "Try again; after several failures the account is blocked for a while." });
  const idleSince = (now: Date) => new Date(now.getTime() - settings.sessionIdleMs);

  async function recordFailure(actor: Actor, userId: string | undefined, reason: string): Promise<void> {
    await database.withTransaction((tx) => audit.record(tx, actor, { action: "user.login", objectType: "user", outcome: "refused", detail: { reason }, ...(userId === undefined ? {} : { objectId: userId }) }));
  }

  return {
    async login(actor, { username, password }) {
      const now = clock.now();
      const accountSubject = `account:${username.toLowerCase().slice(0, 100)}`;
      const addressSubject = actor.sourceAddress === undefined ? undefined : `address:${actor.sourceAddress}`;
      const blocks = [await countAttempt(database, accountSubject, settings.accountLimit, now)];
      if (addressSubject !== undefined) blocks.push(await countAttempt(database, addressSubject, settings.addressLimit, now));
      const blockedUntil = blocks.filter((until) => until !== undefined).sort((a, b) => b.getTime() - a.getTime())[0];
      const account = await database.read((reader) => findAccountByUsername(reader, username));
      if (blockedUntil) {
        await recordFailure(actor, account?.id, "blocked");
        throw new AuthenticationError(`Too many failed log-ins; blocked until ${blockedUntil.toISOString()}`, { zh: "登录失败次数过多,请稍后再试", code: "login.blocked", nextStep: "Wait, or ask an administrator of your department to unlock the account." });
      }
      const matches = await verifyPassword(account?.passwordHash ?? (await (decoy ??= hashPassword("no account has this"))), password.slice(0, 1_000));
      if (!account || !matches) {
        await recordFailure(actor, account?.id, "wrong name or password");
        throw refused();
      }
      const user = toUser(account);
      const locked = account.lockedAt !== undefined;
      if (!account.active || locked) {
        await recordFailure(actor, account.id, locked ? "locked" : "closed");
        throw new AuthenticationError(locked ? "The account is locked" : "The account is closed", { zh: locked ? "账号已锁定" : "账号已停用", code: locked ? "login.locked" : "login.closed", nextStep: "Ask an administrator of your department to set a new password." });
      }
      const { token, tokenHash } = createToken("zs_");
      const session: Session = { id: newId("session"), userId: user.id, createdAt: now, lastUsedAt: now, expiresAt: new Date(now.getTime() + settings.sessionLifetimeMs), ...(actor.sourceAddress === undefined ? {} : { sourceAddress: actor.sourceAddress }) };
      await database.withTransaction(async (tx) => {
        await passed(tx, accountSubject, addressSubject);
        await insertSession(tx, session, tokenHash);
        await audit.record(tx, { ...actor, id: user.id, kind: "user", organisationId: user.organisationId }, { action: "user.login", objectType: "user", objectId: user.id, detail: { sessionId: session.id } });
      });
      return { token, session, user };
    },

    async logout(actor) {
      const { sessionId } = actor;
      if (sessionId === undefined) throw new NotAllowedError("There is no session to end", { zh: "当前没有登录会话", code: "session.none" });
      await database.withTransaction(async (tx) => {
        if (await endSession(tx, actor.id, sessionId, clock.now())) await audit.record(tx, actor, { action: "user.logout", objectType: "user", objectId: actor.id, detail: { sessionId } });
      });
    },

    async listSessions(actor) {
      if (actor.kind !== "user") return [];
      const now = clock.now();
      return database.read((reader) => listSessions(reader, actor.id, now, idleSince(now)));
    },

    async endSession(actor, sessionId) {
      await database.withTransaction(async (tx) => {
        if (!(await endSession(tx, actor.id, sessionId, clock.now()))) throw new NotFoundError(`No session ${sessionId} of yours`, { zh: "会话不存在", code: "session.not-found" });
        await audit.record(tx, actor, { action: "user.end-session", objectType: "user", objectId: actor.id, detail: { sessionId } });
      });
    },

    async authenticate({ sessionToken, apiToken }, origin = {}) {
      const now = clock.now();
      const where = { ...(origin.sourceAddress === undefined ? {} : { sourceAddress: origin.sourceAddress }), ...(origin.correlationId === undefined ? {} : { correlationId: origin.correlationId }) };
      if (sessionToken !== undefined) {
        const holder = await database.read((reader) => findSessionHolder(reader, hashToken(sessionToken), now, idleSince(now)));
        if (!holder) throw new AuthenticationError("The session is over or unknown", { zh: "登录已过期,请重新登录", code: "session.over", nextStep: "Log in again." });
        const { session } = holder;
        if (now.getTime() - session.lastUsedAt.getTime() >= touchEveryMs) await database.withTransaction((tx) => touchSession(tx, session.id, now));
        return { id: session.userId, kind: "user", organisationId: holder.organisationId, organisationKind: holder.organisationKind, roles: holder.roles, name: holder.displayName, sessionId: session.id, ...where };
      }
      if (apiToken !== undefined) {
        const holder = await database.read((reader) => findTokenHolder(reader, hashToken(apiToken), now));
        if (!holder) throw new AuthenticationError("The API token is unknown, expired or revoked", { zh: "API 令牌无效、已过期或已吊销", code: "token.refused", nextStep: "Ask an administrator of your department for a new token." });
        if (holder.lastUsedAt === undefined || now.getTime() - holder.lastUsedAt.getTime() >= touchEveryMs) await database.withTransaction((tx) => touchToken(tx, holder.tokenId, now));
        return { id: holder.applicationId, kind: "application", organisationId: holder.organisationId, organisationKind: holder.organisationKind, roles: ["application"], applicationId: holder.applicationId, name: holder.name, ...where };
      }
      return { ...anonymousActor, ...where };
    },
  };
}
