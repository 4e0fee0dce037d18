import type { CatalogEntry } from "#standards";
import { refusals, type Refusal, type ZhengtongSchemaBuilder } from "#platform";
import type { ManyOutcome } from "../entries/entry-review.ts";
import type { EntryServices, EntryTypes } from "./entry-objects.ts";
import type { CatalogEnums } from "./enums.ts";
import { filled, toConnection, toPageRequest } from "./sharing/values.ts";

/** A content is JSON by the schema `catalog-entry`, the one source of truth; the service validates it. */
const asContent = (content: unknown): CatalogEntry => content as CatalogEntry;

/** Queries and mutations of entries and their held changes. */
export function addEntryTypes(builder: ZhengtongSchemaBuilder, { entries, changeRequests, collections }: EntryServices, enums: CatalogEnums, types: EntryTypes): void {
  const { ErrorKindEnum, IssueType } = builder.refs;
  const Filter = builder.inputType("EntryFilter", {
    fields: (t) => ({
      organisationId: t.id({ required: false }),
      states: t.field({ type: [enums.EntryState], required: false }),
      sharingType: t.field({ type: enums.SharingType, required: false }),
      open: t.boolean({ required: false }),
      waitingFor: t.field({ type: enums.WaitingFor, required: false }),
      title: t.string({ required: false, description: "Part of the title." }),
      updatedSince: t.field({ type: "DateTime", required: false }),
    }),
  });
  const ChangeFilter = builder.inputType("EntryChangeFilter", {
    fields: (t) => ({ entryId: t.id({ required: false }), organisationId: t.id({ required: false }), states: t.field({ type: [enums.EntryChangeState], required: false }), waitingFor: t.field({ type: enums.WaitingFor, required: false }) }),
  });

  builder.queryFields((t) => ({
    entry: t.field({
      type: types.Entry,
      nullable: true,
      description: "By id, code or resource identifier; nothing when there is none that the caller may see.",
      args: { id: t.arg.id({ required: false }), code: t.arg.string({ required: false }) },
      resolve: async (_root, { id, code }, { actor }) => {
        const reference = id ?? code;
        return reference == null ? undefined : entries.find(actor, reference);
      },
    }),
    entries: t.connection({
      type: types.Entry,
      description: "Entries that the caller may see, the last changed first. For finding by words, use search.",
      args: { filter: t.arg({ type: Filter, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await entries.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
    checkEntry: t.field({
      type: [IssueType],
      description: "Everything that submission would find in a content; writes nothing.",
      args: { organisationId: t.arg.id(), content: t.arg({ type: "JSON" }), entryId: t.arg.id({ required: false }) },
      resolve: (_root, { organisationId, content, entryId }, { actor }) => entries.check(actor, organisationId, asContent(content), entryId ?? undefined),
    }),
    entryChange: t.field({ type: types.EntryChange, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => changeRequests.get(actor, id) }),
    entryChanges: t.connection({
      type: types.EntryChange,
      args: { filter: t.arg({ type: ChangeFilter, required: false }) },
      resolve: async (_root, { filter, ...page }, { actor }) => toConnection(await changeRequests.list(actor, filled(filter ?? {}), toPageRequest(page))),
    }),
  }));

  const ReasonInput = builder.inputType("ReturnReasonInput", { fields: (t) => ({ path: t.string({ description: "Of the member that must change, as in an Issue; `/` for the whole." }), text: t.string() }) });
  const BindingInput = builder.inputType("ItemBindingInput", { fields: (t) => ({ field: t.string(), dataElement: t.string({ required: false, description: "Absent: bound to nothing." }) }) });
  // An error that a resolver returns counts as thrown: it is handed on in a wrapper.
  const Reason = builder.objectRef<{ refusal: Refusal }>("EntryOutcomeRefusal").implement({
    fields: (t) => ({
      kind: t.field({ type: ErrorKindEnum, resolve: ({ refusal }) => refusal.kind }),
      code: t.string({ nullable: true, resolve: ({ refusal }) => refusal.code }),
      message: t.string({ resolve: ({ refusal }) => refusal.message }),
      zh: t.string({ resolve: ({ refusal }) => refusal.zh }),
      nextStep: t.string({ nullable: true, resolve: ({ refusal }) => refusal.nextStep }),
      issues: t.field({ type: [IssueType], resolve: ({ refusal }) => refusal.issues }),
    }),
  });
  const Outcome = builder.objectRef<ManyOutcome>("EntryOutcome").implement({
    description: "One of many: done, or why not.",
    fields: (t) => ({
      entryId: t.exposeID("entryId"),
      done: t.exposeBoolean("done"),
      state: t.field({ type: enums.EntryState, nullable: true, resolve: (outcome) => (outcome.done ? outcome.state : undefined) }),
      refusal: t.field({ type: Reason, nullable: true, resolve: (outcome) => (outcome.done ? undefined : { refusal: outcome.refusal }) }),
    }),
  });
  const Bound = builder.objectRef<Awaited<ReturnType<typeof collections.bindItems>>>("BoundItems").implement({
    fields: (t) => ({ entry: t.field({ type: types.Entry, resolve: (bound) => bound.entry }), change: t.field({ type: types.EntryChange, nullable: true, description: "For a published entry the binding is held until it is approved.", resolve: (bound) => bound.changeRequest }) }),
  });

  builder.mutationFields((t) => {
    const type = types.Entry;
    return {
      createEntry: t.field({ type, errors: refusals, description: "A draft, which may be half-written.", args: { organisationId: t.arg.id(), content: t.arg({ type: "JSON" }) }, resolve: (_root, { organisationId, content }, { actor }) => entries.createDraft(actor, organisationId, asContent(content)) }),
      changeEntry: t.field({ type, errors: refusals, description: "Replaces a draft's content; with `expectedVersion`, refused when somebody else saved it meanwhile.", args: { id: t.arg.id(), content: t.arg({ type: "JSON" }), expectedVersion: t.arg.string({ required: false }) }, resolve: (_root, { id, content, expectedVersion }, { actor }) => entries.changeDraft(actor, id, asContent(content), expectedVersion ?? undefined) }),
      submitEntry: t.field({ type, errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => entries.submit(actor, id) }),
      approveEntry: t.field({ type, errors: refusals, description: "The next approval: the department's, then the city's, which publishes.", args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => entries.approve(actor, id) }),
      returnEntry: t.field({ type, errors: refusals, description: "With everything that must be put right, at once.", args: { id: t.arg.id(), reasons: t.arg({ type: [ReasonInput] }) }, resolve: (_root, { id, reasons }, { actor }) => entries.return(actor, id, reasons) }),
      recallEntry: t.field({ type, errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => entries.recall(actor, id) }),
      suspendEntry: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => entries.suspend(actor, id, reason) }),
      resumeEntry: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => entries.resume(actor, id, reason) }),
      withdrawEntry: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => entries.withdraw(actor, id, reason) }),
      discardEntry: t.field({ type, errors: refusals, description: "A draft that is not wanted; its code is not given again.", args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => entries.discard(actor, id, reason) }),
      submitEntries: t.field({ type: [Outcome], errors: refusals, description: "Up to 500; each is done or refused by itself.", args: { ids: t.arg.idList() }, resolve: (_root, { ids }, { actor }) => entries.submitMany(actor, ids) }),
      approveEntries: t.field({ type: [Outcome], errors: refusals, description: "Up to 500; each is done or refused by itself.", args: { ids: t.arg.idList() }, resolve: (_root, { ids }, { actor }) => entries.approveMany(actor, ids) }),
      bindItems: t.field({ type: Bound, errors: refusals, args: { entryId: t.arg.id(), bindings: t.arg({ type: [BindingInput] }) }, resolve: (_root, { entryId, bindings }, { actor }) => collections.bindItems(actor, entryId, bindings.map((binding) => filled(binding))) }),
    };
  });

  builder.mutationFields((t) => {
    const type = types.EntryChange;
    return {
      openEntryChange: t.field({ type, errors: refusals, description: "Holds an edit of a published entry.", args: { entryId: t.arg.id(), content: t.arg({ type: "JSON" }), reason: t.arg.string() }, resolve: (_root, { entryId, content, reason }, { actor }) => changeRequests.open(actor, entryId, { content: asContent(content), reason }) }),
      editEntryChange: t.field({ type, errors: refusals, args: { id: t.arg.id(), content: t.arg({ type: "JSON" }), reason: t.arg.string({ required: false }) }, resolve: (_root, { id, content, reason }, { actor }) => changeRequests.change(actor, id, { content: asContent(content), ...filled({ reason }) }) }),
      submitEntryChange: t.field({ type, errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => changeRequests.submit(actor, id) }),
      approveEntryChange: t.field({ type, errors: refusals, description: "The department's approval, then the city's, which makes it the next version.", args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => changeRequests.approve(actor, id) }),
      returnEntryChange: t.field({ type, errors: refusals, args: { id: t.arg.id(), reasons: t.arg({ type: [ReasonInput] }) }, resolve: (_root, { id, reasons }, { actor }) => changeRequests.return(actor, id, reasons) }),
      recallEntryChange: t.field({ type, errors: refusals, args: { id: t.arg.id() }, resolve: (_root, { id }, { actor }) => changeRequests.recall(actor, id) }),
      dismissEntryChange: t.field({ type, errors: refusals, args: { id: t.arg.id(), reason: t.arg.string() }, resolve: (_root, { id, reason }, { actor }) => changeRequests.dismiss(actor, id, reason) }),
    };
  });
}
