import type { CatalogEntry } from "#standards";
import { ConflictError, InputError, NotFoundError, type Actor, type Kernel, type Reader, type Transaction } from "#platform";
import { checkPageSize, decodeCursor, encodeCursor, toPage, type Page, type PageRequest } from "../model/page.ts";
import { assertReason } from "../model/reason.ts";
import { findChangeRequest, insertChangeRequest, listChangeRequests, updateChangeRequest, type ChangeRequest } from "./change-request-repository.ts";
import { assertChangeRequestTransition, transitionChangeRequest, type ChangeRequestTransitionOptions } from "./change-request-transition.ts";
import type { ChangeRequestAction, ChangeRequestState } from "./change-request-transitions.ts";
import { diffContents, type ContentDiff } from "./content-diff.ts";
import { assertDraft, invalidContent } from "./draft-content.ts";
import { entryNotFound } from "./entry-drafts.ts";
import { entryScopeColumn, findEntries, findEntry, scopeSubjectOf, type EntryRecord } from "./entry-repository.ts";
import { assertAnotherPair, reasonsToIssues, type ReturnReason } from "./entry-review.ts";
import { findVersion, listVersions, type EntryVersion } from "./entry-version-repository.ts";
import { checkContents } from "./rule-context.ts";

export interface ChangeRequestFilter {
  entryId?: string;
  organisationId?: string;
  states?: readonly ChangeRequestState[];
  waitingFor?: NonNullable<ChangeRequest["waitingFor"]>;
}

export interface ChangeRequestService {
  /** Holds an edit of a published or suspended entry; one is open at a time. Cataloguers of the department. */
  open(actor: Actor, entryId: string, input: { content: CatalogEntry; reason: string }): Promise<ChangeRequest>;
  /** While it is a draft. */
  change(actor: Actor, changeRequestId: string, input: { content: CatalogEntry; reason?: string }): Promise<ChangeRequest>;
  submit(actor: Actor, changeRequestId: string): Promise<ChangeRequest>;
  /** The next approval: the department's, then the city's, which makes it the entry's next version. */
  approve(actor: Actor, changeRequestId: string): Promise<ChangeRequest>;
  return(actor: Actor, changeRequestId: string, reasons: readonly ReturnReason[]): Promise<ChangeRequest>;
  recall(actor: Actor, changeRequestId: string): Promise<ChangeRequest>;
  dismiss(actor: Actor, changeRequestId: string, reason: string): Promise<ChangeRequest>;
  get(actor: Actor, changeRequestId: string): Promise<ChangeRequest>;
  /** What it changes of its base version, and of which kind that is. */
  diff(actor: Actor, changeRequestId: string): Promise<ContentDiff>;
  list(actor: Actor, filter: ChangeRequestFilter, page: PageRequest): Promise<Page<ChangeRequest>>;

  /** Published versions, newest first. */
  versions(actor: Actor, entryId: string): Promise<EntryVersion[]>;
  /** Between any two published versions. */
  diffVersions(actor: Actor, entryId: string, from: string, to: string): Promise<ContentDiff>;
}

export function createChangeRequestService({ kernel }: { kernel: Kernel }): ChangeRequestService {
  const { access, audit, clock, database, newId, validator } = kernel;

  const missing = (id: string) => new NotFoundError(`No change request ${id} that you may see`, { zh: "对象不存在或无权查看", code: "change-request.not-found" });

  function assertDiffers(before: CatalogEntry, after: CatalogEntry): void {
    if (diffContents(before, after).kind === "none") throw new InputError("The change changes nothing", { zh: "变更内容与已发布内容相同", code: "change-request.no-change" });
  }

  /** Locks entry and request, always in this order. */
  async function lock(tx: Transaction, changeRequestId: string): Promise<{ request: ChangeRequest; entry: EntryRecord }> {
    const seen = await findChangeRequest(tx, changeRequestId);
    if (!seen) throw missing(changeRequestId);
    const entry = (await findEntries(tx, [seen.entryId], "for update")).get(seen.entryId)!;
    return { request: (await findChangeRequest(tx, changeRequestId, "for update"))!, entry };
  }

  function assertMay(actor: Actor, permission: string, entry: EntryRecord, changeRequestId: string): void {
    if (!access.allows(actor, "entry", "see-work", scopeSubjectOf(entry))) throw missing(changeRequestId);
    access.assert(actor, "entry", permission, scopeSubjectOf(entry));
  }

  async function act(actor: Actor, changeRequestId: string, action: ChangeRequestAction, permission: string, options: ChangeRequestTransitionOptions = {}, before: (tx: Transaction, request: ChangeRequest, entry: EntryRecord) => Promise<void> = () => Promise.resolve()): Promise<ChangeRequest> {
    return database.withTransaction(async (tx) => {
      const { request, entry } = await lock(tx, changeRequestId);
      assertMay(actor, permission, entry, changeRequestId);
      assertChangeRequestTransition(request, action);
      await before(tx, request, entry);
      return transitionChangeRequest(tx, kernel, actor, action, request, entry, options);
    });
  }

  async function getSeen(reader: Reader, actor: Actor, changeRequestId: string): Promise<{ request: ChangeRequest; entry: EntryRecord }> {
    const request = await findChangeRequest(reader, changeRequestId);
    const entry = request && (await findEntry(reader, request.entryId));
    if (!entry || !access.allows(actor, "entry", "see-work", scopeSubjectOf(entry))) throw missing(changeRequestId);
    return { request, entry };
  }

  async function getSeenEntry(reader: Reader, actor: Actor, entryId: string): Promise<EntryRecord> {
    const entry = await findEntry(reader, entryId);
    if (!entry) throw entryNotFound(entryId);
    access.assert(actor, "entry", "see", scopeSubjectOf(entry));
    return entry;
  }

  return {
    async open(actor, entryId, { content, reason }) {
      access.assertAnyScope(actor, "entry", "edit");
      const verdict = assertDraft(validator, content);
      assertReason(reason);
      return database.withTransaction(async (tx) => {
        const entry = (await findEntries(tx, [entryId], "for update")).get(entryId);
        if (!entry) throw entryNotFound(entryId);
        access.assert(actor, "entry", "edit", scopeSubjectOf(entry));
        if (entry.state !== "published" && entry.state !== "suspended") throw new ConflictError(`Entry ${entryId} is in state ${entry.state}: only what is published has change requests`, { zh: "只有已发布的条目才能申请变更", code: "change-request.not-published", nextStep: "Edit the draft itself." });
        assertDiffers(entry.content, verdict.content);
        const at = clock.now();
        const request: ChangeRequest = { id: newId("change-request"), entryId, organisationId: entry.organisationId, baseVersion: entry.version, state: "draft", content: verdict.content, reason, createdAt: at, createdBy: actor.id, updatedAt: at, editedBy: actor.id };
        await insertChangeRequest(tx, request);
        await audit.record(tx, actor, { action: "change-request.open", objectType: "entry", objectId: entryId, detail: { changeRequestId: request.id, baseVersion: entry.version } });
        return request;
      });
    },

    async change(actor, changeRequestId, { content, reason }) {
      access.assertAnyScope(actor, "entry", "edit");
      const verdict = assertDraft(validator, content);
      if (reason !== undefined) assertReason(reason);
      return database.withTransaction(async (tx) => {
        const { request, entry } = await lock(tx, changeRequestId);
        assertMay(actor, "edit", entry, changeRequestId);
        if (request.state !== "draft") throw new ConflictError(`Change request ${changeRequestId} is in state ${request.state}: only drafts are edited`, { zh: "变更申请已提交,不能修改", code: "change-request.not-editable", nextStep: "Take it back first." });
        assertDiffers(entry.content, verdict.content);
        const next: ChangeRequest = { ...request, content: verdict.content, reason: reason ?? request.reason, updatedAt: clock.now(), editedBy: actor.id };
        await updateChangeRequest(tx, next);
        await audit.record(tx, actor, { action: "change-request.change", objectType: "entry", objectId: entry.id, detail: { changeRequestId } });
        return next;
      });
    },

    submit: (actor, changeRequestId) =>
      act(actor, changeRequestId, "submit", "submit", {}, async (tx, request, entry) => {
        const [issues] = await checkContents(tx, kernel, [{ organisationId: entry.organisationId, content: request.content, entryId: entry.id }]);
        if (issues!.length > 0) throw invalidContent(issues!, { en: "The change", zh: "变更内容" });
      }),

    approve: (actor, changeRequestId) =>
      database.withTransaction(async (tx) => {
        const { request, entry } = await lock(tx, changeRequestId);
        const city = request.state === "city-review";
        assertMay(actor, city ? "review" : "approve", entry, changeRequestId);
        assertAnotherPair(actor, [request.editedBy, request.submittedBy, ...(city ? [request.approvedBy] : [])]);
        return transitionChangeRequest(tx, kernel, actor, city ? "apply" : "approve", request, entry);
      }),

    return: (actor, changeRequestId, reasons) =>
      database.withTransaction(async (tx) => {
        const { request, entry } = await lock(tx, changeRequestId);
        assertMay(actor, request.state === "city-review" ? "review" : "approve", entry, changeRequestId);
        return transitionChangeRequest(tx, kernel, actor, "return", request, entry, { issues: reasonsToIssues(reasons) });
      }),

    recall: (actor, changeRequestId) => act(actor, changeRequestId, "recall", "recall"),

    async dismiss(actor, changeRequestId, reason) {
      return act(actor, changeRequestId, "dismiss", "edit", { reason }, async () => assertReason(reason));
    },

    get: async (actor, changeRequestId) => (await database.read((reader) => getSeen(reader, actor, changeRequestId))).request,

    async diff(actor, changeRequestId) {
      return database.read(async (reader) => {
        const { request, entry } = await getSeen(reader, actor, changeRequestId);
        const base = await findVersion(reader, entry.id, request.baseVersion);
        return diffContents(base?.content ?? entry.content, request.content);
      });
    },

    async list(actor, filter, { first, after }) {
      access.assertAnyScope(actor, "entry", "see");
      checkPageSize(first);
      const condition = access.condition(actor, "entry", "see-work", { column: entryScopeColumn, firstPlaceholder: 8 });
      const [at, id] = after === undefined ? [] : decodeCursor(after, 2);
      const rows = await database.read((reader) => listChangeRequests(reader, { ...filter, ...(at === undefined ? {} : { before: { updatedAt: new Date(Number(at)), id: String(id) } }), limit: first + 1, condition }));
      return toPage(rows, first, (row) => encodeCursor([row.updatedAt.getTime(), row.id]));
    },

    async versions(actor, entryId) {
      return database.read(async (reader) => {
        await getSeenEntry(reader, actor, entryId);
        return listVersions(reader, entryId);
      });
    },

    async diffVersions(actor, entryId, from, to) {
      return database.read(async (reader) => {
        await getSeenEntry(reader, actor, entryId);
        const [before, after] = [await findVersion(reader, entryId, from), await findVersion(reader, entryId, to)];
        const absent = before ? (after ? undefined : to) : from;
        if (absent !== undefined) throw new NotFoundError(`Entry ${entryId} has no version ${absent}`, { zh: `没有版本 ${absent}`, code: "entry.no-version" });
        return diffContents(before!.content, after!.content);
      });
    },
  };
}
