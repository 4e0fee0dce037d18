import { ConflictError, InputError, NotAllowedError, NotFoundError, type Actor, type Kernel, type Reader } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { findCorrection } from "./correction-repository.ts";
import type { Decisions } from "./decisions.ts";
import { canActOnDispute, disputeActions, disputeSubject, disputeTransitions, type Dispute, type DisputeAction, type DisputeState, type DisputeStep, type DisputeSubject } from "./dispute-model.ts";
import { findDispute, insertDispute, insertDisputeStep, listDisputes, listDisputeSteps, updateDispute } from "./dispute-repository.ts";
import { findGrant } from "./grant-repository.ts";
import { canTransition } from "./request-model.ts";
import { findRequest } from "./request-repository.ts";
import { assertReason } from "../model/reason.ts";
import { listAccess } from "./rows.ts";
import { runWork, transition as transitionRequest, type Work } from "./work.ts";

/** 争议 (art. 28): the departments consult; failing that the city authority decides. */
export interface DisputeService {
  get(actor: Actor, disputeId: string): Promise<DisputeDetail>;
  list(actor: Actor, filter: { states?: readonly DisputeState[] }, page: PageRequest): Promise<Page<Dispute>>;
  /** About a refused request, a grant or an answered correction, by one of its two departments. */
  raise(actor: Actor, input: { subjectType: DisputeSubject; subjectId: string; reason: string }): Promise<Dispute>;
  /** A statement of either side, while it is open. */
  state(actor: Actor, disputeId: string, statement: string): Promise<Dispute>;
  /** Consultation has led nowhere: to the city authority. */
  refer(actor: Actor, disputeId: string, statement: string): Promise<Dispute>;
  settle(actor: Actor, disputeId: string, statement: string): Promise<Dispute>;
  withdraw(actor: Actor, disputeId: string, reason: string): Promise<Dispute>;
  /** The city authority's decision. Upheld against a refusal, the request goes back to its reviewers with a new clock. */
  decide(actor: Actor, disputeId: string, input: { outcome: "upheld" | "dismissed"; decision: string }): Promise<Dispute>;
}

export interface DisputeDetail {
  dispute: Dispute;
  steps: DisputeStep[];
  actions: DisputeAction[];
}

const notFound = (id: string) => new NotFoundError(`No dispute ${id} that you may see`, { zh: "争议不存在或无权查看", code: "dispute.not-found" });

export function createDisputes({ kernel, decisions }: { kernel: Kernel; decisions: Decisions }): DisputeService {
  const { access } = kernel;

  async function getSeen(reader: Reader, actor: Actor, id: string, lock: "" | "for update" = ""): Promise<Dispute> {
    const dispute = await findDispute(reader, id, lock);
    if (dispute === undefined || !access.allows(actor, "dispute", "see", disputeSubject(dispute))) throw notFound(id);
    return dispute;
  }

  /** The only writer of a dispute's state. */
  async function transition(work: Work, dispute: Dispute, action: DisputeAction, statement: string, changes: Partial<Dispute> = {}): Promise<Dispute> {
    const next: Dispute = { ...dispute, ...changes, state: disputeTransitions[action].to ?? dispute.state, updatedAt: work.at };
    await updateDispute(work.tx, next);
    await insertDisputeStep(work.tx, dispute.id, { action, fromState: dispute.state, toState: next.state, statement, actorId: work.actor.id, at: work.at, ...(work.actor.organisationId === undefined ? {} : { organisationId: work.actor.organisationId }) });
    work.events.push(eventOf(next));
    work.audits.push({ action: `dispute.${action}`, objectType: "dispute", objectId: dispute.id, detail: { from: dispute.state, to: next.state } });
    return next;
  }

  async function act(actor: Actor, id: string, action: DisputeAction, statement: string, then?: (work: Work, dispute: Dispute) => Promise<Partial<Dispute>>): Promise<Dispute> {
    assertReason(statement, "statement");
    return runWork(kernel, actor, async (work) => {
      const dispute = await getSeen(work.tx, actor, id, "for update");
      access.assert(actor, "dispute", disputeTransitions[action].by, disputeSubject(dispute));
      if (!canActOnDispute(dispute.state, action)) throw new ConflictError(`Dispute ${id} is ${dispute.state}; ${action} is not possible there`, { zh: "争议当前状态不能执行该操作", code: `dispute.${action}.state` });
      return transition(work, dispute, action, statement, await then?.(work, dispute));
    });
  }

  /** The two departments of what is disputed, as far as the caller may know of it. */
  async function partiesOf(reader: Reader, actor: Actor, subjectType: DisputeSubject, subjectId: string): Promise<{ consumer: string; provider: string }> {
    const hidden = new NotFoundError(`No ${subjectType} ${subjectId} that you may see`, { zh: "对象不存在或无权查看", code: `${subjectType}.not-found` });
    if (subjectType === "request") {
      const request = await findRequest(reader, subjectId);
      if (request === undefined || request.consumerOrganisationId !== actor.organisationId) throw hidden;
      if (request.state !== "refused") throw new ConflictError(`Request ${request.number} is ${request.state}; a refusal can be disputed`, { zh: "仅可对不予同意的答复提出争议", code: "dispute.subject-state" });
      return { consumer: request.consumerOrganisationId, provider: request.providerOrganisationId };
    }
    if (subjectType === "grant") {
      const grant = await findGrant(reader, subjectId);
      if (grant === undefined || (grant.consumerOrganisationId !== actor.organisationId && grant.providerOrganisationId !== actor.organisationId)) throw hidden;
      return { consumer: grant.consumerOrganisationId, provider: grant.providerOrganisationId };
    }
    const correction = await findCorrection(reader, subjectId);
    if (correction?.raisedByOrganisationId === undefined || (correction.raisedByOrganisationId !== actor.organisationId && correction.providerOrganisationId !== actor.organisationId)) throw hidden;
    if (correction.state === "raised") throw new ConflictError(`Correction ${subjectId} is not answered yet`, { zh: "校核尚未答复", code: "dispute.subject-state" });
    return { consumer: correction.raisedByOrganisationId, provider: correction.providerOrganisationId };
  }

  return {
    get: (actor, id) =>
      kernel.database.read(async (reader) => {
        const dispute = await getSeen(reader, actor, id);
        const actions = disputeActions.filter((action) => actor.kind !== "system" && canActOnDispute(dispute.state, action) && access.allows(actor, "dispute", disputeTransitions[action].by, disputeSubject(dispute)));
        return { dispute, steps: await listDisputeSteps(reader, id), actions };
      }),

    async list(actor, filter, page) {
      checkPageSize(page.first);
      const after = page.after === undefined ? undefined : decodeCursor(page.after, 2);
      const rows = await kernel.database.read((reader) => listDisputes(reader, { access: listAccess(access, actor, "dispute"), states: filter.states, after: after && { at: new Date(Number(after[0])), id: String(after[1]) }, limit: page.first + 1 }));
      return toPage(rows, page.first, (dispute) => encodeCursor([dispute.updatedAt.getTime(), dispute.id]));
    },

    async raise(actor, { subjectType, subjectId, reason }) {
      access.assertAnyScope(actor, "dispute", "raise");
      const own = actor.organisationId;
      if (own === undefined) throw new NotAllowedError("A dispute is raised for a department", { zh: "争议须以部门名义提出", code: "dispute.no-department" });
      assertReason(reason);
      return runWork(kernel, actor, async (work) => {
        const { consumer, provider } = await partiesOf(work.tx, actor, subjectType, subjectId);
        if (consumer === provider) throw new InputError("A department has no dispute with itself", { zh: "双方为同一部门", code: "dispute.same-department" });
        const dispute: Dispute = { id: kernel.newId("dispute"), subjectType, subjectId, raisedByOrganisationId: own, againstOrganisationId: own === consumer ? provider : consumer, reason, state: "consulting", raisedBy: actor.id, raisedAt: work.at, updatedAt: work.at };
        if (!(await insertDispute(work.tx, dispute))) throw new ConflictError(`There is an open dispute about this ${subjectType} already`, { zh: "该事项已有未办结的争议", code: "dispute.open" });
        await insertDisputeStep(work.tx, dispute.id, { action: "raise", fromState: "consulting", toState: "consulting", statement: reason, actorId: actor.id, organisationId: own, at: work.at });
        work.events.push(eventOf(dispute));
        work.audits.push({ action: "dispute.raise", objectType: "dispute", objectId: dispute.id, detail: { subjectType, subjectId } });
        return dispute;
      });
    },

    state: (actor, id, statement) => act(actor, id, "state", statement),
    refer: (actor, id, statement) => act(actor, id, "refer", statement),
    settle: (actor, id, statement) => act(actor, id, "settle", statement),
    withdraw: (actor, id, reason) => act(actor, id, "withdraw", reason),

    decide: (actor, id, { outcome, decision }) =>
      act(actor, id, "decide", decision, async (work, dispute) => {
        if (actor.organisationId === dispute.raisedByOrganisationId || actor.organisationId === dispute.againstOrganisationId) throw new NotAllowedError("A party does not decide its own dispute", { zh: "争议一方不得自行裁决", code: "dispute.separation-of-duties" });
        if (outcome === "upheld" && dispute.subjectType === "request") {
          const request = await findRequest(work.tx, dispute.subjectId, "for update");
          // What a rule refused stays refused until the entry's own classification is changed.
          if (request !== undefined && request.sentAt !== undefined && request.decision?.rule === undefined && canTransition(request.state, "reopen")) {
            const reopened = await transitionRequest(work, request, "reopen", { opinions: [], byRule: true, reason: decision, detail: { disputeId: dispute.id }, changes: { round: request.round + 1, decision: undefined, decidedAt: undefined, extension: undefined } });
            await decisions.openReplyClock(work, reopened);
          }
        }
        return { outcome, decision };
      }),
  };
}

const eventOf = (dispute: Dispute) => ({ subjectType: "dispute", subjectId: dispute.id, kind: "dispute.changed", organisationId: dispute.againstOrganisationId, payload: { disputeId: dispute.id, subjectType: dispute.subjectType, subjectId: dispute.subjectId, state: dispute.state } });
