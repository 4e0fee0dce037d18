import { ConflictError, type Actor, type Issue, type Kernel, type Transaction } from "#platform";
import { entryActionNames, entryEventKinds, entryStateNames, entryTransitions, isTransition, type EntryAction } from "./entry-transitions.ts";
import { updateStates, type EntryRecord } from "./entry-repository.ts";
import { insertHistory, insertVersions } from "./entry-version-repository.ts";
import { firstPublishedVersion } from "./version.ts";

export interface TransitionOptions {
  reason?: string;
  /** On a return: everything to put right. */
  issues?: Issue[];
}

export function wrongState(entry: Pick<EntryRecord, "id" | "state">, action: EntryAction): ConflictError {
  const { en, zh } = entryActionNames[action];
  return new ConflictError(`Entry ${entry.id} is in state ${entry.state} and cannot be ${en}`, { zh: `目录条目处于“${entryStateNames[entry.state]}”状态,不能${zh}`, code: `entry.${action}.wrong-state`, nextStep: `It can be ${en} from: ${entryTransitions[action].from.join(", ")}.` });
}

/** What an entry becomes; pure. */
function move(entry: EntryRecord, action: EntryAction, actor: Actor, at: Date): EntryRecord {
  const rule: { to: EntryRecord["state"]; waitingFor?: NonNullable<EntryRecord["waitingFor"]> } = entryTransitions[action];
  const { waitingFor: _waiting, suspendedByOrganisationId: _suspended, ...rest } = entry;
  const moved: EntryRecord = { ...rest, state: rule.to, updatedAt: at, ...(rule.waitingFor === undefined ? {} : { waitingFor: rule.waitingFor }) };
  switch (action) {
    case "submit":
      return { ...moved, submittedBy: actor.id, submittedAt: at };
    case "approve":
      return { ...moved, approvedBy: actor.id };
    case "publish":
      return { ...moved, version: firstPublishedVersion, publishedAt: at };
    case "suspend":
      return { ...moved, ...(actor.organisationId === undefined ? {} : { suspendedByOrganisationId: actor.organisationId }) };
    case "return":
    case "recall": {
      const { approvedBy: _approved, ...again } = moved;
      return again;
    }
    default:
      return moved;
  }
}

/**
 * The only writer of an entry's state: moves any number of entries by one action and records when, who and why,
 * with their events and the audit record. The callers hold the rows' locks and have checked access.
 */
export async function transition(tx: Transaction, kernel: Kernel, actor: Actor, action: EntryAction, entries: readonly EntryRecord[], { reason, issues = [] }: TransitionOptions = {}): Promise<EntryRecord[]> {
  if (entries.length === 0) return [];
  for (const entry of entries) if (!isTransition(entry.state, action)) throw wrongState(entry, action);
  const at = kernel.clock.now();
  const moved = entries.map((entry) => move(entry, action, actor, at));
  await updateStates(tx, moved);
  await insertHistory(tx, moved.map((entry, index) => ({ entryId: entry.id, action, fromState: entries[index]!.state, toState: entry.state, at, actorId: actor.id, issues, version: entry.version, ...(reason === undefined ? {} : { reason }) })));
  if (action === "publish") await insertVersions(tx, moved.map((entry) => ({ entryId: entry.id, version: entry.version, content: entry.content, changeKind: "first", changeReasons: [], publishedAt: at, publishedBy: actor.id })));
  await kernel.eventLog.append(tx, actor, moved.map((entry) => ({ subjectType: "entry", subjectId: entry.id, kind: entryEventKinds[action], organisationId: entry.organisationId, payload: { entryId: entry.id, version: entry.version, state: entry.state } })));
  const one = moved.length === 1 ? moved[0] : undefined;
  await kernel.audit.record(tx, actor, {
    action: `entry.${action}`,
    objectType: "entry",
    detail: one ? { from: entries[0]!.state, to: one.state, version: one.version, issues: issues.length } : { count: moved.length, entryIds: moved.map((entry) => entry.id) },
    ...(one ? { objectId: one.id } : {}),
  });
  return moved;
}
