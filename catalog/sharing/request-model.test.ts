import fc from "fast-check";
import { expect, test } from "vitest";
import { canTransition, requestActions, requestStates, requestTransitions, requiredParts, reviewOffices, waitingFor, type Opinion, type Request, type RequestAction, type RequestState } from "./request-model.ts";

const request = (overrides: Partial<Request> = {}): Request => ({
  id: "request_1", number: "GX2026000001", entryId: "entry_1", entryVersion: "1.0", entryTitle: "t", consumerOrganisationId: "a", providerOrganisationId: "b", state: "draft", waitingFor: [], overdue: false, sharingType: "conditional", reviewBody: false, round: 1, content: { entryId: "entry_1" }, createdBy: "u", createdAt: new Date(0), updatedAt: new Date(0), requesters: ["u"], ...overrides,
});

test("whatever steps are taken, a request stays within its states and no step leaves a final one", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...requestActions), { maxLength: 40 }), (actions) => {
      let state: RequestState = "draft";
      for (const action of actions) {
        if (!canTransition(state, action)) continue;
        expect(["disposed", "withdrawn"]).not.toContain(state);
        state = requestTransitions[action].to;
        expect(requestStates).toContain(state);
      }
    }),
  );
});

test("every state is reached from a draft, and from every state that is not final something leads on", () => {
  const reached = new Set<RequestState>(["draft"]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const action of requestActions) {
      if (requestTransitions[action].from.some((from) => reached.has(from)) && !reached.has(requestTransitions[action].to)) {
        reached.add(requestTransitions[action].to);
        grown = true;
      }
    }
  }
  expect([...reached].sort()).toEqual([...requestStates].sort());
  const stuck = requestStates.filter((state) => !requestActions.some((action) => canTransition(state, action) && requestTransitions[action].to !== state));
  expect(stuck).toEqual(["disposed", "withdrawn"]);
});

test("no request is agreed to without having been approved in its own department", () => {
  const before = (target: RequestState): RequestAction[] => requestActions.filter((action) => requestTransitions[action].to === target && !(requestTransitions[action].from as readonly RequestState[]).includes(target));
  expect(before("agreed").flatMap((action) => requestTransitions[action].from)).toEqual(["internal-approved", "under-review"]);
  expect(before("under-review")).toEqual(["begin-review", "resubmit", "reopen"]);
  expect(before("internal-approved")).toEqual(["approve-internally"]);
});

test("a request under review waits for exactly the parts whose opinion of this round is missing", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.constantFrom("conditional", "unconditional" as const), fc.subarray(["provider", ...reviewOffices] as const), fc.integer({ min: 1, max: 3 }), (reviewBody, sharingType, given, opinionRound) => {
      const subject = request({ state: "under-review", reviewBody, sharingType: sharingType as Request["sharingType"], round: 2 });
      const opinions: Opinion[] = given.map((part) => ({ round: opinionRound, part, opinion: "agree", actorId: "x", organisationId: "y", at: new Date(0) }));
      const expected = requiredParts(subject).filter((part) => opinionRound !== 2 || !given.includes(part));
      expect(waitingFor(subject, opinions)).toEqual(expected);
    }),
  );
});

test("own data and unconditional entries need no opinion, refused kinds always the provider's", () => {
  expect(requiredParts(request({ sharingType: "unconditional" }))).toEqual([]);
  expect(requiredParts(request({ consumerOrganisationId: "b" }))).toEqual([]);
  expect(requiredParts(request({ sharingType: "refused" }))).toEqual(["provider"]);
  expect(requiredParts(request({ sharingType: "unconditional", reviewBody: true }))).toEqual([...reviewOffices]);
});
