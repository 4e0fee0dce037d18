import { ConflictError, InputError, NotAllowedError, type Actor } from "#platform";
import { addDays, localDay } from "../../check/model/period.ts";
import { getRule, type CheckDefinition, type CheckRule } from "../../check/model/definition.ts";
import { caseTransitions, caseActions, hearings, type CaseAction, type CaseEvidence, type CheckCase, type Hearing } from "../model/case.ts";

/** What stands between an officer and an action, as pure functions of the case: used by the actions and by what is offered. */

const longestText = 2_000;

/** The system, applications and nodes never act on a case: a person does, and answers for it. */
export function requirePerson(actor: Actor): void {
  if (actor.kind === "user") return;
  throw new NotAllowedError("Only a person may act on a case", { zh: "办件只能由经办人员处理，系统不得自动处理", code: "case.person-needed", nextStep: "Let a case officer of the benefit department act." });
}

export function requireText(text: string | undefined, what: { message: string; zh: string }): string {
  const trimmed = text?.trim() ?? "";
  if (trimmed.length === 0) throw new InputError(`${what.message} is required`, { zh: `${what.zh}为必填`, code: "case.text-required" });
  if (trimmed.length > longestText) throw new InputError(`${what.message} has at most ${longestText} characters`, { zh: `${what.zh}不能超过 ${longestText} 字`, code: "case.text-too-long" });
  return trimmed;
}

/** Which rule's ground is confirmed: the asked kind, else the first ground among the evidence that stands. */
export function chooseGround(found: CheckCase, definition: CheckDefinition, evidence: readonly CaseEvidence[], kind: string | undefined): { rule: CheckRule; circumstanceFrom?: string } {
  const standing = evidence.filter((item) => item.withdrawnAt === undefined && definition.rules.some((rule) => rule.id === item.ruleId));
  if (standing.length === 0) throw new ConflictError(`All evidence in case ${found.number} was withdrawn at its source`, { zh: `办件 ${found.number} 的证据均已在来源处撤回`, code: "case.no-standing-evidence", nextStep: "Dismiss the case, or wait for new evidence." });
  const order = (rule: CheckRule) => (rule.severity === "ground" ? 0 : 1_000) + definition.rules.indexOf(rule);
  const rules = [...new Set(standing.map((item) => item.ruleId))].map((id) => getRule(definition, id)).sort((a, b) => order(a) - order(b));
  const rule = kind === undefined ? rules[0]! : rules.find((candidate) => candidate.kind === kind);
  if (!rule) throw new InputError(`Case ${found.number} has no evidence of ${kind}: only of ${rules.map((candidate) => candidate.kind).join(", ")}`, { zh: `办件 ${found.number} 没有“${kind}”的证据`, code: "case.kind-without-evidence" });
  const dates = standing.filter((item) => getRule(definition, item.ruleId).kind === rule.kind && item.evidenceDate !== undefined).map((item) => item.evidenceDate!);
  return dates.length === 0 ? { rule } : { rule, circumstanceFrom: dates.sort()[0]! };
}

/** How the person was heard; refuses while the right to object still runs and nothing was heard. */
export function settleHearing(found: CheckCase, hearing: Hearing | undefined, at: Date): Hearing {
  if (hearing !== undefined && !hearings.includes(hearing)) throw new InputError(`"${hearing}" is not how a person is heard`, { zh: "听取意见方式不可用", code: "case.hearing" });
  if (found.state === "objected") return "heard";
  if (hearing === "heard") throw new ConflictError(`No objection is recorded in case ${found.number}`, { zh: `办件 ${found.number} 未登记本人异议`, code: "case.no-objection-recorded", nextStep: "Record the objection first." });
  if (hearing === "accepted") return "accepted";
  const until = found.objectionDeadline?.date;
  if (until !== undefined && localDay(at) > until) return "no-objection";
  throw new ConflictError(`The person in case ${found.number} may still object${until === undefined ? "" : ` until ${until}`}`, {
    zh: `办件 ${found.number} 的异议期${until === undefined ? "尚未算定" : `至 ${until}`}，本人仍可提出异议`,
    code: "case.objection-period",
    nextStep: "Wait for the end of the period, record an objection, or record that the person accepted the finding.",
  });
}

export function requireDismissalKind(definition: CheckDefinition, kind: string): string {
  if (definition.dismissalKinds.some((candidate) => candidate.kind === kind)) return kind;
  throw new InputError(`"${kind}" is not a kind of dismissal; it is one of ${definition.dismissalKinds.map((candidate) => candidate.kind).join(", ")}`, { zh: `排除类别应为：${definition.dismissalKinds.map((candidate) => candidate.title.zh).join("、")}`, code: "case.dismissal-kind" });
}

export function requireAppealInTime(found: CheckCase, at: Date): void {
  const until = found.appealDeadline?.date;
  if (until !== undefined && localDay(at) > until) throw new ConflictError(`The decision in case ${found.number} could be appealed until ${until}`, { zh: `办件 ${found.number} 的申诉期已于 ${until} 届满`, code: "case.appeal-too-late" });
}

/** Four eyes: who confirmed does not decide on the appeal. */
export function requireSecondOfficer(found: CheckCase, actor: Actor): void {
  if (actor.id === found.decidedBy) throw new NotAllowedError(`Case ${found.number} was confirmed by you: another officer decides the appeal`, { zh: `办件 ${found.number} 由您确认，申诉须由另一名经办人员决定`, code: "case.four-eyes", nextStep: "Let another case officer of the department decide." });
}

export function requireClosable(found: CheckCase, at: Date): void {
  const until = found.appealDeadline?.date;
  if (found.state === "confirmed" && (until === undefined || localDay(at) <= until)) throw new ConflictError(`Case ${found.number} may still be appealed${until === undefined ? "" : ` until ${until}`}`, { zh: `办件 ${found.number} 仍在申诉期内${until === undefined ? "" : `（至 ${until}）`}`, code: "case.appeal-period", nextStep: `Close it from ${until === undefined ? "the end of the appeal period" : addDays(until, 1)} on.` });
}

/** What this actor may do with the case now; `allows` is the access decision. */
export function availableActions(found: CheckCase, actor: Actor, evidence: readonly CaseEvidence[], at: Date, allows: (action: CaseAction) => boolean): CaseAction[] {
  if (actor.kind !== "user") return [];
  return caseActions.filter((action) => {
    if (!caseTransitions[action].from.includes(found.state) || !allows(action)) return false;
    const until = found.appealDeadline?.date;
    if (action === "confirm") return evidence.some((item) => item.withdrawnAt === undefined);
    if (action === "decide-appeal") return actor.id !== found.decidedBy;
    if (action === "appeal") return until === undefined || localDay(at) <= until;
    if (action === "close") return found.state !== "confirmed" || (until !== undefined && localDay(at) > until);
    return true;
  });
}
