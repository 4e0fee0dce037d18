import type { Actor, Kernel } from "#platform";
import type { Correction } from "./correction-model.ts";
import { listCorrections } from "./correction-repository.ts";
import type { Deadline } from "./deadline-model.ts";
import type { DeadlineService } from "./deadlines.ts";
import type { Dispute } from "./dispute-model.ts";
import { listDisputes } from "./dispute-repository.ts";
import { reviewOffices, type Request, type RequestAction, type WaitingParty } from "./request-model.ts";
import { findOfficeOf, listOpinions, listWaiting, type Desk } from "./request-repository.ts";
import { availableActions } from "./request-rules.ts";
import { listAccess } from "./rows.ts";

/** Something that waits for the caller, with the clock that runs on it. */
export type Task =
  | { kind: "request"; request: Request; parties: WaitingParty[]; actions: RequestAction[]; deadline?: Deadline }
  | { kind: "correction"; correction: Pick<Correction, "id" | "entryId" | "field" | "providerOrganisationId" | "raisedAt" | "state">; deadline?: Deadline }
  | { kind: "dispute"; dispute: Dispute };

export interface TaskService {
  /** What waits for this caller's roles, oldest first, the most urgent deadline before the others; at most `limit` of each kind. */
  mine(actor: Actor, limit: number): Promise<Task[]>;
}

/** What each party does when it is waited for. */
const workOf = (party: WaitingParty): readonly RequestAction[] | "anything" => {
  if (party === "requester") return ["submit", "resubmit", "dispose"];
  if (party === "requester-head") return ["approve-internally"];
  if (party === "provider") return ["give-opinion", "confirm-provision"];
  return party === "city" ? "anything" : ["give-opinion"];
};

export function createTasks({ kernel, deadlines }: { kernel: Kernel; deadlines: DeadlineService }): TaskService {
  const { access } = kernel;

  function desksOf(actor: Actor, office: (typeof reviewOffices)[number] | undefined): Desk[] {
    const desks: Desk[] = [];
    const own = actor.organisationId;
    const has = (...roles: Actor["roles"][number][]) => roles.some((role) => actor.roles.includes(role));
    if (own !== undefined && has("cataloguer", "analyst", "case-officer", "approver")) desks.push({ party: "requester", consumerOrganisationId: own });
    if (own !== undefined && has("approver")) desks.push({ party: "requester-head", consumerOrganisationId: own });
    if (own !== undefined && has("approver", "cataloguer", "node-operator")) desks.push({ party: "provider", providerOrganisationId: own });
    if (office !== undefined && has("review-office")) desks.push({ party: office });
    if (has("city-reviewer")) desks.push({ party: "city" });
    return desks;
  }

  return {
    mine: (actor, limit) =>
      kernel.database.read(async (reader) => {
        if (actor.kind === "system" || actor.kind === "anonymous") return [];
        const office = await findOfficeOf(reader, actor.organisationId);
        const desks = desksOf(actor, office);
        const requests = await listWaiting(reader, { access: listAccess(access, actor, "request"), desks, limit });
        const opinions = await listOpinions(reader, requests.map((request) => request.id));
        const corrections = actor.organisationId === undefined || !access.scopes(actor, "correction", "answer").includes("provider") ? [] : await listCorrections(reader, { access: listAccess(access, actor, "correction", "answer"), filter: { states: ["raised"] }, after: undefined, limit });
        const disputes = actor.roles.includes("city-reviewer") ? await listDisputes(reader, { access: listAccess(access, actor, "dispute", "decide"), states: ["referred"], after: undefined, limit }) : [];
        const clocks = await deadlines.list(reader, [...requests.map((request) => request.id), ...corrections.map((correction) => correction.id)]);
        const openClock = (id: string) => clocks.get(id)?.find((deadline) => deadline.state === "open");
        const tasks: Task[] = [];
        for (const request of requests) {
          const actions = availableActions(actor, request, { access, opinions: opinions.get(request.id)!, office });
          const parties = desks
            .filter((desk) => request.waitingFor.includes(desk.party) && (desk.consumerOrganisationId === undefined || desk.consumerOrganisationId === request.consumerOrganisationId) && (desk.providerOrganisationId === undefined || desk.providerOrganisationId === request.providerOrganisationId))
            .map((desk) => desk.party)
            .filter((party) => {
              const work = workOf(party);
              return work === "anything" || work.some((action) => actions.includes(action));
            });
          const deadline = openClock(request.id);
          if (parties.length > 0) tasks.push({ kind: "request", request, parties, actions, ...(deadline === undefined ? {} : { deadline }) });
        }
        for (const { id, entryId, field, providerOrganisationId, raisedAt, state } of corrections) {
          const deadline = openClock(id);
          tasks.push({ kind: "correction", correction: { id, entryId, field, providerOrganisationId, raisedAt, state }, ...(deadline === undefined ? {} : { deadline }) });
        }
        for (const dispute of disputes) tasks.push({ kind: "dispute", dispute });
        const urgency = (task: Task) => (task.kind === "dispute" ? "9" : (task.deadline?.dueOn ?? task.deadline?.notBefore ?? "9"));
        return tasks.sort((a, b) => (urgency(a) < urgency(b) ? -1 : urgency(a) > urgency(b) ? 1 : 0));
      }),
  };
}
