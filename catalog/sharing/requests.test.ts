import { afterAll, beforeAll, expect, test } from "vitest";
import { InputError } from "#platform";
import type { RequestContent } from "./request-model.ts";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => void (city = await createSharingFixture()));
afterAll(() => city.drop());

const sharing = () => city.catalog.sharing;
const refusalIn = async (call: Promise<unknown>): Promise<InputError> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
};

test("a conditional request is granted exactly what was asked for, once its provider agrees", async () => {
  const entryId = await city.entry();
  const id = await city.sentRequest(entryId, { rowCondition: { field: "region_code", op: "starts-with", value: "3301" }, masks: { name: "name" } });
  expect(await sharing().requests.get(city.people.provider, id)).toMatchObject({ state: "under-review", waitingFor: ["provider"] });
  const agreed = await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });
  expect(agreed).toMatchObject({ state: "agreed", waitingFor: ["provider"], decision: { outcome: "agreed" } });
  const { grant } = await sharing().grants.view(city.people.clerk, agreed.decision!.grantId!);
  expect(grant).toMatchObject({
    version: 1, state: "active", action: "subscribe", entryId, entryVersion: "1.0", providerOrganisationId: city.provider.id, consumerOrganisationId: city.consumer.id,
    fields: ["citizen_number", "name", "died_on"], keyFields: ["citizen_number"], rowCondition: { field: "region_code", op: "starts-with", value: "3301" }, masks: { name: "name" }, validFrom: "2026-11-23", validUntil: "2027-11-30",
  });
  expect((await city.eventsOf(id)).map((event) => event.kind)).toEqual(["request.submitted", "request.advanced", "request.advanced", "request.advanced", "request.decided"]);
  expect((await city.eventsOf(grant.id)).map((event) => event.kind)).toEqual(["grant.issued"]);
  await sharing().reviews.confirmProvision(city.people.providerNode, id);
  const { deadlines } = await sharing().requests.detail(city.people.auditor, id);
  expect(deadlines.map(({ kind, clock, dueOn, state }) => ({ kind, clock, dueOn, state }))).toEqual([
    { kind: "reply", clock: "reply-conditional", dueOn: "2026-12-07", state: "met" },
    { kind: "provision", clock: "provide", dueOn: "2026-12-21", state: "met" },
  ]);
});

test("an unconditional request is granted by rule as soon as the own head has sent it", async () => {
  const entryId = await city.entry({ sharingType: "unconditional", sharingCondition: undefined });
  const draft = await sharing().requests.createDraft(city.people.clerk, city.contentFor(entryId));
  await sharing().requests.submit(city.people.clerk, draft.id);
  const decided = await sharing().requests.approveInternally(city.people.head, draft.id);
  expect(decided).toMatchObject({ state: "agreed", decision: { outcome: "agreed", rule: "unconditional" } });
  const { deadlines, steps } = await sharing().requests.detail(city.people.clerk, draft.id);
  expect(deadlines[0]).toMatchObject({ clock: "reply-unconditional", workingDays: 1, dueOn: "2026-11-24", state: "met" });
  expect(steps.at(-1)).toMatchObject({ action: "agree-by-rule", actorId: "system:sharing", detail: { rule: "unconditional" } });
});

test("intake tells everything that is wrong at once and writes nothing", async () => {
  const entryId = await city.entry();
  const draft = await sharing().requests.createDraft(city.people.clerk, { entryId });
  const content: RequestContent = {
    ...city.contentFor(entryId), legalBasis: "    ", fields: ["name", "salary"], rowCondition: { field: "amount", op: "=", value: "much" }, masks: { amount: "name", citizen_number: "citizen-number", died_on: "phone" }, deliveryMode: "file", validFrom: "2026-12-01", validUntil: "2040-01-01",
  };
  await sharing().requests.changeDraft(city.people.clerk, draft.id, content);
  const refusal = await refusalIn(sharing().requests.submit(city.people.clerk, draft.id));
  expect(refusal.issues.map(({ path, code }) => `${path} ${code}`).sort()).toEqual([
    "/deliveryMode request.mode-not-offered", "/fields/1 request.unknown-field", "/legalBasis blank", "/masks/amount request.mask-field", "/masks/citizen_number request.mask-misfit", "/masks/died_on request.mask-field",
    "/rowCondition row-condition.value-type", "/validUntil request.validity-limit",
  ]);
  expect(refusal.issues.every((issue) => issue.zh.length > 0)).toBe(true);
  expect(await sharing().requests.get(city.people.clerk, draft.id)).toMatchObject({ state: "draft" });
});

test("a draft that lacks members is told all of them by their Chinese names", async () => {
  const draft = await sharing().requests.createDraft(city.people.clerk, { entryId: await city.entry() });
  const refusal = await refusalIn(sharing().requests.submit(city.people.clerk, draft.id));
  expect(refusal.issues.map((issue) => issue.zh)).toEqual(["使用依据为必填", "使用目的为必填", "使用场景为必填", "使用范围(信息项)为必填", "共享方式为必填", "频率为必填", "使用时限为必填"]);
});

test("an entry that became a refused kind is answered at intake with its legal basis", async () => {
  const entryId = await city.entry();
  const draft = await sharing().requests.createDraft(city.people.clerk, city.contentFor(entryId));
  await city.changeEntry(entryId, { sharingType: "refused", refusalBasis: "《反恐怖主义法》第九十条" });
  const refused = await sharing().requests.submit(city.people.clerk, draft.id);
  expect(refused).toMatchObject({ state: "refused", waitingFor: [], decision: { outcome: "refused", rule: "refused-kind", legalBasis: "《反恐怖主义法》第九十条" } });
  const sent = await sharing().requests.createDraft(city.people.clerk, city.contentFor(await city.entry()));
  await sharing().requests.submit(city.people.clerk, sent.id);
  await city.changeEntry(sent.entryId, { sharingType: "refused", refusalBasis: "《保守国家秘密法》" });
  expect(await sharing().requests.approveInternally(city.people.head, sent.id)).toMatchObject({ state: "refused" });
});

test("an application of another department cannot be named as the user", async () => {
  const draft = await sharing().requests.createDraft(city.people.clerk, { ...city.contentFor(await city.entry()), applicationId: "application_of_somebody" });
  expect((await refusalIn(sharing().requests.submit(city.people.clerk, draft.id))).issues).toMatchObject([{ path: "/applicationId" }]);
});

test("nobody decides on a request of their own, whatever roles they have", async () => {
  const everything = city.actor(city.consumer, "analyst", "approver", "administrator", "city-reviewer", "review-office");
  const entryId = await city.entry();
  const draft = await sharing().requests.createDraft(everything, city.contentFor(entryId));
  await sharing().requests.submit(everything, draft.id);
  await expect(sharing().requests.approveInternally(everything, draft.id)).rejects.toMatchObject({ kind: "NotAllowed", code: "request.separation-of-duties" });
  await sharing().requests.approveInternally(city.people.head, draft.id);
  // The same person, now also with the provider's and the city's roles.
  const moved = { ...everything, organisationId: city.provider.id };
  await expect(sharing().reviews.giveOpinion(moved, draft.id, { opinion: "agree" })).rejects.toMatchObject({ code: "request.separation-of-duties" });
  const movedHead = { ...city.people.head, organisationId: city.provider.id };
  await expect(sharing().reviews.giveOpinion(movedHead, draft.id, { opinion: "agree" })).rejects.toMatchObject({ code: "request.separation-of-duties" });
  await expect(sharing().reviews.giveOpinion(city.people.cityAdministrator, draft.id, { opinion: "agree" })).rejects.toMatchObject({ kind: "NotAllowed" });
});

test("own data need no other department's consent, but still a second person", async () => {
  const entryId = await city.entry();
  const clerk = city.actor(city.provider, "analyst");
  const draft = await sharing().requests.createDraft(clerk, city.contentFor(entryId));
  await sharing().requests.submit(clerk, draft.id);
  expect(await sharing().requests.approveInternally(city.people.provider, draft.id)).toMatchObject({ state: "agreed", decision: { rule: "own-data" } });
});

test("before it is sent a request is its department's alone; afterwards nobody else's but the provider's and the city's", async () => {
  const entryId = await city.entry();
  const draft = await sharing().requests.createDraft(city.people.clerk, city.contentFor(entryId));
  for (const other of [city.people.provider, city.people.city, city.people.stranger, city.people.offices.secrecy]) await expect(sharing().requests.get(other, draft.id)).rejects.toMatchObject({ kind: "NotFound" });
  await sharing().requests.submit(city.people.clerk, draft.id);
  await sharing().requests.approveInternally(city.people.head, draft.id);
  for (const seer of [city.people.provider, city.people.city, city.people.auditor, city.people.cityAdministrator]) expect((await sharing().requests.get(seer, draft.id)).id).toBe(draft.id);
  for (const other of [city.people.stranger, city.people.offices.secrecy]) await expect(sharing().requests.get(other, draft.id)).rejects.toMatchObject({ kind: "NotFound" });
});

test("lists show exactly what the detail shows, page by page", async () => {
  for (let n = 0; n < 3; n += 1) await city.sentRequest(await city.entry());
  const everybody = [...Object.values(city.people.offices), city.people.clerk, city.people.provider, city.people.city, city.people.auditor, city.people.stranger, city.people.providerNode];
  const { rows: ids } = await city.db.database.read((reader) => reader.query<{ id: string }>("select id from catalog.request"));
  for (const actor of everybody) {
    const listed: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await sharing().requests.list(actor, {}, { first: 2, ...(after === undefined ? {} : { after }) });
      listed.push(...page.rows.map((request) => request.id));
      if (!page.hasNextPage) break;
      after = page.cursors.at(-1);
    }
    const seen = (await sharing().requests.getMany(actor, ids.map((row) => row.id))).flatMap((request) => (request === undefined ? [] : [request.id]));
    expect(listed.sort()).toEqual(seen.sort());
  }
});

test("a request can be withdrawn until it is decided, and its clock stops", async () => {
  const id = await city.sentRequest(await city.entry());
  expect(await sharing().requests.withdraw(city.people.clerk, id, "业务调整")).toMatchObject({ state: "withdrawn", waitingFor: [] });
  expect((await sharing().requests.detail(city.people.clerk, id)).deadlines).toMatchObject([{ state: "cancelled" }]);
  await expect(sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" })).rejects.toMatchObject({ kind: "Conflict" });
});

test("what is offered as available is what works, and what waits for somebody is on that desk", async () => {
  const entryId = await city.entry({ reviewBody: true });
  const id = await city.sentRequest(entryId);
  expect((await sharing().requests.detail(city.people.provider, id)).actions).toEqual(["give-opinion", "return-for-material", "ask-extension"]);
  expect((await sharing().requests.detail(city.people.offices.secrecy, id)).actions).toEqual(["give-opinion", "return-for-material"]);
  expect((await sharing().requests.detail(city.people.clerk, id)).actions).toEqual(["withdraw"]);
  expect((await sharing().requests.detail(city.people.auditor, id)).actions).toEqual([]);
  const tasks = await sharing().tasks.mine(city.people.offices.secrecy, 50);
  expect(tasks).toMatchObject([{ kind: "request", parties: ["secrecy"], deadline: { kind: "reply", state: "open" } }]);
  expect((await sharing().tasks.mine(city.people.head, 50)).filter((task) => task.kind === "request" && task.request.id === id)).toEqual([]);
});

test("two deciders at the same moment: one decision, one grant", async () => {
  const id = await city.sentRequest(await city.entry());
  const outcomes = await Promise.allSettled([sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" }), sharing().reviews.giveOpinion(city.people.otherProvider, id, { opinion: "agree" })]);
  expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(await city.db.database.read((reader) => sharing().grants.listGrants(reader, { requestId: id }))).toHaveLength(1);
});
