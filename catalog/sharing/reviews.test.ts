import { afterAll, beforeAll, expect, test } from "vitest";
import { reviewOffices } from "./request-model.ts";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => void (city = await createSharingFixture()));
afterAll(() => city.drop());
const sharing = () => city.catalog.sharing;

test("a flagged entry needs the provider and all four offices, each by a body of its own", async () => {
  const id = await city.sentRequest(await city.entry({ reviewBody: true }));
  expect(await sharing().requests.get(city.people.provider, id)).toMatchObject({ waitingFor: ["provider", ...reviewOffices] });
  await sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "agree" });
  await expect(sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "agree" })).rejects.toMatchObject({ code: "request.separation-of-duties" });
  const colleague = { ...city.people.offices.secrecy, id: "somebody_else" };
  await expect(sharing().reviews.giveOpinion(colleague, id, { opinion: "agree" })).rejects.toMatchObject({ code: "request.opinion-given" });
  await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" });
  await sharing().reviews.giveOpinion(city.people.offices.informatisation, id, { opinion: "agree" });
  const nearly = await sharing().reviews.giveOpinion(city.people.offices["legal-affairs"], id, { opinion: "agree" });
  expect(nearly).toMatchObject({ state: "under-review", waitingFor: ["supervision"] });
  expect(await sharing().reviews.giveOpinion(city.people.offices.supervision, id, { opinion: "agree" })).toMatchObject({ state: "agreed" });
});

test("one office's refusal, with reason and legal basis, ends the review; without them it is not taken", async () => {
  const id = await city.sentRequest(await city.entry({ reviewBody: true }));
  await expect(sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "refuse", reason: "涉密" })).rejects.toMatchObject({ kind: "Input", issues: [{ path: "/legalBasis" }] });
  const refused = await sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "refuse", reason: "含工作秘密", legalBasis: "《政务数据共享条例》第三条" });
  expect(refused).toMatchObject({ state: "refused", decision: { outcome: "refused", reason: "含工作秘密", legalBasis: "《政务数据共享条例》第三条" } });
  expect(refused.decision!.grantId).toBeUndefined();
});

test("the city may put an ordinary request before the four offices; an unflagged one is not theirs to see", async () => {
  const id = await city.sentRequest(await city.entry());
  await expect(sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "agree" })).rejects.toMatchObject({ kind: "NotFound" });
  const flagged = await sharing().reviews.flagForReviewBody(city.people.city, id, "涉及大量个人信息");
  expect(flagged.waitingFor).toEqual(["provider", ...reviewOffices]);
  expect((await sharing().reviews.giveOpinion(city.people.offices.secrecy, id, { opinion: "agree" })).waitingFor).toEqual(["provider", "informatisation", "supervision", "legal-affairs"]);
});

test("a body speaks for one office only, and only the city's administrators say which", async () => {
  await expect(sharing().reviews.assignOffice(city.people.cityAdministrator, "supervision", city.people.offices.secrecy.organisationId!)).rejects.toMatchObject({ kind: "Conflict" });
  await expect(sharing().reviews.assignOffice(city.people.city, "supervision", city.provider.id)).rejects.toMatchObject({ kind: "NotAllowed" });
});

test("what is missing is told at once, the clock starts anew with the material, and nothing new may be found in what stayed", async () => {
  const entryId = await city.entry();
  const id = await city.sentRequest(entryId);
  const returned = await sharing().reviews.returnForMaterial(city.people.provider, id, { items: [{ path: "/legalBasis", text: "请补充地方性法规依据" }] });
  expect(returned).toMatchObject({ state: "returned-for-material", waitingFor: ["requester"] });
  city.clock.advance(3 * 86_400_000);
  const again = await sharing().requests.resubmit(city.people.clerk, id, city.contentFor(entryId, { legalBasis: "《失业保险条例》第十五条;《浙江省失业保险条例》" }));
  expect(again).toMatchObject({ state: "under-review", round: 2, waitingFor: ["provider"] });
  const { deadlines } = await sharing().requests.detail(city.people.clerk, id);
  expect(deadlines.map(({ state, startsOn }) => ({ state, startsOn }))).toEqual([{ state: "cancelled", startsOn: "2026-11-23" }, { state: "open", startsOn: "2026-11-26" }]);
  await expect(sharing().reviews.returnForMaterial(city.people.provider, id, { items: [{ path: "/scene", text: "场景不清" }] })).rejects.toMatchObject({ code: "request.told-at-once" });
  expect(await sharing().reviews.returnForMaterial(city.people.provider, id, { items: [{ path: "/legalBasis", text: "条款仍不明确" }] })).toMatchObject({ state: "returned-for-material" });
});

test("the provider may agree to less: fewer fields, fewer rows, more masks, an earlier end, never to more", async () => {
  const id = await city.sentRequest(await city.entry(), { fields: ["name", "died_on", "amount"], rowCondition: { field: "region_code", op: "starts-with", value: "33" } });
  await expect(sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree", narrowing: { fields: ["region_code"], validUntil: "2028-01-01" } })).rejects.toMatchObject({ issues: [{ path: "/fields" }, { path: "/validUntil" }] });
  const agreed = await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree", reason: "按最小必要", narrowing: { fields: ["name", "died_on"], addedCondition: { field: "died_on", op: "is-not-null" }, masks: { name: "name" }, validUntil: "2027-03-31" } });
  const grant = await city.db.database.read((reader) => sharing().grants.getGrant(reader, agreed.decision!.grantId!));
  expect(grant).toMatchObject({ fields: ["citizen_number", "name", "died_on"], rowCondition: { all: [{ field: "region_code" }, { field: "died_on" }] }, masks: { name: "name" }, validUntil: "2027-03-31" });
});

test("nothing is granted that the entry does not offer any more", async () => {
  const entryId = await city.entry();
  const id = await city.sentRequest(entryId);
  await city.changeEntry(entryId, {}, "suspended");
  await expect(sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "agree" })).rejects.toMatchObject({ code: "request.entry-moved" });
  expect((await sharing().requests.detail(city.people.provider, id)).opinions).toEqual([]);
});

test("one extension, asked in time, of at most ten working days, with the city's consent", async () => {
  const id = await city.sentRequest(await city.entry());
  await expect(sharing().reviews.askExtension(city.people.provider, id, { days: 11, reason: "数据量大" })).rejects.toMatchObject({ kind: "Input" });
  expect(await sharing().reviews.askExtension(city.people.provider, id, { days: 5, reason: "数据量大" })).toMatchObject({ waitingFor: ["provider", "city"] });
  await expect(sharing().reviews.answerExtension(city.people.provider, id, { consent: true })).rejects.toMatchObject({ kind: "NotAllowed" });
  expect(await sharing().reviews.answerExtension(city.people.city, id, { consent: true })).toMatchObject({ waitingFor: ["provider"], extension: { state: "consented", days: 5 } });
  await expect(sharing().reviews.askExtension(city.people.otherProvider, id, { days: 1, reason: "再延" })).rejects.toMatchObject({ code: "request.extension-used" });
  const { deadlines, steps } = await sharing().requests.detail(city.people.clerk, id);
  expect(deadlines[0]).toMatchObject({ workingDays: 10, extendedDays: 5, startsOn: "2026-11-26", dueOn: "2026-12-17" });
  expect(deadlines[0]!.explanation.zh).toContain("经同意延长 5 个工作日");
  expect(steps.map((step) => step.action)).toContain("consent-extension");
});
