import type { Actor, AuditEntry, Kernel, NewDomainEvent, Transaction } from "#platform";
import { bumpAssignments } from "./repositories/nodes.ts";

/** Announces feeds whose state or plan changed, to the gateways of every process; the payload is the feed's id. */
export const feedChannel = "zt_feed";
/** Announces nodes whose assignments changed; the payload is the node's id. */
export const assignmentsChannel = "zt_assignments";

/**
 * What a transaction has to tell when it is done. Collected and written at its end in one fixed order (assignments,
 * notifications, events, audit), so that the locks of the event and audit chains are held briefly and never before
 * a row lock: two transactions that touch several feeds cannot wait for each other.
 */
export interface Effects {
  events: NewDomainEvent[];
  audits: AuditEntry[];
  nodeIds: Set<string>;
  feedIds: Set<string>;
}

export function createEffects(): Effects {
  return { events: [], audits: [], nodeIds: new Set(), feedIds: new Set() };
}

export async function writeEffects(kernel: Kernel, tx: Transaction, actor: Actor, effects: Effects): Promise<void> {
  await bumpAssignments(tx, [...effects.nodeIds].sort(), assignmentsChannel);
  for (const feedId of effects.feedIds) await tx.query("select pg_notify($1, $2)", [feedChannel, feedId]);
  await kernel.eventLog.append(tx, actor, effects.events);
  for (const audit of effects.audits) await kernel.audit.record(tx, actor, audit);
}
