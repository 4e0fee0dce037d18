import { ConflictError, type Actor, type NewDomainEvent, type Transaction } from "#platform";
import { actionTitles, caseTransitions, stateTitles, type CaseAction, type CheckCase } from "../model/case.ts";
import { insertSteps, updateCase } from "../repositories/cases.ts";

export interface TransitionOptions {
  actor: Actor;
  at: Date;
  action: CaseAction;
  reason?: string;
  detail?: Record<string, unknown>;
  /** What else the action sets. */
  set?: Partial<CheckCase>;
}

/** Refuses an action that the case's state does not allow, naming both and what is possible instead. */
export function assertTransition(found: CheckCase, action: CaseAction): void {
  const { from } = caseTransitions[action];
  if (from.includes(found.state)) return;
  throw new ConflictError(`Case ${found.number} is ${stateTitles[found.state].message}: "${actionTitles[action].message}" needs it to be ${from.map((state) => stateTitles[state].message).join(" or ")}`, {
    zh: `办件 ${found.number} 当前为“${stateTitles[found.state].zh}”，不能执行“${actionTitles[action].zh}”`,
    code: `case.${action}.state`,
    nextStep: found.state === "opened" && action === "confirm" ? "Notify the person first: nobody is found against without having been told." : "Look at the case again: somebody may have acted on it meanwhile.",
  });
}

const past: Record<CaseAction, string> = { notify: "notified", object: "objected", confirm: "confirmed", dismiss: "dismissed", appeal: "appealed", "decide-appeal": "decided", close: "closed" };

/** The only writer of a case's state: checks the table, writes the state and the step, and answers the event to append. */
export async function transition(tx: Transaction, found: CheckCase, options: TransitionOptions): Promise<{ case: CheckCase; event: NewDomainEvent }> {
  const { actor, at, action } = options;
  assertTransition(found, action);
  const next: CheckCase = { ...found, ...options.set, state: caseTransitions[action].to, version: found.version + 1 };
  await updateCase(tx, next);
  await insertSteps(tx, [
    { caseId: found.id, action, fromState: found.state, toState: next.state, actorId: actor.id, at, detail: options.detail ?? {}, ...(actor.name === undefined ? {} : { actorName: actor.name }), ...(options.reason === undefined ? {} : { reason: options.reason }) },
  ]);
  return {
    case: next,
    event: { subjectType: "case", subjectId: found.id, kind: `case.${past[action]}`, organisationId: found.organisationId, payload: { caseId: found.id, number: found.number, state: next.state, definition: found.definition, period: found.period } },
  };
}
