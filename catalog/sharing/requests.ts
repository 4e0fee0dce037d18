import { ConflictError, InputError, NotAllowedError, NotFoundError, type Actor, type Issue, type Kernel, type Reader } from "#platform";
import type { Entry } from "../model/types.ts";
import { allocateNumber } from "../numbers/number-series.ts";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { assertReason } from "../model/reason.ts";
import type { Decisions } from "./decisions.ts";
import { localDay, type Deadline } from "./deadline-model.ts";
import type { DeadlineService } from "./deadlines.ts";
import { checkDraft, checkIntake, grantedFields, keyFieldsOf, readableScope, reviewNotes, type IntakeLimits, type ReadableScope } from "./intake.ts";
import { requestSubject, requiredParts, type MaterialReturn, type Opinion, type Request, type RequestAction, type RequestContent, type RequestFilter, type RequestStep } from "./request-model.ts";
import { findOfficeOf, findRequest, findRequests, insertRequest, listOpinions, listRequests, listReturns, listSteps, updateRequest } from "./request-repository.ts";
import { availableActions, refusalOf } from "./request-rules.ts";
import { listAccess } from "./rows.ts";
import { runWork, transition, type SharingSources, type Work } from "./work.ts";

/** 共享申请: drafting, submission, the own head's approval, withdrawal; and reading. Reviews are in reviews.ts. */
export interface RequestService {
  get(actor: Actor, requestId: string): Promise<Request>;
  /** In the order of `ids`; undefined where there is none that the caller may see. */
  getMany(actor: Actor, ids: readonly string[]): Promise<(Request | undefined)[]>;
  detail(actor: Actor, requestId: string): Promise<RequestDetail>;
  /** What moved last first; only what the caller may see. */
  list(actor: Actor, filter: RequestFilter, page: PageRequest): Promise<Page<Request>>;
  /** All findings about a content, as submission would find them, and notes for its reader; writes nothing. */
  check(actor: Actor, content: RequestContent): Promise<{ issues: Issue[]; notes: Issue[] }>;
  /** A draft may lack anything but the entry; the asking department is the caller's. */
  createDraft(actor: Actor, content: RequestContent): Promise<Request>;
  changeDraft(actor: Actor, requestId: string, content: RequestContent): Promise<Request>;
  /** To the own head. Refused kinds are answered here, with the entry's legal basis. @throws InputError with every finding */
  submit(actor: Actor, requestId: string): Promise<Request>;
  /** The head of the asking department's sharing office agrees (art. 20) and the request goes out; rules decide at once. */
  approveInternally(actor: Actor, requestId: string): Promise<Request>;
  returnInternally(actor: Actor, requestId: string, reason: string): Promise<Request>;
  /** After a return for material: the whole content again; the reply clock starts anew. */
  resubmit(actor: Actor, requestId: string, content: RequestContent): Promise<Request>;
  withdraw(actor: Actor, requestId: string, reason: string): Promise<Request>;
}

export interface RequestDetail {
  request: Request;
  deadlines: Deadline[];
  steps: RequestStep[];
  opinions: Opinion[];
  returns: MaterialReturn[];
  /** What the caller could do now. */
  actions: RequestAction[];
  /** What a reviewer should look at, without being wrong. */
  notes: Issue[];
  /** Of the entry in force; an item that it no longer has is missing here. */
  scope: ReadableScope;
}

export interface CreateRequestsOptions {
  kernel: Kernel;
  sources: SharingSources;
  deadlines: DeadlineService;
  decisions: Decisions;
  limits: IntakeLimits;
}

export const requestNotFound = (id: string) => new NotFoundError(`No request ${id} that you may see`, { zh: "申请不存在或无权查看", code: "request.not-found" });

export function createRequests({ kernel, sources, deadlines, decisions, limits }: CreateRequestsOptions): RequestService {
  const { access, database } = kernel;

  async function getSeen(reader: Reader, actor: Actor, requestId: string, lock: "" | "for update" = ""): Promise<Request> {
    const request = await findRequest(reader, requestId, lock);
    if (request === undefined || !access.allows(actor, "request", "see", requestSubject(request))) throw requestNotFound(requestId);
    return request;
  }

  async function step(actor: Actor, requestId: string, action: RequestAction, run: (work: Work, request: Request, opinions: Opinion[]) => Promise<Request>): Promise<Request> {
    return runWork(kernel, actor, async (work) => {
      const request = await getSeen(work.tx, actor, requestId, "for update");
      const opinions = (await listOpinions(work.tx, [requestId])).get(requestId)!;
      const refusal = refusalOf(actor, request, action, { access, opinions, office: await findOfficeOf(work.tx, actor.organisationId) });
      if (refusal !== undefined) throw refusal;
      return run(work, request, opinions);
    });
  }

  /** The entry in force as the caller sees it: one that it may not see is not there. */
  async function getEntrySeen(reader: Reader, actor: Actor, entryId: string): Promise<Entry> {
    const entry = await sources.findEntry(reader, entryId);
    if (entry === undefined || !access.allows(actor, "entry", "see", { id: entry.id, organisationId: entry.organisationId, state: entry.state, sharingType: entry.content.sharingType, open: entry.content.open })) {
      throw new NotFoundError(`No entry ${entryId} that you may see`, { zh: "目录条目不存在或无权查看", code: "entry.not-found" });
    }
    return entry;
  }

  async function issuesOf(reader: Reader, content: RequestContent, entry: Entry, consumerOrganisationId: string): Promise<Issue[]> {
    const issues = checkIntake({ content, entry, today: localDay(kernel.clock.now()), limits, validator: kernel.validator });
    if (content.applicationId !== undefined) {
      const application = await sources.findApplication(reader, content.applicationId);
      if (application === undefined || !application.active || application.organisationId !== consumerOrganisationId) issues.push({ path: "/applicationId", code: "request.unknown-application", message: "is not an active application of your department", zh: "不是本部门的有效应用" });
    }
    return issues;
  }

  async function assertWhole(reader: Reader, content: RequestContent, entry: Entry, consumerOrganisationId: string): Promise<void> {
    if (entry.state !== "published") throw new ConflictError(`Entry ${entry.code} is ${entry.state}; only published entries can be asked for`, { zh: "目录条目未处于发布状态，不能申请", code: "request.entry-not-published" });
    if (entry.content.sharingType === "refused") throw new ConflictError(`Entry ${entry.code} is not shared any more: ${entry.content.refusalBasis ?? ""}`, { zh: `目录条目已列为不予共享：${entry.content.refusalBasis ?? ""}`, code: "request.refused-kind" });
    const issues = await issuesOf(reader, content, entry, consumerOrganisationId);
    if (issues.length > 0) throw new InputError(`The request has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `申请有 ${issues.length} 处问题：${issues[0]!.zh}`, code: "request.incomplete", issues, nextStep: "Put everything named right, then submit again." });
  }

  function assertDraft(content: RequestContent): void {
    const issues = checkDraft(kernel.validator, content);
    if (issues.length > 0) throw new InputError(`The draft has ${issues.length} problem${issues.length === 1 ? "" : "s"}: ${issues[0]!.path} ${issues[0]!.message}`, { zh: `草稿有 ${issues.length} 处问题：${issues[0]!.zh}`, code: "request.malformed", issues });
  }

  function consumerOf(actor: Actor): string {
    if (actor.organisationId === undefined) throw new NotAllowedError("A request is made for a department", { zh: "申请须以部门名义提出", code: "request.no-department" });
    return actor.organisationId;
  }

  const writers = (request: Request, actor: Actor) => (request.requesters.includes(actor.id) ? request.requesters : [...request.requesters, actor.id]);
  const contentRow = (content: RequestContent, entry: Entry) => ({ content, entryVersion: entry.version, entryTitle: entry.content.title, providerOrganisationId: entry.organisationId, sharingType: entry.content.sharingType, applicationId: content.applicationId });

  return {
    get: (actor, requestId) => database.read((reader) => getSeen(reader, actor, requestId)),

    async getMany(actor, ids) {
      const found = await database.read((reader) => findRequests(reader, ids));
      return ids.map((id) => {
        const request = found.get(id);
        return request !== undefined && access.allows(actor, "request", "see", requestSubject(request)) ? request : undefined;
      });
    },

    detail: (actor, requestId) =>
      database.read(async (reader) => {
        const request = await getSeen(reader, actor, requestId);
        const opinions = (await listOpinions(reader, [requestId])).get(requestId)!;
        const entry = await sources.findEntry(reader, request.entryId);
        return {
          request,
          opinions,
          deadlines: (await deadlines.list(reader, [requestId])).get(requestId)!,
          steps: await listSteps(reader, requestId),
          returns: await listReturns(reader, requestId),
          actions: availableActions(actor, request, { access, opinions, office: await findOfficeOf(reader, actor.organisationId) }),
          notes: entry === undefined ? [] : reviewNotes(entry, request.content),
          scope: entry === undefined ? { items: [] } : readableScope(entry, request.content),
        };
      }),

    async list(actor, filter, page) {
      checkPageSize(page.first);
      const after = page.after === undefined ? undefined : decodeCursor(page.after, 2);
      const rows = await database.read((reader) => listRequests(reader, { access: listAccess(access, actor, "request"), filter, after: after && { at: new Date(Number(after[0])), id: String(after[1]) }, limit: page.first + 1 }));
      return toPage(rows, page.first, (request) => encodeCursor([request.updatedAt.getTime(), request.id]));
    },

    async check(actor, content) {
      access.assertAnyScope(actor, "request", "create");
      return database.read(async (reader) => {
        const entry = await getEntrySeen(reader, actor, content.entryId);
        return { issues: await issuesOf(reader, content, entry, consumerOf(actor)), notes: reviewNotes(entry, content) };
      });
    },

    async createDraft(actor, content) {
      access.assertAnyScope(actor, "request", "create");
      const consumerOrganisationId = consumerOf(actor);
      assertDraft(content);
      return runWork(kernel, actor, async ({ tx, at, audits }) => {
        const entry = await getEntrySeen(tx, actor, content.entryId);
        const year = localDay(at).slice(0, 4);
        const request: Request = {
          ...contentRow(content, entry),
          id: kernel.newId("sharing-request"),
          number: `GX${year}${String(await allocateNumber(tx, `request:${year}`)).padStart(6, "0")}`,
          entryId: entry.id,
          consumerOrganisationId,
          state: "draft",
          waitingFor: ["requester"],
          overdue: false,
          reviewBody: entry.content.reviewBody === true,
          round: 1,
          createdBy: actor.id,
          createdAt: at,
          updatedAt: at,
          requesters: [actor.id],
        };
        await insertRequest(tx, request);
        audits.push({ action: "request.create", objectType: "request", objectId: request.id, detail: { entryId: entry.id } });
        return request;
      });
    },

    async changeDraft(actor, requestId, content) {
      assertDraft(content);
      return step(actor, requestId, "submit", async ({ tx, at, audits }, request) => {
        const entry = await getEntrySeen(tx, actor, content.entryId);
        const changed: Request = { ...request, ...contentRow(content, entry), entryId: entry.id, reviewBody: entry.content.reviewBody === true, requesters: writers(request, actor), updatedAt: at };
        await updateRequest(tx, changed);
        audits.push({ action: "request.change", objectType: "request", objectId: request.id });
        return changed;
      });
    },

    submit: (actor, requestId) =>
      step(actor, requestId, "submit", async (work, request, opinions) => {
        const entry = (await sources.findEntry(work.tx, request.entryId))!;
        const basics = { entryVersion: entry.version, entryTitle: entry.content.title, sharingType: entry.content.sharingType, reviewBody: entry.content.reviewBody === true, requesters: writers(request, actor) };
        if (entry.content.sharingType === "refused" && entry.state === "published") {
          const submitted = await transition(work, request, "submit", { opinions, changes: basics });
          return decisions.refuseAtIntake(work, submitted, entry);
        }
        await assertWhole(work.tx, request.content, entry, request.consumerOrganisationId);
        const fields = grantedFields(entry, request.content.fields!);
        const keysAdded = keyFieldsOf(entry).filter((field) => !request.content.fields!.includes(field));
        return transition(work, request, "submit", { opinions, detail: keysAdded.length > 0 ? { keysAdded } : {}, changes: { ...basics, content: { ...request.content, fields } } });
      }),

    approveInternally: (actor, requestId) =>
      step(actor, requestId, "approve-internally", async (work, request, opinions) => {
        const entry = (await sources.findEntry(work.tx, request.entryId))!;
        // It may have become a refused kind since it was submitted.
        if (entry.content.sharingType === "refused" && entry.state === "published") return decisions.refuseAtIntake(work, request, entry);
        await assertWhole(work.tx, request.content, entry, request.consumerOrganisationId);
        const approved = await transition(work, request, "approve-internally", { opinions, changes: { sentAt: work.at, internallyApprovedBy: actor.id, entryVersion: entry.version, sharingType: entry.content.sharingType, reviewBody: entry.content.reviewBody === true } });
        await decisions.openReplyClock(work, approved);
        if (requiredParts(approved).length === 0) return decisions.agreeByRule(work, approved, entry);
        return transition(work, approved, "begin-review", { opinions, byRule: true, detail: { parts: requiredParts(approved) } });
      }),

    async returnInternally(actor, requestId, reason) {
      assertReason(reason);
      return step(actor, requestId, "return-internally", (work, request, opinions) => transition(work, request, "return-internally", { opinions, reason }));
    },

    resubmit: (actor, requestId, content) =>
      step(actor, requestId, "resubmit", async (work, request, opinions) => {
        if (content.entryId !== request.entryId) throw new InputError("A request keeps its entry; ask for another one in a new request", { zh: "补正材料时不得更换目录条目", code: "request.entry-changed", issues: [{ path: "/entryId", code: "request.entry-changed", message: "may not change", zh: "不得更换" }] });
        const entry = (await sources.findEntry(work.tx, request.entryId))!;
        await assertWhole(work.tx, content, entry, request.consumerOrganisationId);
        const whole = { ...content, fields: grantedFields(entry, content.fields!) };
        const resubmitted = await transition(work, request, "resubmit", { opinions, changes: { ...contentRow(whole, entry), round: request.round + 1, overdue: false, requesters: writers(request, actor) } });
        await decisions.openReplyClock(work, resubmitted);
        return resubmitted;
      }),

    async withdraw(actor, requestId, reason) {
      assertReason(reason);
      return step(actor, requestId, "withdraw", async (work, request, opinions) => {
        await deadlines.close(work.tx, "request", request.id, "reply", "cancelled");
        return transition(work, request, "withdraw", { opinions, reason });
      });
    },
  };
}
