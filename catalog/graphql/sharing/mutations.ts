import { refusals, type ZhengtongSchemaBuilder } from "#platform";
import type { SharingInputs } from "./inputs.ts";
import { toContent, toNarrowing } from "./inputs.ts";
import type { SharingGraphqlOptions, SharingTypes } from "./types.ts";
import { filled } from "./values.ts";

/** Every refusal is part of the answer: `union { …Success, Refusal }`. */
export function addRequestMutations(builder: ZhengtongSchemaBuilder, { sharing }: SharingGraphqlOptions, types: SharingTypes, inputs: SharingInputs): void {
  const { requests, reviews } = sharing;
  const type = types.RequestRef;
  builder.mutationFields((t) => ({
    createRequest: t.field({ type, errors: refusals, args: { input: t.arg({ type: inputs.RequestInput }) }, resolve: (_root, { input }, { actor }) => requests.createDraft(actor, toContent(input)) }),
    changeRequest: t.field({ type, errors: refusals, args: { id: t.arg.id(), input: t.arg({ type: inputs.RequestInput }) }, resolve: (_root, { id, input }, { actor }) => requests.changeDraft(actor, id, toContent(input)) }),
    submitRequest: t.field({ type, errors: refusals, description: "To the head of the own sharing office; every finding of intake at once.", args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => requests.submit(actor, id) }),
    approveRequestInternally: t.field({ type, errors: refusals, description: "The own head sends it; unconditional entries are granted by rule at once.", args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => requests.approveInternally(actor, id) }),
    returnRequestInternally: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => requests.returnInternally(actor, id, reason) }),
    resubmitRequest: t.field({ type, errors: refusals, args: { id: t.arg.id(), input: t.arg({ type: inputs.RequestInput }) }, resolve: (_root, { id, input }, { actor }) => requests.resubmit(actor, id, toContent(input)) }),
    withdrawRequest: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => requests.withdraw(actor, id, reason) }),
    reviewRequest: t.field({
      type,
      errors: refusals,
      description: "The caller's opinion as provider or as one of the four offices.",
      args: { id: t.arg.id(), verdict: t.arg({ type: types.Verdict }), reason: t.arg.string({ required: false }), legalBasis: t.arg.string({ required: false }), narrowing: t.arg({ type: inputs.NarrowingInput, required: false }), part: t.arg({ type: types.ReviewPart, required: false }) },
      resolve: (_root, { id, verdict, narrowing, ...rest }, { actor }) => reviews.giveOpinion(actor, id, { opinion: verdict, ...filled(rest), ...(narrowing === null || narrowing === undefined ? {} : { narrowing: toNarrowing(narrowing) }) }),
    }),
    returnRequestForMaterial: t.field({ type, errors: refusals, args: { id: t.arg.id(), items: t.arg({ type: [inputs.MaterialItemInput] }), part: t.arg({ type: types.ReviewPart, required: false }) }, resolve: (_root, { id, items, part }, { actor }) => reviews.returnForMaterial(actor, id, { items, ...filled({ part }) }) }),
    flagRequestForReviewBody: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => reviews.flagForReviewBody(actor, id, reason) }),
    askReplyExtension: t.field({ type, errors: refusals, args: { id: t.arg.id(), days: t.arg.int(), reason: t.arg.string() }, resolve: (_root, { id, days, reason }, { actor }) => reviews.askExtension(actor, id, { days, reason }) }),
    answerReplyExtension: t.field({ type, errors: refusals, args: { id: t.arg.id(), consent: t.arg.boolean(), answer: t.arg.string({ required: false }) }, resolve: (_root, { id, consent, answer }, { actor }) => reviews.answerExtension(actor, id, { consent, ...filled({ answer }) }) }),
    confirmProvision: t.field({ type, errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => reviews.confirmProvision(actor, id) }),
    assignReviewOffice: t.field({
      type: [types.OfficeRef],
      errors: refusals,
      args: { office: t.arg({ type: types.ReviewOfficeEnum }), organisationId: t.arg.id() },
      resolve: async (_root, { office, organisationId }, { actor }) => {
        await reviews.assignOffice(actor, office, organisationId);
        return reviews.offices(actor);
      },
    }),
    importHolidayNotice: t.field({ type: "Int", errors: refusals, description: "Takes a year's notice (holiday-cn's JSON); answers how many open deadlines were computed again.", args: { notice: t.arg({ type: "JSON" }) }, resolve: async (_root, { notice }, { actor }) => (await sharing.calendar.importNotice(actor, notice)).recomputed }),
  }));
}

export function addGrantMutations(builder: ZhengtongSchemaBuilder, { sharing }: SharingGraphqlOptions, types: SharingTypes, inputs: SharingInputs): void {
  const { grants, usage, corrections, disputes } = sharing;
  builder.mutationFields((t) => ({
    changeGrant: t.field({ type: types.GrantRef, errors: refusals, args: { id: t.arg.id(), narrowing: t.arg({ type: inputs.NarrowingInput }), reason: t.arg.string() }, resolve: (_root, { id, narrowing, reason }, { actor }) => grants.change(actor, id, { narrowing: toNarrowing(narrowing), reason }) }),
    suspendGrant: t.field({ type: types.GrantRef, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => grants.suspend(actor, id, reason) }),
    resumeGrant: t.field({ type: types.GrantRef, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => grants.resume(actor, id, reason) }),
    revokeGrant: t.field({ type: types.GrantRef, errors: refusals, description: "Refused from this moment; `REVOKED` when both ends and the gateway have stopped.", args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => grants.revoke(actor, id, reason) }),
    giveUpGrant: t.field({ type: types.GrantRef, errors: refusals, description: "The consumer's purpose is done.", args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => grants.giveUp(actor, id, reason) }),
    confirmGrantStopped: t.field({ type: types.GrantRef, errors: refusals, args: { id: t.arg.id(), party: t.arg({ type: types.StopParty }) }, resolve: (_root, { id, party }, { actor }) => grants.confirmStopped(actor, id, party) }),
    recordUse: t.field({
      type: types.UsageRef,
      errors: refusals,
      args: { grantId: t.arg.id(), kind: t.arg({ type: builder.enumType("UsageKind", { values: { USE: { value: "use" as const }, STORAGE: { value: "storage" as const } } }) }), scene: t.arg.string(), process: t.arg.string(), effect: t.arg.string({ required: false }), fromDay: t.arg({ type: "Date" }), untilDay: t.arg({ type: "Date" }) },
      resolve: (_root, { grantId, effect, ...rest }, { actor }) => usage.recordUse(actor, grantId, { ...rest, ...filled({ effect }) }),
    }),
    recordDisposal: t.field({ type: types.UsageRef, errors: refusals, args: { grantId: t.arg.id(), scene: t.arg.string(), process: t.arg.string() }, resolve: (_root, { grantId, ...rest }, { actor }) => usage.recordDisposal(actor, grantId, rest) }),

    raiseCorrection: t.field({
      type: types.CorrectionRef,
      errors: refusals,
      args: { entryId: t.arg.id(), field: t.arg.string(), rowKey: t.arg.string(), givenValue: t.arg.string({ required: false }), expectedValue: t.arg.string({ required: false }), evidence: t.arg.string() },
      resolve: async (_root, { entryId, field, rowKey, evidence, ...values }, { actor }) => corrections.get(actor, (await corrections.raise(actor, { entryId, field, rowKey, evidence, ...filled(values) })).id),
    }),
    answerCorrection: t.field({ type: types.CorrectionRef, errors: refusals, args: { id: t.arg.id(), answer: t.arg({ type: types.CorrectionAnswer }), text: t.arg.string() }, resolve: async (_root, { id, answer, text }, { actor }) => corrections.get(actor, (await corrections.answer(actor, id, { answer, text })).id) }),
    withdrawCorrection: t.field({ type: types.CorrectionRef, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: async (_root, { id, reason }, { actor }) => corrections.get(actor, (await corrections.withdraw(actor, id, reason)).id) }),

    raiseDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { subjectType: t.arg({ type: types.DisputeSubject }), subjectId: t.arg.id(), reason: t.arg.string() }, resolve: (_root, input, { actor }) => disputes.raise(actor, input) }),
    stateInDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { id: t.arg.id(), statement: t.arg.string() }, resolve: (_root, { id, statement }, { actor }) => disputes.state(actor, id, statement) }),
    referDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { id: t.arg.id(), statement: t.arg.string() }, resolve: (_root, { id, statement }, { actor }) => disputes.refer(actor, id, statement) }),
    settleDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { id: t.arg.id(), statement: t.arg.string() }, resolve: (_root, { id, statement }, { actor }) => disputes.settle(actor, id, statement) }),
    withdrawDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => disputes.withdraw(actor, id, reason) }),
    decideDispute: t.field({ type: types.DisputeRef, errors: refusals, args: { id: t.arg.id(), outcome: t.arg({ type: types.DisputeOutcome }), decision: t.arg.string() }, resolve: (_root, { id, ...input }, { actor }) => disputes.decide(actor, id, input) }),
  }));
}
