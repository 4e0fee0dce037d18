import { ConflictError, InputError, isRefusal, NotAllowedError, type Actor, type Issue, type Kernel, type Refusal, type Transaction } from "#platform";
import { assertReason } from "../model/reason.ts";
import type { Entry, EntryState } from "../model/types.ts";
import { dismissOpenChangeRequest } from "./change-request-transition.ts";
import { invalidContent } from "./draft-content.ts";
import { entryNotFound } from "./entry-drafts.ts";
import { findEntries, scopeSubjectOf, toEntry, type EntryRecord } from "./entry-repository.ts";
import { isTransition, type EntryAction } from "./entry-transitions.ts";
import { checkContents } from "./rule-context.ts";
import { transition, wrongState } from "./transition.ts";

/** One of many: done, or why not. The others are not affected. */
export type ManyOutcome = { entryId: string; done: true; state: EntryState } | { entryId: string; done: false; refusal: Refusal };

export interface ReturnReason {
  /** Of the member that must change, as in an Issue; `/` for the whole. */
  path: string;
  text: string;
}

export interface EntryReview {
  submit(actor: Actor, entryId: string): Promise<Entry>;
  approve(actor: Actor, entryId: string): Promise<Entry>;
  return(actor: Actor, entryId: string, reasons: readonly ReturnReason[]): Promise<Entry>;
  recall(actor: Actor, entryId: string): Promise<Entry>;
  suspend(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  resume(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  withdraw(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  discard(actor: Actor, entryId: string, reason: string): Promise<Entry>;
  submitMany(actor: Actor, entryIds: readonly string[]): Promise<ManyOutcome[]>;
  approveMany(actor: Actor, entryIds: readonly string[]): Promise<ManyOutcome[]>;
}

export const maximumMany = 500;

/** Who edited, submitted or approved something before does not approve it now (design 4), administrators included. */
export function assertAnotherPair(actor: Actor, doneBy: readonly (string | undefined)[]): void {
  if (!doneBy.includes(actor.id)) return;
  throw new NotAllowedError("Nobody approves what they wrote, submitted or approved themselves", { zh: "不能审批本人编制、提交或已审批的内容", code: "entry.self-approval", nextStep: "Ask another approver or reviewer." });
}

export function reasonsToIssues(reasons: readonly ReturnReason[]): Issue[] {
  if (reasons.length === 0 || reasons.some((reason) => reason.text.trim() === "")) throw new InputError("A return says everything that must be put right", { zh: "退回须一次性告知需要补正的全部内容", code: "entry.return.no-reason", nextStep: "Give at least one reason, each with a text.", issues: [{ path: "/reasons", code: "required", message: "at least one reason with a text", zh: "至少填写一条退回原因" }] });
  return reasons.map((reason) => ({ path: reason.path, code: "entry.returned", message: reason.text, zh: reason.text }));
}

export function createEntryReview({ kernel }: { kernel: Kernel }): EntryReview {
  const { access, database } = kernel;

  /** The action that an approval is in this state, and whether the caller may. */
  function approvalOf(actor: Actor, entry: EntryRecord): EntryAction {
    const subject = scopeSubjectOf(entry);
    if (entry.state === "city-review") {
      access.assert(actor, "entry", "review", subject);
      assertAnotherPair(actor, [entry.editedBy, entry.submittedBy, entry.approvedBy]);
      return "publish";
    }
    access.assert(actor, "entry", entry.state === "department-review" ? "approve" : "see-work", subject);
    if (entry.state !== "department-review") throw wrongState(entry, "approve");
    assertAnotherPair(actor, [entry.editedBy, entry.submittedBy]);
    return "approve";
  }

  function assertMay(actor: Actor, entry: EntryRecord, permission: string, action: EntryAction): void {
    access.assert(actor, "entry", permission, scopeSubjectOf(entry));
    if (!isTransition(entry.state, action)) throw wrongState(entry, action);
  }

  async function withEntry(entryId: string, work: (tx: Transaction, entry: EntryRecord) => Promise<EntryRecord>): Promise<Entry> {
    return database.withTransaction(async (tx) => {
      const entry = (await findEntries(tx, [entryId], "for update")).get(entryId);
      if (!entry) throw entryNotFound(entryId);
      return toEntry(await work(tx, entry));
    });
  }

  const moveOne = async (tx: Transaction, actor: Actor, action: EntryAction, entry: EntryRecord, options: Parameters<typeof transition>[5] = {}): Promise<EntryRecord> => (await transition(tx, kernel, actor, action, [entry], options))[0]!;

  /** Checks each of many and moves those that pass, set-based, in one transaction. */
  async function many(actor: Actor, entryIds: readonly string[], decide: (tx: Transaction, entries: readonly EntryRecord[]) => Promise<Map<string, EntryAction | Refusal>>): Promise<ManyOutcome[]> {
    if (entryIds.length === 0 || entryIds.length > maximumMany) throw new InputError(`1 to ${maximumMany} entries are handled at once, not ${entryIds.length}`, { zh: `一次处理 1 至 ${maximumMany} 个条目`, code: "entry.too-many" });
    return database.withTransaction(async (tx) => {
      const entries = await findEntries(tx, [...new Set(entryIds)], "for update");
      const decisions = await decide(tx, [...new Set(entryIds)].flatMap((id) => entries.get(id) ?? []));
      const groups = new Map<EntryAction, EntryRecord[]>();
      for (const [id, decision] of decisions) if (typeof decision === "string") groups.set(decision, [...(groups.get(decision) ?? []), entries.get(id)!]);
      const moved = new Map<string, EntryRecord>();
      for (const [action, group] of groups) for (const entry of await transition(tx, kernel, actor, action, group)) moved.set(entry.id, entry);
      return entryIds.map((entryId): ManyOutcome => {
        const done = moved.get(entryId);
        if (done) return { entryId, done: true, state: done.state };
        const decision = decisions.get(entryId);
        return { entryId, done: false, refusal: isRefusal(decision) ? decision : entryNotFound(entryId) };
      });
    });
  }

  function attempt(decide: () => EntryAction): EntryAction | Refusal {
    try {
      return decide();
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
  }

  async function assertSubmittable(tx: Transaction, entry: EntryRecord): Promise<void> {
    const [issues] = await checkContents(tx, kernel, [{ organisationId: entry.organisationId, content: entry.content, entryId: entry.id }]);
    if (issues!.length > 0) throw invalidContent(issues!);
  }

  return {
    async submit(actor, entryId) {
      access.assertAnyScope(actor, "entry", "submit");
      return withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "submit", "submit");
        await assertSubmittable(tx, entry);
        return moveOne(tx, actor, "submit", entry);
      });
    },

    approve: (actor, entryId) => withEntry(entryId, (tx, entry) => moveOne(tx, actor, approvalOf(actor, entry), entry)),

    async return(actor, entryId, reasons) {
      return withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, entry.state === "city-review" ? "review" : "approve", "return");
        return moveOne(tx, actor, "return", entry, { issues: reasonsToIssues(reasons) });
      });
    },

    recall: (actor, entryId) =>
      withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "recall", "recall");
        return moveOne(tx, actor, "recall", entry);
      }),

    suspend: (actor, entryId, reason) =>
      withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "suspend", "suspend");
        assertReason(reason);
        return moveOne(tx, actor, "suspend", entry, { reason });
      }),

    resume: (actor, entryId, reason) =>
      withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "resume", "resume");
        assertReason(reason);
        // What the city suspended, the department does not resume by itself.
        if (entry.suspendedByOrganisationId !== actor.organisationId && !access.allows(actor, "entry", "review", scopeSubjectOf(entry))) throw new NotAllowedError(`Entry ${entryId} was suspended by another body`, { zh: "该条目由其他机构暂停,须由其恢复", code: "entry.resume.not-yours", nextStep: "Ask the city data office to resume it." });
        return moveOne(tx, actor, "resume", entry, { reason });
      }),

    withdraw: (actor, entryId, reason) =>
      withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "withdraw", "withdraw");
        assertReason(reason);
        await dismissOpenChangeRequest(tx, kernel, actor, entry, "the entry is withdrawn");
        return moveOne(tx, actor, "withdraw", entry, { reason });
      }),

    discard: (actor, entryId, reason) =>
      withEntry(entryId, async (tx, entry) => {
        assertMay(actor, entry, "discard", "discard");
        assertReason(reason);
        return moveOne(tx, actor, "discard", entry, { reason });
      }),

    async submitMany(actor, entryIds) {
      access.assertAnyScope(actor, "entry", "submit");
      return many(actor, entryIds, async (tx, entries) => {
        const issues = await checkContents(tx, kernel, entries.map((entry) => ({ organisationId: entry.organisationId, content: entry.content, entryId: entry.id })));
        const titles = new Set<string>();
        return new Map(
          entries.map((entry, index) => [
            entry.id,
            attempt(() => {
              assertMay(actor, entry, "submit", "submit");
              if (issues[index]!.length > 0) throw invalidContent(issues[index]!);
              const title = `${entry.organisationId}\n${entry.content.title}`;
              if (titles.has(title)) throw new ConflictError("Another entry of the same call has this title", { zh: "同批次中有同名目录条目", code: "entry.title-taken", nextStep: "Give the entry another title." });
              titles.add(title);
              return "submit";
            }),
          ]),
        );
      });
    },

    approveMany: (actor, entryIds) => many(actor, entryIds, async (_tx, entries) => new Map(entries.map((entry) => [entry.id, attempt(() => approvalOf(actor, entry))]))),
  };
}
