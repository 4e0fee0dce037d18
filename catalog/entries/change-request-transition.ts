import { ConflictError, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import type { Entry } from "../model/types.ts";
import { findOpenChangeRequest, updateChangeRequest, type ChangeRequest } from "./change-request-repository.ts";
import { changeRequestTransitions, isChangeRequestTransition, type ChangeRequestAction } from "./change-request-transitions.ts";
import { scoreOf } from "./completeness.ts";
import { diffContents } from "./content-diff.ts";
import { replaceItems } from "./entry-item-repository.ts";
import { updateContents, type EntryRecord } from "./entry-repository.ts";
import { insertHistory, insertVersions } from "./entry-version-repository.ts";
import { nextVersion } from "./version.ts";

export interface ChangeRequestTransitionOptions {
  reason?: string;
  issues?: Issue[];
}

function move(request: ChangeRequest, action: ChangeRequestAction, actor: Actor, at: Date): ChangeRequest {
  const rule: { to: ChangeRequest["state"]; waitingFor?: NonNullable<Entry["waitingFor"]> } = changeRequestTransitions[action];
  const { waitingFor: _waiting, ...rest } = request;
  const moved: ChangeRequest = { ...rest, state: rule.to, updatedAt: at, ...(rule.waitingFor === undefined ? {} : { waitingFor: rule.waitingFor }) };
  switch (action) {
    case "submit":
      return { ...moved, submittedBy: actor.id, submittedAt: at };
    case "approve":
      return { ...moved, approvedBy: actor.id };
    case "return":
    case "recall": {
      const { approvedBy: _approved, ...again } = moved;
      return again;
    }
    case "apply":
    case "dismiss":
      return { ...moved, decidedAt: at };
  }
}

export function assertChangeRequestTransition(request: ChangeRequest, action: ChangeRequestAction): void {
  if (!isChangeRequestTransition(request.state, action)) throw new ConflictError(`Change request ${request.id} is in state ${request.state}: ${action} is not possible`, { zh: "变更申请的当前状态不允许该操作", code: `change-request.${action}.wrong-state`, nextStep: `Possible from: ${changeRequestTransitions[action].from.join(", ")}.` });
}

/**
 * The only writer of a change request's state. `apply` makes the held content the entry's next version in the same
 * transaction. The caller holds the locks of both rows and has checked access.
 */
export async function transitionChangeRequest(tx: Transaction, kernel: Kernel, actor: Actor, action: ChangeRequestAction, request: ChangeRequest, entry: EntryRecord, { reason, issues = [] }: ChangeRequestTransitionOptions = {}): Promise<ChangeRequest> {
  assertChangeRequestTransition(request, action);
  const at = kernel.clock.now();
  let moved = move(request, action, actor, at);
  let now = entry;
  if (action === "apply") {
    const diff = diffContents(entry.content, request.content);
    // A submitted change differs from what is published, so there is a kind; the base cannot have moved: one is open at a time.
    const kind = diff.kind === "major" ? "major" : "minor";
    now = { ...entry, content: request.content, version: nextVersion(entry.version, kind), completeness: scoreOf(request.content), updatedAt: at, editedBy: request.editedBy, publishedAt: at };
    moved = { ...moved, resultVersion: now.version };
    await updateContents(tx, [now]);
    await tx.query("update catalog.entry set published_at = $2 where id = $1", [entry.id, at]);
    await replaceItems(tx, [now]);
    await insertVersions(tx, [{ entryId: entry.id, version: now.version, content: now.content, changeKind: kind, changeReasons: diff.reasons, changeRequestId: request.id, publishedAt: at, publishedBy: actor.id }]);
  }
  await updateChangeRequest(tx, moved);
  await insertHistory(tx, [{ entryId: entry.id, changeRequestId: request.id, action: `change.${action}`, fromState: entry.state, toState: now.state, at, actorId: actor.id, issues, version: now.version, ...(reason === undefined ? {} : { reason }) }]);
  await kernel.eventLog.append(tx, actor, [{ subjectType: "entry", subjectId: entry.id, kind: action === "apply" && now.state === "published" ? "entry.published" : "entry.changed", organisationId: entry.organisationId, payload: { entryId: entry.id, version: now.version, state: now.state, changeRequestId: request.id, changeRequestState: moved.state } }]);
  await kernel.audit.record(tx, actor, { action: `change-request.${action}`, objectType: "entry", objectId: entry.id, detail: { changeRequestId: request.id, from: request.state, to: moved.state, version: now.version, issues: issues.length } });
  return moved;
}

/** An entry that goes takes its open change with it. */
export async function dismissOpenChangeRequest(tx: Transaction, kernel: Kernel, actor: Actor, entry: EntryRecord, reason: string): Promise<void> {
  const open = await findOpenChangeRequest(tx, entry.id);
  if (open) await transitionChangeRequest(tx, kernel, actor, "dismiss", open, entry, { reason });
}
