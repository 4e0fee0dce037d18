import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, createNotifier, createSilentLog, systemActor, type Actor } from "#platform";
import { createGrantAuthoriser, type AuthoriseQuestion } from "./authorise.ts";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => {
  city = await createSharingFixture();
  await city.kernel.notifier.start();
});
afterAll(async () => {
  await city.kernel.notifier.stop();
  await city.drop();
});
const sharing = () => city.catalog.sharing;
const exchange = systemActor("exchange");

async function granted(overrides: Parameters<SharingFixture["sentRequest"]>[1] = {}): Promise<string> {
  const id = await city.sentRequest(await city.entry(), overrides);
  return (await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" })).decision!.grantId!;
}
const grantOf = (id: string) => city.db.database.read((reader) => sharing().grants.getGrant(reader, id));
const question = (grantId: string, overrides: Partial<AuthoriseQuestion> = {}): AuthoriseQuestion => ({ grantId, action: "subscribe", subject: { organisationId: city.consumer.id }, at: city.clock.now(), ...overrides });

test("a grant allows its consumer its action on its days, and nobody anything else", async () => {
  const id = await granted({ masks: { name: "name" } });
  expect(await sharing().grants.authorise(question(id))).toMatchObject({ allowed: true, grantVersion: 1, fields: ["citizen_number", "name", "died_on"], masks: { name: "name" } });
  expect(await sharing().grants.authorise(question(id, { action: "query" }))).toEqual({ allowed: false, reason: "action" });
  expect(await sharing().grants.authorise(question(id, { subject: { organisationId: city.provider.id } }))).toEqual({ allowed: false, reason: "unknown" });
  expect(await sharing().grants.authorise(question(id, { subject: { organisationId: city.consumer.id, applicationId: "application_1" } }))).toEqual({ allowed: false, reason: "unknown" });
  expect(await sharing().grants.authorise(question(id, { at: new Date("2027-11-30T15:59:59Z") }))).toMatchObject({ allowed: true });
  expect(await sharing().grants.authorise(question(id, { at: new Date("2027-11-30T16:00:00Z") }))).toEqual({ allowed: false, reason: "expired" });
  expect(await sharing().grants.authorise(question("grant_of_nobody"))).toEqual({ allowed: false, reason: "unknown" });
});

test("revoking refuses at once and counts as revoked only when gateway, provider and subscriber have stopped", async () => {
  const id = await granted();
  expect(await sharing().grants.authorise(question(id))).toMatchObject({ allowed: true });
  expect(await sharing().grants.revoke(city.people.city, id, "超范围使用")).toMatchObject({ state: "revoking", version: 2 });
  expect(await sharing().grants.authorise(question(id))).toEqual({ allowed: false, reason: "revoked" });
  const providerNode: Actor = { id: "node_1", kind: "node", organisationId: city.provider.id, roles: [] };
  await expect(sharing().grants.confirmStopped(providerNode, id, "gateway")).rejects.toMatchObject({ kind: "NotAllowed" });
  await sharing().grants.confirmStopped(providerNode, id, "provider");
  await sharing().grants.confirmStopped(providerNode, id, "provider");
  await sharing().grants.confirmStopped(exchange, id, "gateway");
  expect(await grantOf(id)).toMatchObject({ state: "revoking" });
  expect(await sharing().grants.confirmStopped(exchange, id, "subscriber")).toMatchObject({ state: "revoked", version: 3, revokedAt: city.clock.now().toISOString() });
  expect((await city.eventsOf(id)).map((event) => event.kind)).toEqual(["grant.issued", "grant.revoking", "grant.revoked"]);
  const { requestId } = await grantOf(id);
  expect(await sharing().requests.get(city.people.clerk, requestId)).toMatchObject({ state: "ended", waitingFor: ["requester"] });
  await sharing().usage.recordDisposal(city.people.clerk, id, { scene: "失业待遇核验", process: "删除全部数据并清空备份" });
  expect(await sharing().requests.get(city.people.clerk, requestId)).toMatchObject({ state: "disposed", waitingFor: [] });
});

test("a change narrows or gives back up to what was agreed, raises the version and holds from the next question on", async () => {
  const id = await granted();
  await sharing().grants.authorise(question(id));
  const narrowed = await sharing().grants.change(city.people.provider, id, { narrowing: { fields: ["died_on"], validUntil: "2027-06-30" }, reason: "最小必要" });
  expect(narrowed).toMatchObject({ version: 2, fields: ["citizen_number", "died_on"], validUntil: "2027-06-30" });
  expect(await sharing().grants.authorise(question(id))).toMatchObject({ allowed: true, grantVersion: 2, fields: ["citizen_number", "died_on"] });
  expect(await sharing().grants.change(city.people.provider, id, { narrowing: { fields: ["name", "died_on"], validUntil: "2028-06-30" }, reason: "恢复" })).toMatchObject({ version: 3, fields: ["citizen_number", "name", "died_on"] });
  await expect(sharing().grants.change(city.people.provider, id, { narrowing: { fields: ["amount"] }, reason: "增加" })).rejects.toMatchObject({ issues: [{ code: "grant.field-not-agreed" }] });
  await expect(sharing().grants.change(city.people.clerk, id, { narrowing: { validUntil: "2028-06-30" }, reason: "延长" })).rejects.toMatchObject({ kind: "NotAllowed" });
  expect((await sharing().grants.view(city.people.auditor, id)).versions.map(({ version, change }) => `${version} ${change}`)).toEqual(["1 issue", "2 change", "3 change"]);
});

test("the city's suspension is lifted by the city alone", async () => {
  const id = await granted();
  await sharing().grants.suspend(city.people.city, id, "核查使用情况");
  expect(await sharing().grants.authorise(question(id))).toEqual({ allowed: false, reason: "suspended" });
  await expect(sharing().grants.resume(city.people.provider, id, "恢复")).rejects.toMatchObject({ kind: "NotAllowed" });
  expect((await sharing().grants.view(city.people.provider, id)).actions).toEqual(["change", "revoke"]);
  await sharing().grants.resume(city.people.city, id, "已整改");
  expect(await sharing().grants.authorise(question(id))).toMatchObject({ allowed: true, grantVersion: 3 });
});

test("another process learns of a change by notification, and without one within a second", async () => {
  const id = await granted();
  const database = createDatabase({ url: city.db.url, log: createSilentLog() });
  const notifier = createNotifier({ database, log: createSilentLog() });
  let monotonic = 0;
  const deaf = createGrantAuthoriser({ kernel: { database, notifier }, monotonicMs: () => monotonic });
  const listening = createGrantAuthoriser({ kernel: { database, notifier }, monotonicMs: () => 0 });
  await notifier.start();
  listening.start();
  try {
    const heard = new Promise<void>((resolve) => void notifier.listen("zhengtong_grants", () => resolve()));
    expect(await deaf.authorise(question(id))).toMatchObject({ allowed: true });
    expect(await listening.authorise(question(id))).toMatchObject({ allowed: true });
    await sharing().grants.suspend(city.people.provider, id, "系统维护");
    await heard;
    expect(await listening.authorise(question(id))).toEqual({ allowed: false, reason: "suspended" });
    expect(await deaf.authorise(question(id))).toMatchObject({ allowed: true });
    monotonic = 1_001;
    expect(await deaf.authorise(question(id))).toEqual({ allowed: false, reason: "suspended" });
  } finally {
    listening.stop();
    await notifier.stop();
    await database.close();
  }
});

test("a grant expires after its last day, and its request ends with it", async () => {
  const id = await granted({ validUntil: "2026-11-25" });
  const before = city.clock.now();
  city.clock.set("2026-11-25T15:59:00Z");
  expect(await sharing().grants.expire()).toBe(0);
  city.clock.set("2026-11-25T16:01:00Z");
  expect(await sharing().grants.expire()).toBe(1);
  expect(await grantOf(id)).toMatchObject({ state: "expired" });
  expect(await sharing().requests.get(city.people.clerk, (await grantOf(id)).requestId)).toMatchObject({ state: "ended" });
  city.clock.set(before);
});

test("an entry that is suspended takes its grants with it and brings back only those", async () => {
  const [followed, own] = [await granted(), await granted()];
  await sharing().grants.suspend(city.people.provider, own, "系统维护");
  const publish = async (grantId: string, kind: string) => {
    const { entryId } = await grantOf(grantId);
    await city.db.database.withTransaction((tx) => city.kernel.eventLog.append(tx, exchange, [{ subjectType: "entry", subjectId: entryId, kind, payload: { entryId } }]));
    await sharing().work();
  };
  for (const id of [followed, own]) await publish(id, "entry.suspended");
  expect([(await grantOf(followed)).state, (await grantOf(own)).state]).toEqual(["suspended", "suspended"]);
  for (const id of [followed, own]) await publish(id, "entry.resumed");
  expect([(await grantOf(followed)).state, (await grantOf(own)).state]).toEqual(["active", "suspended"]);
  await publish(own, "entry.withdrawn");
  expect(await grantOf(own)).toMatchObject({ state: "revoking" });
});

test("a feed that begins to flow provides for its request, once", async () => {
  const id = await granted();
  const { requestId, entryId } = await grantOf(id);
  const flow = () => city.db.database.withTransaction((tx) => city.kernel.eventLog.append(tx, exchange, [{ subjectType: "feed", subjectId: "feed_1", kind: "feed.changed", payload: { feedId: "feed_1", grantId: id, entryId, state: "flowing", change: "provision" } }]));
  await flow();
  await sharing().work();
  await flow();
  await sharing().work();
  const { request, deadlines, steps } = await sharing().requests.detail(city.people.clerk, requestId);
  expect(request).toMatchObject({ state: "provided", waitingFor: [] });
  expect(deadlines.at(-1)).toMatchObject({ kind: "provision", state: "met" });
  expect(steps.filter((step) => step.action === "confirm-provision")).toMatchObject([{ actorId: "system:sharing" }]);
});

test("use is recorded by the user, counted by the exchange, inspected by the authority, and cannot be erased", async () => {
  const id = await granted();
  const record = await sharing().usage.recordUse(city.people.clerk, id, { kind: "use", scene: "每月核验", process: "与领取名单比对", effect: "停发 3 人", fromDay: "2026-11-01", untilDay: "2026-11-30" });
  expect(record.keepUntil >= "2029-11-22").toBe(true);
  await city.db.database.withTransaction((tx) => sharing().usage.meter(tx, [{ grantId: id, day: "2026-11-23", rows: 10, bytes: 900, calls: 1 }, { grantId: id, day: "2026-11-23", rows: 5, bytes: 400, calls: 1 }]));
  const seen = await sharing().usage.list(city.people.auditor, id, { fromDay: "2026-11-01", untilDay: "2026-11-30" });
  expect(seen).toMatchObject({ records: [{ effect: "停发 3 人" }], metering: [{ rows: 15, bytes: 1300, calls: 2 }] });
  await expect(sharing().usage.list(city.people.stranger, id, { fromDay: "2026-11-01", untilDay: "2026-11-30" })).rejects.toMatchObject({ kind: "NotFound" });
  await expect(sharing().usage.recordDisposal(city.people.clerk, id, { scene: "核验", process: "删除" })).rejects.toMatchObject({ code: "grant.disposal.state" });
  await expect(city.db.database.withTransaction((tx) => tx.query("delete from catalog.usage_record"))).rejects.toThrow("append-only");
});

test("grants are listed to exactly those who may see each", async () => {
  const all = await city.db.database.read((reader) => sharing().grants.listGrants(reader, {}));
  const node: Actor = { id: "node_2", kind: "node", organisationId: city.consumer.id, roles: [] };
  for (const actor of [city.people.clerk, city.people.provider, city.people.auditor, city.people.stranger, city.people.offices.secrecy, node]) {
    const listed = (await sharing().grants.list(actor, {}, { first: 200 })).rows.map((grant) => grant.id);
    const seen = all.filter((grant) => city.kernel.access.allows(actor, "grant", "see", grant)).map((grant) => grant.id);
    expect(listed).toEqual(seen);
  }
});

test("a kept decision is far below the ten microseconds that a batch may take", async () => {
  const id = await granted();
  const asked = question(id);
  await sharing().grants.authorise(asked);
  // The best of several: on a shared machine the others are interrupted.
  const rounds = 4_000;
  const microseconds: number[] = [];
  for (let measurement = 0; measurement < 5; measurement += 1) {
    const begun = performance.now();
    for (let round = 0; round < rounds; round += 1) await sharing().grants.authorise(asked);
    microseconds.push(((performance.now() - begun) * 1_000) / rounds);
  }
  expect(Math.min(...microseconds)).toBeLessThan(10);
});
