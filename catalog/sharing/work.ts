import type { Actor, AuditEntry, Kernel, NewDomainEvent, Reader, Transaction } from "#platform";
import type { Application, Entry, Organisation } from "../model/types.ts";
import { canTransition, requestTransitions, waitingFor, type Opinion, type Request, type RequestAction } from "./request-model.ts";
import { insertStep, updateRequest } from "./request-repository.ts";

/** What sharing reads of the rest of the catalog; entries with the content in force. */
export interface SharingSources {
  findEntry(reader: Reader, entryId: string): Promise<Entry | undefined>;
  findOrganisation(reader: Reader, organisationId: string): Promise<Organisation | undefined>;
  findApplication(reader: Reader, applicationId: string): Promise<Application | undefined>;
}

/** One transaction of a service method: its events and audit records are written together at its end. */
export interface Work {
  tx: Transaction;
  actor: Actor;
  at: Date;
  events: NewDomainEvent[];
  audits: AuditEntry[];
}

export function runWork<Result>(kernel: Kernel, actor: Actor, run: (work: Work) => Promise<Result>): Promise<Result> {
  return kernel.database.withTransaction(async (tx) => {
    const work: Work = { tx, actor, at: kernel.clock.now(), events: [], audits: [] };
    const result = await run(work);
    await kernel.eventLog.append(tx, actor, work.events);
    for (const audit of work.audits) await kernel.audit.record(tx, actor, audit);
    return result;
  });
}

export interface TransitionOptions {
  opinions: readonly Opinion[];
  reason?: string | undefined;
  /** For the timeline; no row values. */
  detail?: Record<string, unknown>;
  changes?: Partial<Request>;
  /** The step is the platform's own, by a rule, within a person's call. */
  byRule?: boolean;
}

const ruleActorId = "system:sharing";
const decidedActions: readonly RequestAction[] = ["agree", "agree-by-rule", "refuse", "refuse-at-intake"];

/** The only writer of a request's state: records when, who, from where to where and why. */
export async function transition({ tx, actor, at, events, audits }: Work, request: Request, action: RequestAction, options: TransitionOptions): Promise<Request> {
  if (!canTransition(request.state, action)) throw new Error(`${action} is no transition from ${request.state}`);
  const moved: Request = { ...request, ...options.changes, state: requestTransitions[action].to, updatedAt: at };
  const next: Request = { ...moved, waitingFor: waitingFor(moved, options.opinions) };
  await updateRequest(tx, next);
  const detail = options.detail ?? {};
  await insertStep(tx, {
    requestId: request.id,
    action,
    fromState: request.state,
    toState: next.state,
    at,
    actorId: options.byRule === true ? ruleActorId : actor.id,
    detail,
    ...(options.byRule === true || actor.organisationId === undefined ? {} : { actorOrganisationId: actor.organisationId }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  const kind = action === "submit" ? "request.submitted" : decidedActions.includes(action) ? "request.decided" : "request.advanced";
  events.push(requestEvent(next, kind, { action }));
  audits.push({ action: `request.${action}`, objectType: "request", objectId: request.id, detail: { ...detail, from: request.state, to: next.state, ...(options.byRule === true ? { byRule: true } : {}) } });
  return next;
}

export function requestEvent(request: Request, kind: string, more: Record<string, unknown> = {}): NewDomainEvent {
  return { subjectType: "request", subjectId: request.id, kind, organisationId: request.providerOrganisationId, payload: { requestId: request.id, entryId: request.entryId, state: request.state, ...more } };
}
