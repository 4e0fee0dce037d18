import { afterAll, beforeAll, expect, test } from "vitest";
import { createSharingFixture, type SharingFixture } from "./testing/sharing-fixture.ts";

let city: SharingFixture;
beforeAll(async () => void (city = await createSharingFixture()));
afterAll(() => city.drop());
const sharing = () => city.catalog.sharing;

async function refusedRequest(): Promise<string> {
  const id = await city.sentRequest(await city.entry());
  await sharing().reviews.giveOpinion(city.people.provider, id, { opinion: "refuse", reason: "超出使用范围", legalBasis: "《政务数据共享条例》第十五条" });
  return id;
}

test("a refused department consults, then the city decides; upheld, the request goes back to its reviewers with a new clock", async () => {
  const requestId = await refusedRequest();
  const dispute = await sharing().disputes.raise(city.people.clerk, { subjectType: "request", subjectId: requestId, reason: "依据充分" });
  expect(dispute).toMatchObject({ state: "consulting", againstOrganisationId: city.provider.id });
  await expect(sharing().disputes.raise(city.people.head, { subjectType: "request", subjectId: requestId, reason: "再次提出" })).rejects.toMatchObject({ code: "dispute.open" });
  await expect(sharing().disputes.get(city.people.city, dispute.id)).rejects.toMatchObject({ kind: "NotFound" });
  await sharing().disputes.state(city.people.provider, dispute.id, "我局认为字段过多");
  await expect(sharing().disputes.decide(city.people.city, dispute.id, { outcome: "upheld", decision: "同意" })).rejects.toMatchObject({ kind: "NotFound" });
  await sharing().disputes.refer(city.people.clerk, dispute.id, "协商未果");
  expect(await sharing().tasks.mine(city.people.city, 10)).toMatchObject([{ kind: "dispute", dispute: { id: dispute.id } }]);
  expect(await sharing().disputes.decide(city.people.city, dispute.id, { outcome: "upheld", decision: "提供方应重新审核" })).toMatchObject({ state: "decided", outcome: "upheld" });
  const reopened = await sharing().requests.detail(city.people.clerk, requestId);
  expect(reopened.request).toMatchObject({ state: "under-review", round: 2, waitingFor: ["provider"] });
  expect(reopened.request.decision).toBeUndefined();
  expect(reopened.deadlines.map((deadline) => deadline.state)).toEqual(["met", "open"]);
  expect(await sharing().reviews.giveOpinion(city.people.otherProvider, requestId, { opinion: "agree" })).toMatchObject({ state: "agreed" });
  expect((await sharing().disputes.get(city.people.auditor, dispute.id)).steps.map((step) => step.action)).toEqual(["raise", "state", "refer", "decide"]);
});

test("dismissed, the refusal stands; settled or withdrawn, the city is not asked", async () => {
  const requestId = await refusedRequest();
  const first = await sharing().disputes.raise(city.people.clerk, { subjectType: "request", subjectId: requestId, reason: "不服" });
  await sharing().disputes.settle(city.people.clerk, first.id, "已协商一致");
  const second = await sharing().disputes.raise(city.people.clerk, { subjectType: "request", subjectId: requestId, reason: "不服" });
  await sharing().disputes.refer(city.people.provider, second.id, "请主管部门裁决");
  await sharing().disputes.decide(city.people.city, second.id, { outcome: "dismissed", decision: "拒绝理由成立" });
  expect(await sharing().requests.get(city.people.clerk, requestId)).toMatchObject({ state: "refused" });
});

test("only the departments concerned raise a dispute, and only about what has been answered", async () => {
  const requestId = await refusedRequest();
  await expect(sharing().disputes.raise(city.people.stranger, { subjectType: "request", subjectId: requestId, reason: "旁观" })).rejects.toMatchObject({ kind: "NotFound" });
  const open = await city.sentRequest(await city.entry());
  await expect(sharing().disputes.raise(city.people.clerk, { subjectType: "request", subjectId: open, reason: "太慢" })).rejects.toMatchObject({ kind: "Conflict" });
});
