import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anonymousActor, systemActor, type Actor } from "#platform";
import { createTestCatalog, type TestCatalog } from "../testing/test-catalog.ts";
import { createPasswordScanService } from "./password-scan.ts";
import type { Organisation, User } from "../model/types.ts";

let t: TestCatalog;
let labour: Organisation;
let police: Organisation;
let administrator: Actor;
const strong = "four grey herons 42";
const visitor: Actor = { ...anonymousActor, sourceAddress: "10.1.2.3" };

beforeAll(async () => {
  t = await createTestCatalog();
  labour = await t.department("杭州市人力资源和社会保障局");
  police = await t.department("杭州市公安局");
  administrator = t.actor(t.cityDataOffice, "administrator");
});
afterAll(() => t?.drop());

const createUser = (username: string, overrides: Partial<Parameters<typeof t.catalog.users.create>[1]> = {}): Promise<User> => t.catalog.users.create(administrator, { username, displayName: "王工", organisationId: labour.id, roles: ["cataloguer"], password: strong, ...overrides });

describe("organisations", () => {
  test("get numbers and prefixes in order, the city data office first", async () => {
    expect(t.cityDataOffice).toMatchObject({ departmentNumber: 1, prefix: "33A001" });
    expect(labour).toMatchObject({ departmentNumber: 2, prefix: "33A002" });
  });

  test("made at the same moment get different numbers, and a refused one leaves no hole to be reused", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `并发机构${index}`);
    const made = await Promise.all(names.map((name) => t.department(name)));
    await expect(t.department("并发机构3")).rejects.toMatchObject({ kind: "Conflict", code: "organisation.exists" });
    const numbers = [...made, await t.department("并发之后")].map((organisation) => organisation.departmentNumber);
    expect(new Set(numbers).size).toBe(21);
  });

  test("a number series can neither go back nor disappear", async () => {
    const run = (sql: string) => t.db.database.withTransaction((tx) => tx.query(sql));
    await expect(run("update catalog.number_series set last = 1 where name = 'department'")).rejects.toThrow("never given out again");
    await expect(run("delete from catalog.number_series")).rejects.toThrow("never given out again");
  });

  test("a department's administrator changes its contact data and nothing else", async () => {
    const own = t.actor(labour, "administrator");
    expect(await t.catalog.organisations.change(own, labour.id, { contact: "0571-00000000" })).toMatchObject({ contact: "0571-00000000", prefix: labour.prefix });
    await expect(t.catalog.organisations.change(own, labour.id, { name: "另一个局" })).rejects.toMatchObject({ kind: "NotAllowed" });
    await expect(t.catalog.organisations.change(own, police.id, { contact: "x" })).rejects.toMatchObject({ kind: "NotAllowed" });
    await expect(t.catalog.organisations.create(own, { name: "下属单位", kind: "department", regionCode: "330100" })).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("the number is allocated, not typed, and every other problem is named", async () => {
    await expect(t.catalog.organisations.create(administrator, { name: "某局", kind: "department", regionCode: "330100", departmentNumber: 5 } as never)).rejects.toMatchObject({ issues: [{ path: "/departmentNumber" }] });
    await expect(t.catalog.organisations.create(administrator, { name: "局", kind: "department", regionCode: "33" })).rejects.toMatchObject({ issues: [{ path: "/name" }, { path: "/regionCode" }] });
  });

  test("are listed page by page in the order of their numbers", async () => {
    const first = await t.catalog.organisations.list(anonymousActor, { text: "市" }, { first: 2 });
    const second = await t.catalog.organisations.list(anonymousActor, { text: "市" }, { first: 2, after: first.cursors[1]! });
    expect([...first.rows, ...second.rows].map((row) => row.departmentNumber)).toEqual([1, 2, 3]);
    expect([first.hasNextPage, second.hasNextPage]).toEqual([true, false]);
  });
});

describe("users", () => {
  test("a weak password is refused with every reason", async () => {
    await expect(createUser("weak", { password: "weak1" })).rejects.toMatchObject({ kind: "Input", code: "password.weak", issues: expect.arrayContaining([expect.objectContaining({ code: "password.short" }), expect.objectContaining({ code: "password.contains-name" })]) });
  });

  test("a user name is taken once, whatever its case", async () => {
    await createUser("Taken");
    await expect(createUser("taken")).rejects.toMatchObject({ kind: "Conflict", code: "user.exists" });
  });

  test("a department's administrator manages its own people within its own roles", async () => {
    const own = t.actor(labour, "administrator");
    const user = await t.catalog.users.create(own, { username: "own.cataloguer", displayName: "李工", organisationId: labour.id, roles: ["cataloguer"], password: strong });
    await expect(t.catalog.users.create(own, { username: "other", displayName: "李工", organisationId: police.id, roles: ["cataloguer"], password: strong })).rejects.toMatchObject({ kind: "NotFound" });
    await expect(t.catalog.users.change(own, user.id, { roles: ["auditor"] })).rejects.toMatchObject({ kind: "NotAllowed", code: "user.roles.not-allowed" });
    await expect(t.catalog.users.change(own, user.id, { organisationId: police.id })).rejects.toMatchObject({ kind: "NotFound" });
    await expect(t.catalog.users.get(t.actor(police, "administrator"), user.id)).rejects.toMatchObject({ kind: "NotFound" });
    const auditor = await createUser("their.auditor", { roles: ["auditor"] });
    await expect(t.catalog.users.resetPassword(own, auditor.id, strong)).rejects.toMatchObject({ kind: "NotAllowed" });
  });

  test("roles stand where they belong: the auditor does nothing else, the city reviews from the city data office", async () => {
    await expect(createUser("both", { roles: ["auditor", "cataloguer"] })).rejects.toMatchObject({ issues: [{ code: "user.role-separation" }] });
    await expect(createUser("reviewer", { roles: ["city-reviewer"] })).rejects.toMatchObject({ issues: [{ code: "user.role-of-city" }] });
    await expect(createUser("program", { roles: ["application"] })).rejects.toMatchObject({ issues: [{ code: "user.role-of-programs" }] });
  });

  test("whoever moves to another department loses the roles and sessions of the old one", async () => {
    const user = await createUser("mover");
    const { token } = await t.catalog.authentication.login(visitor, { username: "mover", password: strong });
    expect(await t.catalog.users.change(administrator, user.id, { organisationId: police.id })).toMatchObject({ organisationId: police.id, roles: [] });
    await expect(t.catalog.authentication.authenticate({ sessionToken: token })).rejects.toMatchObject({ kind: "Authentication" });
  });

  test("nobody raises themselves", async () => {
    const admin = await createUser("admin.self", { organisationId: t.cityDataOffice.id, roles: ["administrator"] });
    await expect(t.catalog.users.change({ ...administrator, id: admin.id }, admin.id, { roles: ["administrator", "city-reviewer"] })).rejects.toMatchObject({ code: "user.own-account" });
  });

  test("a list shows what the detail shows and nothing more", async () => {
    for (const actor of [t.actor(labour, "administrator"), t.actor(police, "administrator"), t.actor(labour, "auditor"), t.actor(labour, "cataloguer"), administrator]) {
      const everybody = (await t.catalog.users.list(administrator, {}, { first: 200 })).rows;
      const listed = await t.catalog.users.list(actor, {}, { first: 200 });
      const seen = (await t.catalog.users.getMany(actor, everybody.map((user) => user.id))).filter((user) => user !== undefined);
      expect(listed.rows.map((user) => user.id).sort()).toEqual(seen.map((user) => user.id).sort());
    }
    await expect(t.catalog.users.list(anonymousActor, {}, { first: 10 })).resolves.toMatchObject({ rows: [] });
  });

  test("the first administrator is made once, by the platform itself", async () => {
    const input = { cityDataOffice: { name: "杭州市数据资源管理局", kind: "city-data-office" as const, regionCode: "330100" }, administrator: { username: "first.admin", displayName: "首任管理员", password: strong } };
    await expect(t.catalog.users.bootstrap(administrator, input)).rejects.toMatchObject({ kind: "NotAllowed" });
    const fresh = await createTestCatalog();
    try {
      const attempts = await Promise.allSettled([fresh.catalog.users.bootstrap(systemActor("setup"), input), fresh.catalog.users.bootstrap(systemActor("setup"), input)]);
      expect(attempts.map((attempt) => attempt.status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(await fresh.catalog.users.isBootstrapped()).toBe(true);
      const { token } = await fresh.catalog.authentication.login(visitor, { username: "first.admin", password: strong });
      expect(await fresh.catalog.authentication.authenticate({ sessionToken: token })).toMatchObject({ organisationKind: "city-data-office", roles: ["administrator"] });
    } finally {
      await fresh.drop();
    }
  }, 60_000);
});

describe("sessions", () => {
  test("a token names its user with department, roles and origin; only its digest is kept", async () => {
    const user = await createUser("session.user");
    const { token, session } = await t.catalog.authentication.login(visitor, { username: "SESSION.user", password: strong });
    expect(await t.catalog.authentication.authenticate({ sessionToken: token }, { sourceAddress: "10.9.9.9", correlationId: "c1" })).toEqual({ id: user.id, kind: "user", organisationId: labour.id, organisationKind: "department", roles: ["cataloguer"], name: "王工", sessionId: session.id, sourceAddress: "10.9.9.9", correlationId: "c1" });
    const { rows } = await t.db.database.read((reader) => reader.query("select 1 from catalog.session where token_hash = $1", [token]));
    expect(rows).toEqual([]);
  });

  test("end after rest, after their whole time, by logging out and by ending them from elsewhere", async () => {
    await createUser("sitter");
    const login = () => t.catalog.authentication.login(visitor, { username: "sitter", password: strong });
    const idle = await login();
    t.clock.advance(31 * 60_000);
    await expect(t.catalog.authentication.authenticate({ sessionToken: idle.token })).rejects.toMatchObject({ code: "session.over" });

    const busy = await login();
    for (let passedMinutes = 0; passedMinutes < 12 * 60 - 20; passedMinutes += 20) {
      t.clock.advance(20 * 60_000);
      await t.catalog.authentication.authenticate({ sessionToken: busy.token });
    }
    t.clock.advance(20 * 60_000);
    await expect(t.catalog.authentication.authenticate({ sessionToken: busy.token })).rejects.toMatchObject({ code: "session.over" });

    const one = await login();
    const other = await login();
    const actor = await t.catalog.authentication.authenticate({ sessionToken: one.token });
    expect((await t.catalog.authentication.listSessions(actor)).map((session) => session.id).sort()).toEqual([one.session.id, other.session.id].sort());
    await t.catalog.authentication.endSession(actor, other.session.id);
    await expect(t.catalog.authentication.authenticate({ sessionToken: other.token })).rejects.toMatchObject({ kind: "Authentication" });
    await t.catalog.authentication.logout(actor);
    await expect(t.catalog.authentication.authenticate({ sessionToken: one.token })).rejects.toMatchObject({ kind: "Authentication" });
  });

  test("a changed password ends every other session", async () => {
    await createUser("changer");
    const login = (password: string) => t.catalog.authentication.login(visitor, { username: "changer", password });
    const kept = await login(strong);
    const other = await login(strong);
    const actor = await t.catalog.authentication.authenticate({ sessionToken: kept.token });
    await expect(t.catalog.users.changePassword(actor, "wrong", "seven brown otters 9")).rejects.toMatchObject({ code: "user.wrong-password" });
    await t.catalog.users.changePassword(actor, strong, "seven brown otters 9");
    await expect(t.catalog.authentication.authenticate({ sessionToken: other.token })).rejects.toMatchObject({ kind: "Authentication" });
    await t.catalog.authentication.authenticate({ sessionToken: kept.token });
    await expect(login(strong)).rejects.toMatchObject({ code: "login.refused" });
    await login("seven brown otters 9");
  });

  test("a wrong name and a wrong password read the same", async () => {
    await createUser("known");
    const failures = await Promise.all(["known", "unknown.name"].map((username) => t.catalog.authentication.login(visitor, { username, password: "not the right one" }).catch((error: Error) => error.message)));
    expect(failures[0]).toBe(failures[1]);
  });

  test("repeated failures block the account for a while, however many come at once, and an administrator unlocks it", async () => {
    const user = await createUser("target");
    const attempt = (password: string) => t.catalog.authentication.login({ ...anonymousActor, sourceAddress: "10.7.7.7" }, { username: "target", password });
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => attempt("wrong wrong wrong")));
    const codes = outcomes.map((outcome) => (outcome.status === "rejected" ? (outcome.reason as { code: string }).code : "passed"));
    expect(codes.filter((code) => code === "login.refused")).toHaveLength(5);
    expect(codes.filter((code) => code === "login.blocked")).toHaveLength(7);
    await expect(attempt(strong)).rejects.toMatchObject({ code: "login.blocked" });
    t.clock.advance(15 * 60_000 + 1);
    await attempt(strong);
    await Promise.allSettled(Array.from({ length: 6 }, () => attempt("wrong wrong wrong")));
    await t.catalog.users.unlock(administrator, user.id);
    await attempt(strong);
  });

  test("an address that tries many accounts is blocked", async () => {
    const from = { ...anonymousActor, sourceAddress: "10.6.6.6" };
    const authentication = (await import("./authentication-service.ts")).createAuthenticationService({ kernel: t.kernel, settings: { sessionIdleMs: 1, sessionLifetimeMs: 1, accountLimit: { failures: 5, windowMs: 60_000, blockMs: 60_000 }, addressLimit: { failures: 3, windowMs: 60_000, blockMs: 60_000 } } });
    const codes: string[] = [];
    for (let index = 0; index < 5; index += 1) codes.push(await authentication.login(from, { username: `nobody${index}`, password: "x" }).catch((error: { code: string }) => error.code) as string);
    expect(codes).toEqual(["login.refused", "login.refused", "login.refused", "login.blocked", "login.blocked"]);
  });
});

describe("applications", () => {
  test("call with tokens that expire and can be revoked; only their department sees them", async () => {
    const own = t.actor(labour, "administrator");
    const application = await t.catalog.applications.create(own, { name: "失业保险协查", organisationId: labour.id });
    await expect(t.catalog.applications.create(own, { name: "失业保险协查", organisationId: labour.id })).rejects.toMatchObject({ kind: "Conflict" });
    const expiresAt = new Date(t.clock.now().getTime() + 86_400_000);
    const { token, record } = await t.catalog.applications.createToken(own, application.id, { label: "生产", expiresAt });
    expect(token).toMatch(/^zt_[\w-]{43}$/);
    expect(await t.catalog.authentication.authenticate({ apiToken: token })).toMatchObject({ id: application.id, kind: "application", applicationId: application.id, organisationId: labour.id, roles: ["application"] });
    expect((await t.catalog.applications.listTokens(own, application.id))[0]).toMatchObject({ id: record.id, lastUsedAt: t.clock.now() });
    await expect(t.catalog.applications.get(t.actor(police, "administrator"), application.id)).rejects.toMatchObject({ kind: "NotFound" });
    await expect(t.catalog.applications.createToken(t.actor(police, "administrator"), application.id, { label: "x", expiresAt })).rejects.toMatchObject({ kind: "NotFound" });

    const second = await t.catalog.applications.createToken(own, application.id, { label: "测试", expiresAt });
    await t.catalog.applications.revokeToken(own, second.record.id);
    await expect(t.catalog.authentication.authenticate({ apiToken: second.token })).rejects.toMatchObject({ code: "token.refused" });
    t.clock.advance(86_400_000);
    await expect(t.catalog.authentication.authenticate({ apiToken: token })).rejects.toMatchObject({ code: "token.refused" });
    await expect(t.catalog.applications.createToken(own, application.id, { label: "x", expiresAt: t.clock.now() })).rejects.toMatchObject({ issues: [{ path: "/expiresAt" }] });
  });

  test("no token that was not given out lets anybody in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        for (const credentials of [{ apiToken: text }, { apiToken: `zt_${text}` }, { sessionToken: text }]) await expect(t.catalog.authentication.authenticate(credentials)).rejects.toMatchObject({ kind: "Authentication" });
      }),
      { numRuns: 20 },
    );
  });
});

describe("the scan for weak passwords", () => {
  test("goes on where it was interrupted, finds what others chose badly, locks it, and does not look twice", async () => {
    // A city of its own with two accounts: a guess costs 25 ms of a core.
    const city = await createTestCatalog();
    try {
      const { authentication, users } = city.catalog;
      const office = await city.department("杭州市统计局");
      const chief = city.actor(city.cityDataOffice, "administrator");
      const create = (username: string, password: string) => users.create(chief, { username, displayName: "张工", organisationId: office.id, roles: ["analyst"], password });
      const weak = await create("known", strong);
      await create("careful", "nine quiet lanterns 77");
      const scanner = createPasswordScanService({ kernel: city.kernel, dictionary: ["iloveyou1314", strong, "qwerty123456"] });
      let scan = await scanner.scanWeakPasswords(chief, { lock: true, maxGuesses: 40 });
      expect(scan).toMatchObject({ accounts: 2, guesses: 40 });
      expect(scan.finishedAt).toBeUndefined();
      const reported: number[] = [];
      for (let calls = 1; !scan.finishedAt && calls < 100; calls += 1) scan = await scanner.scanWeakPasswords(chief, { lock: true, maxGuesses: 150, onProgress: ({ examined }) => reported.push(examined) });
      expect(scan).toMatchObject({ accounts: 2, examined: 2, findings: [{ userId: weak.id, locked: true }] });
      expect(reported).toEqual([...reported].sort((a, b) => a - b));
      await expect(authentication.login(visitor, { username: "known", password: strong })).rejects.toMatchObject({ code: "login.locked" });
      await authentication.login(visitor, { username: "careful", password: "nine quiet lanterns 77" });
      expect(await scanner.scanWeakPasswords(chief, { lock: true })).toMatchObject({ accounts: 0, guesses: 0, findings: [] });

      await users.resetPassword(chief, weak.id, "eleven slow rivers 5");
      await authentication.login(visitor, { username: "known", password: "eleven slow rivers 5" });
      const records = await city.db.database.read((reader) => city.kernel.audit.list(reader, { objectId: weak.id, limit: 100 }));
      expect(records.map((record) => record.action)).toEqual(["user.create", "user.lock", "user.login", "user.reset-password", "user.login"]);
    } finally {
      await city.drop();
    }
  }, 120_000);

  test("is the city data office's alone", async () => {
    await expect(t.catalog.passwordScan.scanWeakPasswords(t.actor(labour, "administrator"), { lock: false })).rejects.toMatchObject({ kind: expect.stringMatching(/NotAllowed|NotFound/) });
  });
});

test("every change left an audit record, and the chain holds", async () => {
  const records = await t.db.database.read((reader) => t.kernel.audit.list(reader, { limit: 10_000 }));
  const actions = new Set(records.map((record) => `${record.action} ${record.outcome}`));
  for (const action of ["organisation.create", "organisation.change", "user.create", "user.change", "user.login", "user.logout", "user.change-password", "user.unlock", "application.create", "application.create-token", "application.revoke-token"]) expect(actions).toContain(`${action} done`);
  expect(actions).toContain("user.login refused");
  expect(JSON.stringify(records)).not.toContain(strong);
  expect(await t.db.database.read((reader) => t.kernel.audit.verify(reader))).toMatchObject({ intact: true });
});
