import type { Grant } from "#standards";
import { canonicalJson, sha256 } from "#platform";
import type { FeedFork, FeedHealth, FeedLimits, FeedTarget } from "../../protocol/assignments.ts";

export type FeedState = "provisioning" | "flowing" | "paused" | "failed" | "stopping" | "stopped";

/**
 * The one transition table of feeds. `failed` is a stop by verification: somebody looks before it flows again.
 * `stopping` lasts until the gateway, the provider and the subscriber have confirmed that they have stopped.
 */
export const feedTransitions = {
  create: { from: [], to: "provisioning" },
  provision: { from: ["provisioning"], to: "flowing" },
  pause: { from: ["flowing"], to: "paused" },
  resume: { from: ["paused", "failed"], to: "flowing" },
  fail: { from: ["flowing", "paused"], to: "failed" },
  stop: { from: ["provisioning", "flowing", "paused", "failed"], to: "stopping" },
  "all-stopped": { from: ["stopping"], to: "stopped" },
} as const satisfies Record<string, { from: readonly FeedState[]; to: FeedState }>;
export type FeedChange = keyof typeof feedTransitions;

export function canChangeFeed(state: FeedState, change: FeedChange): boolean {
  return (feedTransitions[change].from as readonly FeedState[]).includes(state);
}

/** Why a feed is where it is. */
export interface FeedReason {
  code: string;
  message: string;
  zh: string;
  sequence?: number;
}

export interface Feed {
  id: string;
  grantId: string;
  grantVersion: number;
  /** Batches signed under an older version of the grant are taken from this version on: its scope is the same. */
  scopeVersion: number;
  scopeDigest: string;
  entryId: string;
  providerOrganisationId: string;
  consumerOrganisationId: string;
  applicationId?: string;
  mode: "feed" | "batch";
  delivery?: "node" | "application";
  providerNodeId?: string;
  /** Nodes that provided before a new binding. */
  formerProviderNodeIds: string[];
  subscriberNodeId?: string;
  target?: FeedTarget;
  generation: number;
  state: FeedState;
  reason?: FeedReason;
  stateAt: Date;
  createdAt: Date;
  limits: Partial<FeedLimits>;
  appliedSequence: number;
  appliedAt?: Date;
  accountedSequence: number;
  rowsSent: number;
  deletesSent: number;
  bytesSent: number;
  lastBatchAt?: Date;
  /** When the log of a feed that is over was given up: nothing of it waits any more. */
  logDroppedAt?: Date;
  /** Where the log was when the centre was last restored from a backup. */
  fork?: FeedFork;
  providerHealth?: FeedHealth;
  subscriberHealth?: FeedHealth;
}

/** Fields, rows and masks: when this changes, what was delivered no longer fits and the feed starts a new generation. */
export function scopeDigest(grant: Pick<Grant, "fields" | "keyFields" | "rowCondition" | "masks">): string {
  return sha256(canonicalJson({ fields: grant.fields, keyFields: grant.keyFields, rowCondition: grant.rowCondition, masks: grant.masks }));
}

export interface FeedScopeSubject {
  id: string;
  providerOrganisationId: string;
  consumerOrganisationId: string;
  applicationId?: string | undefined;
}

export const feedSubject = ({ id, providerOrganisationId, consumerOrganisationId, applicationId }: Feed): FeedScopeSubject => ({ id, providerOrganisationId, consumerOrganisationId, applicationId });

export type StopParty = "gateway" | "provider" | "subscriber";

/** How a stop went. */
export interface FeedStop {
  feedId: string;
  grantId: string;
  reason: string;
  decidedAt: Date;
  gatewayAt?: Date;
  providerAt?: Date;
  subscriberAt?: Date;
  /** Last batch that the gateway took. */
  lastBatchAt?: Date;
  /** Last row that either end handled. */
  lastRowAt?: Date;
  stoppedAt?: Date;
  announced: StopParty[];
}

/** From the decision to the last row that went through anywhere, in milliseconds; 0 when none came after it. */
export function stopLatencyMs(stop: FeedStop): number {
  const last = Math.max(stop.lastBatchAt?.getTime() ?? 0, stop.lastRowAt?.getTime() ?? 0);
  return Math.max(0, last - stop.decidedAt.getTime());
}

/** Problems of a node that stop a feed until somebody has looked; the rest passes by itself and only shows. */
export const pausingProblems: readonly string[] = ["source-drift", "park-overflow", "target-refused", "payload-unreadable"];
