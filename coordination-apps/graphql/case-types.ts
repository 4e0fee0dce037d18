import type { ZhengtongSchemaBuilder } from "#platform";
import type { BilingualText, CheckDefinition } from "../check/model/definition.ts";
import { actionTitles, appealOutcomes, caseActions, caseStates, hearings, stateTitles, waitingFor, type CaseEvidence, type CaseStep, type CheckCase, type Deadline } from "../case/model/case.ts";
import type { CaseDetail, ManyOutcome } from "../case/services/case-service.ts";
import type { CaseChange } from "../case/services/follow-cases.ts";
import type { CoordinationApps } from "../coordination-apps.ts";
import { enumValues } from "./values.ts";

export type CaseTypes = ReturnType<typeof addCaseTypes>;

const titleOf = (titles: readonly { kind: string; title: BilingualText }[], kind: string): BilingualText | null => titles.find((one) => one.kind === kind)?.title ?? null;

export function addCaseTypes(builder: ZhengtongSchemaBuilder, apps: CoordinationApps) {
  const definitionOf = (name: string): CheckDefinition | undefined => apps.definitions.find((definition) => definition.name === name);
  const sourceOf = (one: { definition: string; role: string }) => {
    const definition = definitionOf(one.definition);
    return one.role === definition?.subject.role ? definition.subject : definition?.evidence.find((role) => role.role === one.role);
  };
  const outcomeTitleOf = (found: CheckCase) => {
    const definition = definitionOf(found.definition);
    return definition && found.outcomeKind !== undefined ? titleOf([...definition.kinds, ...definition.dismissalKinds], found.outcomeKind) : null;
  };
  const ruleOf = (found: { definition: string }, ruleId: string) => definitionOf(found.definition)?.rules.find((rule) => rule.id === ruleId);

  const Text = builder.objectRef<BilingualText>("CheckText").implement({
    description: "A text in both languages.",
    fields: (t) => ({ en: t.exposeString("message"), zh: t.exposeString("zh") }),
  });
  const State = builder.enumType("CheckCaseState", { values: enumValues(caseStates) });
  const Action = builder.enumType("CheckCaseAction", { values: enumValues(caseActions) });
  const HearingEnum = builder.enumType("CheckCaseHearing", { description: "How the person was heard before a confirmation.", values: enumValues(hearings) });
  const AppealOutcomeEnum = builder.enumType("CheckAppealOutcome", { description: "What became of the decision that was appealed: 维持 or 撤销.", values: enumValues(appealOutcomes) });
  const Waiting = builder.enumType("CheckCaseWaitingFor", { values: enumValues(["case-officer", "second-officer"]) });
  const Outcome = builder.enumType("CheckCaseOutcome", { values: enumValues(["confirmed", "dismissed"]) });
  const SeverityEnum = builder.enumType("CheckSeverity", { description: "A ground ends entitlement by law; a clue only suggests one.", values: enumValues(["ground", "clue"]) });

  const DeadlineType = builder.objectRef<Deadline>("CheckCaseDeadline").implement({
    fields: (t) => ({
      date: t.field({ type: "Date", nullable: true, description: "Absent while a year's holiday notice is not known.", resolve: (deadline) => deadline.date ?? null }),
      pendingYear: t.int({ nullable: true, resolve: (deadline) => deadline.pendingYear ?? null }),
      from: t.field({ type: "Date", resolve: (deadline) => deadline.from }),
      explanation: t.field({ type: Text, resolve: (deadline) => deadline.explanation }),
    }),
  });
  const LegalBasisType = builder.objectRef<{ law: string; article: string; text: BilingualText }>("CheckLegalBasis").implement({
    fields: (t) => ({ law: t.exposeString("law"), article: t.exposeString("article"), text: t.field({ type: Text, resolve: (basis) => basis.text }) }),
  });
  const EvidenceField = builder.objectRef<{ field: string; title: BilingualText; value: unknown }>("CheckEvidenceField").implement({
    fields: (t) => ({ field: t.exposeString("field"), title: t.field({ type: Text, resolve: (one) => one.title }), value: t.string({ nullable: true, resolve: ({ value }) => (value === null || value === undefined ? null : String(value)) }) }),
  });
  const EvidenceType = builder.objectRef<CaseEvidence & { definition: string }>("CheckEvidence").implement({
    description: "One evidence row as the source supplied it.",
    fields: (t) => ({
      id: t.id({ resolve: (one) => one.hitId }),
      ruleId: t.exposeString("ruleId"),
      ruleTitle: t.field({ type: Text, nullable: true, resolve: (one) => ruleOf(one, one.ruleId)?.title ?? null }),
      legalBasis: t.field({ type: LegalBasisType, nullable: true, resolve: (one) => ruleOf(one, one.ruleId)?.legalBasis ?? null }),
      severity: t.field({ type: SeverityEnum, resolve: (one) => one.severity }),
      fields: t.field({ type: [EvidenceField], resolve: (one) => (sourceOf(one)?.fields ?? []).filter(({ field }) => field in one.evidence).map(({ field, title }) => ({ field, title, value: one.evidence[field] })) }),
      sourceTitle: t.field({ type: Text, nullable: true, resolve: (one) => sourceOf(one)?.title ?? null }),
      department: t.field({ type: Text, nullable: true, resolve: (one) => sourceOf(one)?.department ?? null }),
      organisationId: t.exposeID("organisationId"),
      feedId: t.exposeID("feedId"),
      grantId: t.exposeID("grantId"),
      batchSequence: t.float({ resolve: (one) => one.batchSequence }),
      circumstanceOn: t.field({ type: "Date", nullable: true, description: "When the circumstance arose.", resolve: (one) => one.evidenceDate ?? null }),
      nameMatches: t.boolean({ nullable: true, description: "Whether the name is the claimant's; null when a name is missing.", resolve: (one) => one.nameMatches ?? null }),
      foundAt: t.field({ type: "DateTime", resolve: (one) => one.foundAt }),
      revision: t.exposeInt("revision"),
      earlier: t.field({ type: "JSON", description: "What the source said before it changed.", resolve: (one) => one.earlier }),
      withdrawnAt: t.field({ type: "DateTime", nullable: true, resolve: (one) => one.withdrawnAt ?? null }),
      withdrawnReason: t.string({ nullable: true, resolve: (one) => one.withdrawnReason ?? null }),
    }),
  });
  const StepType = builder.objectRef<CaseStep>("CheckCaseStep").implement({
    fields: (t) => ({
      number: t.exposeInt("number"),
      action: t.exposeString("action"),
      title: t.field({ type: Text, resolve: (step) => actionTitles[step.action as keyof typeof actionTitles] ?? { message: step.action, zh: step.action } }),
      toState: t.field({ type: State, resolve: (step) => step.toState }),
      actorId: t.exposeID("actorId"),
      actorName: t.string({ nullable: true, resolve: (step) => step.actorName ?? null }),
      at: t.field({ type: "DateTime", resolve: (step) => step.at }),
      reason: t.string({ nullable: true, resolve: (step) => step.reason ?? null }),
      detail: t.field({ type: "JSON", resolve: (step) => step.detail }),
    }),
  });

  const Case = builder.objectRef<CheckCase>("CheckCase").implement({
    description: "One claim whose entitlement is in doubt, with everything that speaks against it. Nothing here stops a benefit.",
    fields: (t) => ({
      id: t.exposeID("id"),
      number: t.exposeString("number"),
      definition: t.exposeString("definition"),
      period: t.exposeString("period", { description: "The month compared, YYYYMM." }),
      claimKey: t.exposeString("claimKey"),
      subjectNumber: t.exposeString("subjectNumber"),
      subjectName: t.string({ nullable: true, resolve: (found) => found.subjectName ?? null }),
      claim: t.field({ type: "JSON", description: "The claim as it was when the case was opened.", resolve: (found) => found.claim }),
      organisationId: t.exposeID("organisationId"),
      state: t.field({ type: State, resolve: (found) => found.state }),
      stateTitle: t.field({ type: Text, resolve: (found) => stateTitles[found.state] }),
      waitingFor: t.field({ type: Waiting, nullable: true, resolve: (found) => waitingFor(found.state) ?? null }),
      openedAt: t.field({ type: "DateTime", resolve: (found) => found.openedAt }),
      verifyDeadline: t.field({ type: DeadlineType, resolve: (found) => found.verifyDeadline }),
      objectionDeadline: t.field({ type: DeadlineType, nullable: true, resolve: (found) => found.objectionDeadline ?? null }),
      appealDeadline: t.field({ type: DeadlineType, nullable: true, resolve: (found) => found.appealDeadline ?? null }),
      outcome: t.field({ type: Outcome, nullable: true, resolve: (found) => found.outcome ?? null }),
      outcomeKind: t.string({ nullable: true, resolve: (found) => found.outcomeKind ?? null }),
      outcomeTitle: t.field({ type: Text, nullable: true, resolve: outcomeTitleOf }),
      decidedAt: t.field({ type: "DateTime", nullable: true, resolve: (found) => found.decidedAt ?? null }),
      appealOutcome: t.field({ type: AppealOutcomeEnum, nullable: true, resolve: (found) => found.appealOutcome ?? null }),
      amountAtStake: t.exposeString("amountAtStake", { description: "Yuan: monthly amount × remaining months." }),
      remainingMonths: t.exposeInt("remainingMonths", { description: "Benefit months after the month compared." }),
    }),
  });
  const Detail = builder.objectRef<CaseDetail>("CheckCaseDetail").implement({
    fields: (t) => ({
      case: t.field({ type: Case, resolve: (detail) => detail.case }),
      evidence: t.field({ type: [EvidenceType], resolve: (detail) => detail.evidence.map((one) => ({ ...one, definition: detail.case.definition })) }),
      timeline: t.field({ type: [StepType], resolve: (detail) => detail.steps }),
      availableActions: t.field({ type: [Action], description: "What the caller may do with it now.", resolve: (detail) => detail.actions }),
    }),
  });
  // The refusal's members stand here themselves: GraphQL takes an Error that a field answers with for one that it threw.
  const RefusedCase = builder.objectRef<ManyOutcome["refused"][number]>("RefusedCheckCase").implement({
    fields: (t) => ({
      caseId: t.exposeID("caseId"),
      kind: t.field({ type: builder.refs.ErrorKindEnum, resolve: ({ refusal }) => refusal.kind }),
      code: t.string({ nullable: true, resolve: ({ refusal }) => refusal.code }),
      message: t.string({ resolve: ({ refusal }) => refusal.message }),
      zh: t.string({ resolve: ({ refusal }) => refusal.zh }),
      nextStep: t.string({ nullable: true, resolve: ({ refusal }) => refusal.nextStep }),
    }),
  });
  const Many = builder.objectRef<ManyOutcome>("CheckCasesOutcome").implement({
    description: "Each case was done or refused on its own.",
    fields: (t) => ({ done: t.field({ type: [Case], complexity: { multiplier: 1 }, resolve: (outcome) => outcome.done }), refused: t.field({ type: [RefusedCase], complexity: { multiplier: 1 }, resolve: (outcome) => outcome.refused }) }),
  });
  const Change = builder.objectRef<CaseChange>("CheckCaseChange").implement({
    fields: (t) => ({ position: t.float({ description: "Resume after it.", resolve: (change) => change.position }), kind: t.exposeString("kind"), at: t.field({ type: "DateTime", resolve: (change) => change.at }), case: t.field({ type: Case, resolve: (change) => change.case }) }),
  });
  return { Text, State, Action, HearingEnum, AppealOutcomeEnum, SeverityEnum, Case, Detail, Many, Change };
}
