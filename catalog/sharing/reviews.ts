import { findSharingClock, type ClockProfile } from "#standards";
import { ConflictError, InputError, NotAllowedError, type Actor, type Issue, type Kernel } from "#platform";
import type { Decisions } from "./decisions.ts";
import type { DeadlineService } from "./deadlines.ts";
import { requestSubject, requiredParts, reviewOffices, type MaterialItem, type Narrowing, type Opinion, type Request, type RequestAction, type RequestContent, type ReviewOffice, type ReviewPart } from "./request-model.ts";
import { findOfficeOf, findRequest, insertOpinion, insertReturn, listOffices, listOpinions, listReturns, upsertOffice } from "./request-repository.ts";
import { partsOf, refusalOf, type StepContext } from "./request-rules.ts";
import { assertReason } from "../model/reason.ts";
import { requestNotFound } from "./requests.ts";
import { runWork, transition, type SharingSources, type Work } from "./work.ts";

/** 审核: the provider's answer, the four offices' opinions, material asked for, extension, provision (art. 21-22). */
export interface ReviewService {
  /**
   * The caller's opinion as provider or as one of the four offices. A refusal needs reason and legal basis and ends the
   * review; when the last opinion that is needed agrees, the request is agreed to and the grant issued at once.
   */
  giveOpinion(actor: Actor, requestId: string, input: GiveOpinionInput): Promise<Request>;
  /** Everything that is missing, at once: a later return may only name what has changed since, or what was named before. */
  returnForMaterial(actor: Actor, requestId: string, input: { items: MaterialItem[]; part?: ReviewPart }): Promise<Request>;
  flagForReviewBody(actor: Actor, requestId: string, reason: string): Promise<Request>;
  /** One extension, before the deadline has passed. */
  askExtension(actor: Actor, requestId: string, input: { days: number; reason: string }): Promise<Request>;
  /** The city authority's consent, or not; the requester is told by event and sees it on the request. */
  answerExtension(actor: Actor, requestId: string, input: { consent: boolean; answer?: string }): Promise<Request>;
  /** The data has reached the requester: by the provider's people, or by the exchange when the first batch is applied. */
  confirmProvision(actor: Actor, requestId: string): Promise<Request>;
  /** Which body speaks for an office. By administrators of the city data office. */
  assignOffice(actor: Actor, office: ReviewOffice, organisationId: string): Promise<void>;
  offices(actor: Actor): Promise<{ office: ReviewOffice; organisationId: string }[]>;
}

export interface GiveOpinionInput {
  opinion: "agree" | "refuse";
  reason?: string;
  legalBasis?: string;
  /** The provider may agree to less than was asked. */
  narrowing?: Narrowing;
  /** Only needed by a body that has several parts. */
  part?: ReviewPart;
}

export interface CreateReviewsOptions {
  kernel: Kernel;
  sources: SharingSources;
  deadlines: DeadlineService;
  decisions: Decisions;
  profile: ClockProfile;
}

export function createReviews({ kernel, sources, deadlines, decisions, profile }: CreateReviewsOptions): ReviewService {
  const { access } = kernel;

  async function step(actor: Actor, requestId: string, action: RequestAction, run: (work: Work, request: Request, context: StepContext) => Promise<Request>): Promise<Request> {
    return runWork(kernel, actor, async (work) => {
      const request = await findRequest(work.tx, requestId, "for update");
      if (request === undefined || !access.allows(actor, "request", "see", requestSubject(request))) throw requestNotFound(requestId);
      const context: StepContext = { access, opinions: (await listOpinions(work.tx, [requestId])).get(requestId)!, office: await findOfficeOf(work.tx, actor.organisationId) };
      const refusal = refusalOf(actor, request, action, context);
      if (refusal !== undefined) throw refusal;
      return run(work, request, context);
    });
  }

  /** The part for which the caller speaks and has not spoken yet. */
  function partFor(actor: Actor, request: Request, context: StepContext, asked: ReviewPart | undefined): ReviewPart {
    const given = new Set(context.opinions.filter((opinion) => opinion.round === request.round).map((opinion) => opinion.part));
    const open = partsOf(actor, request, context).filter((part) => !given.has(part));
    if (asked === undefined && open.length === 1) return open[0]!;
    if (asked !== undefined && open.includes(asked)) return asked;
    throw new InputError(`Say for which part you speak: ${open.join(", ")}`, { zh: "请指明以哪一方的身份提出意见", code: "request.part", issues: [{ path: "/part", code: "request.part", message: `must be one of ${open.join(", ")}`, zh: "请选择审核方" }] });
  }

  return {
    async giveOpinion(actor, requestId, input) {
      assertOpinion(input);
      return step(actor, requestId, "give-opinion", async (work, request, context) => {
        const part = partFor(actor, request, context, input.part);
        const entry = (await sources.findEntry(work.tx, request.entryId))!;
        if (input.narrowing !== undefined) {
          if (part !== "provider") throw new InputError("Only the provider narrows the scope", { zh: "仅提供方可以缩小范围", code: "request.narrowing", issues: [{ path: "/narrowing", code: "request.narrowing", message: "is the provider's", zh: "仅提供方可以缩小范围" }] });
          decisions.scopeOf(request, entry, input.narrowing);
        }
        const { opinion: verdict, reason, legalBasis, narrowing } = input;
        const opinion: Opinion = { round: request.round, part, opinion: verdict, actorId: actor.id, organisationId: actor.organisationId!, at: work.at, ...(reason === undefined ? {} : { reason }), ...(legalBasis === undefined ? {} : { legalBasis }), ...(narrowing === undefined ? {} : { narrowing }) };
        await insertOpinion(work.tx, request.id, opinion);
        const opinions = [...context.opinions, opinion];
        const heard = await transition(work, request, "give-opinion", { opinions, reason, detail: { part, opinion: verdict } });
        if (verdict === "refuse") return decisions.refuse(work, heard, { opinions, reason: reason!, legalBasis: legalBasis!, part });
        const ofRound = new Map(opinions.filter((each) => each.round === request.round).map((each) => [each.part, each]));
        if (requiredParts(request).some((each) => !ofRound.has(each))) return heard;
        const provider = ofRound.get("provider");
        return decisions.agree(work, heard, entry, { opinions, narrowing: provider?.narrowing, reason: provider?.reason });
      });
    },

    async returnForMaterial(actor, requestId, { items, part: asked }) {
      assertItems(items);
      return step(actor, requestId, "return-for-material", async (work, request, context) => {
        const part = partFor(actor, request, context, asked);
        assertToldAtOnce(items, request.content, await listReturns(work.tx, request.id));
        await insertReturn(work.tx, request.id, { round: request.round, part, items, content: request.content, actorId: actor.id, at: work.at });
        await deadlines.close(work.tx, "request", request.id, "reply", "cancelled");
        return transition(work, request, "return-for-material", { opinions: context.opinions, reason: items.map((item) => item.text).join("; "), detail: { part, paths: items.map((item) => item.path) }, changes: { overdue: false } });
      });
    },

    async flagForReviewBody(actor, requestId, reason) {
      assertReason(reason);
      return step(actor, requestId, "flag-for-review-body", async (work, request, { opinions }) => transition(work, request, "flag-for-review-body", { opinions, reason, changes: { reviewBody: true } }));
    },

    async askExtension(actor, requestId, { days, reason }) {
      assertReason(reason);
      const longest = findSharingClock("reply-extension", profile)?.workingDays ?? 0;
      if (longest === 0) throw new ConflictError(`Profile ${profile} knows no extension of the reply`, { zh: "现行规则没有延长答复的规定", code: "request.extension-none" });
      if (!Number.isInteger(days) || days < 1 || days > longest) throw new InputError(`An extension has 1 to ${longest} working days`, { zh: `延长答复为 1 至 ${longest} 个工作日`, code: "request.extension-days", issues: [{ path: "/days", code: "request.extension-days", message: `must be 1 to ${longest}`, zh: `应为 1 至 ${longest}` }] });
      return step(actor, requestId, "ask-extension", async (work, request, { opinions }) => {
        if (request.overdue) throw new ConflictError(`The deadline of request ${request.number} has passed; it cannot be extended any more`, { zh: "答复期限已过，不能再申请延长", code: "request.extension-late" });
        return transition(work, request, "ask-extension", { opinions, reason, detail: { days }, changes: { extension: { days, reason, state: "asked", askedBy: actor.id, askedAt: work.at.toISOString() } } });
      });
    },

    async answerExtension(actor, requestId, { consent, answer }) {
      if (!consent) assertReason(answer ?? "", "answer");
      const action = consent ? "consent-extension" : "decline-extension";
      return step(actor, requestId, action, async (work, request, { opinions }) => {
        const extension = request.extension!;
        if (consent) await deadlines.extend(work.tx, "request", request.id, "reply", extension.days);
        const answered = { ...extension, state: consent ? ("consented" as const) : ("declined" as const), answeredBy: actor.id, answeredAt: work.at.toISOString(), ...(answer === undefined ? {} : { answer }) };
        return transition(work, request, action, { opinions, reason: answer, detail: { days: extension.days }, changes: { extension: answered, ...(consent ? { overdue: false } : {}) } });
      });
    },

    confirmProvision: (actor, requestId) =>
      step(actor, requestId, "confirm-provision", async (work, request, { opinions }) => {
        await deadlines.close(work.tx, "request", request.id, "provision", "answered");
        return transition(work, request, "confirm-provision", { opinions, changes: { overdue: false } });
      }),

    async assignOffice(actor, office, organisationId) {
      const allowed = actor.kind === "system" || (actor.roles.includes("administrator") && actor.organisationKind === "city-data-office");
      if (!allowed) throw new NotAllowedError("Only administrators of the city data office name the review offices", { zh: "仅主管部门管理员可以指定审核机构", code: "review-office.not-allowed" });
      if (!reviewOffices.includes(office)) throw new InputError(`${String(office)} is none of the four offices`, { zh: "审核机构类别不正确" });
      await runWork(kernel, actor, async ({ tx, at, audits }) => {
        if ((await sources.findOrganisation(tx, organisationId)) === undefined) throw new InputError(`No organisation ${organisationId}`, { zh: "机构不存在", code: "organisation.not-found" });
        const other = (await listOffices(tx)).find((each) => each.organisationId === organisationId && each.office !== office);
        if (other !== undefined) throw new ConflictError(`That body already speaks for ${other.office}; the four opinions must be separate`, { zh: "该机构已承担另一审核职责，四方意见须各自独立", code: "review-office.taken" });
        await upsertOffice(tx, { office, organisationId, at, actorId: actor.id });
        audits.push({ action: "review-office.assign", objectType: "organisation", objectId: organisationId, detail: { office } });
      });
    },

    async offices(actor) {
      if (actor.kind === "anonymous") throw new NotAllowedError("Log in first", { zh: "请先登录" });
      return kernel.database.read(listOffices);
    },
  };
}

function assertOpinion({ opinion, reason, legalBasis }: GiveOpinionInput): void {
  if (opinion === "agree") return;
  const issues: Issue[] = [];
  if ((reason ?? "").trim().length < 2) issues.push({ path: "/reason", code: "required", message: "A refusal needs its reason (政务数据共享条例 art. 21)", zh: "不同意须说明理由(《政务数据共享条例》第二十一条)" });
  if ((legalBasis ?? "").trim().length < 4) issues.push({ path: "/legalBasis", code: "required", message: "A refusal needs its basis in a law, regulation or State Council document (art. 15)", zh: "不同意须列明法律、行政法规或者国务院决定依据(第十五条)" });
  if (issues.length > 0) throw new InputError(issues[0]!.message, { zh: issues[0]!.zh, code: "request.refusal-basis", issues });
}

function assertItems(items: readonly MaterialItem[]): void {
  const issues = items.flatMap((item, index): Issue[] => (/^\/[A-Za-z]/.test(item.path) && item.text.trim().length >= 2 && item.text.length <= 1000 ? [] : [{ path: `/items/${index}`, code: "request.material", message: "names a member of the request and what is missing there", zh: "须指明申请的具体内容及所缺材料" }]));
  if (items.length === 0) issues.push({ path: "/items", code: "minItems", message: "say what is missing", zh: "须一次性告知需要补正的内容" });
  if (issues.length > 0) throw new InputError("A return says for each part what is missing", { zh: "退回补正须一次性逐项告知", code: "request.material", issues });
}

const memberOf = (path: string): keyof RequestContent => path.split("/")[1] as keyof RequestContent;

/** 一次性告知 (art. 21): what stood there unchanged at an earlier return and was not named then may not be named now. */
function assertToldAtOnce(items: readonly MaterialItem[], content: RequestContent, earlier: readonly { items: MaterialItem[]; content: RequestContent }[]): void {
  const last = earlier.at(-1);
  if (last === undefined) return;
  const named = new Set(earlier.flatMap((each) => each.items.map((item) => memberOf(item.path))));
  const late = items.filter((item) => !named.has(memberOf(item.path)) && JSON.stringify(content[memberOf(item.path)]) === JSON.stringify(last.content[memberOf(item.path)]));
  if (late.length === 0) return;
  throw new ConflictError(`Everything missing has to be told at once: ${late.map((item) => item.path).join(", ")} stood there unchanged at the earlier return`, { zh: `须一次性告知补正内容：${late.map((item) => item.path).join("、")} 此前未提出且未变更`, code: "request.told-at-once", nextStep: "Name only what was named before or what has changed since, or decide on the request." });
}
