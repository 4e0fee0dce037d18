import type { ZhengtongSchemaBuilder } from "#platform";
import type { SharingInputs } from "./inputs.ts";
import { toContent } from "./inputs.ts";
import type { SharingGraphqlOptions, SharingTypes } from "./types.ts";
import { filled, toConnection, toPageRequest } from "./values.ts";

export function addSharingQueries(builder: ZhengtongSchemaBuilder, { sharing }: SharingGraphqlOptions, types: SharingTypes, inputs: SharingInputs): void {
  const RequestFilterInput = builder.inputType("SharingRequestFilter", {
    fields: (t) => ({
      states: t.field({ type: [types.RequestState], required: false }),
      entryId: t.id({ required: false }),
      consumerOrganisationId: t.id({ required: false }),
      providerOrganisationId: t.id({ required: false }),
      waitingFor: t.field({ type: types.WaitingParty, required: false }),
    }),
  });
  const GrantFilterInput = builder.inputType("GrantFilter", {
    fields: (t) => ({
      states: t.field({ type: [types.GrantState], required: false }),
      entryId: t.id({ required: false }),
      requestId: t.id({ required: false }),
      consumerOrganisationId: t.id({ required: false }),
      providerOrganisationId: t.id({ required: false }),
      applicationId: t.id({ required: false }),
    }),
  });
  const CorrectionFilterInput = builder.inputType("CorrectionFilter", {
    fields: (t) => ({ states: t.field({ type: [types.CorrectionState], required: false }), entryId: t.id({ required: false }), providerOrganisationId: t.id({ required: false }), raisedByOrganisationId: t.id({ required: false }) }),
  });
  const Check = builder.objectRef<Awaited<ReturnType<typeof sharing.requests.check>>>("SharingRequestCheck").implement({
    fields: (t) => ({ issues: t.field({ type: [builder.refs.IssueType], resolve: (check) => check.issues }), notes: t.field({ type: [builder.refs.IssueType], resolve: (check) => check.notes }) }),
  });

  builder.queryFields((t) => ({
    requests: t.connection({
      type: types.RequestRef,
      description: "Sharing requests that the caller may see; what moved last first.",
      args: { filter: t.arg({ type: RequestFilterInput, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await sharing.requests.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
    request: t.field({ type: types.RequestDetailRef, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => sharing.requests.detail(actor, id) }),
    checkRequest: t.field({ type: Check, description: "Everything that submission would find, without writing.", args: { input: t.arg({ type: inputs.RequestInput }) }, resolve: (_root, { input }, { actor }) => sharing.requests.check(actor, toContent(input)) }),
    myTasks: t.field({ type: [types.TaskRef], description: "What waits for the caller, the most urgent first.", args: { limit: t.arg.int({ defaultValue: 50 }) }, resolve: (_root, { limit }, { actor }) => sharing.tasks.mine(actor, Math.min(Math.max(limit, 1), 200)) }),
    grants: t.connection({
      type: types.GrantRef,
      args: { filter: t.arg({ type: GrantFilterInput, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await sharing.grants.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
    grant: t.field({ type: types.GrantDetailRef, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => sharing.grants.view(actor, id) }),
    corrections: t.connection({
      type: types.CorrectionRef,
      args: { filter: t.arg({ type: CorrectionFilterInput, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await sharing.corrections.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
    correction: t.field({ type: types.CorrectionRef, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => sharing.corrections.get(actor, id) }),
    disputes: t.connection({
      type: types.DisputeRef,
      args: { states: t.arg({ type: [types.DisputeState], required: false }) },
      resolve: async (_root, { states, ...page }, { actor }) => toConnection(await sharing.disputes.list(actor, filled({ states }), toPageRequest(page))),
    }),
    dispute: t.field({ type: types.DisputeDetailRef, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => sharing.disputes.get(actor, id) }),
    reviewOffices: t.field({ type: [types.OfficeRef], resolve: (_root, _args, { actor }) => sharing.reviews.offices(actor) }),
    workingDayYears: t.field({ type: ["Int"], description: "Years whose holiday notice is known.", resolve: async (_root, _args, { actor }) => [...(await sharing.calendar.knownYears(actor))] }),
  }));

  builder.subscriptionFields((t) => ({
    requestProgress: t.field({
      type: types.Progress,
      description: "Steps of requests that the caller may see, at least once each; resumable after a position.",
      args: { requestId: t.arg.id({ required: false }), after: t.arg.float({ required: false }) },
      subscribe: (_root, { requestId, after }, { actor }) => sharing.follow(actor, { requestId: requestId ?? undefined, after: after ?? undefined }),
      resolve: (step) => step,
    }),
  }));
}
