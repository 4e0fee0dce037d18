import { deliveryModes, grantActions, grantStates, maskRules, requestFrequencies, type MaskRule } from "#standards";
import type { Actor, ZhengtongSchemaBuilder } from "#platform";
import type { EntryService } from "../../entries/entry-service.ts";
import { correctionAnswers, correctionStates, type Correction } from "../../sharing/correction-model.ts";
import type { CorrectionView } from "../../sharing/corrections.ts";
import { deadlineKinds, type Deadline, type StoredExplanation } from "../../sharing/deadline-model.ts";
import { disputeActions, disputeStates, disputeSubjects, type Dispute, type DisputeStep } from "../../sharing/dispute-model.ts";
import type { DisputeDetail } from "../../sharing/disputes.ts";
import { stopParties, type Grant, type GrantVersion, type Metering, type StopConfirmation, type UsageRecord } from "../../sharing/grant-model.ts";
import { grantNotFound, type GrantDetail } from "../../sharing/grants.ts";
import type { RequestProgress } from "../../sharing/progress.ts";
import { requestActions, requestStates, reviewOffices, reviewParts, waitingParties, type Decision, type Extension, type MaterialItem, type MaterialReturn, type Narrowing, type Opinion, type Request, type RequestStep, type ReviewOffice } from "../../sharing/request-model.ts";
import { requestNotFound, type RequestDetail } from "../../sharing/requests.ts";
import type { Sharing } from "../../sharing/sharing.ts";
import type { Task } from "../../sharing/tasks.ts";
import type { CatalogCoreTypes } from "../core-types.ts";
import { enumValues } from "./values.ts";

export interface SharingGraphqlOptions {
  sharing: Sharing;
  entries: Pick<EntryService, "getMany">;
  /** Types of the catalog's core that sharing refers to. */
  core: Pick<CatalogCoreTypes, "enums" | "Organisation" | "Entry">;
}

export type SharingTypes = ReturnType<typeof addSharingObjects>;

const masksOf = (masks: Record<string, MaskRule> | undefined) => Object.entries(masks ?? {}).map(([field, rule]) => ({ field, rule }));

/** Objects and enumerations of sharing; queries and mutations stand beside. */
export function addSharingObjects(builder: ZhengtongSchemaBuilder, { sharing, entries, core: { enums, Organisation, Entry } }: SharingGraphqlOptions) {
  const RequestState = builder.enumType("SharingRequestState", { values: enumValues(requestStates) });
  const RequestAction = builder.enumType("SharingRequestAction", { values: enumValues(requestActions) });
  const WaitingParty = builder.enumType("SharingParty", { description: "Who must act next.", values: enumValues(waitingParties) });
  const ReviewPart = builder.enumType("ReviewPart", { values: enumValues(reviewParts) });
  const ReviewOfficeEnum = builder.enumType("ReviewOffice", { description: "The four offices of the review body.", values: enumValues(reviewOffices) });
  const Verdict = builder.enumType("ReviewVerdict", { values: enumValues(["agree", "refuse"]) });
  const DeliveryMode = builder.enumType("DeliveryMode", { values: enumValues(deliveryModes) });
  const Frequency = builder.enumType("RequestFrequency", { values: enumValues(requestFrequencies) });
  const MaskRuleEnum = builder.enumType("MaskRule", { values: enumValues(maskRules) });
  const GrantState = builder.enumType("GrantState", { values: enumValues(grantStates) });
  const GrantAction = builder.enumType("GrantAction", { values: enumValues(grantActions) });
  const StopParty = builder.enumType("GrantStopParty", { values: enumValues(stopParties) });
  const CorrectionState = builder.enumType("CorrectionState", { values: enumValues(correctionStates) });
  const CorrectionAnswer = builder.enumType("CorrectionAnswer", { values: enumValues(correctionAnswers) });
  const DeadlineKind = builder.enumType("DeadlineKind", { values: enumValues(deadlineKinds) });
  const DeadlineState = builder.enumType("DeadlineState", { values: enumValues(["open", "met", "missed", "cancelled"]) });
  const DisputeState = builder.enumType("DisputeState", { values: enumValues(disputeStates) });
  const DisputeSubject = builder.enumType("DisputeSubject", { values: enumValues(disputeSubjects) });
  const DisputeAction = builder.enumType("DisputeAction", { values: enumValues(disputeActions) });
  const DisputeOutcome = builder.enumType("DisputeOutcome", { values: enumValues(["upheld", "dismissed"]) });
  const { IssueType } = builder.refs;
  const loadEntries = async (ids: string[], { actor }: { actor: Actor }) => (await entries.getMany(actor, ids)).map((entry) => entry ?? null);

  const Mask = builder.objectRef<{ field: string; rule: MaskRule }>("FieldMask").implement({ fields: (t) => ({ field: t.exposeString("field"), rule: t.field({ type: MaskRuleEnum, resolve: (mask) => mask.rule }) }) });

  const Explanation = builder.objectRef<StoredExplanation>("DeadlineExplanation").implement({
    description: "How a deadline was counted: the law, what was skipped, which notices were used.",
    fields: (t) => ({
      article: t.string({ resolve: (explanation) => explanation.basis.article }),
      zh: t.exposeString("zh"),
      en: t.exposeString("en"),
      counted: t.exposeInt("counted"),
      mayChange: t.exposeBoolean("mayChange"),
      notices: t.stringList({ resolve: (explanation) => [...explanation.notices] }),
      skipped: t.field({ type: [Skipped], resolve: (explanation) => [...explanation.skipped] }),
      makeUpDays: t.field({ type: ["Date"], resolve: (explanation) => explanation.makeUpDays.map((day) => day.date) }),
    }),
  });
  const Skipped = builder.objectRef<StoredExplanation["skipped"][number]>("SkippedDays").implement({
    fields: (t) => ({ from: t.field({ type: "Date", resolve: (days) => days.from }), to: t.field({ type: "Date", resolve: (days) => days.to }), days: t.exposeInt("days"), zh: t.string({ resolve: (days) => days.reason.zh }), en: t.string({ resolve: (days) => days.reason.en }) }),
  });
  const DeadlineRef = builder.objectRef<Deadline>("Deadline").implement({
    description: "A legal clock. `dueOn` is empty while a year's holiday notice is missing; the explanation says which.",
    fields: (t) => ({
      id: t.exposeID("id"),
      kind: t.field({ type: DeadlineKind, resolve: (deadline) => deadline.kind }),
      clock: t.exposeString("clock"),
      profile: t.exposeString("profile"),
      startsOn: t.field({ type: "Date", resolve: (deadline) => deadline.startsOn }),
      workingDays: t.exposeInt("workingDays"),
      extendedDays: t.exposeInt("extendedDays"),
      dueOn: t.field({ type: "Date", nullable: true, resolve: (deadline) => deadline.dueOn }),
      notBefore: t.field({ type: "Date", nullable: true, description: "What is certain while `dueOn` is not known.", resolve: (deadline) => deadline.notBefore }),
      missingYear: t.exposeInt("missingYear", { nullable: true, description: "The year whose holiday notice must be imported." }),
      state: t.field({ type: DeadlineState, resolve: (deadline) => deadline.state }),
      closedOn: t.field({ type: "Date", nullable: true, resolve: (deadline) => deadline.closedOn }),
      warnedAt: t.field({ type: "DateTime", nullable: true, resolve: (deadline) => deadline.warnedAt }),
      overdueAt: t.field({ type: "DateTime", nullable: true, resolve: (deadline) => deadline.overdueAt }),
      explanation: t.field({ type: Explanation, resolve: (deadline) => deadline.explanation }),
    }),
  });

  const NarrowingRef = builder.objectRef<Narrowing>("ScopeNarrowing").implement({
    fields: (t) => ({
      fields: t.stringList({ nullable: true, resolve: (narrowing) => narrowing.fields }),
      addedCondition: t.field({ type: "JSON", nullable: true, resolve: (narrowing) => narrowing.addedCondition }),
      masks: t.field({ type: [Mask], resolve: (narrowing) => masksOf(narrowing.masks) }),
      validUntil: t.field({ type: "Date", nullable: true, resolve: (narrowing) => narrowing.validUntil }),
    }),
  });
  const DecisionRef = builder.objectRef<Decision>("SharingDecision").implement({
    fields: (t) => ({
      outcome: t.field({ type: builder.enumType("SharingOutcome", { values: enumValues(["agreed", "refused"]) }), resolve: (decision) => decision.outcome }),
      rule: t.exposeString("rule", { nullable: true, description: "Which rule decided, when no person did." }),
      reason: t.exposeString("reason", { nullable: true }),
      zh: t.exposeString("zh", { nullable: true }),
      legalBasis: t.exposeString("legalBasis", { nullable: true }),
      narrowing: t.field({ type: NarrowingRef, nullable: true, resolve: (decision) => decision.narrowing }),
      grantId: t.exposeID("grantId", { nullable: true }),
    }),
  });
  const ExtensionRef = builder.objectRef<Extension>("ReplyExtension").implement({
    fields: (t) => ({
      days: t.exposeInt("days"),
      reason: t.exposeString("reason"),
      state: t.field({ type: builder.enumType("ExtensionState", { values: enumValues(["asked", "consented", "declined"]) }), resolve: (extension) => extension.state }),
      answer: t.exposeString("answer", { nullable: true }),
      askedAt: t.field({ type: "DateTime", resolve: (extension) => new Date(extension.askedAt) }),
      answeredAt: t.field({ type: "DateTime", nullable: true, resolve: (extension) => (extension.answeredAt === undefined ? undefined : new Date(extension.answeredAt)) }),
    }),
  });

  const RequestRef = builder.loadableNodeRef("SharingRequest", {
    id: { resolve: (request: Request) => request.id },
    load: async (ids: string[], { actor }): Promise<(Request | Error)[]> => (await sharing.requests.getMany(actor, ids)).map((request, index) => request ?? requestNotFound(ids[index]!)),
  });
  RequestRef.implement({
    description: "共享申请: what a department asks of another's entry, and how far it has come.",
    fields: (t) => ({
      number: t.exposeString("number"),
      entryId: t.exposeID("entryId"),
      entry: t.loadable({ type: Entry, nullable: true, description: "Empty where the caller may not see the entry (any more).", load: loadEntries, resolve: (request) => request.entryId }),
      entryTitle: t.exposeString("entryTitle"),
      entryVersion: t.exposeString("entryVersion"),
      consumer: t.field({ type: Organisation, resolve: (request) => request.consumerOrganisationId }),
      provider: t.field({ type: Organisation, resolve: (request) => request.providerOrganisationId }),
      applicationId: t.exposeID("applicationId", { nullable: true }),
      state: t.field({ type: RequestState, resolve: (request) => request.state }),
      waitingFor: t.field({ type: [WaitingParty], resolve: (request) => request.waitingFor }),
      overdue: t.exposeBoolean("overdue"),
      sharingType: t.field({ type: enums.SharingType, resolve: (request) => request.sharingType }),
      reviewBody: t.exposeBoolean("reviewBody"),
      round: t.exposeInt("round"),
      legalBasis: t.string({ nullable: true, resolve: ({ content }) => content.legalBasis }),
      purpose: t.string({ nullable: true, resolve: ({ content }) => content.purpose }),
      scene: t.string({ nullable: true, resolve: ({ content }) => content.scene }),
      fields: t.stringList({ resolve: ({ content }) => content.fields ?? [] }),
      rowCondition: t.field({ type: "JSON", nullable: true, resolve: ({ content }) => content.rowCondition }),
      masks: t.field({ type: [Mask], resolve: ({ content }) => masksOf(content.masks) }),
      deliveryMode: t.field({ type: DeliveryMode, nullable: true, resolve: ({ content }) => content.deliveryMode }),
      frequency: t.field({ type: Frequency, nullable: true, resolve: ({ content }) => content.frequency }),
      validFrom: t.field({ type: "Date", nullable: true, resolve: ({ content }) => content.validFrom }),
      validUntil: t.field({ type: "Date", nullable: true, resolve: ({ content }) => content.validUntil }),
      decision: t.field({ type: DecisionRef, nullable: true, resolve: (request) => request.decision }),
      extension: t.field({ type: ExtensionRef, nullable: true, resolve: (request) => request.extension }),
      createdAt: t.field({ type: "DateTime", resolve: (request) => request.createdAt }),
      updatedAt: t.field({ type: "DateTime", resolve: (request) => request.updatedAt }),
      sentAt: t.field({ type: "DateTime", nullable: true, resolve: (request) => request.sentAt }),
      decidedAt: t.field({ type: "DateTime", nullable: true, resolve: (request) => request.decidedAt }),
    }),
  });
  const Step = builder.objectRef<RequestStep>("SharingRequestStep").implement({
    fields: (t) => ({
      action: t.field({ type: RequestAction, resolve: (step) => step.action }),
      fromState: t.field({ type: RequestState, resolve: (step) => step.fromState }),
      toState: t.field({ type: RequestState, resolve: (step) => step.toState }),
      at: t.field({ type: "DateTime", resolve: (step) => step.at }),
      actorId: t.exposeID("actorId"),
      department: t.field({ type: Organisation, nullable: true, resolve: (step) => step.actorOrganisationId }),
      byRule: t.boolean({ description: "The platform's own step, by a rule.", resolve: (step) => step.actorId.startsWith("system:") }),
      reason: t.exposeString("reason", { nullable: true }),
      detail: t.field({ type: "JSON", resolve: (step) => step.detail }),
    }),
  });
  const OpinionRef = builder.objectRef<Opinion>("ReviewOpinion").implement({
    fields: (t) => ({
      round: t.exposeInt("round"),
      part: t.field({ type: ReviewPart, resolve: (opinion) => opinion.part }),
      verdict: t.field({ type: Verdict, resolve: (opinion) => opinion.opinion }),
      reason: t.exposeString("reason", { nullable: true }),
      legalBasis: t.exposeString("legalBasis", { nullable: true }),
      narrowing: t.field({ type: NarrowingRef, nullable: true, resolve: (opinion) => opinion.narrowing }),
      at: t.field({ type: "DateTime", resolve: (opinion) => opinion.at }),
    }),
  });
  const MaterialItemRef = builder.objectRef<MaterialItem>("MaterialItem").implement({ fields: (t) => ({ path: t.exposeString("path"), text: t.exposeString("text") }) });
  const MaterialReturnRef = builder.objectRef<MaterialReturn>("MaterialReturn").implement({
    fields: (t) => ({ round: t.exposeInt("round"), part: t.field({ type: ReviewPart, resolve: (one) => one.part }), items: t.field({ type: [MaterialItemRef], resolve: (one) => one.items }), at: t.field({ type: "DateTime", resolve: (one) => one.at }) }),
  });
  const ScopeItem = builder.objectRef<RequestDetail["scope"]["items"][number]>("ScopeItem").implement({
    fields: (t) => ({
      field: t.string({ resolve: ({ item }) => item.field }),
      name: t.string({ resolve: ({ item }) => item.name }),
      itemType: t.string({ resolve: ({ item }) => item.type }),
      key: t.boolean({ resolve: ({ item }) => item.key === true }),
      personal: t.boolean({ resolve: ({ item }) => item.personal === true }),
      sensitivity: t.string({ nullable: true, resolve: ({ item }) => item.sensitivity }),
      mask: t.field({ type: MaskRuleEnum, nullable: true, resolve: ({ mask }) => mask }),
    }),
  });
  const RequestDetailRef = builder.objectRef<RequestDetail>("SharingRequestDetail").implement({
    fields: (t) => ({
      request: t.field({ type: RequestRef, resolve: (detail) => detail.request }),
      deadlines: t.field({ type: [DeadlineRef], resolve: (detail) => detail.deadlines }),
      timeline: t.field({ type: [Step], resolve: (detail) => detail.steps }),
      opinions: t.field({ type: [OpinionRef], resolve: (detail) => detail.opinions }),
      returns: t.field({ type: [MaterialReturnRef], resolve: (detail) => detail.returns }),
      availableActions: t.field({ type: [RequestAction], resolve: (detail) => detail.actions }),
      scopeItems: t.field({ type: [ScopeItem], description: "The fields asked for, as the entry names them.", resolve: (detail) => detail.scope.items }),
      rowConditionZh: t.string({ nullable: true, description: "The row condition in words.", resolve: (detail) => detail.scope.condition?.zh }),
      rowConditionEn: t.string({ nullable: true, resolve: (detail) => detail.scope.condition?.en }),
      reviewNotes: t.field({ type: [IssueType], description: "What a reviewer should look at, without being wrong.", resolve: (detail) => detail.notes }),
    }),
  });

  const GrantRef = builder.loadableNodeRef("Grant", {
    id: { resolve: (grant: Grant) => grant.id },
    load: async (ids: string[], { actor }): Promise<(Grant | Error)[]> => (await sharing.grants.getMany(actor, ids)).map((grant, index) => grant ?? grantNotFound(ids[index]!)),
  });
  GrantRef.implement({
    description: "授权: exactly which fields of which rows of which entry, to whom, for what, until when.",
    fields: (t) => ({
      version: t.exposeInt("version"),
      requestId: t.exposeID("requestId"),
      entryId: t.exposeID("entryId"),
      entry: t.loadable({ type: Entry, nullable: true, description: "Empty where the caller may not see the entry (any more).", load: loadEntries, resolve: (grant) => grant.entryId }),
      entryVersion: t.exposeString("entryVersion"),
      consumer: t.field({ type: Organisation, resolve: (grant) => grant.consumerOrganisationId }),
      provider: t.field({ type: Organisation, resolve: (grant) => grant.providerOrganisationId }),
      applicationId: t.exposeID("applicationId", { nullable: true }),
      legalBasis: t.exposeString("legalBasis"),
      purpose: t.exposeString("purpose"),
      action: t.field({ type: GrantAction, resolve: (grant) => grant.action }),
      deliveryMode: t.field({ type: DeliveryMode, resolve: (grant) => grant.deliveryMode }),
      fields: t.exposeStringList("fields"),
      keyFields: t.exposeStringList("keyFields"),
      rowCondition: t.field({ type: "JSON", nullable: true, resolve: (grant) => grant.rowCondition }),
      masks: t.field({ type: [Mask], resolve: (grant) => masksOf(grant.masks) }),
      validFrom: t.field({ type: "Date", resolve: (grant) => grant.validFrom }),
      validUntil: t.field({ type: "Date", resolve: (grant) => grant.validUntil }),
      state: t.field({ type: GrantState, resolve: (grant) => grant.state }),
      issuedAt: t.field({ type: "DateTime", resolve: (grant) => new Date(grant.issuedAt) }),
      revokedAt: t.field({ type: "DateTime", nullable: true, resolve: (grant) => (grant.revokedAt === undefined ? undefined : new Date(grant.revokedAt)) }),
      revocationReason: t.exposeString("revocationReason", { nullable: true }),
    }),
  });
  const GrantVersionRef = builder.objectRef<GrantVersion>("GrantVersion").implement({
    fields: (t) => ({ version: t.exposeInt("version"), change: t.exposeString("change"), reason: t.exposeString("reason", { nullable: true }), at: t.field({ type: "DateTime", resolve: (one) => one.at }), actorId: t.exposeID("actorId"), fields: t.stringList({ resolve: (one) => one.grant.fields }), validUntil: t.field({ type: "Date", resolve: (one) => one.grant.validUntil }) }),
  });
  const Stop = builder.objectRef<StopConfirmation>("GrantStop").implement({ fields: (t) => ({ party: t.field({ type: StopParty, resolve: (stop) => stop.party }), at: t.field({ type: "DateTime", resolve: (stop) => stop.at }) }) });
  const UsageRef = builder.objectRef<UsageRecord>("UsageRecord").implement({
    fields: (t) => ({ id: t.exposeID("id"), kind: t.exposeString("kind"), scene: t.exposeString("scene"), process: t.exposeString("process"), effect: t.exposeString("effect", { nullable: true }), fromDay: t.field({ type: "Date", resolve: (one) => one.fromDay }), untilDay: t.field({ type: "Date", resolve: (one) => one.untilDay }), recordedAt: t.field({ type: "DateTime", resolve: (one) => one.recordedAt }), keepUntil: t.field({ type: "Date", resolve: (one) => one.keepUntil }) }),
  });
  const MeteringRef = builder.objectRef<Metering>("GrantMetering").implement({ fields: (t) => ({ day: t.field({ type: "Date", resolve: (one) => one.day }), rows: t.exposeFloat("rows"), bytes: t.exposeFloat("bytes"), calls: t.exposeFloat("calls") }) });
  const UsageList = builder.objectRef<{ records: UsageRecord[]; metering: Metering[] }>("GrantUsage").implement({ fields: (t) => ({ records: t.field({ type: [UsageRef], resolve: (usage) => usage.records }), metering: t.field({ type: [MeteringRef], resolve: (usage) => usage.metering }) }) });
  const GrantDetailRef = builder.objectRef<GrantDetail>("GrantDetail").implement({
    fields: (t) => ({
      grant: t.field({ type: GrantRef, resolve: (detail) => detail.grant }),
      versions: t.field({ type: [GrantVersionRef], resolve: (detail) => detail.versions }),
      stops: t.field({ type: [Stop], description: "Who has confirmed that the flow stopped.", resolve: (detail) => detail.stops }),
      availableActions: t.stringList({ resolve: (detail) => detail.actions }),
      usage: t.field({ type: UsageList, args: { fromDay: t.arg({ type: "Date" }), untilDay: t.arg({ type: "Date" }) }, resolve: (detail, range, { actor }) => sharing.usage.list(actor, detail.grant.id, range) }),
    }),
  });

  const correctionFields = builder.objectRef<CorrectionView>("Correction").implement({
    description: "校核申请: a value that its user doubts. Row key and values are shown to the two departments only.",
    fields: (t) => {
      const of = <Value>(pick: (correction: Correction) => Value) => (view: CorrectionView) => pick(view.correction);
      return {
        id: t.id({ resolve: of((c) => c.id) }),
        entryId: t.id({ resolve: of((c) => c.entryId) }),
        field: t.string({ resolve: of((c) => c.field) }),
        rowKey: t.string({ nullable: true, resolve: (view) => (view.valuesVisible ? view.correction.rowKey : undefined) }),
        givenValue: t.string({ nullable: true, resolve: of((c) => c.givenValue) }),
        expectedValue: t.string({ nullable: true, resolve: of((c) => c.expectedValue) }),
        evidence: t.string({ resolve: of((c) => c.evidence) }),
        raisedByOrganisationId: t.id({ nullable: true, resolve: of((c) => c.raisedByOrganisationId) }),
        providerOrganisationId: t.id({ resolve: of((c) => c.providerOrganisationId) }),
        state: t.field({ type: CorrectionState, resolve: of((c) => c.state) }),
        raisedAt: t.field({ type: "DateTime", resolve: of((c) => c.raisedAt) }),
        answer: t.string({ nullable: true, resolve: of((c) => c.answer) }),
        answeredAt: t.field({ type: "DateTime", nullable: true, resolve: of((c) => c.answeredAt) }),
        deadline: t.field({ type: DeadlineRef, nullable: true, resolve: (view) => view.deadline }),
        availableActions: t.stringList({ resolve: (view) => view.actions }),
      };
    },
  });

  const DisputeRef = builder.objectRef<Dispute>("Dispute").implement({
    description: "争议: the departments consult; failing that the city authority decides.",
    fields: (t) => ({
      id: t.exposeID("id"),
      subjectType: t.field({ type: DisputeSubject, resolve: (dispute) => dispute.subjectType }),
      subjectId: t.exposeID("subjectId"),
      raisedByOrganisationId: t.exposeID("raisedByOrganisationId"),
      againstOrganisationId: t.exposeID("againstOrganisationId"),
      reason: t.exposeString("reason"),
      state: t.field({ type: DisputeState, resolve: (dispute) => dispute.state }),
      outcome: t.field({ type: DisputeOutcome, nullable: true, resolve: (dispute) => dispute.outcome }),
      decision: t.exposeString("decision", { nullable: true }),
      raisedAt: t.field({ type: "DateTime", resolve: (dispute) => dispute.raisedAt }),
    }),
  });
  const DisputeStepRef = builder.objectRef<DisputeStep>("DisputeStep").implement({ fields: (t) => ({ action: t.exposeString("action"), toState: t.field({ type: DisputeState, resolve: (step) => step.toState }), statement: t.exposeString("statement", { nullable: true }), organisationId: t.exposeID("organisationId", { nullable: true }), at: t.field({ type: "DateTime", resolve: (step) => step.at }) }) });
  const DisputeDetailRef = builder.objectRef<DisputeDetail>("DisputeDetail").implement({
    fields: (t) => ({ dispute: t.field({ type: DisputeRef, resolve: (detail) => detail.dispute }), steps: t.field({ type: [DisputeStepRef], resolve: (detail) => detail.steps }), availableActions: t.field({ type: [DisputeAction], resolve: (detail) => detail.actions }) }),
  });

  const TaskRef = builder.objectRef<Task>("SharingTask").implement({
    description: "Something that waits for the caller: a request, a correction or a dispute.",
    fields: (t) => ({
      kind: t.exposeString("kind"),
      request: t.field({ type: RequestRef, nullable: true, resolve: (task) => (task.kind === "request" ? task.request : undefined) }),
      parties: t.field({ type: [WaitingParty], resolve: (task) => (task.kind === "request" ? task.parties : []) }),
      availableActions: t.field({ type: [RequestAction], resolve: (task) => (task.kind === "request" ? task.actions : []) }),
      correctionId: t.id({ nullable: true, resolve: (task) => (task.kind === "correction" ? task.correction.id : undefined) }),
      dispute: t.field({ type: DisputeRef, nullable: true, resolve: (task) => (task.kind === "dispute" ? task.dispute : undefined) }),
      deadline: t.field({ type: DeadlineRef, nullable: true, resolve: (task) => (task.kind === "dispute" ? undefined : task.deadline) }),
    }),
  });
  const Progress = builder.objectRef<RequestProgress>("SharingRequestProgress").implement({
    fields: (t) => ({ position: t.float({ description: "Resume after this position.", resolve: (step) => step.position }), kind: t.exposeString("kind"), at: t.field({ type: "DateTime", resolve: (step) => step.at }), request: t.field({ type: RequestRef, resolve: (step) => step.request }), payload: t.field({ type: "JSON", resolve: (step) => step.payload }) }),
  });
  const OfficeRef = builder.objectRef<{ office: ReviewOffice; organisationId: string }>("ReviewOfficeAssignment").implement({ fields: (t) => ({ office: t.field({ type: ReviewOfficeEnum, resolve: (one) => one.office }), organisationId: t.exposeID("organisationId") }) });

  return { RequestState, WaitingParty, ReviewPart, ReviewOfficeEnum, Verdict, DeliveryMode, Frequency, MaskRuleEnum, GrantState, CorrectionState, CorrectionAnswer, DisputeState, DisputeSubject, DisputeOutcome, StopParty, RequestRef, RequestDetailRef, GrantRef, GrantDetailRef, UsageRef, CorrectionRef: correctionFields, DisputeRef, DisputeDetailRef, TaskRef, Progress, OfficeRef, DeadlineRef };
}
