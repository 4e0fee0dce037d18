import { ConflictError, NotAllowedError, type Access, type Actor, type Refusal } from "#platform";
import { canTransition, requestActions, requestSubject, requestTransitions, requiredParts, type Opinion, type Request, type RequestAction, type ReviewOffice, type ReviewPart } from "./request-model.ts";

/** What a decision about a step looks at besides the request itself. */
export interface StepContext {
  access: Access;
  opinions: readonly Opinion[];
  /** The office of the four that the caller's body speaks for. */
  office: ReviewOffice | undefined;
}

/** The parts of the review in which this caller could have a say, by role and body alone. */
export function partsOf(actor: Actor, request: Request, { access, office }: StepContext): ReviewPart[] {
  // An opinion is a person's: no rule and no automaton speaks for a department.
  if (actor.kind === "system") return [];
  const subject = requestSubject(request);
  return requiredParts(request).filter((part) => (part === "provider" ? access.allows(actor, "request", "review-as-provider", subject) : part === office && access.allows(actor, "request", "review-as-office", subject)));
}

/**
 * Why this caller may not take this step now; undefined when it may. The service that takes the step and the list of
 * available actions ask the same question, so what is offered is what works.
 *
 * Nobody decides on a request that they wrote or submitted, whatever other roles they have; whoever approved it for
 * the asking department has no say in its review; nobody gives two of the opinions.
 */
export function refusalOf(actor: Actor, request: Request, action: RequestAction, context: StepContext): Refusal | undefined {
  const { by } = requestTransitions[action];
  const subject = requestSubject(request);
  const { access } = context;
  if (by === "system" ? actor.kind !== "system" : by === "review" ? partsOf(actor, request, context).length === 0 : !access.allows(actor, "request", by, subject)) {
    return new NotAllowedError(`You may not ${action} request ${request.number}`, { zh: `没有对申请 ${request.number} 执行该操作的权限`, code: `request.${action}.not-allowed`, nextStep: "The request shows who must act next." });
  }
  if (!canTransition(request.state, action)) {
    return new ConflictError(`Request ${request.number} is ${request.state}; ${action} is not possible there`, { zh: `申请 ${request.number} 当前状态不能执行该操作`, code: `request.${action}.state`, nextStep: "Read the request again: its timeline shows what has happened since." });
  }
  return separationRefusal(actor, request, action, context) ?? preconditionRefusal(actor, request, action, context);
}

function separationRefusal(actor: Actor, request: Request, action: RequestAction, { opinions }: StepContext): Refusal | undefined {
  const deciding: readonly RequestAction[] = ["approve-internally", "return-internally", "flag-for-review-body", "give-opinion", "return-for-material", "ask-extension", "consent-extension", "decline-extension"];
  if (!deciding.includes(action)) return undefined;
  const own = (message: string, zh: string) => new NotAllowedError(`${message} (request ${request.number})`, { zh, code: "request.separation-of-duties", nextStep: "Another person with this role must do it." });
  if (request.requesters.includes(actor.id)) return own("Nobody decides on a request of their own", "不得审批本人提出的申请");
  if (action === "approve-internally" || action === "return-internally") return undefined;
  if (request.internallyApprovedBy === actor.id) return own("Who approved a request for the asking department has no say in its review", "在申请部门内部审批过的人员不得再参与审核");
  if ((action === "consent-extension" || action === "decline-extension") && request.extension?.askedBy === actor.id) return own("Who asked for an extension may not consent to it", "提出延期的人员不得批准延期");
  if (action === "give-opinion" && opinions.some((opinion) => opinion.round === request.round && opinion.actorId === actor.id)) return own("Nobody gives two opinions on one request", "同一人员不得对同一申请提出两份意见");
  return undefined;
}

function preconditionRefusal(actor: Actor, request: Request, action: RequestAction, context: StepContext): Refusal | undefined {
  switch (action) {
    case "give-opinion":
    case "return-for-material": {
      const given = new Set(context.opinions.filter((opinion) => opinion.round === request.round).map((opinion) => opinion.part));
      if (partsOf(actor, request, context).some((part) => !given.has(part))) return undefined;
      return new ConflictError(`Your opinion on request ${request.number} is already given`, { zh: `对申请 ${request.number} 的意见已经提出`, code: "request.opinion-given" });
    }
    case "flag-for-review-body":
      return request.reviewBody ? new ConflictError(`Request ${request.number} is already before the review body`, { zh: "该申请已提交四部门审核", code: "request.already-flagged" }) : undefined;
    case "ask-extension":
      // The law extends the reply on conditional entries only (art. 21).
      if (request.sharingType === "unconditional") return new ConflictError(`The reply to request ${request.number} on an unconditional entry cannot be extended`, { zh: "无条件共享类的答复期限不得延长", code: "request.extension-none" });
      return request.extension !== undefined && request.extension.state !== "declined" ? new ConflictError(`Request ${request.number} has had its one extension`, { zh: "答复期限只能延长一次", code: "request.extension-used", nextStep: "Answer within the deadline that stands." }) : undefined;
    case "consent-extension":
    case "decline-extension":
      return request.extension?.state === "asked" ? undefined : new ConflictError(`No extension of request ${request.number} waits for consent`, { zh: "没有待批准的延期申请", code: "request.extension-none" });
    default:
      return undefined;
  }
}

/** What this caller could do now, in the order of the transition table. */
export function availableActions(actor: Actor, request: Request, context: StepContext): RequestAction[] {
  if (actor.kind === "system") return [];
  return requestActions.filter((action) => refusalOf(actor, request, action, context) === undefined);
}
