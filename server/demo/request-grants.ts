import { eachAtOnce, NotFoundError, type Actor } from "#platform";
import type { Catalog, Request, RequestContent } from "#catalog";
import type { Grant } from "#standards";
import { sampleConsumers, sampleFlows, type SampleFlow } from "../sample-city/flows.ts";
import { addDays } from "../sample-city/calendar-months.ts";
import type { Cast } from "./cast.ts";
import type { Registered } from "./register-entries.ts";
import type { Step } from "./account.ts";

export interface GrantedFlow {
  flow: SampleFlow;
  grant: Grant;
}

interface Asker {
  organisationId: string;
  applicationId?: string;
  requester: Actor;
  head: Actor;
  legalBasis: string;
  purpose: string;
  scene: string;
}

function askerOf(flow: SampleFlow, cast: Cast): Asker {
  if (typeof flow.consumer === "string") {
    const { legalBasis, purpose, scene } = sampleConsumers[flow.consumer];
    return { organisationId: cast.office.organisation.id, applicationId: cast.applications.get(flow.consumer)!.id, requester: cast.office.cataloguer, head: cast.office.approver, legalBasis, purpose, scene };
  }
  const people = cast.departments.get(flow.consumer.department)!;
  return { organisationId: people.organisation.id, requester: people.cataloguer, head: people.approver, legalBasis: "《政务数据共享条例》第二十条", purpose: "履行法定职责核验数据", scene: "办理业务时核对对方部门登记的信息" };
}

/**
 * Every flow from request to grant, from wherever an earlier run left it: written by the asking department, agreed to
 * by its head, answered by rule, by the provider, and where the entry says so by the four offices.
 */
export async function requestGrants({ catalog, cast, registered, asOf, step }: { catalog: Catalog; cast: Cast; registered: Registered; asOf: string; step: Step }): Promise<GrantedFlow[]> {
  const grants = new Map<SampleFlow, Grant>();
  await eachAtOnce(sampleFlows, 4, async (flow) => {
    const { entry } = registered.get(flow.entry) ?? fail(flow.entry);
    const asker = askerOf(flow, cast);
    const items = entry.content.items ?? [];
    const content: RequestContent = {
      entryId: entry.id,
      ...(asker.applicationId === undefined ? {} : { applicationId: asker.applicationId }),
      legalBasis: asker.legalBasis,
      purpose: asker.purpose,
      scene: asker.scene,
      fields: [...(flow.fields ?? items.map((item) => item.field))],
      ...(flow.rowCondition === undefined ? {} : { rowCondition: flow.rowCondition }),
      ...(flow.masks === undefined ? {} : { masks: flow.masks }),
      deliveryMode: "feed",
      frequency: "realtime",
      validFrom: asOf,
      validUntil: addDays(asOf, 365),
    };
    grants.set(flow, await grantOf({ catalog, cast, registered, flow, asker, content }));
    step.progress(grants.size, sampleFlows.length, entry.content.title);
  });
  return sampleFlows.map((flow) => ({ flow, grant: grants.get(flow)! }));
}

async function grantOf({ catalog, cast, flow, asker, content }: { catalog: Catalog; cast: Cast; registered: Registered; flow: SampleFlow; asker: Asker; content: RequestContent }): Promise<Grant> {
  const { requests, reviews, grants } = catalog.sharing;
  const existing = (await requests.list(asker.requester, { entryId: content.entryId }, { first: 100 })).rows.find((request) => request.consumerOrganisationId === asker.organisationId && request.applicationId === asker.applicationId);
  let request: Request = existing ?? (await requests.createDraft(asker.requester, content));
  // A fixed number of steps is enough for every path; one more would mean that nobody moves.
  for (let turn = 0; turn < 12; turn += 1) {
    const found = (await grants.list(asker.requester, { requestId: request.id }, { first: 1 })).rows[0];
    if (found) return found;
    if (request.state === "draft") request = await requests.submit(asker.requester, request.id);
    else if (request.state === "submitted") request = await requests.approveInternally(asker.head, request.id);
    else if (request.state === "under-review") request = await review();
    else throw new Error(`The sample request ${request.number} for ${flow.entry} stands in state ${request.state}`);
  }
  throw new Error(`The sample request ${request.number} for ${flow.entry} did not become a grant`);

  async function review(): Promise<Request> {
    const detail = await requests.detail(asker.requester, request.id);
    const given = new Set(detail.opinions.filter((opinion) => opinion.round === request.round).map((opinion) => opinion.part));
    const provider = [...cast.departments.values()].find((people) => people.organisation.id === request.providerOrganisationId);
    if (!provider) throw new NotFoundError(`No provider of the sample request ${request.number}`);
    if (!given.has("provider")) return reviews.giveOpinion(provider.approver, request.id, { opinion: "agree" });
    for (const [part, actor] of cast.reviewers) if (!given.has(part)) return reviews.giveOpinion(actor, request.id, { opinion: "agree", part });
    return requests.get(asker.requester, request.id);
  }
}

function fail(entry: string): never {
  throw new Error(`flows.ts names the entry ${entry}, which is not registered`);
}
